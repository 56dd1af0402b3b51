"""Open a fallback: queue a child transmission on the next backend of the fallback chain."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from rcs_router import sql, wake
from rcs_router.backends import backends, fallbacks_after
from rcs_router.conf import router_settings
from rcs_router.contract import Status
from rcs_router.models import Backend, Connection, Event, Transmission
from rcs_router.outbox.enqueue import fallback_transmission
from rcs_router.people import numbering
from rcs_router.people.identities import is_number


def open_fallback(
    parent: Transmission, reason: str, now: datetime, *, may_arrive: bool = False
) -> Transmission | None:
    """Queue the transmission of the next backend, in the caller's transaction. Return None at the end of the chain.

    Return None too when the parent has a fallback already.

    `may_arrive`: the provider may still deliver the parent, so the child waits for FALLBACK_GRACE and is cancelled if a
    receipt arrives. A time-critical message does not wait.
    """
    root = parent.root_backend or parent.backend_id
    if Transmission.objects.filter(fallback_of=parent).exists():
        return None
    connection = next_connection(parent)
    if connection is None:
        return None
    grace = router_settings().FALLBACK_GRACE if may_arrive and not parent.message.time_critical else 0
    child = fallback_transmission(
        parent, connection, root, now + timedelta(seconds=grace), parent.message.ttl
    )
    sql.insert_all([child], ignore_conflicts=True)  # when two workers open the same fallback, one insert wins
    Event.objects.create(
        transmission=parent,
        kind="fallback",
        code=reason[:60],
        detail=f"goes on by {connection.backend_id}",
        next_at=child.due_at,
    )
    wake.drain(connection.backend_id)
    return child


ARRIVED = "the first message arrived"


def cancel_waiting(parents: list[Transmission], now: datetime, reason: str = ARRIVED) -> int:
    """Cancel the fallbacks of `parents` that no worker has started; return how many."""
    untouched = Q(status=Status.QUEUED, attempts=0, lost_leases=0, unknown=False)
    keys: list[Any] = []
    above: list[Any] = [parent.pk for parent in parents]
    while above:  # follow the whole chain: the second backend may have failed while the third still waits
        children = Transmission.objects.filter(fallback_of__in=above)
        keys += children.filter(untouched).values_list("pk", flat=True)
        above = list(children.filter(fallback__isnull=False).values_list("pk", flat=True))
    won = [
        key
        for key in keys
        if Transmission.objects.filter(untouched, pk=key).update(status=Status.CANCELLED, reason=reason)
    ]
    Event.objects.bulk_create(
        [Event(transmission_id=key, kind="fallback", status=Status.CANCELLED, code=reason) for key in won]
    )
    return len(won)


def has_fallback(row: Transmission) -> bool:
    """Return True if another backend in the fallback chain can reach this person."""
    return any(_known_on(alias, row.connection) for alias in _next_aliases(row))


def next_connection(row: Transmission) -> Connection | None:
    """Return the person's connection on the next backend that can reach them, creating it if needed; or None."""
    for alias in _next_aliases(row):
        if identity := _known_on(alias, row.connection):
            backend, _ = Backend.objects.get_or_create(pk=alias)
            connection, _ = Connection.objects.get_or_create(
                backend=backend, identity=identity, defaults={"contact_id": row.connection.contact_id}
            )
            return connection
    return None


def _next_aliases(row: Transmission) -> tuple[str, ...]:
    return fallbacks_after(row.backend_id, row.root_backend)


def _known_on(alias: str, origin: Connection) -> str:
    """Return the person's identity on that backend, or an empty string.

    A phone number is valid on every backend. For a provider's token, the contact's other connections are used.
    """
    if not _is_token(origin):
        return numbering.today(origin.identity)
    if origin.contact is None:
        return ""
    theirs = origin.contact.connections.order_by("pk")
    known = theirs.filter(backend_id=alias).first() or theirs.filter(identity__startswith="+").first()
    return known.identity if known else ""


def _is_token(connection: Connection) -> bool:
    alias = connection.backend_id
    return not is_number(connection.identity) and alias in backends and backends[alias].capabilities.tokens
