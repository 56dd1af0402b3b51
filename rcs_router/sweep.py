"""What time brings about: lost leases, retries that are due, ends of ttl, in; bells for the workers out."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q

from rcs_router import expiry, inbox, outbox, sql, wake
from rcs_router.backends import backends
from rcs_router.conf import router_settings
from rcs_router.contract import Status
from rcs_router.models import BackendState, InboundFile, Transmission


def tick() -> None:
    """One sweep, by beat: mend what was lost, and ring for everything that is due, whether or not WAKE is on."""
    now = sql.now(Transmission)
    mend(now)
    for bell in due(now):
        wake.ring(bell)


def mend(now: datetime) -> None:
    """What dead workers left goes back into the queue, what is too late is ended. Any number at once does no harm."""
    outbox.reap(now)
    expiry.sweep(now)


def due(now: datetime) -> Iterator[wake.Bell]:
    """The bells of all work that is due."""
    for alias in backends:
        if has_due(alias, now):
            yield (wake.DRAIN, alias)
        if to_revoke(alias, now):
            yield (wake.REVOKE, alias)
    if to_digest(now):
        yield (wake.DIGEST,)
    if to_fetch(now):
        yield (wake.FETCH,)


def has_due(alias: str, now: datetime) -> bool:
    """Is anything to be sent on a backend that is not resting?"""
    if BackendState.objects.filter(pk=alias, paused_until__gt=now).exists():
        return False
    return Transmission.objects.filter(backend_id=alias, status=Status.QUEUED, due_at__lte=now).exists()


def to_revoke(alias: str, now: datetime) -> bool:
    return Transmission.objects.filter(backend_id=alias, revoke_at__lte=now).exists()


def to_fetch(now: datetime) -> bool:
    """Is a file to be fetched that nobody is fetching?"""
    if not router_settings().MEDIA_FETCH:
        return False
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    waiting = InboundFile.objects.filter(free, state=InboundFile.State.WAITING, due_at__lte=now)
    return waiting.exists()


def to_digest(now: datetime) -> bool:
    """Is a stored webhook due, or an incoming message that may be routed now?"""
    return bool(inbox.look())
