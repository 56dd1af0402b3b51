"""GET what people did with what we sent: taps, forms, places and files, and texts that answer a message."""

from django.db.models import Q
from rest_framework.request import Request
from rest_framework.response import Response

from rcs_router.api import filters
from rcs_router.api.filters import Conditions, InteractionsAsked
from rcs_router.api.operation import described
from rcs_router.api.paging import page
from rcs_router.api.shown import InteractionShown, page_of
from rcs_router.api.view import View, may
from rcs_router.contract import IncomingKind
from rcs_router.models import Message

KINDS = (
    IncomingKind.SUGGESTION,
    IncomingKind.FORM,
    IncomingKind.LOCATION,
    IncomingKind.FILE,
    IncomingKind.DEVICE,
)
FILTERS: Conditions = {
    "kind": "kind",
    "transmission": "answers",
    "message": "in_response_to",
    "contact": "connection__contact",
    "backend": "backend",
    "identity": "connection__identity",
    "postback": "postback",
    "postback_prefix": "postback__startswith",
    "since": "created_at__gte",
    "until": "created_at__lt",
}


class Interactions(View):
    """Incoming messages that answer something, or that only a chip or a form brings about."""

    needs = {"GET": may("view_message")}

    @described(
        operation_id="list_interactions",
        summary="Taps, forms, places and files, newest first",
        parameters=[InteractionsAsked],
        responses={200: page_of(InteractionShown)},
    )
    def get(self, request: Request) -> Response:
        asked = filters.asked(request, InteractionsAsked)
        answers = Q(kind__in=KINDS) | Q(answers__isnull=False)
        heard = Message.objects.filter(answers, direction=Message.Direction.IN).select_related("connection")
        rows, following = page(request, filters.narrowed(heard, asked, FILTERS), asked, "created_at")
        return Response({"next": following, "results": InteractionShown(rows, many=True).data})
