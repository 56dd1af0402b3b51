"""Let time pass by making the stored times older, and do the work of the workers in this thread.

No clock is patched: an hour passes when every time that the router has stored becomes an hour older. So the clocks of
the database, of Django and of your code still agree, and messages keep their order.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.db.models import DateTimeField, F, Q

from rcs_router import sql, sweep, tasks
from rcs_router.backends import backends
from rcs_router.conf import router_settings
from rcs_router.contract import Status
from rcs_router.models import BackendState, InboundFile, Tally, Transmission

ROUNDS = 1000  # of work; more of them mean an endless loop
extra_work: list[Callable[[], None]] = []  # more work for each round: a World adds its own
_no_waiting_blocks = 0  # how many `no_waiting()` blocks are open


def work() -> None:
    """Send, revoke, digest and route until nothing is due; inside `no_waiting()`, until nothing waits.

    Raises RuntimeError if that does not end, e.g. with a provider that always answers "not now".
    """
    idle = True  # sweep at the start, and whenever no task is due
    for _ in range(ROUNDS):
        if idle:
            sweep.mend(sql.now(Transmission))
        for step in extra_work:
            step()
        now = sql.now(Transmission)
        wake_ups = list(sweep.due(now))
        for task, *alias in wake_ups:
            getattr(tasks, task.rpartition(".")[2])(*alias)  # call it directly, not through Celery
        if idle and not wake_ups and not (_no_waiting_blocks and _pass_to_next_moment(now)):
            return
        idle = not wake_ups
    raise RuntimeError(f"there is still work after {ROUNDS} rounds: does a backend always answer “not now”?")


def passes(time: timedelta) -> None:
    """Make everything that the router has stored older by `time`. Does not do the work that becomes due."""
    for model in apps.get_app_config("rcs_router").get_models():
        names = [field.name for field in model._meta.concrete_fields if isinstance(field, DateTimeField)]
        if names:
            model._base_manager.update(**{name: F(name) - time for name in names})
    BackendState.objects.update(next_free=F("next_free") - time.total_seconds())
    for tally in Tally.objects.all():
        tally.used = {message: at - time.total_seconds() for message, at in tally.used.items()}
        tally.save(update_fields=["used"])


@contextmanager
def no_waiting() -> Iterator[None]:
    """Let retries, pauses, grace periods and leases take no time. At the end they are over, and all work is done.

    What you delay yourself (`send_at`) and the `ttl` of messages still wait: let time pass for them.
    """
    global _no_waiting_blocks
    _no_waiting_blocks += 1
    try:
        yield
        work()
    finally:
        _no_waiting_blocks -= 1


def _pass_to_next_moment(now: datetime) -> bool:
    """Let time pass until the next moment at which something is due. Return False if nothing waits."""
    moments = [moment for moment in _due_moments(now) if moment > now]
    if moments:
        passes(min(moments) - now + timedelta(milliseconds=1))
    return bool(moments)


def _due_moments(now: datetime) -> Iterator[datetime]:
    """Yield the moment at which each waiting row becomes due."""
    ours: Any = Transmission.objects.filter(backend__in=list(backends))
    pauses: Any = dict(BackendState.objects.filter(paused_until__gt=now).values_list("pk", "paused_until"))
    put_off = Q(due_at__gt=now, fallback_of=None) & ~Q(events__kind="attempt")
    for row in ours.filter(status=Status.QUEUED).exclude(put_off):
        yield max(row.due_at, pauses.get(row.backend_id, now))
    for row in ours.filter(status=Status.SENDING, lease_until__isnull=False):
        yield row.lease_until
    for row in ours.filter(revoke_at__isnull=False):
        yield row.revoke_at
    for file in InboundFile.objects.filter(state=InboundFile.State.WAITING):
        yield file.due_at
    grace = timedelta(seconds=router_settings().EXPIRY_GRACE)
    for row in ours.filter(status=Status.ACCEPTED, expires_at__lte=now, expiry_seen=False):
        yield row.expires_at + grace
