"""List what people did with our messages: taps, forms, locations, files, and texts that answer a message."""

from django.db.models import Q
from rest_framework.request import Request
from rest_framework.response import Response

from rcs_router.api import filters
from rcs_router.api.filters import Conditions, InteractionQuery
from rcs_router.api.pagination import paginate
from rcs_router.api.permissions import perms
from rcs_router.api.schema import extend_schema
from rcs_router.api.serializers import InteractionSerializer, page_of
from rcs_router.api.views import APIView
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
    "identity": "connection__identity__in",
    "postback": "postback",
    "postback_prefix": "postback__startswith",
    "since": "created_at__gte",
    "until": "created_at__lt",
}


class InteractionList(APIView):
    """List incoming messages that answer a message, or that are of a kind in KINDS."""

    required_permissions = {"GET": perms("view_message")}

    @extend_schema(
        operation_id="list_interactions",
        summary="Taps, forms, locations and files, newest first",
        parameters=[InteractionQuery],
        responses={200: page_of(InteractionSerializer)},
    )
    def get(self, request: Request) -> Response:
        query = filters.parse_query(request, InteractionQuery)
        answers = Q(kind__in=KINDS) | Q(answers__isnull=False)
        incoming = Message.objects.filter(answers, direction=Message.Direction.IN).select_related(
            "connection"
        )
        rows, following = paginate(
            request, filters.apply_filters(incoming, query, FILTERS), query, "created_at"
        )
        return Response({"next": following, "results": InteractionSerializer(rows, many=True).data})
