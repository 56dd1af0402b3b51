"""How fast a backend goes, how it is paused, and who hears of it."""

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from rcs_router import send, signals, sql
from rcs_router.contract import Outbound, SendResult, Status
from rcs_router.errors import (
    Forbidden,
    Misconfigured,
    Refused,
    SendError,
    Throttled,
    Unavailable,
    Unreachable,
)
from rcs_router.models import BackendState, Transmission
from rcs_router.outbox import drain as drain_module
from rcs_router.outbox import pace, policy
from tests.core import ALICE, BOB, connection, drain, memory, sent_to

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


def pause_is_over() -> None:
    BackendState.objects.update(paused_until=timezone.now() - timedelta(seconds=1))
    Transmission.objects.update(due_at=timezone.now() - timedelta(seconds=1))


# RATE


@pytest.mark.parametrize("rate", [40, 100])
def test_a_rate_is_kept_in_every_second(settings: Any, rate: int) -> None:
    settings.RCS_BACKENDS = {"rcs": {"BACKEND": "rcs_router.testing.MemoryBackend", "RATE": f"{rate}/s"}}
    count, left = int(rate * 1.5), []

    def note(outbound: Outbound) -> SendResult:
        left.append(time.monotonic())
        return SendResult()

    memory().outcomes.extend([note] * count)
    send("Sale", [connection(f"+3725550{n:04}") for n in range(count)])
    drain("rcs")
    left.sort()
    assert len(left) == count
    worst = max(sum(first <= at < first + 1.0 for at in left) for first in left)
    assert worst <= rate + 1, "one more may arrive late, from before the second"


@pytest.mark.services  # takes long
def test_a_rate_is_kept_when_a_provider_that_was_slow_recovers(settings: Any) -> None:
    """What waited for a free thread would leave all at once."""
    settings.RCS_BACKENDS = {"rcs": {"BACKEND": "rcs_router.testing.MemoryBackend", "RATE": "20/s"}}
    left: list[float] = []
    recovers = time.monotonic() + 2

    def slow(outbound: Outbound) -> SendResult:
        left.append(time.monotonic())
        time.sleep(max(0.0, recovers - time.monotonic()))
        return SendResult()

    memory().outcomes.extend([slow] * 60)
    send("Sale", [connection(f"+3725550{n:04}") for n in range(60)])
    drain("rcs")
    worst = max(sum(first <= at < first + 1.0 for at in left) for first in left)
    assert worst < 30, "it was 45; a busy machine may delay some from before the second"


def test_a_drain_ends_when_the_next_departure_is_far_away(settings: Any) -> None:
    """It would keep its row until the lease ends, and the next one too: with 30/h nothing ever left."""
    settings.RCS_BACKENDS = {"rcs": {"BACKEND": "rcs_router.testing.MemoryBackend", "RATE": "30/h"}}
    for number in (ALICE, BOB):
        sent_to(number=number)
    began = time.monotonic()
    drain_module.drain("rcs", budget=0.5)
    assert time.monotonic() - began < 10
    assert sorted(Transmission.objects.values_list("status", "claim")) == [
        (Status.QUEUED, None),
        (Status.ACCEPTED, None),
    ]
    BackendState.objects.update(next_free=0)  # two minutes later
    drain_module.drain("rcs", budget=0.5)
    assert set(Transmission.objects.values_list("status", flat=True)) == {Status.ACCEPTED}


def test_what_is_urgent_overtakes_what_waits_for_its_pace(settings: Any) -> None:
    settings.RCS_BACKENDS = {"rcs": {"BACKEND": "rcs_router.testing.MemoryBackend", "RATE": "30/s"}}
    for n in range(20):
        sent_to(number=f"+3725550{n:04}", traffic="promotion")
    order: list[str] = []

    def note(outbound: Outbound) -> SendResult:
        order.append(outbound.to)
        if len(order) == 3:
            sent_to(number=BOB, traffic="authentication")
        return SendResult()

    memory().outcomes.extend([note] * 21)
    drain("rcs")
    assert order.index(BOB) <= 3 + int(30 * pace.HORIZON * 4)


# Pauses


@pytest.mark.parametrize(
    ("pauses", "retry_after", "seconds"),
    [
        (0, None, 0.5),
        (1, None, 1),
        (2, None, 2),
        (3, None, 4),
        (30, None, 4),
        (0, 7, 7),
        (0, 0, 0.5),
        (3, 0, 4),
    ],
)
def test_a_429_recovers_within_five_seconds_of_the_provider(
    pauses: int, retry_after: float | None, seconds: float
) -> None:
    assert policy.pause(pauses, retry_after, policy.THROTTLED_PAUSES, 3600) == seconds


def test_an_outage_is_told_once_and_its_end_once() -> None:
    heard: list[tuple[str, Any]] = []

    def degraded(sender: object, backend: str, reason: str, **kwargs: object) -> None:
        heard.append(("degraded", reason))

    def recovered(sender: object, backend: str, since: object, **kwargs: object) -> None:
        heard.append(("recovered", since is not None))

    signals.backend_degraded.connect(degraded)
    signals.backend_recovered.connect(recovered)
    sent_to("alone")
    memory("alone").outcomes.extend([Throttled(retry_after=60)] * 5)
    for _ in range(5):
        drain("alone")
        assert pace.is_paused("alone", timezone.now())
        pause_is_over()
    assert (heard, pace.state("alone").pauses) == ([("degraded", "throttled")], 5)
    drain("alone")
    assert heard == [("degraded", "throttled"), ("recovered", True)]
    state = pace.state("alone")
    assert (state.pauses, state.paused_since, state.paused_until, state.reason) == (0, None, None, "")


