"""Describe in sentences what happened to a transmission, why, and what comes next. No function runs a query."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rcs_router.admin.rendering import duration, local_time, status_badge
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
WAITS = {"frequency cap", "quiet hours"}  # reasons to postpone a promotion
Sentences = tuple[str, str, str]  # what, why, then


@dataclass(frozen=True)
class Line:
    """One event in words."""

    at: datetime
    what: str
    why: str = ""
    then: str = ""
    reported: str = ""  # when, by the provider's clock


@dataclass(frozen=True)
class Timeline:
    """One transmission with its events, its next step and the possible operations."""

    row: Transmission
    badge: Any
    lines: list[Line]
    next_step: str
    operations: list[tuple[str, str]]


def timeline(
    row: Transmission, now: datetime, paused: BackendState | None, possible: list[str], *, can_operate: bool
) -> Timeline:
    """Return the timeline of `row`, whose fallback and events are loaded.

    `paused` is the state of its backend while that is paused; `possible` are keys of LABELS.
    """
    operations = [(what, LABELS[what]) for what in possible] if can_operate else []
    lines = event_lines(row.events.all())
    return Timeline(row, status_badge(row.status), lines, next_step(row, now, paused, possible), operations)


def event_lines(events: Iterable[Event]) -> list[Line]:
    """Return the events in words, in the order in which we learned of them."""
    counted = 0
    lines = []
    for event in events:
        spent = (event.attempt or 0) > counted
        counted = max(counted, event.attempt or 0)
        if event.kind == "operator" and event.code == "retry":
            counted = 0
        what, why, then = _WORDING.get(event.kind, _other)(event, spent)
        reported = local_time(event.at, event.created_at) if event.at else ""
        lines.append(Line(event.created_at, what, why, then, reported))
    return lines


def _attempt(event: Event, spent: bool) -> Sentences:
    name = f"attempt {event.attempt}" if spent else "attempt (not counted)"
    took = f" after {event.took_ms} ms" if event.took_ms is not None else ""
    if event.status == Status.ACCEPTED:
        return f"{name}: accepted by the provider{took}", _reason(event), ""
    return f"{name} failed{took}", _reason(event), _next(event)


def _receipt(event: Event, spent: bool) -> Sentences:
    word = Status(event.status).name.lower() if event.status is not None else event.code.replace("_", " ")
    why = event.detail if event.code == word else _reason(event)
    return f"the provider reports: {word}", why, ""


def _lease(event: Event, spent: bool) -> Sentences:
    return event.code, event.detail, _next(event)


def _fallback(event: Event, spent: bool) -> Sentences:
    if event.status == Status.CANCELLED:
        return "cancelled", event.code, ""
    leaves = f"leaves {_later(event)}" if event.next_at else ""
    return event.detail or "falls back", event.code, leaves


def _expiry(event: Event, spent: bool) -> Sentences:
    return event.code, event.detail, ""


def _revoke(event: Event, spent: bool) -> Sentences:
    if event.code == "taken back":
        return "the provider took it back", event.detail, ""
    if event.code == "too late":
        return "the provider could not take it back any more", event.detail, ""
    if event.code == "asked":
        return "the provider was asked to take it back", event.detail, _again(event)
    return "the revoke failed", _reason(event), _again(event)


def _again(event: Event) -> str:
    return f"asked again {_later(event)}" if event.next_at else "not asked again"


def _look_up(event: Event, spent: bool) -> Sentences:
    return "the provider was asked how it stands", event.detail, ""


def _operator(event: Event, spent: bool) -> Sentences:
    then = "waits for the provider's answer" if event.code in {"revoke", "look_up"} else ""
    return f"operator: {event.code}", event.detail, then


def _consent(event: Event, spent: bool) -> Sentences:
    return "not sent", "the person wants no promotions", ""


def _wait(event: Event, spent: bool) -> Sentences:
    if event.status == Status.CANCELLED:
        return "not sent", _reason(event), ""
    until = f"until {local_time(event.next_at)}" if event.next_at else ""
    return f"waits: {event.code}", event.detail, until


def _other(event: Event, spent: bool) -> Sentences:
    return event.kind, _reason(event), _next(event)


_WORDING = {
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


_CONSEQUENCES = {
    Status.REVIEW: "a person must decide",
    Status.FAILED: "no more attempts",
    Status.QUEUED: "back into the queue",
    Status.CANCELLED: "not sent any more",
    Status.EXPIRED: "not sent any more",
}


def _reason(event: Event) -> str:
    return ": ".join(part for part in (event.code, event.detail) if part)


def _next(event: Event) -> str:
    if event.next_at:
        return f"next attempt {_later(event)}"
    return "" if event.status is None else _CONSEQUENCES.get(Status(event.status), "")


def _later(event: Event) -> str:
    assert event.next_at is not None
    wait = (event.next_at - event.created_at).total_seconds()
    return (
        f"{duration(wait)} later, {local_time(event.next_at, event.created_at)}" if wait >= 1 else "at once"
    )


def next_step(
    row: Transmission, now: datetime, paused: BackendState | None = None, possible: Iterable[str] = ()
) -> str:
    """Return what comes next, and when; in review, the operations that a person can choose."""
    status = Status(row.status)
    if row.revoke_at and status < Status.DELIVERED:
        why = f" ({RevokeFor(row.revoke_for).label})" if row.revoke_for else ""
        return f"waits for the provider's answer to a revoke{why}"
    match status:
        case Status.QUEUED:
            return _queued(row, now, paused)
        case Status.SENDING:
            return "is being sent right now"
        case Status.ACCEPTED:
            until = f"; expires {local_time(row.expires_at, now)}" if row.expires_at else ""
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


def _queued(row: Transmission, now: datetime, paused: BackendState | None) -> str:
    what = "next attempt" if row.attempts else "to be sent"
    if paused and paused.paused_until and paused.paused_until > max(now, row.due_at):
        why = f": {paused.reason}" if paused.reason else ""
        return (
            f"{what} when {row.backend_id} is no longer paused, {local_time(paused.paused_until, now)}{why}"
        )
    wait = (row.due_at - now).total_seconds()
    if wait > 0:
        why = f" ({row.reason})" if row.reason in WAITS else ""
        return f"{what} in {duration(wait)}, {local_time(row.due_at, now)}{why}"
    return f"{what} as soon as a worker is free; due since {local_time(row.due_at, now)}"


def _child(row: Transmission) -> Transmission | None:
    return getattr(row, "fallback", None)
