"""Do what time brings about: lost leases, deadlines, retries that are due, ends of ttl, silence, alarms.

Every process that works sweeps, but only one of them in a second (`LastRun`), so that no busy pool can hold it up.
"""

import logging
import traceback
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError
from django.db.models import Q

from rcs_router import alarms, capability_checks, outbox, sql, wake
from rcs_router.backends import backends
from rcs_router.conf import router_settings
from rcs_router.contract import Status
from rcs_router.inbox import digest
from rcs_router.models import BackendState, InboundFile, LastRun, Transmission
from rcs_router.outbox import expiry, pace

logger = logging.getLogger(__name__)

INTERVAL = 0.9  # seconds between two sweeps, over all processes
ALARMS = 10.0  # seconds between two looks for alarms
SWEEP, LOOK, BEAT = "sweep", "alarms", "beat"


def tick() -> None:
    """Sweep by beat or cron, and wake workers for everything that is due, whether or not WAKE is on."""
    now = sql.now(Transmission)
    note(BEAT, now)
    run(now)
    for wake_up in due(now):
        wake.publish_soon(wake_up)


def run(now: datetime) -> bool:
    """Sweep, unless somebody did within the last second; True when this call swept."""
    since = turn(SWEEP, INTERVAL, now)
    if since is None:
        return False
    # When nobody has swept for a while, the database may have been away, and living workers could not renew their
    # leases: they get a heartbeat and a half to do so before anybody takes what they hold.
    conf = router_settings()
    steady = since <= now - timedelta(seconds=1.5 * conf.HEARTBEAT)
    mend(now, patience=0.0 if steady else conf.LEASE)
    if turn(LOOK, ALARMS, now):
        alarms.look(now)
    return True


def turn(job: str, every: float, now: datetime) -> datetime | None:
    """Take the turn to run a job that all processes share; return since when it has run without a gap, or None.

    A gap is four times `every`.
    """
    row = LastRun.objects.filter(job=job).first() or LastRun.objects.get_or_create(job=job)[0]
    if row.at and row.at > now - timedelta(seconds=every):
        return None
    steady = row.at and row.since and row.at > now - timedelta(seconds=4 * every)
    since = row.since if steady else now
    won = LastRun.objects.filter(job=job, at=row.at).update(at=now, since=since)
    return since if won else None


def note(job: str, now: datetime) -> None:
    """Write down that a job has run."""
    if not LastRun.objects.filter(job=job).update(at=now):
        LastRun.objects.get_or_create(job=job, defaults={"at": now, "since": now})


def mend(now: datetime, patience: float = 0.0) -> None:
    """Put what dead workers left back into the queue and end what is too late. Any number at once does no harm.

    `patience`: seconds that a lease must have been over.
    """
    parts: tuple[Callable[[], int], ...] = (
        lambda: outbox.reap(now, patience=patience),
        lambda: outbox.meet_deadlines(now),
        lambda: expiry.sweep(now),
        # a drain does so too, but not while its own requests hang
        lambda: sum(outbox.divert(alias, now) for alias in pace.paused(now)),
        lambda: outbox.look(now),
    )
    for number, part in enumerate(parts):
        try:
            part()
        except (DatabaseError, InterfaceError):
            raise
        except Exception as error:  # one broken row must not hold up what the other parts do
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.error(
                *("part %d of the sweep failed (%s): tried again\n%s", number, type(error).__name__, where),
                extra={"code": type(error).__name__, "next_step": "tried again"},
            )


def due(now: datetime) -> Iterator[wake.WakeUp]:
    """Return the wake-ups for all work that is due and that somebody could begin."""
    for alias in backends:
        if has_due(alias, now) and pace.has_room(alias, now):
            yield (wake.DRAIN, alias)
        if to_revoke(alias, now):
            yield (wake.REVOKE, alias)
    if to_digest(now):
        yield (wake.DIGEST,)
    if to_fetch(now):
        yield (wake.FETCH,)
    if capability_checks.is_due(now):
        yield (wake.CHECK,)


def has_due(alias: str, now: datetime) -> bool:
    """Is anything to be sent on a backend that is not paused, or to go on to the fallback of one that is?"""
    if BackendState.objects.filter(pk=alias, paused_until__gt=now).exists():
        return bool(backends.config(alias).fallback) and outbox.urgent_of(alias, now).exists()
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
    return bool(digest.look())