def test_a_pause_names_the_providers_words(caplog: pytest.LogCaptureFixture) -> None:
    sent_to("alone")
    memory("alone").outcomes.append(Misconfigured("HTTP 401 the API key was revoked"))
    drain("alone")
    state = pace.state("alone")
    assert (state.reason, state.detail) == ("misconfigured", "HTTP 401 the API key was revoked")
    assert (
        "alone: paused (misconfigured: HTTP 401 the API key was revoked): tried again in 5 s" in caplog.text
    )


@pytest.mark.parametrize(("error", "pauses"), [(Forbidden("HTTP 403"), 0), (Misconfigured("HTTP 401"), 1)])
def test_a_403_for_one_number_pauses_nobody_else(error: SendError, pauses: int) -> None:
    odd, other = sent_to("alone", ALICE), sent_to("alone", BOB)

    def for_one(outbound: Outbound) -> SendResult:
        if outbound.to == ALICE:
            raise error
        return SendResult()

    memory("alone").outcomes.extend([for_one] * 3)
    drain("alone")
    for row in (odd, other):
        row.refresh_from_db()
    assert pace.state("alone").pauses == pauses
    if not pauses:
        assert (odd.status, other.status) == (Status.REVIEW, Status.ACCEPTED)


def test_a_403_for_everybody_pauses_like_an_outage(settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "BREAKER": 5, "THREADS": 1}
    message = send("x", [connection(f"+3725550{n:04}", "alone") for n in range(40)])
    memory("alone").outcomes.extend([Forbidden("HTTP 403")] * 40)
    drain("alone")
    assert pace.state("alone").reason == "forbidden"
    assert message.transmissions.filter(status=Status.QUEUED).count() >= 30


@pytest.mark.parametrize("answer", [Refused(), Unreachable(), SendResult()])
def test_any_answer_about_the_message_ends_the_outage(answer: Any) -> None:
    sent_to("alone")
    pace.pause("alone", "unavailable", None, timezone.now())
    pause_is_over()
    memory("alone").outcomes.append(answer)
    drain("alone")
    assert pace.state("alone").pauses == 0


def test_one_worker_at_a_time_tries_a_paused_backend() -> None:
    pace.pause("rcs", "unavailable", 1, timezone.now() - timedelta(minutes=1))
    now = sql.now(Transmission)
    first, *others = (pace.begin_probe("rcs", now, 15) for _ in range(3))
    assert (first, others) == (now + timedelta(seconds=15), [None, None])
    second = pace.begin_probe("rcs", now + timedelta(seconds=16), 15)
    assert second, "its holder may have died"
    pace.end_probe("rcs", first, now + timedelta(seconds=17))
    assert pace.is_paused("rcs", now + timedelta(seconds=17)), "the right of somebody else is not given back"


def test_late_answers_of_a_drain_that_began_before_do_not_end_a_pause() -> None:
    first, second = sent_to("alone", ALICE), sent_to("alone", BOB)

    def paused_meanwhile(outbound: Outbound) -> SendResult:
        pace.pause("alone", "unavailable", 60, timezone.now())
        return SendResult()

    memory("alone").outcomes.append(paused_meanwhile)
    drain("alone")
    assert pace.state("alone").pauses == 1
    assert first.pk != second.pk


def test_a_provider_that_is_down_is_paused_longer_each_time_and_costs_one_request_each(settings: Any) -> None:
    send("x", [connection(f"+3725550{n:04}", "alone") for n in range(50)])
    memory("alone").outcomes.extend([Unavailable()] * 200)
    drain("alone")
    asked = [len(memory("alone").sent)]
    for _ in range(3):
        pause_is_over()
        drain("alone")
        asked.append(len(memory("alone").sent))
    assert [later - asked[0] for later in asked[1:]] == [1, 2, 3]
    assert pace.state("alone").pauses == 4


@dataclass
class Limited:
    """A provider that takes `limit` requests in any second, and answers 429 to more, without saying for how long."""

    limit: int
    taken: deque[float] = field(default_factory=deque)
    refused: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, outbound: Outbound) -> SendResult:
        with self.lock:
            now = time.monotonic()
            while self.taken and self.taken[0] <= now - 1.0:
                self.taken.popleft()
            if len(self.taken) >= self.limit:
                self.refused += 1
                raise Throttled
            self.taken.append(now)
        return SendResult()


@pytest.mark.services  # takes long
def test_a_rate_that_is_the_providers_own_limit_is_not_refused(settings: Any) -> None:
    settings.RCS_BACKENDS = {"rcs": {"BACKEND": "rcs_router.testing.MemoryBackend", "RATE": "50/s"}}
    provider = Limited(50)
    memory().outcomes.extend([provider] * 300)
    send("Sale", [connection(f"+3725550{n:04}") for n in range(120)])
    drain("rcs")
    assert Transmission.objects.filter(status=Status.ACCEPTED).count() == 120
    assert provider.refused <= 1
