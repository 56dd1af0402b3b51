"""List transmissions; show one with its history; run an operation on one."""

from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from rcs_router.api import filters, sending
from rcs_router.api.bodies import EmptyBody
from rcs_router.api.exceptions import conflict, get_or_404
from rcs_router.api.filters import Conditions, TransmissionQuery
from rcs_router.api.pagination import paginate
from rcs_router.api.parsers import require_empty_body
from rcs_router.api.permissions import perms
from rcs_router.api.schema import extend_schema
from rcs_router.api.serializers import TransmissionDetailSerializer, TransmissionSerializer, page_of
from rcs_router.api.views import APIView
from rcs_router.contract import Status
from rcs_router.models import Event, Transmission
from rcs_router.outbox import operate

FILTERS: Conditions = {
    "status": lambda word: Q(status=Status[word.upper()]),
    "backend": "backend",
    "identity": "connection__identity__in",
    "contact": "connection__contact",
    "message": "message",
    "traffic": "message__traffic",
    "since": "created_at__gte",
    "until": "created_at__lt",
}
OPERATION = OpenApiParameter(
    "operation",
    str,
    OpenApiParameter.PATH,
    enum=list(operate.OPERATIONS),
    description="The operation to run.",
)


class TransmissionList(APIView):
    """List transmissions."""

    required_permissions = {"GET": perms("view_transmission")}

    @extend_schema(
        operation_id="list_transmissions",
        summary="Transmissions, newest first",
        parameters=[TransmissionQuery],
        responses={200: page_of(TransmissionSerializer)},
    )
    def get(self, request: Request) -> Response:
        query = filters.parse_query(request, TransmissionQuery)
        rows = filters.apply_filters(Transmission.objects.select_related("connection"), query, FILTERS)
        if key := query.get("idempotency_key"):
            rows = rows.filter(message__idempotency_key__in=[key, sending.stored_key(request.user, key)])
        page, following = paginate(request, rows, query, "created_at")
        return Response({"next": following, "results": TransmissionSerializer(page, many=True).data})


class TransmissionDetail(APIView):
    """Show one transmission."""

    required_permissions = {"GET": perms("view_transmission")}

    @extend_schema(
        operation_id="get_transmission",
        summary="One transmission with its history and the possible operations",
        responses={200: TransmissionDetailSerializer},
    )
    def get(self, request: Request, id: UUID) -> Response:
        filters.refuse_parameters(request)
        return Response(detail(get_or_404(with_details(), id)))


class TransmissionOperation(APIView):
    """Run an operation, as the buttons of the admin do."""

    required_permissions = {"POST": perms("change_transmission")}
    extra_errors = {"POST": (409,)}

    @extend_schema(
        operation_id="operate_transmission",
        summary="Retry, fall back, revoke, look up, cancel, close or resend",
        description="409 if it is not possible; `detail` says why. `resend` returns the new transmission, the others "
        "return the one in the address. The provider answers `revoke` and `look_up` later.",
        parameters=[OPERATION],
        request=EmptyBody,
        responses={200: TransmissionDetailSerializer},
    )
    def post(self, request: Request, id: UUID, operation: str) -> Response:
        filters.refuse_parameters(request)
        require_empty_body(request)
        row = get_or_404(with_details(), id)
        if operation not in operate.OPERATIONS:
            raise Http404
        if why := operate.refusal(operation, row):
            raise conflict("not_possible", why)
        done = operate.OPERATIONS[operation](row, request.user.get_username())
        if not done:
            raise conflict("moved_on", "the transmission has changed meanwhile")
        return Response(detail(get_or_404(with_details(), done.pk if isinstance(done, Transmission) else id)))


def with_details() -> QuerySet[Transmission]:
    """Return all transmissions with the related rows that the detail view and the operations need."""
    events = Prefetch("events", Event.objects.order_by("id"))
    rows = Transmission.objects.select_related("message", "connection__contact", "fallback")
    return rows.prefetch_related(events)


def detail(row: Transmission) -> dict[str, object]:
    """Return a transmission with its history and the operations that are possible now."""
    possible = [name for name in operate.OPERATIONS if not operate.refusal(name, row)]
    data: dict[str, object] = TransmissionDetailSerializer(row, context={"operations": possible}).data
    return data
