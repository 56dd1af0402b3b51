"""Read the recipients of `send()`, in any of their forms, as connections and their aliases."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from rcs_router import database
from rcs_router.arguments import check_saved
from rcs_router.errors import IdentityError
from rcs_router.models import Connection, Contact, first_connections
from rcs_router.people import numbering

Recipients = Connection | Contact | Iterable[Connection | Contact]


def chosen(given: Any) -> tuple[Any, list[str]]:
    """Return the connections to iterate over, each once, and their aliases. A QuerySet is not loaded.

    The QuerySet is used only for its keys, whatever it joins, orders, slices or unites, so that no row comes twice. It
    is evaluated in the router's database, even where `using()` names a replica.
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
    """Return the connections of `given`, each once. Raises IdentityError for other objects, and ValueError for none."""
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
        check_saved(who)
    first = _first_connections([who for who in people if isinstance(who, Contact)])
    chosen = [who if isinstance(who, Connection) else first[who.pk] for who in people]
    # each number once per backend, even if an older row holds an older form of it
    chosen = database.read_here(chosen)
    once: dict[tuple[str, str], Connection] = {}
    for connection in chosen:
        once.setdefault((connection.backend_id, numbering.today(connection.identity)), connection)
    return list(once.values())


def _first_connections(contacts: list[Contact]) -> dict[int, Connection]:
    first = first_connections(contacts) if contacts else {}
    if lonely := next((contact for contact in contacts if contact.pk not in first), None):
        raise ValueError(f"contact {lonely} (id {lonely.pk}) has no connection")
    return first
