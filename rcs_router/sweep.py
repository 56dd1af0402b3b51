"""Do what depends on time: lost leases, deadlines, due retries, ends of ttl, missing receipts, alarms.

Every worker process sweeps, but only one of them each second (`LastRun`), so that no busy pool can delay it.
"""

import logging
import traceback
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError

from rcs_router import alarms, capability_checks, outbox, sql, wake
from rcs_router.backends import backends
from rcs_router.conf import router_settings
from rcs_router.contract import Status
from rcs_router.inbox import intake, media
from rcs_router.models import BackendState, LastRun, Transmission
from rcs_router.outbox import expiry, pace

logger = logging.getLogger(__name__)

INTERVAL = 0.9  # seconds between two sweeps of all processes together
ALARMS = 10.0  # seconds between two looks for alarms
SWEEP, LOOK, BEAT = "sweep", "alarms", "beat"


def tick() -> None:
    """Sweep, and wake workers for everything that is due, even with WAKE off. For beat or cron."""
    now = sql.now(Transmission)
    note(BEAT, now)
    run(now)
    for wake_up in due(now):
        wake.publish_soon(wake_up)


def run(now: datetime) -> bool:
    """Sweep, unless another process did so within the last second; return True if this call swept."""
    since = turn(SWEEP, INTERVAL, now)
    if since is None:
        return False
    # After a gap in sweeping, the database may have been unavailable, and living workers could not renew their
    # leases: they get a heartbeat and a half to do so before another worker takes their rows.
    conf = router_settings()
    steady = since <= now - timedelta(seconds=1.5 * conf.HEARTBEAT)
    mend(now, patience=0.0 if steady else conf.LEASE)
    if turn(LOOK, ALARMS, now):
        alarms.look(now)
    return True


def turn(job: str, every: float, now: datetime) -> datetime | None:
    """Take the turn of a job that all processes share; return since when it has run without a gap, or None.

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
    """Store that a job has run."""
    if not LastRun.objects.filter(job=job).update(at=now):
        LastRun.objects.get_or_create(job=job, defaults={"at": now, "since": now})


def mend(now: datetime, patience: float = 0.0) -> None:
    """Put the rows of dead workers back into the queue, and end what is too late. Concurrent calls do no harm.

    `patience`: seconds that a lease must be over.
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
        except Exception as error:  # one broken row must not stop the other parts
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.error(
                *("part %d of the sweep failed (%s): tried again\n%s", number, type(error).__name__, where),
                extra={"code": type(error).__name__, "next_step": "tried again"},
            )


def due(now: datetime) -> Iterator[wake.WakeUp]:
    """Return the wake-ups for all due work that a worker could begin."""
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
    """Return True if something can be sent on a backend, or has to fall back from a paused one."""
    if BackendState.objects.filter(pk=alias, paused_until__gt=now).exists():
        return bool(backends.config(alias).fallback) and outbox.urgent_of(alias, now).exists()
    return Transmission.objects.filter(backend_id=alias, status=Status.QUEUED, due_at__lte=now).exists()


def to_revoke(alias: str, now: datetime) -> bool:
    return Transmission.objects.filter(backend_id=alias, revoke_at__lte=now).exists()


def to_fetch(now: datetime) -> bool:
    """Return True if a file is due that no worker is fetching."""
    return router_settings().MEDIA_FETCH and media.free(now).exists()


def to_digest(now: datetime) -> bool:
    """Return True if a stored webhook is due, or an incoming message may be routed now."""
    return bool(intake.look())
