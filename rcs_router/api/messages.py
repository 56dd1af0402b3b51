"""POST a message to many; GET messages, filtered, and one of them."""

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
from rcs_router.api.errors import found
from rcs_router.api.filters import Conditions, MessagesAsked, sent, sent_to
from rcs_router.api.operation import described
from rcs_router.api.paging import page
from rcs_router.api.shown import Accepted, MessageShown, page_of
from rcs_router.api.view import View, may
from rcs_router.contract import Status
from rcs_router.models import Message, Transmission
from rcs_router.models.message_status import by_status

FILTERS: Conditions = {
    "direction": "direction",
    "kind": "kind",
    "traffic": "traffic",
    "since": "created_at__gte",
    "until": "created_at__lt",
    "status": lambda word: sent(status=Status[word.upper()]),
    "backend": lambda alias: Q(backend=alias) | sent(backend=alias),
    "identity": lambda one: Q(connection__identity=one) | sent_to(identity=one),
    "contact": lambda key: Q(connection__contact=key) | sent_to(contact=key),
}
KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": sending.LONGEST_KEY, "pattern": "^[ -~]+$"},
    OpenApiParameter.HEADER,
    description="The same key and body: the same answer, and nothing is sent again. Another body: 409.",
)


class Messages(View):
    """All messages, and sending."""

    needs = {"GET": may("view_message"), "POST": may("add_message")}
    also = {"POST": (409,)}
    scope = "rcs_send"

    @described(
        operation_id="send_message",
        summary="Send content to numbers, contacts or connections",
        parameters=[KEY],
        request=Outgoing,
        responses={201: Accepted},
    )
    def post(self, request: Request) -> Response:
        filters.nothing_asked(request)
        message = sending.accept(request)
        answer = {
            "id": message.pk,
            "url": f"{request.build_absolute_uri(request.path)}{message.pk}/",
            "recipients": Transmission.objects.filter(message=message, fallback_of=None).count(),
            "traffic": message.traffic,
            "text": message.text,
            "created_at": message.created_at,
            "idempotency_key": sending.key_of(request.user, message),
        }
        given = request.headers.get("Idempotency-Key")
        return Response(Accepted(answer).data, 201, headers={"Idempotency-Key": given} if given else None)

    @described(
        operation_id="list_messages",
        summary="Messages of either direction, newest first",
        parameters=[MessagesAsked],
        responses={200: page_of(MessageShown)},
    )
    def get(self, request: Request) -> Response:
        asked = filters.asked(request, MessagesAsked)
        rows = filters.narrowed(Message.objects.select_related("connection"), asked, FILTERS)
        if key := asked.get("idempotency_key"):  # as its sender wrote it, or as it is stored
            rows = rows.filter(idempotency_key__in=[key, sending.own_key(request.user, key)])
        seen, following = page(request, rows, asked, "created_at")
        shown = MessageShown(seen, many=True, context=standing(request, seen))
        return Response({"next": following, "results": shown.data})


class OneMessage(View):
    """One message."""

    needs = {"GET": may("view_message")}

    @described(operation_id="get_message", summary="One message", responses={200: MessageShown})
    def get(self, request: Request, id: UUID) -> Response:
        filters.nothing_asked(request)
        row = found(Message.objects.select_related("connection"), id)
        return Response(MessageShown(row, context=standing(request, [row])).data)


def standing(request: Request, rows: Sequence[Message]) -> dict[str, Any]:
    """What MessageShown needs to know of a page: where its transmissions, and its recipients, stand."""
    return {"counts": counts(rows), "recipients": by_status(rows), "request": request}


def counts(rows: Iterable[Message]) -> dict[Any, dict[str, int]]:
    """How many transmissions of each message stand where, for a whole page by one statement."""
    ours = Transmission.objects.filter(message__in=[row.pk for row in rows]).order_by()
    total: dict[Any, dict[str, int]] = defaultdict(dict)
    for key, status, number in ours.values_list("message", "status").annotate(number=Count("pk")):
        total[key][Status(status).name.lower()] = number
    return total
