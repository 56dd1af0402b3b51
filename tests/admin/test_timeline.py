"""Events as sentences: what happened, why, what comes next and when."""

from datetime import UTC, datetime, timedelta

import pytest

from rcs_router.admin.timeline import event_lines, next_step
from rcs_router.contract import Status
from rcs_router.models import BackendState, Event, RevokeFor, Transmission

NOW = datetime(2026, 5, 4, 14, 2, 40, tzinfo=UTC)


def event(kind: str, **facts: object) -> Event:
    return Event(kind=kind, created_at=NOW, **facts)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("happened", "told"),
    [
        (
            event("attempt", status=Status.ACCEPTED, attempt=1, took_ms=35),
            ("attempt 1: accepted by the provider after 35 ms", "", ""),
        ),
        (
            event(
                "attempt",
                status=Status.QUEUED,
                attempt=2,
                code="unavailable",
                detail="503",
                next_at=later(25),
            ),
            ("attempt 2 failed", "unavailable: 503", "next attempt 25 s later, 14:03:05"),
        ),
        (
            event("attempt", status=Status.QUEUED, attempt=1, code="unavailable", next_at=later(300)),
            ("attempt 1 failed", "unavailable", "next attempt 5 min later, 14:07:40"),
        ),
        (
            event("attempt", status=Status.QUEUED, attempt=1, code="throttled", next_at=later(40000)),
            ("attempt 1 failed", "throttled", "next attempt 11 h later, 5 May 2026, 01:09:20"),
        ),
        (
            event("attempt", status=Status.QUEUED, code="throttled", next_at=later(0)),
            ("attempt (not counted) failed", "throttled", "next attempt at once"),
        ),
        (
            event("attempt", status=Status.REVIEW, attempt=1, code="bad_address"),
            ("attempt 1 failed", "bad_address", "a person must decide"),
        ),
        (
            event("attempt", status=Status.CANCELLED, attempt=1, code="opted_out"),
            ("attempt 1 failed", "opted_out", "not sent any more"),
        ),
        (
            event("receipt", status=Status.DELIVERED, code="delivered"),
            ("the provider reports: delivered", "", ""),
        ),
        (
            event("receipt", status=Status.FAILED, code="30003", detail="unreachable"),
            ("the provider reports: failed", "30003: unreachable", ""),
        ),
        (
            event("receipt", code="expiry_uncertain"),
            ("the provider reports: expiry uncertain", "expiry_uncertain", ""),
        ),
        (
            event("lease", status=Status.REVIEW, code="3 workers stopped while sending it"),
            ("3 workers stopped while sending it", "", "a person must decide"),
        ),
        (
            event("fallback", code="unavailable", detail="goes on by sms", next_at=later(10)),
            ("goes on by sms", "unavailable", "leaves 10 s later, 14:02:50"),
        ),
        (
            event("fallback", status=Status.CANCELLED, code="the first message arrived"),
            ("cancelled", "the first message arrived", ""),
        ),
        (event("expiry", code="expired: waiting for proof"), ("expired: waiting for proof", "", "")),
        (event("revoke", code="taken back"), ("the provider took it back", "", "")),
        (event("revoke", code="too late"), ("the provider could not take it back any more", "", "")),
        (
            event("revoke", code="unavailable", detail="503", next_at=later(30)),
            ("the revoke failed", "unavailable: 503", "asked again 30 s later, 14:03:10"),
        ),
        (event("operator", code="cancel", detail="by eve"), ("operator: cancel", "by eve", "")),
        (
            event("operator", code="revoke", detail="by eve"),
            ("operator: revoke", "by eve", "waits for the provider's answer"),
        ),
        (event("consent", status=Status.CANCELLED), ("not sent", "the person wants no promotions", "")),
        (
            event("wait", status=Status.QUEUED, code="quiet hours", next_at=later(64640)),
            ("waits: quiet hours", "", "until 5 May 2026, 08:00:00"),
        ),
        (
            event("wait", status=Status.CANCELLED, code="frequency cap", detail="it would come too late"),
            ("not sent", "frequency cap: it would come too late", ""),
        ),
        (event("novelty", code="x", detail="y"), ("novelty", "x: y", "")),
    ],
    ids=lambda value: f"{value.kind}-{value.code}" if isinstance(value, Event) else "",
)
def test_an_event_says_what_why_and_what_then(happened, told):
    [line] = event_lines([happened])
    assert (line.what, line.why, line.then) == told


def test_attempts_count_again_after_a_retry_by_hand():
    happened = [
        event("attempt", status=Status.QUEUED, attempt=1, code="unavailable"),
        event("attempt", status=Status.QUEUED, attempt=1, code="throttled"),
        event("operator", code="retry"),
        event("attempt", status=Status.ACCEPTED, attempt=1),
    ]
    assert [line.what for line in event_lines(happened)] == [
        "attempt 1 failed",
        "attempt (not counted) failed",
        "operator: retry",
        "attempt 1: accepted by the provider",
    ]


def row(status: Status, **facts: object) -> Transmission:
    return Transmission(status=status, backend_id="rcs", **{"due_at": NOW, **facts})


PAUSED = BackendState(backend_id="rcs", paused_until=later(60), reason="throttled")


@pytest.mark.parametrize(
    ("transmission", "resting", "expected"),
    [
        (row(Status.QUEUED), None, "to be sent as soon as a worker is free; due since 14:02:40"),
        (row(Status.QUEUED, due_at=later(25), attempts=2), None, "next attempt in 25 s, 14:03:05"),
        (row(Status.QUEUED, due_at=later(7200)), None, "to be sent in 2 h, 16:02:40"),
        (
            row(Status.QUEUED, due_at=later(7200), reason="frequency cap"),
            None,
            "to be sent in 2 h, 16:02:40 (frequency cap)",
        ),
        (row(Status.QUEUED), PAUSED, "to be sent when rcs is no longer paused, 14:03:40: throttled"),
        (row(Status.QUEUED, due_at=later(90)), PAUSED, "to be sent in 90 s, 14:04:10"),
        (row(Status.SENDING), None, "is being sent right now"),
        (row(Status.ACCEPTED), None, "waits for the provider to report delivery"),
        (
            row(Status.ACCEPTED, expires_at=later(60)),
            None,
            "waits for the provider to report delivery; expires 14:03:40",
        ),
        (
            row(Status.ACCEPTED, revoke_at=NOW, revoke_for=RevokeFor.EXPIRY),
            None,
            "waits for the provider's answer to a revoke (its time is up)",
        ),
        (row(Status.REVIEW), None, "a person must decide: retry now, close"),
        (row(Status.CANCELLED), None, "nothing more will happen"),
        (row(Status.FAILED), None, "nothing more will happen"),
        (row(Status.DELIVERED, revoke_at=NOW), None, "arrived; a read receipt may follow"),
        (row(Status.READ), None, "arrived and was read"),
    ],
)
@pytest.mark.django_db
def test_the_outlook_says_what_comes_next_and_when(transmission, resting, expected):
    assert next_step(transmission, NOW, resting, ["retry", "close"]) == expected
