"""Ask the provider what phones can do; answer now, or give an address that has the answer later."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from rcs_router import capability_checks
from rcs_router.api import filters
from rcs_router.api.bodies import Question as Asked
from rcs_router.api.errors import Failure, Problem, found, from_provider, invalid
from rcs_router.api.operation import described
from rcs_router.api.reading import read
from rcs_router.api.recipients import knows_tokens, normalised
from rcs_router.api.shown import PhonesLaterShown, PhonesShown
from rcs_router.api.view import View, may
from rcs_router.backends import backends
from rcs_router.capability_checks import Busy, TooMany, TooSlow
from rcs_router.errors import SendError
from rcs_router.models import Question

SOON = 2.0  # seconds after which it is worth asking again


class OneAsked(serializers.Serializer):
    """One phone."""

    backend = serializers.CharField(max_length=60)
    identity = serializers.CharField(max_length=100)


class Capabilities(View):
    """One caller of the site at a time waits for a provider, for two seconds at most; the others get an address."""

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
        identities = normalised([asked["identity"]], "identity", tokens=tokens)
        try:
            return self.answer(asked["backend"], identities)
        except (Busy, TooSlow) as error:
            words = "somebody else is asking" if isinstance(error, Busy) else "no answer came in time"
            raise Failure(503, Problem("busy", f"{words}: ask again, or by POST"), retry_after=SOON) from None

    @described(
        operation_id="check_capabilities",
        summary="What many phones can do",
        request=Asked,
        responses={200: PhonesShown, 202: PhonesLaterShown},
    )
    def post(self, request: Request) -> Response:
        filters.nothing_asked(request)
        asked = read(request, Asked)
        tokens = knows_tokens(asked.backend, "backend")
        who = str(request.user.pk)
        try:
            if capability_checks.takes_long(asked.backend, len(asked.identities)):
                capability_checks.require_room(who)  # first: to read a thousand numbers takes a while
            identities = normalised(asked.identities, "identities", tokens=tokens)
            try:
                return self.answer(asked.backend, identities)
            except (Busy, TooSlow):
                return self.later(request, capability_checks.later(asked.backend, identities, who))
        except TooMany:
            words = f"{capability_checks.MOST_WAITING} questions of yours are not answered yet"
            raise Failure(429, Problem("too_many_waiting", words), retry_after=SOON) from None

    def answer(self, alias: str, identities: Sequence[str]) -> Response:
        if not backends[alias].capabilities.check:
            raise invalid([Problem("not_supported", f"{alias} cannot be asked what phones can", "backend")])
        try:
            said = capability_checks.ask(alias, identities)
        except SendError as error:
            raise from_provider(error) from error
        told = {name: capability_checks.as_json(name, said) for name in identities}
        return Response(PhonesShown({"backend": alias, "results": _results(identities, told)}).data)

    def later(self, request: Request, question: Question) -> Response:
        place = request.build_absolute_uri(f"{request.path}{question.pk}/")
        headers = {"Location": place, "Retry-After": str(int(SOON))}
        return Response(_shown(question), status=202, headers=headers)


class CapabilitiesLater(View):
    """What was asked a moment ago, by the address that the 202 named. Rows are kept for a day."""

    needs = {"GET": may("view_connection")}

    @described(
        operation_id="read_capabilities",
        summary="What has been answered of many phones",
        responses={200: PhonesLaterShown},
    )
    def get(self, request: Request, id: UUID) -> Response:
        filters.nothing_asked(request)
        mine = Question.objects.filter(asked_by=str(request.user.pk))
        return Response(_shown(found(mine, id)))


def _shown(question: Question) -> Any:
    answers = _results(question.identities, question.answers)
    told = {"id": question.pk, "backend": question.backend, "state": question.state, "code": question.code}
    return PhonesLaterShown({**told, "results": answers}).data


def _results(identities: Iterable[str], told: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Those that have been answered, in the order of the question."""
    return [{"identity": name, **told[name]} for name in identities if name in told]
