"""Decide how fast a backend may send, whether it is paused, and how many drains may serve it.

All workers share the answers through the backend's rows: BackendState for pace and pause, DrainSlot for drains.
"""

import math
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest

from rcs_router import alarms, logs, signals, sql
from rcs_router.backends import backends
from rcs_router.conf import router_settings
from rcs_router.errors import Throttled
from rcs_router.models import Backend, BackendState, DrainSlot
from rcs_router.outbox.policy import THROTTLED_PAUSES
from rcs_router.outbox.policy import pause as pause_seconds

HORIZON = 0.12  # seconds ahead for which departures are reserved; an urgent message waits no longer than that
# Departures are this much further apart than RATE says, and one that is not used within LATE seconds is lost. So no
# second has more departures than RATE: LATE, and the time to write that a message leaves, are below SLACK - 1.
SLACK = 1.1
LATE = 0.09  # seconds; more than TOGETHER
SECOND = 1.01  # a second and a little more, because requests take different times to arrive
TOGETHER = (
    0.07  # seconds: departures within this time leave together, because each turn of a drain costs statements
)
BRIEF = 10.0  # seconds: shorter pauses because of the rate raise no alarm


def state(alias: str) -> BackendState:
    """Return the backend's state, creating it and the backend's row when they are missing."""
    found = BackendState.objects.filter(pk=alias).first()
    if found is None:
        Backend.objects.get_or_create(pk=alias)
        found, _ = BackendState.objects.get_or_create(pk=alias)
    return found


# Pace


@dataclass(frozen=True)
class Departures:
    """Reserved moments at which requests may leave: `count` of them, `step` seconds apart."""

    count: int
    wait: float  # seconds until the first one; without any, until it is worth asking again
    step: float
    next_free: float = 0.0  # the row's value after the reservation

    @property
    def waits(self) -> list[float]:
        return [self.wait + n * self.step for n in range(self.count)]


def reserve(alias: str, rate: float, wanted: int, now: datetime) -> Departures:
    """Reserve up to `wanted` departures within HORIZON: a rate limiter (GCRA) without bursts, shared by all workers.

    Two short statements and no transaction: when another worker was faster, try once more.
    """
    row = BackendState.objects.filter(pk=alias)
    while True:
        read = row.values_list("next_free", flat=True).get()
        got = grant(read, rate, wanted, now.timestamp())
        if not got.count or row.filter(next_free=read).update(next_free=got.next_free):
            return got


def grant(next_free: float, rate: float, wanted: int, at: float) -> Departures:
    """Return what may be reserved at the moment `at`, when every departure before `next_free` is taken. Pure."""
    step, free = SLACK / rate, max(next_free, at)
    room = math.floor((at + HORIZON - free) / step + 1e-9) + 1
    granted = max(0, min(wanted, room))
    if not granted:
        return Departures(0, free - at - HORIZON, step)
    return Departures(granted, free - at, step, free + granted * step)


def give_back(alias: str, unused: int, reserved: Departures) -> None:
    """Give back the last `unused` departures, unless another worker has reserved later ones meanwhile."""
    if unused:
        mine = BackendState.objects.filter(pk=alias, next_free=reserved.next_free)
        mine.update(next_free=reserved.next_free - unused * reserved.step)


