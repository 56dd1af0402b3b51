"""What time brings about: lost leases, retries that are due, ends of ttl, in; bells for the workers out."""

from datetime import datetime

from django.db.models import Q

from rcs_router import expiry, outbox, sql, wake
from rcs_router.backends import backends
from rcs_router.contract import Status
from rcs_router.models import BackendState, Message, StoredWebhook, Transmission


def tick() -> None:
    """One sweep, by beat, cron (`manage.py rcs_tick`) or the worker; any number of them at once does no harm."""
    now = sql.now(Transmission)
    outbox.reap(now)
    expiry.sweep(now)
    for alias in backends:
        if has_due(alias, now):
            wake.drain(alias)
        if to_revoke(alias, now):
            wake.revoke(alias)
    if to_digest(now):
        wake.digest()


def has_due(alias: str, now: datetime) -> bool:
    """Is anything to be sent on a backend that is not resting?"""
    if BackendState.objects.filter(pk=alias, paused_until__gt=now).exists():
        return False
    return Transmission.objects.filter(backend_id=alias, status=Status.QUEUED, due_at__lte=now).exists()


def to_revoke(alias: str, now: datetime) -> bool:
    return Transmission.objects.filter(backend_id=alias, revoke_at__lte=now).exists()


def to_digest(now: datetime) -> bool:
    """Is a stored webhook due, or an incoming message not routed?"""
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    return (
        StoredWebhook.objects.filter(free, digested_at=None, due_at__lte=now).exists()
        or Message.objects.filter(direction=Message.Direction.IN, routed_at=None).exists()
    )
