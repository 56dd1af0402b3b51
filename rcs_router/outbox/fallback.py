"""A transmission that will not arrive in; a queued child on the next backend of its road out."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from rcs_router import sql, wake
from rcs_router.backends import fallbacks_after
from rcs_router.conf import router_settings
from rcs_router.contract import Status
from rcs_router.models import Backend, Connection, Event, Transmission
from rcs_router.outbox.enqueue import fallback_transmission


def open_fallback(
    parent: Transmission, reason: str, now: datetime, *, may_arrive: bool = False
) -> Transmission | None:
    """Queue the next backend's transmission, in the caller's transaction; None when the road ends or has one already.

    `may_arrive`: the parent might still turn out to be delivered, so the child waits a moment, to be cancelled then -
    unless the message is time critical.
    """
    root = parent.root_backend or parent.backend_id
    road = fallbacks_after(parent.backend_id, parent.root_backend)
    if not road or Transmission.objects.filter(fallback_of=parent).exists():
        return None
    connection = _connection(road[0], parent.connection)
    grace = router_settings().FALLBACK_GRACE if may_arrive and not parent.message.time_critical else 0
    child = fallback_transmission(
        parent, connection, root, now + timedelta(seconds=grace), parent.message.ttl
    )
    sql.insert_all([child], ignore_conflicts=True)  # two who open it at once: one wins
    Event.objects.create(
        transmission=parent,
        kind="fallback",
        code=reason[:60],
        detail=f"goes on by {road[0]}",
        next_at=child.due_at,
    )
    wake.drain(road[0])
    return child


def cancel_waiting(parents: list[Transmission], now: datetime) -> int:
    """The parents arrived after all: fallbacks that no worker has touched are cancelled; returns how many."""
    untouched = Q(status=Status.QUEUED, attempts=0, lost_leases=0, unknown=False)
    keys: list[Any] = []
    above: list[Any] = [parent.pk for parent in parents]
    while above:  # the whole road: the second may have failed, and the third be waiting
        children = Transmission.objects.filter(fallback_of__in=above)
        keys += children.filter(untouched).values_list("pk", flat=True)
        above = list(children.filter(fallback__isnull=False).values_list("pk", flat=True))
    reason = "the first message arrived"
    won = [
        key
        for key in keys
        if Transmission.objects.filter(untouched, pk=key).update(status=Status.CANCELLED, reason=reason)
    ]
    Event.objects.bulk_create(
        [Event(transmission_id=key, kind="fallback", status=Status.CANCELLED, code=reason) for key in won]
    )
    return len(won)


def _connection(alias: str, origin: Connection) -> Connection:
    """The same person on another backend."""
    backend, _ = Backend.objects.get_or_create(pk=alias)
    connection, _ = Connection.objects.get_or_create(
        backend=backend, identity=origin.identity, defaults={"contact_id": origin.contact_id}
    )
    return connection