class Pacer:
    """One drain's share of a RATE: how many messages may leave now, and how long until the next one may.

    Departures are reserved a moment ahead, and each belongs to one worker. A departure that is not used in time is
    lost: a late worker does not catch up, because others may be late at the same moment.
    """

    def __init__(self, alias: str, rate: float | None, clock: Callable[[], datetime]) -> None:
        self.alias, self.rate, self.clock = alias, rate, clock
        self.departures: deque[float] = deque()  # by time.monotonic()
        self.left: deque[float] = deque(maxlen=math.ceil(rate or 1))  # when the last departures were used
        self.reserved: Departures | None = None
        self.ask_at = 0.0
        self.turned = 0.0  # when messages last left

    def due(self, wanted: int) -> int:
        """Return how many of `wanted` messages may leave now, after reserving departures for them."""
        if self.rate is None or not wanted:
            return wanted
        moment = time.monotonic()
        while self.departures and self.departures[0] < moment - LATE:
            self.departures.popleft()
        # Reserve more while some are left, so that a busy moment leaves no gap in the row's schedule.
        ahead = self.departures[-1] - moment if self.departures else 0.0
        if wanted > len(self.departures) and ahead < HORIZON / 2 and moment >= self.ask_at:
            self._reserve(wanted - len(self.departures), self.rate)
        ready = sum(departure <= moment for departure in self.departures)
        if len(self.left) == self.left.maxlen:
            ready = min(ready, sum(at <= moment - SECOND for at in self.left))
        else:
            ready = min(ready, (self.left.maxlen or 1) - len(self.left))
        return min(ready, wanted)

    def took(self, count: int) -> None:
        """Use the departures of `count` messages that are about to leave."""
        if self.rate is not None:
            for _ in range(count):
                self.departures.popleft()

    def left_now(self, count: int) -> None:
        """Note that `count` messages have left: the second that follows must not have more than RATE."""
        if self.rate is not None:
            self.turned = time.monotonic()
            self.left.extend([self.turned] * count)

    def wait(self) -> float:
        """Return the seconds until it is worth asking again; 0 without a RATE."""
        if self.rate is None:
            return 0.0
        moment = time.monotonic()
        next_one = max(self.departures[0], self.turned + TOGETHER) if self.departures else self.ask_at
        if len(self.left) == self.left.maxlen:
            next_one = max(next_one, self.left[0] + SECOND)
        return min(max(next_one - moment, 0.001), 1.0)

    def close(self) -> None:
        """Give back the departures that were reserved and not used."""
        if self.reserved:
            unused = min(len(self.departures), self.reserved.count)  # earlier ones were not the last
            give_back(self.alias, unused, self.reserved)
        self.departures.clear()

    def _reserve(self, wanted: int, rate: float) -> None:
        moment, got = time.monotonic(), reserve(self.alias, rate, wanted, self.clock())
        self.departures.extend(moment + wait for wait in got.waits)
        self.reserved = got if got.count else self.reserved
        self.ask_at = moment if got.count else moment + max(got.wait, 0.0)


# Pause


def is_paused(alias: str, now: datetime) -> bool:
    return BackendState.objects.filter(pk=alias, paused_until__gt=now).exists()


def paused(now: datetime) -> list[str]:
    """Return the backends of the settings that are paused."""
    rows = BackendState.objects.filter(pk__in=list(backends), paused_until__gt=now)
    return list(rows.values_list("pk", flat=True))


def begin_probe(alias: str, now: datetime, seconds: float) -> datetime | None:
    """Take the right to try a backend after its pause with one message. Other drains see it as paused meanwhile.

    Return when the right ends if its holder dies, after `seconds`. Return None when another drain has it.
    """
    until = now + timedelta(seconds=seconds)
    over = Q(paused_until=None) | Q(paused_until__lte=now)
    row = BackendState.objects.filter(over, pk=alias, pauses__gt=0)
    return until if row.update(paused_until=until) else None


def end_probe(alias: str, until: datetime, now: datetime) -> None:
    """Give that right back if it is still ours: there was no message to try the backend with."""
    BackendState.objects.filter(pk=alias, pauses__gt=0, paused_until=until).update(paused_until=now)


def note_failures(alias: str, count: int) -> None:
    """Save how many requests have failed in a row, for the next drains."""
    BackendState.objects.filter(pk=alias).update(failures=count)


