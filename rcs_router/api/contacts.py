"""List, create, show, change, delete and merge contacts."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError
from django.db.models import Prefetch, ProtectedError, QuerySet, RestrictedError
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from rcs_router import database
from rcs_router.api import filters
from rcs_router.api.bodies import ContactChange, ContactMerge, NewConnection, NewContact
from rcs_router.api.exceptions import Problem, bad_request, conflict, get_or_404
from rcs_router.api.filters import Conditions, ContactQuery
from rcs_router.api.pagination import paginate
from rcs_router.api.parsers import parse_body
from rcs_router.api.permissions import perms
from rcs_router.api.recipients import unknown_backend
from rcs_router.api.schema import extend_schema
from rcs_router.api.serializers import ContactSerializer, page_of
from rcs_router.api.views import APIView
from rcs_router.backends import backends
from rcs_router.errors import IdentityError
from rcs_router.models import Connection, Contact
from rcs_router.people.connections import connections_for
from rcs_router.people.identities import normalise

FILTERS: Conditions = {
    "name": "name__icontains",
    "language": "language",
    "identity": lambda forms: filters.has_connection(identity__in=forms),
    "backend": lambda alias: filters.has_connection(backend=alias),
}


class ContactList(APIView):
    """List contacts, or create one."""

    required_permissions = {"GET": perms("view_contact"), "POST": perms("add_contact", "add_connection")}
    extra_errors = {"POST": (409,)}

    @extend_schema(
        operation_id="list_contacts",
        summary="Contacts, newest first",
        parameters=[ContactQuery],
        responses={200: page_of(ContactSerializer)},
    )
    def get(self, request: Request) -> Response:
        query = filters.parse_query(request, ContactQuery)
        rows, following = paginate(
            request, filters.apply_filters(with_connections(), query, FILTERS), query, "id"
        )
        return Response({"next": following, "results": ContactSerializer(rows, many=True).data})

    @extend_schema(
        operation_id="create_contact",
        summary="Create a contact with connections",
        description="Connections without a contact get this one. 409 if a connection has another contact.",
        request=NewContact,
        responses={201: ContactSerializer},
    )
    def post(self, request: Request) -> Response:
        filters.refuse_parameters(request)
        body = parse_body(request, NewContact)
        pairs, problems = normalise_pairs(body.connections, "connections")
        if problems:
            raise bad_request(*problems)
        with database.atomic():
            contact = Contact.objects.create(name=body.name, language=body.language)
            _claim_all(contact, pairs)
        return Response(ContactSerializer(get_or_404(with_connections(), contact.pk)).data, 201)


class ContactDetail(APIView):
    """Show, change or delete one contact."""

    required_permissions = {
        "GET": perms("view_contact"),
        "PATCH": perms("change_contact"),
        "DELETE": perms("delete_contact"),
    }
    extra_errors = {"DELETE": (409,)}

    @extend_schema(operation_id="get_contact", summary="One contact", responses={200: ContactSerializer})
    def get(self, request: Request, id: int) -> Response:
        filters.refuse_parameters(request)
        return Response(ContactSerializer(get_or_404(with_connections(), id)).data)

    @extend_schema(
        operation_id="change_contact",
        summary="Change a contact's name or language",
        request=ContactChange,
        responses={200: ContactSerializer},
    )
    def patch(self, request: Request, id: int) -> Response:
        filters.refuse_parameters(request)
        get_or_404(Contact.objects.all(), id)
        changes = parse_body(request, ContactChange).model_dump(exclude_none=True)
        with database.atomic():  # so that nobody deletes it before the change
            contact = get_or_404(Contact.objects.select_for_update(), id)
            for name, value in changes.items():
                setattr(contact, name, value)
            contact.save(update_fields=[*changes, "modified_on"])
        return Response(ContactSerializer(get_or_404(with_connections(), id)).data)

    @extend_schema(
        operation_id="delete_contact",
        summary="Delete a contact",
        description="The connections and all messages stay.",
        responses={204: None},
    )
    def delete(self, request: Request, id: int) -> Response:
        filters.refuse_parameters(request)
        _delete(get_or_404(Contact.objects.all(), id))
        return Response(status=204)


class MergeContacts(APIView):
    """Merge two contacts that are the same person."""

    required_permissions = {"POST": perms("change_contact", "delete_contact", "change_connection")}
    extra_errors = {"POST": (409,)}

    @extend_schema(
        operation_id="merge_contacts",
        summary="Move another contact's connections to this one, and delete the other",
        description="This contact takes the name or language of the other if it has none. Rows of the site's own "
        "models that belong to the other contact move to this one.",
        request=ContactMerge,
        responses={200: ContactSerializer},
    )
    def post(self, request: Request, id: int) -> Response:
        filters.refuse_parameters(request)
        other = parse_body(request, ContactMerge).contact
        if other == id:
            raise bad_request(Problem("same_contact", "a contact cannot be merged with itself", "contact"))
        get_or_404(Contact.objects.all(), id)
        with database.atomic():  # in the order of the keys, so that two merges at once do not deadlock
            rows = Contact.objects.select_for_update().filter(pk__in=[id, other]).order_by("pk")
            contacts = {contact.pk: contact for contact in rows}
            if id not in contacts:
                raise Http404
            if other not in contacts:
                raise bad_request(Problem("not_found", f"there is no contact {other}", "contact"))
            _merge(contacts[id], contacts[other])
        return Response(ContactSerializer(get_or_404(with_connections(), id)).data)


def _merge(kept: Contact, other: Contact) -> None:
    _move_relations(other, kept)
    kept.name, kept.language = kept.name or other.name, kept.language or other.language
    kept.save()
    _delete(other)


def _move_relations(other: Contact, kept: Contact) -> None:
    """Move connections and rows of the project's own models from `other` to `kept`, or they would be deleted.

    Raises APIError 409 where they say something of both, and may say it only once.
    """
    pointing: list[Any] = [
        field for field in Contact._meta.get_fields(include_hidden=True) if field.auto_created
    ]
    try:
        with database.atomic():
            for relation in pointing:
                if (relation.one_to_many or relation.one_to_one) and not relation.parent_link:
                    name = relation.field.name
                    rows = relation.related_model._base_manager.filter(**{name: other})
                    rows.update(**{name: kept})
    except IntegrityError:
        detail = f"another model of this site allows one row per contact, and both {kept.pk} and {other.pk} have one"
        raise conflict("in_use", detail, "contact") from None


def _delete(contact: Contact) -> None:
    """Delete a contact. Raises APIError 409 if a model of the project protects it."""
    try:
        with database.atomic():
            contact.delete()
    except (ProtectedError, RestrictedError):
        raise conflict("in_use", f"another model of this site protects contact {contact.pk}") from None


def with_connections() -> QuerySet[Contact]:
    """Return all contacts with their connections."""
    return Contact.objects.prefetch_related(Prefetch("connections", Connection.objects.order_by("pk")))


def normalise_pairs(given: Iterable[NewConnection], path: str) -> tuple[list[tuple[str, str]], list[Problem]]:
    """Return (alias, stored identity) of each valid connection, and the problems of the others."""
    pairs: list[tuple[str, str]] = []
    problems = []
    for position, one in enumerate(given):
        where = f"{path}[{position}]"
        if one.backend not in backends:
            problems.append(unknown_backend(one.backend, f"{where}.backend"))
            continue
        try:
            tokens = backends[one.backend].capabilities.tokens
            pairs.append((one.backend, normalise(one.identity, tokens=tokens)))
        except IdentityError as error:
            problems.append(Problem("identity_invalid", str(error), f"{where}.identity"))
    return pairs, problems


def connections_for_pairs(pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Connection]:
    """Return the connection of each pair, creating missing ones, in at most three statements per backend."""
    rows: dict[tuple[str, str], Connection] = {}
    for alias in dict.fromkeys(alias for alias, _ in pairs):
        identities = [identity for one, identity in pairs if one == alias]
        rows.update({(alias, row.identity): row for row in connections_for(alias, identities)})
    return rows


def claim(contact: Contact, keys: Sequence[Any]) -> int:
    """Give connections that have no contact to `contact`. Return how many it got."""
    return Connection.objects.filter(pk__in=keys, contact=None).update(contact=contact)


def _claim_all(contact: Contact, pairs: Sequence[tuple[str, str]]) -> None:
    """Give the connections of `pairs` to `contact`. Raises APIError 409 if another contact has one."""
    rows = connections_for_pairs(pairs)
    if claim(contact, [row.pk for row in rows.values()]) == len(rows):
        return
    for position, pair in enumerate(pairs):
        owner = rows[pair].contact_id
        if owner is not None:
            where = f"connections[{position}]"
            raise conflict(
                "taken", f"it belongs to contact {owner}; merge the contacts, or move the connection", where
            )
    raise conflict("moved_on", "another contact has just got one of the connections", "connections")
