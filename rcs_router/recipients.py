"""Whom send() is to write to, in any of the ways to say it, in; connections, each once, and their aliases out."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from rcs_router import database
from rcs_router.backends import backends, default_alias
from rcs_router.errors import IdentityError
from rcs_router.identities import is_number
from rcs_router.models import Connection, Contact

Recipients = Connection | Contact | Iterable[Connection | Contact]


def chosen(given: Any) -> tuple[Any, list[str]]:
    """What to iterate over for connections, each once, and their aliases. A QuerySet is not loaded.

    Whatever it joins, orders, slices or unites, it is only asked for its keys: so no row comes twice. It is asked in
    the router's database, also where `using()` named a replica.
    """
    if isinstance(given, QuerySet) and given.model is Connection:
        rows = Connection.objects.filter(pk__in=given.using(database.alias()).values("pk"))
        connections: Any = rows
        aliases = list(rows.values_list("backend_id", flat=True).distinct())
    else:
        connections = listed(given)
        aliases = list(dict.fromkeys(connection.backend_id for connection in connections))
    if not aliases:
        raise ValueError("send() needs at least one recipient")
    return connections, aliases


def listed(given: Any) -> list[Connection]:
    """What `given` names, each once. Raises IdentityError for what is neither connection nor contact, ValueError."""
    if isinstance(given, Connection | Contact):
        given = [given]
    if isinstance(given, str | bytes):
        raise IdentityError(f"send() takes connections, not the string {given!r}: use lookup_connections()")
    if not isinstance(given, Iterable):
        raise IdentityError(f"send() takes connections and contacts, not {given!r}")
    people = list(given)
    for who in people:
        if not isinstance(who, Connection | Contact):
            hint = ": use lookup_connections()" if isinstance(who, str) else ""
            raise IdentityError(f"send() takes connections and contacts, not {who!r}{hint}")
    first = _first_connections([who for who in people if isinstance(who, Contact)])
    chosen = [who if isinstance(who, Connection) else first[who.pk] for who in people]
    return list({connection.pk: connection for connection in database.read_here(chosen)}.values())


def _first_connections(contacts: list[Contact]) -> dict[Any, Connection]:
    """Each contact's connection on the default backend, else on the first of RCS_BACKENDS that it has one on."""
    if not contacts:
        return {}
    order = {alias: n for n, alias in enumerate(dict.fromkeys([default_alias(), *backends]))}
    first: dict[Any, Connection] = {}
    rows = Connection.objects.filter(contact__in=contacts).order_by("pk")
    rank = len(order)  # a number before a token: whoever has both wants the number to be used
    for connection in sorted(rows, key=lambda c: (order.get(c.backend_id, rank), not is_number(c.identity))):
        first.setdefault(connection.contact_id, connection)
    if lonely := next((contact for contact in contacts if contact.pk not in first), None):
        raise ValueError(f"contact {lonely} (id {lonely.pk}) has no connection")
    return first
