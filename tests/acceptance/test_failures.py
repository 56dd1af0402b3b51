"""The failure matrix over the wire: what each fault ends in, what the phone shows, and that nothing is doubled."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from rcs_router.content import Card, Reply
from rcs_router.contract import Status
from rcs_router.models import BackendState, Transmission
from tests.acceptance.stage import Stage, causes, fallback, status
from tests.core import ALICE

QUEUED, ACCEPTED, REVIEW, FAILED, DELIVERED = (
    Status.QUEUED,
    Status.ACCEPTED,
    Status.REVIEW,
    Status.FAILED,
    Status.DELIVERED,
)
UNKNOWN = "ambiguous: outcome unknown"
ALWAYS = None  # until the ladder ends
SLOW = 0.6  # seconds: more than the impatient client waits
PATIENCE = 0.4

# fault, how often → of acme, which falls back to sms: status, attempts, unknown, reason, RCS and SMS on the phone;
# of solo, which has no fallback: status and reason. A 401 is mended inside of an attempt, by another token, and so is
# a cut on a connection that was used before. What was taken reports itself before the next attempt, which is spared.
GOOGLE: list[tuple[str, dict[str, Any], int | None, tuple[Any, ...], tuple[Any, ...]]] = [
    ("latency", {"seconds": 0.05}, ALWAYS, (DELIVERED, 1, False, "", 1, 0), (DELIVERED, "")),
    ("latency", {"seconds": SLOW}, 1, (DELIVERED, 1, True, "", 1, 0), (DELIVERED, "")),
    ("latency", {"seconds": SLOW}, ALWAYS, (DELIVERED, 1, True, "", 1, 0), (DELIVERED, "")),
    ("429", {"retry_after": 60}, 1, (QUEUED, 0, False, "throttled", 0, 0), (QUEUED, "throttled")),
    ("429", {}, 1, (QUEUED, 0, False, "throttled", 0, 0), (QUEUED, "throttled")),
    ("429", {}, ALWAYS, (QUEUED, 0, False, "throttled", 0, 0), (QUEUED, "throttled")),
    ("500", {}, 1, (DELIVERED, 2, False, "", 1, 0), (DELIVERED, "")),
    ("500", {}, ALWAYS, (FAILED, 4, False, "unavailable", 0, 1), (REVIEW, "unavailable")),
    ("503", {}, 3, (DELIVERED, 4, False, "", 1, 0), (DELIVERED, "")),
    ("503", {}, ALWAYS, (FAILED, 4, False, "unavailable", 0, 1), (REVIEW, "unavailable")),
    ("503", {"retry_after": 0}, ALWAYS, (FAILED, 4, False, "unavailable", 0, 1), (REVIEW, "unavailable")),
    ("401", {}, 1, (DELIVERED, 1, False, "", 1, 0), (DELIVERED, "")),
    ("401", {}, 2, (DELIVERED, 2, False, "", 1, 0), (DELIVERED, "")),
    ("401", {}, ALWAYS, (FAILED, 4, False, "misconfigured", 0, 1), (REVIEW, "misconfigured")),
    ("403", {}, 1, (FAILED, 1, False, "forbidden", 0, 1), (REVIEW, "forbidden")),
    ("403", {}, ALWAYS, (FAILED, 1, False, "forbidden", 0, 1), (REVIEW, "forbidden")),
    ("404", {}, 1, (FAILED, 1, False, "unreachable", 0, 1), (REVIEW, "unreachable")),
    ("404", {}, ALWAYS, (FAILED, 1, False, "unreachable", 0, 1), (REVIEW, "unreachable")),
    ("hang", {"seconds": SLOW}, 1, (DELIVERED, 2, False, "", 1, 0), (DELIVERED, "")),
    ("hang", {"seconds": SLOW}, ALWAYS, (REVIEW, 4, True, UNKNOWN, 0, 0), (REVIEW, UNKNOWN)),
    ("cut_before", {}, 1, (DELIVERED, 1, False, "", 1, 0), (DELIVERED, "")),
    ("cut_before", {}, 2, (DELIVERED, 2, False, "", 1, 0), (DELIVERED, "")),
    ("cut_before", {}, ALWAYS, (REVIEW, 4, True, UNKNOWN, 0, 0), (REVIEW, UNKNOWN)),
    ("cut_after", {}, 1, (DELIVERED, 1, False, "", 1, 0), (DELIVERED, "")),
    ("cut_after", {}, 2, (DELIVERED, 1, True, "", 1, 0), (DELIVERED, "")),
    ("cut_after", {}, ALWAYS, (DELIVERED, 1, True, "", 1, 0), (DELIVERED, "")),
    ("html", {}, ALWAYS, (DELIVERED, 1, True, "", 1, 0), (DELIVERED, "")),
    ("half_json", {}, ALWAYS, (DELIVERED, 1, True, "", 1, 0), (DELIVERED, "")),
    ("empty", {}, ALWAYS, (DELIVERED, 1, True, "", 1, 0), (DELIVERED, "")),
]

# The same for gateway, which falls back to RCS, and for sms, which has no fallback. This wire cannot drop a repeat, so
# a request without an answer is never made again; a delivery report settles it.
KANNEL: list[tuple[str, dict[str, Any], int | None, tuple[Any, ...], tuple[Any, ...]]] = [
    ("latency", {"seconds": 0.05}, ALWAYS, (DELIVERED, 1, False, "", 0, 1), (DELIVERED, "")),
    ("latency", {"seconds": SLOW}, ALWAYS, (DELIVERED, 1, True, "", 0, 1), (DELIVERED, "")),
    ("429", {"retry_after": 60}, 1, (QUEUED, 0, False, "throttled", 0, 0), (QUEUED, "throttled")),
    ("429", {}, ALWAYS, (QUEUED, 0, False, "throttled", 0, 0), (QUEUED, "throttled")),
    ("500", {}, 1, (DELIVERED, 2, False, "", 0, 1), (DELIVERED, "")),
    ("500", {}, ALWAYS, (FAILED, 4, False, "unavailable", 1, 0), (REVIEW, "unavailable")),
    ("503", {}, 1, (DELIVERED, 2, False, "", 0, 1), (DELIVERED, "")),
    ("503", {}, ALWAYS, (FAILED, 4, False, "unavailable", 1, 0), (REVIEW, "unavailable")),
    ("401", {}, ALWAYS, (FAILED, 4, False, "authorization_failed", 1, 0), (REVIEW, "authorization_failed")),
    ("403", {}, 1, (DELIVERED, 2, False, "", 0, 1), (DELIVERED, "")),
    ("403", {}, ALWAYS, (FAILED, 4, False, "authorization_failed", 1, 0), (REVIEW, "authorization_failed")),
    ("404", {}, ALWAYS, (FAILED, 4, False, "misconfigured", 1, 0), (REVIEW, "misconfigured")),
    ("hang", {"seconds": SLOW}, 1, (REVIEW, 1, True, UNKNOWN, 0, 0), (REVIEW, UNKNOWN)),
    ("cut_before", {}, 1, (REVIEW, 1, True, UNKNOWN, 0, 0), (REVIEW, UNKNOWN)),
    ("cut_after", {}, 1, (DELIVERED, 1, True, "", 0, 1), (DELIVERED, "")),
    ("html", {}, ALWAYS, (DELIVERED, 1, True, "", 0, 1), (DELIVERED, "")),
    ("half_json", {}, ALWAYS, (DELIVERED, 1, False, "", 0, 1), (DELIVERED, "")),
    ("empty", {}, ALWAYS, (DELIVERED, 1, True, "", 0, 1), (DELIVERED, "")),
]


def impatient(stage: Stage, settings: Any, more: dict[str, Any]) -> None:
    """A client that does not wait as long as a slow provider takes."""
    if more.get("seconds") == SLOW:
        backends = stage.backends(timeout=PATIENCE)
        for alias in ("sms", "gateway"):
            backends[alias] = {**backends[alias], **stage.kannel(timeout=PATIENCE)}
        settings.RCS_BACKENDS = backends


def ends(t: Transmission, stage: Stage) -> tuple[Any, ...]:
    """Everything that the table says of a transmission with a fallback."""
    return status(t), t.attempts, t.unknown, t.reason, *stage.counts()


def strike(
    stage: Stage, settings: Any, alias: str, kind: str, more: dict[str, Any], times: int | None
) -> Transmission:
    impatient(stage, settings, more)
    method = "sendsms" if alias in ("sms", "gateway") else "agentMessages"
    stage.fault(kind, method=method, **more, **({"times": times} if times else {}))
    t = stage.send(alias=alias)
    stage.work()
    assert stage.totals()["doubles"] == 0
    return t


def names(rows: list[Any]) -> list[str]:
    return [
        f"{kind}{'-slow' if more.get('seconds') == SLOW else ''}-{times or 'always'}"
        for kind, more, times, *_ in rows
    ]


@pytest.mark.parametrize(("kind", "more", "times", "expected", "_"), GOOGLE, ids=names(GOOGLE))
def test_google_with_a_fallback(
    kind: str, more: dict[str, Any], times: int | None, expected: Any, _: Any, stage: Stage, settings: Any
) -> None:
    t = strike(stage, settings, "acme", kind, more, times)
    assert ends(t, stage) == expected
    child = fallback(t)
    assert (status(child) if child else None) == (DELIVERED if t.status == FAILED else None)


@pytest.mark.parametrize(("kind", "more", "times", "expected", "alone"), GOOGLE, ids=names(GOOGLE))
def test_google_without_a_fallback(
    kind: str, more: dict[str, Any], times: int | None, expected: Any, alone: Any, stage: Stage, settings: Any
) -> None:
    t = strike(stage, settings, "solo", kind, more, times)
    _, attempts, unknown, _, rcs, _ = expected
    assert ends(t, stage) == (alone[0], attempts, unknown, alone[1], rcs, 0)


@pytest.mark.services  # takes long
@pytest.mark.parametrize(("kind", "more", "times", "expected", "_"), KANNEL, ids=names(KANNEL))
def test_kannel_with_a_fallback(
    kind: str, more: dict[str, Any], times: int | None, expected: Any, _: Any, stage: Stage, settings: Any
) -> None:
    t = strike(stage, settings, "gateway", kind, more, times)
    assert ends(t, stage) == expected


@pytest.mark.services  # takes long
@pytest.mark.parametrize(("kind", "more", "times", "expected", "alone"), KANNEL, ids=names(KANNEL))
def test_kannel_without_a_fallback(
    kind: str, more: dict[str, Any], times: int | None, expected: Any, alone: Any, stage: Stage, settings: Any
) -> None:
    t = strike(stage, settings, "sms", kind, more, times)
    _, attempts, unknown, _, _, sms = expected
    assert ends(t, stage) == (alone[0], attempts, unknown, alone[1], 0, sms)


@pytest.mark.parametrize("alias", ["acme", "sms"])
@pytest.mark.parametrize("more", [{"retry_after": 60}, {}])
def test_what_was_too_fast_arrives_when_the_backend_has_rested(
    alias: str, more: dict[str, Any], stage: Stage
) -> None:
    stage.fault("429", times=1, **more)
    t = stage.send(alias=alias)
    stage.work()
    assert (status(t), t.attempts) == (QUEUED, 0)
    rests = BackendState.objects.get(pk=alias).paused_until
    assert rests is not None
    assert (rests > timezone.now() + timedelta(seconds=30)) == bool(more)
    stage.later()
    stage.work()
    assert (status(t), t.attempts, sum(stage.counts())) == (DELIVERED, 1, 1)
    assert causes(t)[0] == "throttled"


@pytest.mark.parametrize("kind", ["html", "half_json", "empty"])
@pytest.mark.parametrize("alias", ["acme", "sms"])
def test_an_answer_that_cannot_be_read_is_doubted(kind: str, alias: str, stage: Stage) -> None:
    stage.fault(kind)
    t = stage.send(alias=alias)
    stage.drain(alias)
    readable = alias == "sms" and kind == "half_json"  # half of Kannel's line still begins with 0:
    doubted = (QUEUED, "malformed_reply") if alias == "acme" else (REVIEW, "malformed_reply: outcome unknown")
    assert (status(t), t.reason) == ((ACCEPTED, "") if readable else doubted)
    assert t.unknown is not readable


def test_every_attempt_has_the_same_id(stage: Stage) -> None:
    stage.fault("cut_after", times=4)
    t = stage.send()
    for _ in range(5):
        stage.drain("acme")
    accepted = stage.emulator.get("ledger/")["accepted"]
    assert [(entry["id"], entry["copies"]) for entry in accepted] == [(str(t.pk), 5)]
    assert (status(t), t.attempts, stage.counts()) == (ACCEPTED, 4, (1, 0))


@pytest.mark.parametrize(
    "kind", ["500", "503", "401", "403", "404", "hang", "cut_before", "html", "half_json", "empty"]
)
def test_trouble_with_the_log_in_is_never_the_messages(kind: str, stage: Stage, settings: Any) -> None:
    """No message was on that request: it may be made again, and the SMS is no double."""
    stage.fault(kind, method="token", seconds=0.1)
    t = stage.send()
    stage.work()
    assert (status(t), t.unknown, stage.counts()) == (FAILED, False, (0, 1)), t.reason


def test_an_agent_that_is_not_launched(stage: Stage) -> None:
    stage.dial(google={"agents": {"acme": {"launched": False}}})
    t = stage.send()
    stage.work()
    assert ends(t, stage) == (FAILED, 1, False, "not_launched", 0, 1)


def test_a_code_does_not_wait_for_proof(stage: Stage) -> None:
    """Taken, but every answer lost: the SMS goes out at once, and both arrive - which is shown."""
    stage.fault("cut_after", method="agentMessages")
    t = stage.send("Your code is 1234", time_critical=True, traffic="authentication")
    for _ in range(4):
        stage.drain("acme")
    assert (status(t), t.unknown) == (FAILED, True)
    stage.drain("sms")
    stage.work()
    assert (status(t), stage.counts()) == (DELIVERED, (1, 1))
    child = fallback(t)
    assert child is not None
    assert (t.late_rcs, status(child), stage.totals()["doubles"]) == (True, DELIVERED, 0)


def test_an_unknown_outcome_is_taken_back_before_the_sms(stage: Stage) -> None:
    stage.phone(online=False)
    stage.fault("cut_after", method="agentMessages")
    t = stage.send()
    stage.work()
    assert (status(t), t.reason) == (FAILED, "taken back: another backend shall carry it")
    stage.phone(online=True)
    stage.work()
    assert stage.counts() == (0, 1)


@pytest.mark.parametrize(
    ("times", "ending", "shown"), [(1, FAILED, (0, 1)), (3, FAILED, (0, 1)), (ALWAYS, REVIEW, (0, 0))]
)
def test_a_revoke_in_trouble_is_asked_for_as_often_as_a_message(
    times: int | None, ending: Status, shown: tuple[int, int], stage: Stage
) -> None:
    stage.phone(online=False)
    stage.fault("cut_after", method="agentMessages")
    stage.fault("503", method="revoke", **({"times": times} if times else {}))
    t = stage.send()
    stage.work()
    assert (status(t), causes(t).count("unavailable")) == (ending, times or 4)
    stage.phone(online=True)
    stage.quiet()
    assert stage.counts() == (shown if times else (1, 0)), "who cannot be asked might have delivered it"


def test_taken_delivered_and_nobody_said_so(stage: Stage) -> None:
    """Every answer and every event is lost: the phone has it once, and a person is asked."""
    stage.fault("cut_after", method="agentMessages")
    stage.fault("lost", "webhook")
    t = stage.send()
    stage.work()
    assert ends(t, stage) == (REVIEW, 4, True, UNKNOWN, 1, 0)
    assert causes(t)[-1] == "too late"


@pytest.mark.parametrize(
    ("link", "outcome", "ending", "reason"),
    [
        ("up", "failed", FAILED, "undelivered"),
        ("up", "rejected", FAILED, "rejected"),
        ("stopped", "delivered", REVIEW, "not_routable"),
    ],
)
def test_what_the_sms_network_says_no_to(
    link: str, outcome: str, ending: Status, reason: str, stage: Stage
) -> None:
    stage.phone(rcs=False)
    stage.dial(kannel={"link": link, "outcome": outcome})
    t = stage.send()
    stage.work()
    child = fallback(t)
    assert child is not None
    assert (status(t), status(child), child.reason) == (FAILED, ending, reason)
    assert stage.counts() == (0, 0)
    assert t.message.status == ending


def test_a_gateway_without_a_link_keeps_it_until_there_is_one(stage: Stage) -> None:
    stage.dial(kannel={"link": "down"})
    t = stage.send(alias="sms")
    stage.work()
    assert (status(t), t.reason, stage.counts()) == (ACCEPTED, "queued", (0, 0))
    stage.dial(kannel={"link": "up"})
    stage.work()
    assert (status(t), stage.counts()) == (DELIVERED, (0, 1))


def test_a_gateway_that_is_down_for_good(stage: Stage, settings: Any) -> None:
    """Nobody listens there: nothing left, so it is tried again, and then a person decides."""
    nobody = stage.kannel(url="http://127.0.0.1:9/cgi-bin/sendsms")
    settings.RCS_BACKENDS = stage.backends() | {"sms": nobody}
    t = stage.send(alias="sms")
    stage.work()
    assert ends(t, stage) == (REVIEW, 4, False, "unavailable", 0, 0)


def test_a_report_of_failure_opens_the_fallback(stage: Stage) -> None:
    stage.dial(kannel={"outcome": "failed"})
    t = stage.send(Card("Boots", suggestions=(Reply("Keep", "keep_7"),)), "gateway")
    stage.work()
    assert ends(t, stage) == (FAILED, 1, False, "undelivered", 1, 0)
    assert stage.shown(ALICE)[0]["kind"] == "card"


def test_a_promotional_cap_does_not_rest_the_backend(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    from rcs_backends.emulator.wire.google import request as google_request

    cap = "You have reached the allowed traffic limit for this agent."
    monkeypatch.setitem(google_request.ERRORS, 429, ("RESOURCE_EXHAUSTED", cap))
    stage.fault("429", method="agentMessages", times=1)
    t = stage.send(traffic="promotion")
    stage.work()
    assert ends(t, stage) == (FAILED, 1, False, "traffic_limit", 0, 1)
    assert status(stage.send()) == QUEUED
    stage.work()
    assert stage.counts() == (1, 1)
