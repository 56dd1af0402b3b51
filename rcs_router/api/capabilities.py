"""Ask a provider what phones can do, and answer at once or give an address for the answer."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from rcs_router import capability_checks
from rcs_router.api import filters
from rcs_router.api.bodies import CapabilityRequest
from rcs_router.api.exceptions import APIError, Problem, bad_request, get_or_404, provider_error
from rcs_router.api.parsers import parse_body
from rcs_router.api.permissions import perms
from rcs_router.api.recipients import accepts_tokens, normalise_all
from rcs_router.api.schema import extend_schema
from rcs_router.api.serializers import CapabilitiesSerializer, CapabilityQuestionSerializer
from rcs_router.api.views import APIView
from rcs_router.backends import backends
from rcs_router.capability_checks import Busy, TooMany, TooSlow
from rcs_router.errors import SendError
from rcs_router.models import Question

RETRY_AFTER = 2.0  # seconds


class PhoneQuery(serializers.Serializer):
    """The parameters of a question about one phone."""

    backend = serializers.CharField(max_length=60)
    identity = serializers.CharField(max_length=100)


class CapabilityCheck(APIView):
    """Ask about phones. One caller of the site at a time waits, two seconds at most; others get an address."""

    required_permissions = {"GET": perms("view_connection"), "POST": perms("view_connection")}
    extra_errors = {"GET": (502, 503), "POST": (502, 503)}
    throttle_scope = "rcs_check"

    def get_throttle_scope(self, method: str) -> str:
        return self.throttle_scope

    @extend_schema(
        operation_id="check_capability",
        summary="What one phone can do",
        parameters=[PhoneQuery],
        responses={200: CapabilitiesSerializer},
    )
    def get(self, request: Request) -> Response:
        asked = filters.parse_query(request, PhoneQuery)
        tokens = accepts_tokens(asked["backend"], "backend")
        identities = normalise_all([asked["identity"]], "identity", tokens=tokens)
        try:
            return self.ask(asked["backend"], identities)
        except (Busy, TooSlow) as error:
            why = "another caller is asking" if isinstance(error, Busy) else "the provider is too slow"
            problem = Problem("busy", f"{why}; try again, or use POST")
            raise APIError(503, problem, retry_after=RETRY_AFTER) from None

    @extend_schema(
        operation_id="check_capabilities",
        summary="What many phones can do",
        request=CapabilityRequest,
        responses={200: CapabilitiesSerializer, 202: CapabilityQuestionSerializer},
    )
    def post(self, request: Request) -> Response:
        filters.refuse_parameters(request)
        asked = parse_body(request, CapabilityRequest)
        tokens = accepts_tokens(asked.backend, "backend")
        who = str(request.user.pk)
        try:
            if capability_checks.takes_long(asked.backend, len(asked.identities)):
                capability_checks.require_room(
                    who
                )  # first, because normalising a thousand numbers takes a while
            identities = normalise_all(asked.identities, "identities", tokens=tokens)
            try:
                return self.ask(asked.backend, identities)
            except (Busy, TooSlow):
                return self.accepted(request, capability_checks.later(asked.backend, identities, who))
        except TooMany:
            words = f"you have {capability_checks.MOST_WAITING} questions that are not answered yet"
            raise APIError(429, Problem("too_many_waiting", words), retry_after=RETRY_AFTER) from None

    def ask(self, alias: str, identities: Sequence[str]) -> Response:
        if not backends[alias].capabilities.check:
            raise bad_request(
                Problem("not_supported", f"the backend {alias} cannot check capabilities", "backend")
            )
        try:
            said = capability_checks.ask(alias, identities)
        except SendError as error:
            raise provider_error(error) from error
        told = {name: capability_checks.as_json(name, said) for name in identities}
        return Response(
            CapabilitiesSerializer({"backend": alias, "results": _results(identities, told)}).data
        )

    def accepted(self, request: Request, question: Question) -> Response:
        place = request.build_absolute_uri(f"{request.path}{question.pk}/")
        headers = {"Location": place, "Retry-After": str(int(RETRY_AFTER))}
        return Response(_answers(question), status=202, headers=headers)


class CapabilityAnswers(APIView):
    """Show the answers to an earlier question, at the address that came with the 202. They are kept for a day."""

    required_permissions = {"GET": perms("view_connection")}

    @extend_schema(
        operation_id="read_capabilities",
        summary="The answers to an earlier question",
        responses={200: CapabilityQuestionSerializer},
    )
    def get(self, request: Request, id: UUID) -> Response:
        filters.refuse_parameters(request)
        mine = Question.objects.filter(asked_by=str(request.user.pk))
        return Response(_answers(get_or_404(mine, id)))


def _answers(question: Question) -> Any:
    told = {"id": question.pk, "backend": question.backend, "state": question.state, "code": question.code}
    return CapabilityQuestionSerializer(
        {**told, "results": _results(question.identities, question.answers)}
    ).data


def _results(identities: Iterable[str], told: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the answers that there are, in the order of the question."""
    return [{"identity": name, **told[name]} for name in identities if name in told]
