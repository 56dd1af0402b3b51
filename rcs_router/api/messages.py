"""Send messages; list messages; show one message."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from rcs_router.api import filters, sending
from rcs_router.api.bodies import Outgoing
from rcs_router.api.exceptions import get_or_404
from rcs_router.api.filters import Conditions, MessageQuery, has_recipient, has_transmission
from rcs_router.api.pagination import paginate
from rcs_router.api.permissions import perms
from rcs_router.api.schema import extend_schema
from rcs_router.api.serializers import AcceptedSerializer, MessageSerializer, page_of
from rcs_router.api.views import APIView
from rcs_router.contract import Status
from rcs_router.models import Message, Transmission
from rcs_router.models.message_status import by_status

FILTERS: Conditions = {
    "direction": "direction",
    "kind": "kind",
    "traffic": "traffic",
    "since": "created_at__gte",
    "until": "created_at__lt",
    "status": lambda word: has_transmission(status=Status[word.upper()]),
    "backend": lambda alias: Q(backend=alias) | has_transmission(backend=alias),
    "identity": lambda forms: Q(connection__identity__in=forms) | has_recipient(identity__in=forms),
    "contact": lambda key: Q(connection__contact=key) | has_recipient(contact=key),
}
KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": sending.MAX_KEY_LENGTH, "pattern": "^[ -~]+$"},
    OpenApiParameter.HEADER,
    description="The same key and body get the same answer, and nothing is sent again. Another body gets a 409.",
)


class MessageList(APIView):
    """List messages, or send one."""

    required_permissions = {"GET": perms("view_message"), "POST": perms("add_message")}
    extra_errors = {"POST": (409,)}
    throttle_scope = "rcs_send"

    @extend_schema(
        operation_id="send_message",
        summary="Send content to numbers, contacts or connections",
        parameters=[KEY],
        request=Outgoing,
        responses={201: AcceptedSerializer},
    )
    def post(self, request: Request) -> Response:
        filters.refuse_parameters(request)
        message = sending.accept_message(request)
        answer = {
            "id": message.pk,
            "url": f"{request.build_absolute_uri(request.path)}{message.pk}/",
            "recipients": Transmission.objects.filter(message=message, fallback_of=None).count(),
            "traffic": message.traffic,
            "text": message.text,
            "created_at": message.created_at,
            "idempotency_key": sending.client_key(request.user, message),
        }
        given = request.headers.get("Idempotency-Key")
        return Response(
            AcceptedSerializer(answer).data, 201, headers={"Idempotency-Key": given} if given else None
        )

    @extend_schema(
        operation_id="list_messages",
        summary="Messages of either direction, newest first",
        parameters=[MessageQuery],
        responses={200: page_of(MessageSerializer)},
    )
    def get(self, request: Request) -> Response:
        query = filters.parse_query(request, MessageQuery)
        rows = filters.apply_filters(Message.objects.select_related("connection"), query, FILTERS)
        if key := query.get("idempotency_key"):  # as the caller wrote it, or as it is stored
            rows = rows.filter(idempotency_key__in=[key, sending.stored_key(request.user, key)])
        seen, following = paginate(request, rows, query, "created_at")
        page = MessageSerializer(seen, many=True, context=serializer_context(request, seen))
        return Response({"next": following, "results": page.data})


class MessageDetail(APIView):
    """Show one message."""

    required_permissions = {"GET": perms("view_message")}

    @extend_schema(operation_id="get_message", summary="One message", responses={200: MessageSerializer})
    def get(self, request: Request, id: UUID) -> Response:
        filters.refuse_parameters(request)
        row = get_or_404(Message.objects.select_related("connection"), id)
        return Response(MessageSerializer(row, context=serializer_context(request, [row])).data)


def serializer_context(request: Request, rows: Sequence[Message]) -> dict[str, Any]:
    """Return the counts and the request that MessageSerializer needs for the messages of a page."""
    return {"counts": transmission_counts(rows), "recipients": by_status(rows), "request": request}


def transmission_counts(rows: Iterable[Message]) -> dict[Any, dict[str, int]]:
    """Return how many transmissions of each message are in each status, by one statement for the whole page."""
    ours = Transmission.objects.filter(message__in=[row.pk for row in rows]).order_by()
    total: dict[Any, dict[str, int]] = defaultdict(dict)
    for key, status, number in ours.values_list("message", "status").annotate(number=Count("pk")):
        total[key][Status(status).name.lower()] = number
    return total
