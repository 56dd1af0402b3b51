"""Contacts in and out: list, create, read, change, delete, and two that are one person merged."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError
from django.db.models import Prefetch, ProtectedError, QuerySet, RestrictedError
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from rcs_router import database
from rcs_router.api import filters
from rcs_router.api.bodies import ContactChange, Merged, NewConnection, NewContact
from rcs_router.api.errors import Problem, conflict, found, invalid
from rcs_router.api.filters import Conditions, ContactsAsked
from rcs_router.api.operation import described
from rcs_router.api.paging import page
from rcs_router.api.reading import read
from rcs_router.api.recipients import unknown_backend
from rcs_router.api.shown import ContactShown, page_of
from rcs_router.api.view import View, may
from rcs_router.backends import backends
from rcs_router.errors import IdentityError
from rcs_router.models import Connection, Contact
from rcs_router.people.connections import connections_for
from rcs_router.people.identities import normalise

FILTERS: Conditions = {
    "name": "name__icontains",
    "language": "language",
    "identity": lambda one: filters.reached(identity=one),
    "backend": lambda alias: filters.reached(backend=alias),
}


class Contacts(View):
    """All contacts."""

    needs = {"GET": may("view_contact"), "POST": may("add_contact", "add_connection")}
    also = {"POST": (409,)}

    @described(
        operation_id="list_contacts",
        summary="Contacts, newest first",
        parameters=[ContactsAsked],
        responses={200: page_of(ContactShown)},
    )
    def get(self, request: Request) -> Response:
        asked = filters.asked(request, ContactsAsked)
        rows, following = page(request, filters.narrowed(whole(), asked, FILTERS), asked, "id")
        return Response({"next": following, "results": ContactShown(rows, many=True).data})

    @described(
        operation_id="create_contact",
        summary="A person and where to reach them",
        description="Connections that nobody has yet become theirs; one that is somebody else's is a 409.",
        request=NewContact,
        responses={201: ContactShown},
    )
    def post(self, request: Request) -> Response:
        filters.nothing_asked(request)
        body = read(request, NewContact)
        pairs, problems = normalised_pairs(body.connections, "connections")
        if problems:
            raise invalid(problems)
        with database.atomic():
            contact = Contact.objects.create(name=body.name, language=body.language)
            _take(contact, pairs)
        return Response(ContactShown(found(whole(), contact.pk)).data, 201)


class OneContact(View):
    """One contact."""

    needs = {
        "GET": may("view_contact"),
        "PATCH": may("change_contact"),
        "DELETE": may("delete_contact"),
    }
    also = {"DELETE": (409,)}

    @described(operation_id="get_contact", summary="One contact", responses={200: ContactShown})
    def get(self, request: Request, id: int) -> Response:
        filters.nothing_asked(request)
        return Response(ContactShown(found(whole(), id)).data)

    @described(
        operation_id="change_contact",
        summary="Change a contact's name or language",
        request=ContactChange,
        responses={200: ContactShown},
    )
    def patch(self, request: Request, id: int) -> Response:
        filters.nothing_asked(request)
        found(Contact.objects.all(), id)
        changes = read(request, ContactChange).model_dump(exclude_none=True)
        with database.atomic():  # nobody deletes it between the look and the change
            contact = found(Contact.objects.select_for_update(), id)
            for name, value in changes.items():
                setattr(contact, name, value)
            contact.save(update_fields=[*changes, "modified_on"])
        return Response(ContactShown(found(whole(), id)).data)

    @described(
        operation_id="delete_contact",
        summary="Forget who somebody is",
        description="Their connections and all that was said stay.",
        responses={204: None},
    )
    def delete(self, request: Request, id: int) -> Response:
        filters.nothing_asked(request)
        _forget(found(Contact.objects.all(), id))
        return Response(status=204)


class Merge(View):
    """Two contacts that turn out to be one person."""

    needs = {"POST": may("change_contact", "delete_contact", "change_connection")}
    also = {"POST": (409,)}

    @described(
        operation_id="merge_contacts",
        summary="Move another contact's connections to this one, and delete the other",
        description="A name or language that this one lacks is taken from the other. What models of the site's own "
        "say of the other they say of this one then.",
        request=Merged,
        responses={200: ContactShown},
    )
    def post(self, request: Request, id: int) -> Response:
        filters.nothing_asked(request)
        other = read(request, Merged).contact
        if other == id:
            raise invalid([Problem("same_contact", "a contact cannot become part of itself", "contact")])
        found(Contact.objects.all(), id)
        with database.atomic():  # in the order of the key: two merges at once wait, and do not deadlock
            rows = Contact.objects.select_for_update().filter(pk__in=[id, other]).order_by("pk")
            contacts = {contact.pk: contact for contact in rows}
            if id not in contacts:
                raise Http404
            if other not in contacts:
                raise invalid([Problem("not_found", f"there is no contact {other}", "contact")])
            _merge(contacts[id], contacts[other])
        return Response(ContactShown(found(whole(), id)).data)


def _merge(kept: Contact, other: Contact) -> None:
    _hand_over(other, kept)
    kept.name, kept.language = kept.name or other.name, kept.language or other.language
    kept.save()
    _forget(other)


def _hand_over(other: Contact, kept: Contact) -> None:
    """Connections, and what models of the project's own say of `other`: it would be deleted with it.

    Raises Failure 409 where they say something of both, and may say it only once.
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
        detail = f"something else of this site belongs to contact {kept.pk} and to contact {other.pk}"
        raise conflict("in_use", detail, "contact") from None


def _forget(contact: Contact) -> None:
    """Raises Failure 409 where a model of the project's own protects them."""
    try:
        with database.atomic():
            contact.delete()
    except (ProtectedError, RestrictedError):
        raise conflict("in_use", f"something else of this site belongs to contact {contact.pk}") from None


def whole() -> QuerySet[Contact]:
    """Contacts with their connections."""
    return Contact.objects.prefetch_related(Prefetch("connections", Connection.objects.order_by("pk")))


def normalised_pairs(
    given: Iterable[NewConnection], path: str
) -> tuple[list[tuple[str, str]], list[Problem]]:
    """(alias, identity) of each as it is stored, and what is wrong with the others."""
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


def connections_of(pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Connection]:
    """The connection of each pair, made where it is new: at most three statements for each backend."""
    rows: dict[tuple[str, str], Connection] = {}
    for alias in dict.fromkeys(alias for alias, _ in pairs):
        identities = [identity for one, identity in pairs if one == alias]
        rows.update({(alias, row.identity): row for row in connections_for(alias, identities)})
    return rows


def take(contact: Contact, keys: Sequence[Any]) -> int:
    """Give connections that are nobody's to `contact`, as they stand now; how many it got."""
    return Connection.objects.filter(pk__in=keys, contact=None).update(contact=contact)


def _take(contact: Contact, pairs: Sequence[tuple[str, str]]) -> None:
    rows = connections_of(pairs)
    if take(contact, [row.pk for row in rows.values()]) == len(rows):
        return
    for position, pair in enumerate(pairs):
        owner = rows[pair].contact_id
        if owner is not None:
            where = f"connections[{position}]"
            raise conflict("taken", f"it is contact {owner}'s; merge the contacts, or move it", where)
    raise conflict("moved_on", "somebody else has just taken one of the connections", "connections")
