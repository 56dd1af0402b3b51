"""GET transmissions, filtered, and one with its history; POST what a person decides about one."""

from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from rcs_router.api import filters, sending
from rcs_router.api.bodies import Nothing
from rcs_router.api.errors import conflict, found
from rcs_router.api.filters import Conditions, TransmissionsAsked
from rcs_router.api.operation import described
from rcs_router.api.paging import page
from rcs_router.api.reading import read_nothing
from rcs_router.api.shown import TransmissionInFull, TransmissionShown, page_of
from rcs_router.api.view import View, may
from rcs_router.contract import Status
from rcs_router.models import Event, Transmission
from rcs_router.outbox import operate

FILTERS: Conditions = {
    "status": lambda word: Q(status=Status[word.upper()]),
    "backend": "backend",
    "identity": "connection__identity",
    "contact": "connection__contact",
    "message": "message",
    "traffic": "message__traffic",
    "since": "created_at__gte",
    "until": "created_at__lt",
}
OPERATION = OpenApiParameter(
    "operation", str, OpenApiParameter.PATH, enum=list(operate.OPERATIONS), description="What to do."
)


class Transmissions(View):
    """All transmissions."""

    needs = {"GET": may("view_transmission")}

    @described(
        operation_id="list_transmissions",
        summary="Transmissions, newest first",
        parameters=[TransmissionsAsked],
        responses={200: page_of(TransmissionShown)},
    )
    def get(self, request: Request) -> Response:
        asked = filters.asked(request, TransmissionsAsked)
        rows = filters.narrowed(Transmission.objects.select_related("connection"), asked, FILTERS)
        if key := asked.get("idempotency_key"):
            rows = rows.filter(message__idempotency_key__in=[key, sending.own_key(request.user, key)])
        seen, following = page(request, rows, asked, "created_at")
        return Response({"next": following, "results": TransmissionShown(seen, many=True).data})


class OneTransmission(View):
    """One transmission."""

    needs = {"GET": may("view_transmission")}

    @described(
        operation_id="get_transmission",
        summary="One transmission, what happened to it, and what may be done about it",
        responses={200: TransmissionInFull},
    )
    def get(self, request: Request, id: UUID) -> Response:
        filters.nothing_asked(request)
        return Response(in_full(found(whole(), id)))


class Operate(View):
    """A person's decision, as the admin's buttons take it."""

    needs = {"POST": may("change_transmission")}
    also = {"POST": (409,)}

    @described(
        operation_id="operate_transmission",
        summary="Retry, fall back, revoke, look up, cancel, close or resend",
        description="409 says why it is not possible. `resend` answers with the new transmission, the others with "
        "the one in the address. A revoke and a look-up are asked of the provider; what it answers shows later.",
        parameters=[OPERATION],
        request=Nothing,
        responses={200: TransmissionInFull},
    )
    def post(self, request: Request, id: UUID, operation: str) -> Response:
        filters.nothing_asked(request)
        read_nothing(request)
        row = found(whole(), id)
        if operation not in operate.OPERATIONS:
            raise Http404
        if why := operate.refusal(operation, row):
            raise conflict("not_possible", why)
        done = operate.OPERATIONS[operation](row, request.user.get_username())
        if not done:
            raise conflict("moved_on", "it has moved on meanwhile")
        return Response(in_full(found(whole(), done.pk if isinstance(done, Transmission) else id)))


def whole() -> QuerySet[Transmission]:
    """With all that its full form and the operations ask."""
    events = Prefetch("events", Event.objects.order_by("id"))
    rows = Transmission.objects.select_related("message", "connection__contact", "fallback")
    return rows.prefetch_related(events)


def in_full(row: Transmission) -> dict[str, object]:
    possible = [what for what in operate.OPERATIONS if not operate.refusal(what, row)]
    shown: dict[str, object] = TransmissionInFull(row, context={"operations": possible}).data
    return shown
