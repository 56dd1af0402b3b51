"""A transmission and its events in; what happened, why, what comes next and when, as sentences out; no query."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rcs_router.admin.look import clock, pause, status_word
from rcs_router.contract import Status
from rcs_router.models import BackendState, Event, RevokeFor, Transmission

LABELS = {
    "retry": "Retry now",
    "fall_back": "Fall back now",
    "look_up": "Ask the provider",
    "revoke": "Revoke",
    "cancel": "Cancel",
    "close": "Close",
    "resend": "Resend as new",
}
WAITS = {"frequency cap", "quiet hours"}  # reasons to postpone what could leave
Said = tuple[str, str, str]  # what, why, then


@dataclass(frozen=True)
class Line:
    """One event as a person reads it."""

    at: datetime
    what: str
    why: str = ""
    then: str = ""
    reported: str = ""  # when, by the provider's clock


@dataclass(frozen=True)
class Way:
    """One transmission with all there is to say of it."""

    row: Transmission
    word: Any
    lines: list[Line]
    outlook: str
    operations: list[tuple[str, str]]


def way(
    row: Transmission, now: datetime, resting: BackendState | None, possible: list[str], *, may_act: bool
) -> Way:
    """`row` with its fallback and events loaded; `resting`: its backend while it rests; `possible`: LABELS' keys."""
    operations = [(what, LABELS[what]) for what in possible] if may_act else []
    told = lines(row.events.all())
    return Way(row, status_word(row.status), told, outlook(row, now, resting, possible), operations)


def lines(events: Iterable[Event]) -> list[Line]:
    """In the order in which we learned of them."""
    counted = 0
    told = []
    for event in events:
        spent = (event.attempt or 0) > counted
        counted = (
            0 if event.kind == "operator" and event.code == "retry" else max(counted, event.attempt or 0)
        )
        what, why, then = _SAY.get(event.kind, _anything)(event, spent)
        reported = clock(event.at, event.created_at) if event.at else ""
        told.append(Line(event.created_at, what, why, then, reported))
    return told


def _attempt(event: Event, spent: bool) -> Said:
    name = f"attempt {event.attempt}" if spent else "attempt (not counted)"
    took = f" after {event.took_ms} ms" if event.took_ms is not None else ""
    if event.status == Status.ACCEPTED:
        return f"{name}: the provider took it{took}", _why(event), ""
    return f"{name} failed{took}", _why(event), _then(event)


def _receipt(event: Event, spent: bool) -> Said:
    word = Status(event.status).name.lower() if event.status is not None else event.code.replace("_", " ")
    why = event.detail if event.code == word else _why(event)
    return f"the provider reports: {word}", why, ""


def _lease(event: Event, spent: bool) -> Said:
    return event.code, event.detail, _then(event)


def _fallback(event: Event, spent: bool) -> Said:
    if event.status == Status.CANCELLED:
        return "cancelled", event.code, ""
    leaves = f"leaves {_later(event)}" if event.next_at else ""
    return event.detail or "falls back", event.code, leaves


def _expiry(event: Event, spent: bool) -> Said:
    return event.code, event.detail, ""


def _revoke(event: Event, spent: bool) -> Said:
    if event.code == "taken back":
        return "the provider took it back", event.detail, ""
    if event.code == "too late":
        return "the provider could not take it back any more", event.detail, ""
    if event.code == "asked":
        return "the provider was asked to take it back", event.detail, _again(event)
    return (
        "the revoke failed",
        _why(event),
        _again(event),
    )


def _again(event: Event) -> str:
    return f"asked again {_later(event)}" if event.next_at else "not asked again"


def _look_up(event: Event, spent: bool) -> Said:
    return "the provider was asked how it stands", event.detail, ""


def _operator(event: Event, spent: bool) -> Said:
    return (
        f"operator: {event.code}",
        event.detail,
        "waits for the provider's answer" if event.code in {"revoke", "look_up"} else "",
    )


def _consent(event: Event, spent: bool) -> Said:
    return "not sent", "the person wants no promotions", ""


def _wait(event: Event, spent: bool) -> Said:
    if event.status == Status.CANCELLED:
        return "not sent", _why(event), ""
    until = f"until {clock(event.next_at)}" if event.next_at else ""
    return f"waits: {event.code}", event.detail, until


def _anything(event: Event, spent: bool) -> Said:
    return event.kind, _why(event), _then(event)


_SAY = {
    "attempt": _attempt,
    "receipt": _receipt,
    "lease": _lease,
    "fallback": _fallback,
    "expiry": _expiry,
    "revoke": _revoke,
    "look up": _look_up,
    "operator": _operator,
    "consent": _consent,
    "wait": _wait,
}


def _why(event: Event) -> str:
    return ": ".join(part for part in (event.code, event.detail) if part)


def _then(event: Event) -> str:
    if event.next_at:
        return f"next attempt {_later(event)}"
    return (
        {
            Status.REVIEW: "a person must decide",
            Status.FAILED: "no more attempts",
            Status.QUEUED: "back into the queue",
            Status.CANCELLED: "not sent any more",
            Status.EXPIRED: "not sent any more",
        }.get(Status(event.status), "")
        if event.status is not None
        else ""
    )


def _later(event: Event) -> str:
    assert event.next_at is not None
    wait = (event.next_at - event.created_at).total_seconds()
    return f"{pause(wait)} later, {clock(event.next_at, event.created_at)}" if wait >= 1 else "at once"


def outlook(
    row: Transmission, now: datetime, resting: BackendState | None = None, possible: Iterable[str] = ()
) -> str:
    """What comes next, and when; for one in review, what a person may choose from."""
    status = Status(row.status)
    if row.revoke_at and status < Status.DELIVERED:
        why = f" ({RevokeFor(row.revoke_for).label})" if row.revoke_for else ""
        return f"waits for the provider's answer to a revoke{why}"
    match status:
        case Status.QUEUED:
            return _queued(row, now, resting)
        case Status.SENDING:
            return "is being sent right now"
        case Status.ACCEPTED:
            until = f"; of use until {clock(row.expires_at, now)}" if row.expires_at else ""
            return f"waits for the provider to report delivery{until}"
        case Status.REVIEW:
            return "a person must decide: " + ", ".join(LABELS[what].lower() for what in possible)
        case Status.FAILED | Status.EXPIRED if child := _child(row):
            return f"goes on by {child.backend_id}"
        case Status.DELIVERED:
            return "arrived; a read receipt may follow"
        case Status.READ:
            return "arrived and was read"
    return "nothing more will happen"


def _queued(row: Transmission, now: datetime, resting: BackendState | None) -> str:
    what = "next attempt" if row.attempts else "to be sent"
    if resting and resting.paused_until and resting.paused_until > max(now, row.due_at):
        why = f": {resting.reason}" if resting.reason else ""
        return f"{what} when {row.backend_id} has rested, {clock(resting.paused_until, now)}{why}"
    wait = (row.due_at - now).total_seconds()
    if wait > 0:
        why = f" ({row.reason})" if row.reason in WAITS else ""
        return f"{what} in {pause(wait)}, {clock(row.due_at, now)}{why}"
    return f"{what} as soon as a worker is free; due since {clock(row.due_at, now)}"


def _child(row: Transmission) -> Transmission | None:
    return getattr(row, "fallback", None)
