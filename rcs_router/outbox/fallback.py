"""A transmission that will not arrive in; a queued child on the next backend of its road out."""

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
    """Queue the next backend's transmission, in the caller's transaction; None when the road ends or has one already.

    `may_arrive`: the parent might still turn out to be delivered, so the child waits a moment, to be cancelled then -
    unless the message is time critical.
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
    sql.insert_all([child], ignore_conflicts=True)  # two who open it at once: one wins
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
    """The parents need no fallback: those that no worker has touched are cancelled; returns how many."""
    untouched = Q(status=Status.QUEUED, attempts=0, lost_leases=0, unknown=False)
    keys: list[Any] = []
    above: list[Any] = [parent.pk for parent in parents]
    while above:  # the whole road: the second may have failed, and the third be waiting
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


def has_road(row: Transmission) -> bool:
    """Is there another backend that can reach this person?"""
    return any(_known_on(alias, row.connection) for alias in _road(row))


def next_connection(row: Transmission) -> Connection | None:
    """The same person on the next backend that can reach them, made where it is new; None when the road ends."""
    for alias in _road(row):
        if identity := _known_on(alias, row.connection):
            backend, _ = Backend.objects.get_or_create(pk=alias)
            connection, _ = Connection.objects.get_or_create(
                backend=backend, identity=identity, defaults={"contact_id": row.connection.contact_id}
            )
            return connection
    return None


def _road(row: Transmission) -> tuple[str, ...]:
    return fallbacks_after(row.backend_id, row.root_backend)


def _known_on(alias: str, origin: Connection) -> str:
    """Their identity there: a number is known everywhere, behind a token only the contact knows more. Empty: none."""
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
