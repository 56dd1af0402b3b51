"""A duration in, a database that is so much older out; then what workers would do now is done, in this thread.

No clock is patched: an hour has passed when everything that the router has written down is an hour older. So the
database's clock, Django's and yours go on agreeing, and the order of messages stays what it was.
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

ROUNDS = 1000  # of work; more than that is a loop
besides: list[Callable[[], None]] = []  # what else is done in each round of work: a World's own
_impatient = 0  # how many `no_waiting()` we are in


def work() -> None:
    """Send, take back, digest and route until nothing is due; inside of `no_waiting()`, until nothing waits either.

    Raises RuntimeError when that does not end, as with a provider that always says "not now".
    """
    idle = True  # the sweep comes first, and again whenever nothing else is left to do
    for _ in range(ROUNDS):
        if idle:
            sweep.mend(sql.now(Transmission))
        for do in besides:
            do()
        now = sql.now(Transmission)
        wake_ups = list(sweep.due(now))
        for station, *alias in wake_ups:
            getattr(tasks, station.rpartition(".")[2])(*alias)  # here and now, and not by Celery
        if idle and not wake_ups and not (_impatient and _jump(now)):
            return
        idle = not wake_ups
    raise RuntimeError(f"there is still work after {ROUNDS} rounds: does a backend say “not now” for ever?")


def passes(time: timedelta) -> None:
    """So much time has passed for everything that the router has stored. Work that has become due is not done yet."""
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
    """Retries, rests, grace periods and leases take no time: at its end all of that is over, and `work()` was done.

    What you have put off yourself (`send_at`) and the `ttl` of messages still wait: let time pass for those.
    """
    global _impatient
    _impatient += 1
    try:
        yield
        work()
    finally:
        _impatient -= 1


def _jump(now: datetime) -> bool:
    """On to the next moment at which something is due; False when nothing waits."""
    moments = [moment for moment in _moments(now) if moment > now]
    if moments:
        passes(min(moments) - now + timedelta(milliseconds=1))
    return bool(moments)


def _moments(now: datetime) -> Iterator[datetime]:
    """When each of what waits goes on."""
    ours: Any = Transmission.objects.filter(backend__in=list(backends))
    rests: Any = dict(BackendState.objects.filter(paused_until__gt=now).values_list("pk", "paused_until"))
    put_off = Q(due_at__gt=now, fallback_of=None) & ~Q(events__kind="attempt")
    for row in ours.filter(status=Status.QUEUED).exclude(put_off):
        yield max(row.due_at, rests.get(row.backend_id, now))
    for row in ours.filter(status=Status.SENDING, lease_until__isnull=False):
        yield row.lease_until
    for row in ours.filter(revoke_at__isnull=False):
        yield row.revoke_at
    for file in InboundFile.objects.filter(state=InboundFile.State.WAITING):
        yield file.due_at
    grace = timedelta(seconds=router_settings().EXPIRY_GRACE)
    for row in ours.filter(status=Status.ACCEPTED, expires_at__lte=now, expiry_seen=False):
        yield row.expires_at + grace
