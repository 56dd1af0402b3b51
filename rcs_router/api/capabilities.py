"""A backend and numbers in; what the provider says each phone can do, asked now, out."""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from rcs_router.api import filters
from rcs_router.api.bodies import Question
from rcs_router.api.errors import Problem, from_provider, invalid
from rcs_router.api.operation import described
from rcs_router.api.reading import read
from rcs_router.api.recipients import knows_tokens, normalised
from rcs_router.api.shown import PhonesShown
from rcs_router.api.view import View, may
from rcs_router.backends import backends
from rcs_router.errors import SendError


class OneAsked(serializers.Serializer):
    """One phone."""

    backend = serializers.CharField(max_length=60)
    identity = serializers.CharField(max_length=100)


class Capabilities(View):
    """The provider is asked while the caller waits; nothing is stored."""

    needs = {"GET": may("view_connection"), "POST": may("view_connection")}
    also = {"GET": (502, 503), "POST": (502, 503)}
    scope = "rcs_check"

    def scope_of(self, method: str) -> str:
        return self.scope

    @described(
        operation_id="check_capability",
        summary="What one phone can do",
        parameters=[OneAsked],
        responses={200: PhonesShown},
    )
    def get(self, request: Request) -> Response:
        asked = filters.asked(request, OneAsked)
        tokens = knows_tokens(asked["backend"], "backend")
        return self.answer(asked["backend"], normalised([asked["identity"]], "identity", tokens=tokens))

    @described(
        operation_id="check_capabilities",
        summary="What many phones can do",
        request=Question,
        responses={200: PhonesShown},
    )
    def post(self, request: Request) -> Response:
        filters.nothing_asked(request)
        question = read(request, Question)
        tokens = knows_tokens(question.backend, "backend")
        return self.answer(question.backend, normalised(question.identities, "identities", tokens=tokens))

    def answer(self, alias: str, identities: Sequence[str]) -> Response:
        backend = backends[alias]
        if not backend.capabilities.check:
            raise invalid([Problem("not_supported", f"{alias} cannot be asked what phones can", "backend")])
        try:
            said = backend.check_capabilities(list(dict.fromkeys(identities)))
        except SendError as error:
            raise from_provider(error) from error
        results = [_phone(identity, said) for identity in identities]
        return Response(PhonesShown({"backend": alias, "results": results}).data)


def _phone(identity: str, said: dict[str, frozenset[str] | None]) -> dict[str, Any]:
    features = said.get(identity)
    reachable = features is not None if identity in said else None
    return {"identity": identity, "reachable": reachable, "features": sorted(features or ())}
