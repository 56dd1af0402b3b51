"""Connections in and out: list, create, read, give to another contact, delete where nothing was said."""

from django.db.models import ProtectedError, RestrictedError
from rest_framework.request import Request
from rest_framework.response import Response

from rcs_router import database
from rcs_router.api import filters
from rcs_router.api.bodies import NewConnectionOf, Owner
from rcs_router.api.contacts import normalised_pairs
from rcs_router.api.errors import Problem, conflict, found, invalid
from rcs_router.api.filters import Conditions, ConnectionsAsked
from rcs_router.api.operation import described
from rcs_router.api.paging import page
from rcs_router.api.reading import read
from rcs_router.api.shown import ConnectionShown, page_of
from rcs_router.api.view import View, may
from rcs_router.models import Backend, Connection, Contact

FILTERS: Conditions = {"backend": "backend", "identity": "identity", "contact": "contact"}


class Connections(View):
    """All connections."""

    needs = {"GET": may("view_connection"), "POST": may("add_connection")}
    also = {"POST": (409,)}

    @described(
        operation_id="list_connections",
        summary="Connections, newest first",
        parameters=[ConnectionsAsked],
        responses={200: page_of(ConnectionShown)},
    )
    def get(self, request: Request) -> Response:
        asked = filters.asked(request, ConnectionsAsked)
        rows = filters.narrowed(Connection.objects.all(), asked, FILTERS)
        seen, following = page(request, rows, asked, "id")
        return Response({"next": following, "results": ConnectionShown(seen, many=True).data})

    @described(
        operation_id="create_connection",
        summary="A number or token on a backend",
        description="409 when it is there already.",
        request=NewConnectionOf,
        responses={201: ConnectionShown},
    )
    def post(self, request: Request) -> Response:
        filters.nothing_asked(request)
        body = read(request, NewConnectionOf)
        pairs, problems = normalised_pairs([body], "")
        if problems:
            raise invalid(
                Problem(wrong.code, wrong.detail, wrong.path.partition(".")[2]) for wrong in problems
            )
        owner = contact_of(body.contact)
        with database.atomic():
            backend, _ = Backend.objects.get_or_create(pk=pairs[0][0])
            row, created = Connection.objects.get_or_create(
                backend=backend, identity=pairs[0][1], defaults={"contact": owner}
            )
        if not created:
            raise conflict("exists", f"it is connection {row.pk}", "identity")
        return Response(ConnectionShown(found(Connection.objects.all(), row.pk)).data, 201)


class OneConnection(View):
    """One connection."""

    needs = {
        "GET": may("view_connection"),
        "PATCH": may("change_connection"),
        "DELETE": may("delete_connection"),
    }
    also = {"DELETE": (409,)}

    @described(operation_id="get_connection", summary="One connection", responses={200: ConnectionShown})
    def get(self, request: Request, id: int) -> Response:
        filters.nothing_asked(request)
        return Response(ConnectionShown(found(Connection.objects.all(), id)).data)

    @described(
        operation_id="change_connection",
        summary="Give a connection to a contact, or to nobody",
        description="Backend and identity never change: what was said on it was said there.",
        request=Owner,
        responses={200: ConnectionShown},
    )
    def patch(self, request: Request, id: int) -> Response:
        filters.nothing_asked(request)
        found(Connection.objects.all(), id)
        owner = contact_of(read(request, Owner).contact)
        with database.atomic():  # nobody deletes it between the look and the change
            row = found(Connection.objects.select_for_update(), id)
            row.contact = owner
            row.save(update_fields=["contact", "modified_on"])
        return Response(ConnectionShown(row).data)

    @described(
        operation_id="delete_connection",
        summary="Delete a connection on which nothing was ever said",
        description="409 for any other: it is part of the history.",
        responses={204: None},
    )
    def delete(self, request: Request, id: int) -> Response:
        filters.nothing_asked(request)
        try:
            found(Connection.objects.all(), id).delete()
        except (ProtectedError, RestrictedError):
            raise conflict("has_history", "something was said on it") from None
        return Response(status=204)


def contact_of(key: int | None) -> Contact | None:
    """Raises Failure 400."""
    if key is None:
        return None
    if contact := Contact.objects.filter(pk=key).first():
        return contact
    raise invalid([Problem("not_found", f"there is no contact {key}", "contact")])
