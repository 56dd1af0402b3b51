"""Find the connections of identities, and create those that are missing."""

from collections.abc import Iterable, Sequence

from django.utils import timezone

from rcs_router import arguments, database, sql
from rcs_router.backends import backends
from rcs_router.contract import BaseBackend
from rcs_router.errors import IdentityError
from rcs_router.models import Backend, Connection
from rcs_router.people import linking, numbering
from rcs_router.people.identities import normalise

CHUNK = 5000  # connections created by one statement


def lookup_connections(
    backend: Backend | BaseBackend | arguments.Named | str, identities: Iterable[str]
) -> list[Connection]:
    """Return the connections of `identities` in that order, creating missing ones.

    At most three statements for up to 5,000 identities. `backend`: an alias, a Backend row, a configured backend, or
    any object with a `name`.

    Raises IdentityError for a bare string and for an invalid phone number, ConfigError for an unknown backend, and
    TypeError for an object that names no backend.
    """
    alias = arguments.alias_of(backend)
    if isinstance(identities, str | bytes) or not isinstance(identities, Iterable):
        raise IdentityError(f"identities must be a list of numbers, not {identities!r}")
    tokens = backends[alias].capabilities.tokens
    return connections_for(alias, [normalise(identity, tokens=tokens) for identity in identities])


def connections_for(alias: str, identities: Sequence[str]) -> list[Connection]:
    """Return the same for identities that are valid already and have today's form."""
    held = {form: identity for identity in identities for form in numbering.forms(identity)}
    found = {c.identity: c for c in Connection.objects.filter(backend_id=alias, identity__in=held)}
    for form in found.keys() - set(identities):
        if held[form] not in found:
            found[held[form]] = linking.renumbered(found[form], held[form])
    missing = [identity for identity in dict.fromkeys(identities) if identity not in found]
    if missing and not found:  # where there is a connection, the backend has its row
        sql.insert(Backend, ["name"], [[alias]], conflict="DO NOTHING")
    for start in range(0, len(missing), CHUNK):
        found.update(_new_connections(alias, missing[start : start + CHUNK]))
    return [found[identity] for identity in identities]


def _new_connections(alias: str, identities: Sequence[str]) -> dict[str, Connection]:
    """Create connections, or find those that another process has just created.

    The update changes nothing but `modified_on`; because of it PostgreSQL returns the keys of existing rows too.
    """
    now = timezone.now()
    rows = sql.insert(
        Connection,
        ["backend", "identity", "modified_on"],
        [(alias, identity, now) for identity in identities],
        conflict="(backend_id, identity) DO UPDATE SET modified_on = excluded.modified_on",
        returning=["id", "backend_id", "identity", "contact_id"],
    )
    names, alias_of_rows = ["id", "backend_id", "identity", "contact_id"], database.alias()
    return {row[2]: Connection.from_db(alias_of_rows, names, row) for row in rows}
