"""List, create, show, move and delete connections."""

from django.db.models import ProtectedError, RestrictedError
from rest_framework.request import Request
from rest_framework.response import Response

from rcs_router import database
from rcs_router.api import filters
from rcs_router.api.bodies import ConnectionChange, NewOwnedConnection
from rcs_router.api.contacts import normalise_pairs
from rcs_router.api.exceptions import Problem, bad_request, conflict, get_or_404
from rcs_router.api.filters import Conditions, ConnectionQuery
from rcs_router.api.pagination import paginate
from rcs_router.api.parsers import parse_body
from rcs_router.api.permissions import perms
from rcs_router.api.schema import extend_schema
from rcs_router.api.serializers import ConnectionSerializer, page_of
from rcs_router.api.views import APIView
from rcs_router.models import Backend, Connection, Contact

FILTERS: Conditions = {"backend": "backend", "identity": "identity__in", "contact": "contact"}


class ConnectionList(APIView):
    """List connections, or create one."""

    required_permissions = {"GET": perms("view_connection"), "POST": perms("add_connection")}
    extra_errors = {"POST": (409,)}

    @extend_schema(
        operation_id="list_connections",
        summary="Connections, newest first",
        parameters=[ConnectionQuery],
        responses={200: page_of(ConnectionSerializer)},
    )
    def get(self, request: Request) -> Response:
        query = filters.parse_query(request, ConnectionQuery)
        rows = filters.apply_filters(Connection.objects.all(), query, FILTERS)
        page, following = paginate(request, rows, query, "id")
        return Response({"next": following, "results": ConnectionSerializer(page, many=True).data})

    @extend_schema(
        operation_id="create_connection",
        summary="Create a connection: a number or token on a backend",
        description="409 if it exists already.",
        request=NewOwnedConnection,
        responses={201: ConnectionSerializer},
    )
    def post(self, request: Request) -> Response:
        filters.refuse_parameters(request)
        body = parse_body(request, NewOwnedConnection)
        pairs, problems = normalise_pairs([body], "")
        if problems:
            raise bad_request(
                *(Problem(one.code, one.detail, one.path.partition(".")[2]) for one in problems)
            )
        owner = get_contact(body.contact)
        with database.atomic():
            backend, _ = Backend.objects.get_or_create(pk=pairs[0][0])
            row, created = Connection.objects.get_or_create(
                backend=backend, identity=pairs[0][1], defaults={"contact": owner}
            )
        if not created:
            raise conflict("exists", f"it is connection {row.pk}", "identity")
        return Response(ConnectionSerializer(get_or_404(Connection.objects.all(), row.pk)).data, 201)


class ConnectionDetail(APIView):
    """Show, move or delete one connection."""

    required_permissions = {
        "GET": perms("view_connection"),
        "PATCH": perms("change_connection"),
        "DELETE": perms("delete_connection"),
    }
    extra_errors = {"DELETE": (409,)}

    @extend_schema(
        operation_id="get_connection", summary="One connection", responses={200: ConnectionSerializer}
    )
    def get(self, request: Request, id: int) -> Response:
        filters.refuse_parameters(request)
        return Response(ConnectionSerializer(get_or_404(Connection.objects.all(), id)).data)

    @extend_schema(
        operation_id="change_connection",
        summary="Move a connection to a contact, or to none",
        description="Backend and identity never change, because the history belongs to them.",
        request=ConnectionChange,
        responses={200: ConnectionSerializer},
    )
    def patch(self, request: Request, id: int) -> Response:
        filters.refuse_parameters(request)
        get_or_404(Connection.objects.all(), id)
        owner = get_contact(parse_body(request, ConnectionChange).contact)
        with database.atomic():  # so that nobody deletes it before the change
            row = get_or_404(Connection.objects.select_for_update(), id)
            row.contact = owner
            row.save(update_fields=["contact", "modified_on"])
        return Response(ConnectionSerializer(row).data)

    @extend_schema(
        operation_id="delete_connection",
        summary="Delete a connection without messages",
        description="409 if it has messages: it is part of the history.",
        responses={204: None},
    )
    def delete(self, request: Request, id: int) -> Response:
        filters.refuse_parameters(request)
        try:
            get_or_404(Connection.objects.all(), id).delete()
        except (ProtectedError, RestrictedError):
            raise conflict("has_history", "it has messages") from None
        return Response(status=204)


def get_contact(key: int | None) -> Contact | None:
    """Return the contact with this key; None for None. Raises APIError 400."""
    if key is None:
        return None
    if contact := Contact.objects.filter(pk=key).first():
        return contact
    raise bad_request(Problem("not_found", f"there is no contact {key}", "contact"))
