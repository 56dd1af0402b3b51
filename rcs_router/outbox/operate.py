"""Apply a person's decision about one transmission, by the moves that the workers use too."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from rcs_router import database, signals, sql, wake
from rcs_router.backends import backends
from rcs_router.contract import Status
from rcs_router.errors import ContentError
from rcs_router.models import Event, Message, RevokeFor, Transmission
from rcs_router.outbox.enqueue import enqueue
from rcs_router.outbox.fallback import has_fallback, open_fallback

ALLOWED = {  # the statuses in which each is possible; in all others it is over, or a worker is busy with it
    "retry": {Status.QUEUED, Status.REVIEW},
    "fall_back": {Status.QUEUED, Status.ACCEPTED, Status.REVIEW},
    "revoke": {Status.ACCEPTED, Status.REVIEW},
    "look_up": {Status.ACCEPTED, Status.REVIEW},
    "cancel": {Status.QUEUED},
    "close": {Status.REVIEW},
    "resend": {Status.REVIEW, Status.CANCELLED, Status.EXPIRED, Status.FAILED},
}


def act(what: str, transmission: Transmission, who: str = "") -> str:
    """Do one of OPERATIONS. Return an empty string when it was done, else the reason, as the rest of a sentence."""
    if why := refusal(what, transmission):
        return why
    return "" if OPERATIONS[what](transmission, who) else "it has moved on meanwhile"


def refusal(what: str, transmission: Transmission) -> str:
    """Return why this operation is not possible at the moment; an empty string when it is."""
    status, alias = Status(transmission.status), transmission.backend_id
    if status not in ALLOWED[what]:
        return f"it is {status.name.lower()}"
    if what == "close":
        return ""
    if what == "cancel":
        return "its request may have left already" if transmission.unknown else ""
    if alias not in backends:
        return f"RCS_BACKENDS has no {alias!r} any more"
    return _OBSTACLES[what](transmission)


def _retry_obstacle(row: Transmission) -> str:
    # this process's clock is enough for advice: the drain checks again with the database's clock
    late = row.expires_at is not None and row.expires_at <= timezone.now()
    return "its time is up, it can only be sent as new" if late else ""


def _fallback_obstacle(row: Transmission) -> str:
    if getattr(row, "fallback", None):
        return "its fallback is on its way already"
    return "" if has_fallback(row) else "there is no fallback left"


def _revoke_obstacle(row: Transmission) -> str:
    able = backends[row.backend_id].capabilities.revoke
    return "" if able else f"{row.backend_id} cannot take messages back"


def _look_up_obstacle(row: Transmission) -> str:
    able = backends[row.backend_id].capabilities.status
    return "" if able else f"{row.backend_id} cannot be asked"


def _resend_obstacle(row: Transmission) -> str:
    if getattr(row, "fallback", None):
        return "its fallback has taken over"
    if any(event.dedupe == _once(row) for event in row.events.all()):
        return "it was sent as new before"
    try:
        return "" if row.message.body else "it has no content"
    except ContentError as error:
        return f"its content cannot be read ({error})"


_OBSTACLES: dict[str, Callable[[Transmission], str]] = {
    "retry": _retry_obstacle,
    "fall_back": _fallback_obstacle,
    "revoke": _revoke_obstacle,
    "look_up": _look_up_obstacle,
    "resend": _resend_obstacle,
}


def retry(transmission: Transmission, who: str = "") -> bool:
    """Try a transmission again now, under the same id: one in review, or one that waits for its next attempt."""
    now = sql.now(Transmission)
    return _move(
        transmission,
        Q(status__in=ALLOWED["retry"]),
        "retry",
        who,
        now,
        status=Status.QUEUED,
        reason="",
        detail="",
        due_at=now,
        attempts=0,
        lost_leases=0,
        revoke_at=None,
        revoke_for="",
    )


def fall_back(transmission: Transmission, who: str = "") -> bool:
    """Give the transmission up and open its fallback now.

    Return False when it has arrived, is being sent, or has no fallback left. A message that may have left is revoked
    too where the provider supports it, so that the person does not get both.
    """
    now = sql.now(Transmission)
    waiting = Q(status__in=ALLOWED["fall_back"])
    may_have_left = transmission.attempts or transmission.unknown or transmission.status != Status.QUEUED
    take_back = may_have_left and backends[transmission.backend_id].capabilities.revoke
    with database.atomic():
        if not _move(
            transmission,
            waiting,
            "fall back",
            who,
            now,
            status=Status.FAILED,
            reason="operator",
            failed_at=now,
            **({"revoke_at": now, "revoke_for": RevokeFor.FALLBACK} if take_back else {}),
        ):
            return False
        if open_fallback(transmission, "operator", now) is None:
            database.set_rollback()
            return False
    return True


def cancel(transmission: Transmission, who: str = "") -> bool:
    """Cancel a transmission that has not left yet."""
    return _move(
        transmission,
        Q(status=Status.QUEUED, unknown=False),
        "cancel",
        who,
        sql.now(Transmission),
        status=Status.CANCELLED,
        reason="operator",
    )


def revoke(transmission: Transmission, who: str = "") -> bool:
    """Ask the provider to revoke it; the answer decides. Return False where that is not possible any more."""
    if not backends[transmission.backend_id].capabilities.revoke:
        return False
    now = sql.now(Transmission)
    sent = Q(status__in=ALLOWED["revoke"])
    moved = _move(
        transmission, sent, "revoke", who, now, revoke_at=now, revoke_for=RevokeFor.CANCEL, revokes=0
    )
    if moved:
        wake.revoke(transmission.backend_id)
    return moved


def look_up(transmission: Transmission, who: str = "") -> bool:
    """Ask the provider for its status. A transmission that is being revoked is asked for with the next revoke."""
    sent, now = Q(status__in=ALLOWED["look_up"]), sql.now(Transmission)
    why = transmission.revoke_for or RevokeFor.LOOK_UP
    moved = _move(transmission, sent, "look_up", who, now, revoke_at=now, revoke_for=why, revokes=0)
    if moved:
        wake.revoke(transmission.backend_id)
    return moved


def close(transmission: Transmission, who: str = "") -> bool:
    """Close a transmission in review."""
    return _move(
        transmission,
        Q(status=Status.REVIEW),
        "close",
        who,
        sql.now(Transmission),
        status=Status.CANCELLED,
        reason="closed",
        revoke_at=None,
        revoke_for=RevokeFor.CANCEL,
    )


def resend(transmission: Transmission, who: str = "") -> Transmission | None:
    """Send the same content to the same connection in a new message with a new id; close one that is in review.

    Each transmission can be resent once, so that a second click sends nothing; then, or when it has not ended, return
    None.
    """
    old, message = transmission, _copy(transmission.message)
    content = message.body
    assert content is not None, "an outgoing message has content"
    with database.atomic():
        if not _close_for_resend(old):
            return None
        event, first = Event.objects.get_or_create(
            dedupe=_once(old), defaults={"transmission": old, "kind": "operator", "code": "resend"}
        )
        if not first:
            database.set_rollback()
            return None
        enqueue(message, content, [old.connection])
        new = message.transmissions.get()
        Event.objects.filter(pk=event.pk).update(detail=_by(f"as {new.pk}", who))
        Event.objects.create(
            transmission=new, kind="operator", code="resend", detail=_by(f"in place of {old.pk}", who)
        )
        signals.after_commit(signals.message_sent, Message, message=message)
    return new


def _close_for_resend(row: Transmission) -> int:
    """Close a transmission in review. An ended one stays as it is, and a late answer to a revoke opens no fallback."""
    rows = Transmission.objects.filter(pk=row.pk, fallback=None)
    in_review = rows.filter(status=Status.REVIEW)
    return in_review.update(
        status=Status.CANCELLED, reason="sent as new", revoke_for=RevokeFor.CANCEL
    ) or rows.filter(status__in=ALLOWED["resend"]).update(revoke_for=RevokeFor.CANCEL)


def _copy(message: Message) -> Message:
    """Return a copy of the message without its idempotency key, which belongs to one message only."""
    return Message(
        direction=message.direction,
        content=message.content,
        text=message.text,
        traffic=message.traffic,
        fields=message.fields,
        in_response_to_id=message.in_response_to_id,
        ttl=message.ttl,
        time_critical=message.time_critical,
        fall_back_after=message.fall_back_after,
        fallback_text=message.fallback_text,
        is_error=message.is_error,
    )


def _once(row: Transmission) -> str:
    return f"operator:resend:{row.pk}"


def _by(what: str, who: str) -> str:
    return f"{what} by {who}".strip() if who else what


def _move(transmission: Transmission, allowed: Q, what: str, who: str, now: datetime, **changes: Any) -> bool:
    """Run one conditional UPDATE and add its event; return False when the row was changed meanwhile."""
    with database.atomic():
        moved = Transmission.objects.filter(allowed, pk=transmission.pk).update(**changes)
        if moved:
            Event.objects.create(
                transmission=transmission,
                kind="operator",
                status=changes.get("status"),
                code=what,
                detail=_by("", who),
                next_at=changes.get("due_at"),
            )
            wake.drain(transmission.backend_id)
    return bool(moved)


OPERATIONS: dict[str, Callable[[Transmission, str], object]] = {
    "retry": retry,
    "fall_back": fall_back,
    "revoke": revoke,
    "look_up": look_up,
    "cancel": cancel,
    "close": close,
    "resend": resend,
}
