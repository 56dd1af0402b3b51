"""The failure matrix over every wire: what may follow depends on what a wire can drop, report and take back."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from rcs_router.backends import backends
from rcs_router.contract import Status
from rcs_router.models import BackendState, Transmission
from tests.acceptance.sides import SEND, SIDES, TEXTS
from tests.acceptance.stage import Stage, causes, fallback, status
from tests.acceptance.test_every_wire import on_every_wire
from tests.core import ALICE

pytestmark = pytest.mark.services  # each provider and each fault takes long: make services-test

QUEUED, ACCEPTED, REVIEW, FAILED, DELIVERED = (
    *(Status.QUEUED, Status.ACCEPTED, Status.REVIEW),
    *(Status.FAILED, Status.DELIVERED),
)
TOO_FAST = {"gsma": "42601", "twilio": "twilio_20429"}  # where the provider has a number of its own for it
UNKNOWN = "ambiguous: outcome unknown"
SLOW, PATIENCE = 0.6, 0.4  # seconds: a provider, and a client that does not wait so long
ALWAYS = None
EVERY = {**{name: (name,) for name in SIDES}, **{name: ("google", name) for name in TEXTS}}
everywhere = pytest.mark.parametrize("stage", EVERY.values(), indirect=True, ids=list(EVERY))
OTHERS = {
    name: stage for name, stage in EVERY.items() if name != "google"
}  # whose table in test_failures has these
on_others = pytest.mark.parametrize("stage", OTHERS.values(), indirect=True, ids=list(OTHERS))


@dataclass(frozen=True)
class Line:
    """The wire that a fault strikes: of an alias, and of the one that it falls back to."""

    alias: str
    method: str
    provider: str
    repeats: bool  # a repeat is dropped
    finds_us: bool  # a report needs no answer to send()

    @property
    def alone(self) -> str:
        """The alias of the same provider without a fallback."""
        return {"gateway": "sms"}.get(self.alias, "solo")


@pytest.fixture
def line(request: pytest.FixtureRequest, stage: Stage) -> Line:
    """RCS with SMS behind it; or, where the test is about a wire for SMS, that with RCS behind it."""
    name = request.node.callspec.params["stage"][-1]
    alias = "acme" if name in SIDES else "gateway"
    finds_us = name not in SIDES or SIDES[name].finds_us
    method = SIDES[name].send if name in SIDES else SEND[name]
    return Line(alias, method, name, backends[alias].capabilities.idempotent, finds_us)


# What is certain: the message was not taken, or was. How often → status, and where it is shown (here, by the fallback).
REFUSED: list[tuple[str, int | None, tuple[Any, ...]]] = [
    ("500", 1, (DELIVERED, 1, 0)),
    ("500", ALWAYS, (FAILED, 0, 1)),
    ("503", 3, (DELIVERED, 1, 0)),
    ("503", ALWAYS, (FAILED, 0, 1)),
    ("401", 1, (DELIVERED, 1, 0)),
    ("401", ALWAYS, (FAILED, 0, 1)),
    ("403", ALWAYS, (FAILED, 0, 1)),
    ("404", ALWAYS, (FAILED, 0, 1)),
]
ABOUT_US = {"gsma", "kannel", "twilio"}  # whose 403 says that it is about the credentials; any other is final


def shown(stage: Stage, line: Line) -> tuple[int, int]:
    """How many messages the phone shows by the wire, and how many by its fallback."""
    rcs, sms = stage.counts()
    return (rcs, sms) if line.alias == "acme" else (sms, rcs)


def strike(stage: Stage, line: Line, kind: str, times: int | None, **more: Any) -> None:
    often = {"times": times} if times else {}
    stage.fault(kind, provider=line.provider, method=line.method, **often, **more)


def sent(stage: Stage, alias: str, **options: Any) -> Transmission:
    t = stage.send(alias=alias, **options)
    stage.work()
    assert stage.totals()["doubles"] == 0
    return t


@on_others
@pytest.mark.parametrize(
    ("kind", "times", "expected"), REFUSED, ids=[f"{kind}-{times or 'always'}" for kind, times, _ in REFUSED]
)
def test_what_was_refused_goes_another_way(
    kind: str, times: int | None, expected: Any, stage: Stage, line: Line
) -> None:
    strike(stage, line, kind, times)
    t = sent(stage, line.alias)
    assert (status(t), *shown(stage, line)) == expected
    assert not t.unknown
    child = fallback(t)
    assert (status(child) if child else None) == (DELIVERED if t.status == FAILED else None)
    assert bool(t.reason) == (t.status == FAILED)


@everywhere
def test_a_403_waits_only_where_it_is_about_our_credentials(stage: Stage, line: Line) -> None:
    strike(stage, line, "403", 1)
    t = sent(stage, line.alias)
    waits = line.provider in ABOUT_US
    assert (status(t), *shown(stage, line)) == ((DELIVERED, 1, 0) if waits else (FAILED, 0, 1))
    assert t.reason == ("" if waits else "forbidden")


@on_others
@pytest.mark.parametrize("kind", ["500", "503", "401", "403", "404"])
def test_without_another_way_a_person_is_asked(kind: str, stage: Stage, line: Line, settings: Any) -> None:
    settings.RCS_BACKENDS = {name: {**one, "FALLBACK": []} for name, one in stage.backends().items()}
    strike(stage, line, kind, ALWAYS)
    t = sent(stage, line.alias)
    assert (status(t), *shown(stage, line)) == (REVIEW, 0, 0)
    assert t.reason
    assert "unknown" not in t.reason
    assert Transmission.objects.count() == 1


@everywhere
@pytest.mark.parametrize("more", [{"retry_after": 60}, {}], ids=["retry-after", "no-retry-after"])
def test_what_was_too_fast_waits_for_the_backend(more: Any, stage: Stage, line: Line) -> None:
    strike(stage, line, "429", 1, **more)
    t = sent(stage, line.alias)
    assert (status(t), t.attempts, *shown(stage, line)) == (Status.QUEUED, 0, 0, 0)
    assert t.reason == TOO_FAST.get(line.provider, "throttled")
    rests = BackendState.objects.get(pk=line.alias).paused_until
    assert rests is not None
    assert (rests > timezone.now() + timedelta(seconds=30)) == bool(more)
    stage.later()
    stage.work()
    assert (status(t), t.attempts, *shown(stage, line)) == (DELIVERED, 1, 1, 0)
    assert causes(t)[0] == TOO_FAST.get(line.provider, "throttled")


# What is not certain: the request left, and no answer came.


@everywhere
@pytest.mark.parametrize("time_critical", [False, True], ids=["in-time", "at-once"])
@pytest.mark.parametrize("kind", ["hang", "cut_before"])
def test_a_request_that_was_lost(
    kind: str, time_critical: bool, stage: Stage, line: Line, settings: Any
) -> None:
    """Only where a repeat is dropped is it made again; else a person decides, unless late is worse than double."""
    impatient(stage, settings)
    strike(stage, line, kind, 1, seconds=SLOW)
    t = sent(stage, line.alias, time_critical=time_critical)
    if line.repeats:
        assert (status(t), *shown(stage, line)) == (DELIVERED, 1, 0)
    elif time_critical:
        assert (status(t), t.unknown, *shown(stage, line)) == (FAILED, True, 0, 1)
    else:
        assert (status(t), t.unknown, *shown(stage, line)) == (REVIEW, True, 0, 0)
        assert t.reason == UNKNOWN


def impatient(stage: Stage, settings: Any) -> None:
    backends = stage.backends(timeout=PATIENCE)
    for alias in ("sms", "gateway"):
        backends[alias] = {**backends[alias], **stage.sms(timeout=PATIENCE)}
    settings.RCS_BACKENDS = backends


@on_others
@pytest.mark.parametrize(("kind", "times"), [("cut_after", 1), ("cut_after", ALWAYS), ("latency", ALWAYS)])
def test_an_answer_that_was_lost(
    kind: str, times: int | None, stage: Stage, line: Line, settings: Any
) -> None:
    """It was taken, and shown once: reports say so, where they name us. Else a person sees that nobody knows."""
    impatient(stage, settings)
    strike(stage, line, kind, times, seconds=SLOW)
    t = sent(stage, line.alias)
    assert shown(stage, line) == (1, 0)
    if line.repeats or line.finds_us:
        assert (status(t), t.reason) == (DELIVERED, "")
    else:
        assert (status(t), t.unknown, t.reason) == (REVIEW, True, UNKNOWN)


@everywhere
@pytest.mark.parametrize("kind", ["html", "half_json", "empty"])
def test_an_answer_that_cannot_be_read(kind: str, stage: Stage, line: Line) -> None:
    """It may be with the provider: it is repeated only where repeats are dropped, and falls back nowhere."""
    strike(stage, line, kind, ALWAYS)
    t = stage.send(alias=line.alias)
    stage.drain(line.alias)
    status(t)
    readable = line.provider == "kannel" and kind == "half_json"  # half of its line still begins with 0:
    doubted = (QUEUED, "malformed_reply") if line.repeats else (REVIEW, "malformed_reply: outcome unknown")
    assert (t.status, t.reason) == ((ACCEPTED, "") if readable else doubted)
    stage.work()
    assert (status(t), *shown(stage, line)) == (DELIVERED if line.finds_us else REVIEW, 1, 0)


@pytest.mark.parametrize("stage", [("gsma",), ("google",)], indirect=True, ids=["gsma", "google"])
@pytest.mark.parametrize(
    "kind", ["500", "503", "cut_before", "cut_after", "html", "half_json", "empty", "403"]
)
def test_a_log_in_that_fails_costs_no_message(kind: str, stage: Stage) -> None:
    stage.fault(kind, method="token", times=1)
    t = stage.send()
    stage.work()
    assert (status(t), stage.counts()) == (DELIVERED, (1, 0)), (t.reason, t.detail)
    assert not t.unknown


@on_every_wire
def test_nothing_is_doubled_while_everything_fails_a_little(stage: Stage) -> None:
    """Twenty messages, and every other request fails: each ends shown once, or where a person sees it."""
    for kind in ("500", "503", "cut_before", "cut_after", "html", "empty", "403"):
        stage.fault(kind, provider=stage.provider, method=stage.side.send, rate=0.15)
    numbers = [f"+3725550{n:04}" for n in range(20)]
    rows = [stage.send(number=number, ttl=timedelta(minutes=5)) for number in numbers]
    for _ in range(3):
        stage.work()
        stage.later()
    assert stage.totals()["doubles"] == 0
    for t, number in zip(rows, numbers, strict=True):
        by_rcs, by_sms = stage.counts(number)
        assert by_rcs + by_sms <= 1
        ends = {DELIVERED: (1, 0), FAILED: (0, 1)}
        if status(t) in ends:
            assert (by_rcs, by_sms) == ends[Status(t.status)]
        else:
            assert (t.status, bool(t.reason), by_sms) in {(REVIEW, True, 0), (ACCEPTED, True, 0)}
    assert stage.counts(ALICE) == (0, 0)
