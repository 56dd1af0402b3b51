"""How long a provider asks us to wait, in every way that it is written, and how much leaves in any one second."""

import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from rcs_router import lookup_connections, send
from rcs_router.contract import Outbound, SendResult, Status
from rcs_router.models import BackendState, Transmission
from rcs_router.outbox import drain, pace
from rcs_router.testing.stub import Stub, answer
from tests.core import ALICE, memory

from .sites import KANNEL, options, site

PAST = "Wed, 16 Dec 2015 17:29:27 GMT"
IN_TWO_DAYS = timedelta(days=2)


def after_one_answer(settings: Any, status: int, retry_after: str, **router: Any) -> tuple[timedelta, int]:
    """(how long the backend pauses, how often it was asked) after half a second of work."""
    stub = Stub()
    stub.default = answer(status, Retry_After=retry_after) if retry_after else answer(status)
    try:
        site(settings, {"ka": options(KANNEL, url=f"{stub.url}/cgi-bin/sendsms")}, **router)
        send("hello", lookup_connections("ka", [ALICE]))
        began = timezone.now()
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            drain.drain("ka", budget=0.1)
            time.sleep(0.01)
    finally:
        stub.close()
    state = BackendState.objects.get(pk="ka")
    return (state.paused_until or began) - began, len(stub.requests)


NO_WAIT = ["0", "00", "0.0", " 0 ", PAST, "Wed, 21 Oct 2015 07:28:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"]
NOTHING = ["-1", "-5", "soon", "1e9", "NaN", "inf", "Wed, 99 Oct 2015", "9" * 400, "5 minutes", "1, 2"]
NOTHING += ["Mon, 01 Jan 0001 00:00:00 +2359", "Fri, 31 Dec 9999 23:59:59 -2359"]


@pytest.mark.django_db
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("header", NO_WAIT)
def test_who_asks_for_no_wait_gets_our_own_pause(settings: Any, status: int, header: str) -> None:
    wait, asked = after_one_answer(settings, status, header, BREAKER=1, PAUSES=[5, 10])
    assert wait > timedelta(seconds=4)
    assert asked == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("status", "least"), [(429, 0.4), (503, 4)])
@pytest.mark.parametrize("header", NOTHING)
def test_what_cannot_be_read_makes_no_tight_loop(
    settings: Any, status: int, least: float, header: str
) -> None:
    wait, asked = after_one_answer(settings, status, header, BREAKER=1, PAUSES=[5, 10])
    assert wait > timedelta(seconds=least)
    assert asked <= 2


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["0.001", "0.1", "00.01"])
def test_a_tiny_wait_makes_no_tight_loop(settings: Any, header: str) -> None:
    _, asked = after_one_answer(settings, 429, header)
    assert asked <= 2


@pytest.mark.django_db
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "limit", "low", "high"),
    [
        ("7200", 86400, 7190, 7210),
        ("7200", 600, 590, 610),
        ("3601", 3600, 3590, 3610),
        ("86400", 7 * 86400, 86390, 86410),
        (IN_TWO_DAYS, 86400, 86390, 86410),
        (IN_TWO_DAYS, 7 * 86400, 170_000, 173_000),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 600, 590, 610),
        ("99999999999999999999", 600, 590, 610),
        ("9" * 300, 600, 590, 610),
    ],
)
def test_a_wait_is_obeyed_up_to_pause_limit(
    settings: Any, status: int, header: str | timedelta, limit: float, low: float, high: float
) -> None:
    if isinstance(header, timedelta):
        header = format_datetime(datetime.now(UTC) + header, usegmt=True)
    wait, asked = after_one_answer(settings, status, header, BREAKER=1, PAUSE_LIMIT=limit)
    assert timedelta(seconds=low) < wait < timedelta(seconds=high)
    assert asked == 1


@pytest.mark.django_db
def test_a_message_waits_no_longer_than_pause_limit_for_its_next_try(settings: Any) -> None:
    """A 503 that is no reason to pause the backend holds for its message alone."""
    after_one_answer(settings, 503, "99999999999", PAUSE_LIMIT=600, RETRY_DELAYS=[1])
    waits = Transmission.objects.get().due_at - timezone.now()
    assert timedelta(seconds=580) < waits < timedelta(seconds=601)


# RATE


def worst_second(left: list[float]) -> int:
    return max((sum(first <= at < first + 1.0 for at in left) for first in left), default=0)


class Workers:
    """Several drains of one backend in simulated time: who looks when, and how long writing takes, is given."""

    def __init__(self, rate: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.moment, self.next_free, self.left = 1000.0, 0.0, list[float]()
        monkeypatch.setattr(pace.time, "monotonic", lambda: self.moment)
        monkeypatch.setattr(pace, "reserve", self.reserve)
        self.pacers = [pace.Pacer("x", rate, timezone.now) for _ in range(count)]

    def reserve(self, alias: str, rate: float, wanted: int, now: datetime) -> pace.Departures:
        got = pace.grant(self.next_free, rate, wanted, self.moment)
        self.next_free = got.next_free if got.count else self.next_free
        return got

    def turn(self, who: int, pause: float, writing: float, wanted: int) -> None:
        self.moment += pause
        pacer = self.pacers[who % len(self.pacers)]
        if ready := pacer.due(wanted):
            pacer.took(ready)
            self.moment += writing
            pacer.left_now(ready)
            self.left += [self.moment] * ready


TURNS = st.lists(
    st.tuples(
        st.integers(0, 3), st.floats(0, 0.4), st.floats(0, pace.SLACK - 1 - pace.LATE), st.integers(1, 60)
    ),
    min_size=20,
    max_size=200,
)


@given(rate=st.integers(1, 60), count=st.integers(1, 4), turns=TURNS)
@hypothesis_settings(deadline=None, max_examples=150)
def test_no_second_holds_more_than_rate_however_late_workers_are(
    rate: int, count: int, turns: list[tuple[int, float, float, int]]
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        workers = Workers(rate, count, patched)
        for turn in turns:
            workers.turn(*turn)
    assert worst_second(workers.left) <= rate


@pytest.mark.parametrize("count", [1, 2, 4])
def test_workers_that_are_in_time_use_what_rate_allows(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    workers = Workers(100, count, monkeypatch)
    for n in range(4000):
        workers.turn(n, 0.002, 0.0005, 50)
    seconds = workers.left[-1] - workers.left[0]
    assert worst_second(workers.left) <= 100
    assert len(workers.left) / seconds > 85


@pytest.mark.django_db(transaction=True)
def test_two_drains_side_by_side_keep_one_rate(settings: Any) -> None:
    site(settings, {"rcs": {"BACKEND": "rcs_router.testing.MemoryBackend", "RATE": "40/s"}}, SLOTS=2)
    left: list[float] = []

    def note(outbound: Outbound) -> SendResult:
        left.append(time.monotonic())
        return SendResult()

    memory().outcomes.extend([note] * 80)
    send("Sale", lookup_connections("rcs", [f"+3725550{n:04}" for n in range(80)]))
    from django.db import connections

    def work() -> None:
        try:
            while Transmission.objects.filter(status__lt=Status.ACCEPTED).exists():
                drain.drain("rcs", budget=5)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(left) == 80
    assert worst_second(sorted(left)) <= 41, "one may arrive late, from before the second"