def pause(
    alias: str,
    reason: str,
    retry_after: float | None,
    now: datetime,
    *,
    detail: str = "",
    probing: bool = False,
) -> datetime:
    """Pause the backend: for as long as the provider asked, else longer each time. Rows wait without losing attempts.

    `detail`: the provider's own words. `probing`: the caller has tried the paused backend without success, so its next
    pause is longer.
    """
    conf, before, detail = router_settings(), state(alias), logs.safe(detail, alias)
    delays = THROTTLED_PAUSES if reason == Throttled.code and retry_after is None else conf.PAUSES
    seconds = pause_seconds(before.pauses, retry_after, delays, conf.PAUSE_LIMIT)
    until = now + timedelta(seconds=seconds)
    rows = BackendState.objects.filter(pk=alias)
    open_ = rows if probing else rows.filter(Q(paused_until=None) | Q(paused_until__lte=now))
    won = open_.update(
        paused_until=until,
        pauses=F("pauses") + 1,
        paused_since=Coalesce("paused_since", now),
        reason=reason[:200],
        detail=sql.storable(detail, 300),
    )
    if not won:  # another worker paused it too: only extend the pause
        rows.update(paused_until=Greatest("paused_until", until))
        return until
    logs.paused(alias, reason, seconds, detail)
    if before.paused_since is None:
        signals.after_commit(signals.backend_degraded, Backend, backend=alias, reason=reason, until=until)
    if reason != Throttled.code or seconds >= BRIEF or before.pauses >= len(THROTTLED_PAUSES):
        alarms.begin(alarms.PAUSED, alias, f"{reason}: {detail}" if detail else reason, now=now)
    return until


def recover(alias: str, now: datetime | None = None) -> None:
    """End the outage: the message that tried the backend was sent."""
    now = now or sql.now(BackendState)
    since = BackendState.objects.filter(pk=alias).values_list("paused_since", flat=True).first()
    ended = BackendState.objects.filter(pk=alias, pauses__gt=0).update(
        failures=0, pauses=0, paused_until=None, paused_since=None, reason="", detail=""
    )
    if ended:
        logs.resumed(alias, (now - since).total_seconds() if since else 0.0)
        signals.after_commit(signals.backend_recovered, Backend, backend=alias, since=since)
        alarms.end(alarms.PAUSED, alias, now=now)


# Slots


@contextmanager
def slot(alias: str, now: datetime, lease: float) -> Iterator[DrainSlot | None]:
    """Take one of the backend's slots for a drain for `lease` seconds; None when all are taken."""
    taken = _take(alias, now, lease)
    try:
        yield taken
    finally:
        if taken:
            DrainSlot.objects.filter(pk=taken.pk, holder=taken.holder).update(holder=None, lease_until=None)


def renew(taken: DrainSlot, until: datetime) -> bool:
    """Keep the slot until `until`; return False when it was lost."""
    return bool(DrainSlot.objects.filter(pk=taken.pk, holder=taken.holder).update(lease_until=until))


def has_room(alias: str, now: datetime) -> bool:
    """Return True if a slot is free, so that one more drain could work."""
    taken = DrainSlot.objects.filter(backend_id=alias, holder__isnull=False, lease_until__gte=now)
    return taken.count() < router_settings().SLOTS


def _take(alias: str, now: datetime, lease: float) -> DrainSlot | None:
    holder = uuid.uuid4()
    for attempt in range(2):
        keys = sql.claim(
            DrainSlot,
            where="backend_id = %s AND number < %s AND (holder IS NULL OR lease_until < %s)",
            params=[alias, router_settings().SLOTS, now],
            order="number",
            limit=1,
            holder=holder,
            lease_until=now + timedelta(seconds=lease),
        )
        if keys:
            return DrainSlot(pk=keys[0], backend_id=alias, holder=holder)
        if attempt == 0:
            _make_slots(alias)  # by us, or by another worker since we looked
    return None


def _make_slots(alias: str) -> None:
    """Create the slots of a backend at its first drain."""
    wanted = router_settings().SLOTS
    if DrainSlot.objects.filter(backend_id=alias, number__lt=wanted).count() >= wanted:
        return
    Backend.objects.get_or_create(pk=alias)
    DrainSlot.objects.bulk_create(
        [DrainSlot(backend_id=alias, number=number) for number in range(wanted)], ignore_conflicts=True
    )
