"""Expire late messages, and apply a provider's answers to revokes and status requests; called by `expiry`."""

from datetime import datetime, timedelta

from django.db.models import F

from rcs_router import database, logs, signals, wake
from rcs_router.conf import router_settings
from rcs_router.contract import Status
from rcs_router.errors import SendError
from rcs_router.models import Event, RevokeFor, Transmission
from rcs_router.outbox.fallback import open_fallback
from rcs_router.outbox.lease import facts
from rcs_router.outbox.policy import after_expiry
from rcs_router.outbox.silence import NO_PROOF

_BECOMES = {
    RevokeFor.EXPIRY: Status.EXPIRED,
    RevokeFor.FALLBACK: Status.FAILED,
    RevokeFor.CANCEL: Status.CANCELLED,
    RevokeFor.LOOK_UP: Status.CANCELLED,
}
_GOES_ON = {RevokeFor.EXPIRY, RevokeFor.FALLBACK}  # another backend is to carry it


def expire(row: Transmission, now: datetime) -> bool:
    """Expire a transmission past its ttl without proof of delivery; return False if another worker was first."""
    decision = after_expiry(sent=True, facts=facts(row))
    unwanted = row.revoke_for == RevokeFor.CANCEL  # asked to cancel: no other backend may send it
    why = RevokeFor.CANCEL if unwanted else RevokeFor.EXPIRY
    changes = {"revoke_at": now, "revoke_for": why, "revokes": 0} if decision.revoke else {}
    with database.atomic():
        silent = Transmission.objects.filter(pk=row.pk, status=Status.ACCEPTED, expiry_seen=False)
        won = silent.filter(revoke_for=row.revoke_for).update(
            expiry_seen=True, reason=decision.reason, **changes
        )
        if won:
            Event.objects.create(transmission=row, kind="expiry", code=decision.reason)
            child = open_fallback(row, decision.reason, now) if decision.fall_back and not unwanted else None
            step = logs.goes_on_by(child.backend_id) if child else "nobody can be asked: a receipt may come"
            logs.too_late(
                row.backend_id, row.pk, decision.reason, logs.TAKEN_BACK_FIRST if decision.revoke else step
            )
            if decision.revoke:
                wake.revoke(row.backend_id)
            else:
                _doubted(row)
    return bool(won)


def expire_unsent(row: Transmission, now: datetime) -> bool:
    """Expire a transmission that waits for a retry, its pace or a paused backend. Return as `expire` does."""
    decision = after_expiry(sent=False, facts=facts(row))
    status, reason = decision.status, decision.reason
    changes = {"revoke_at": now, "revoke_for": RevokeFor.FALLBACK} if decision.revoke else {}
    if status in {Status.EXPIRED, Status.FAILED}:
        changes["failed_at"] = now
    with database.atomic():
        waiting = Transmission.objects.filter(pk=row.pk, status=Status.QUEUED, expires_at__lte=now)
        won = waiting.filter(unknown=row.unknown).update(status=status, reason=reason, **changes)
        if won:
            Event.objects.create(transmission=row, kind="expiry", status=status, code=reason)
            child = open_fallback(row, reason, now) if decision.fall_back else None
            by = child.backend_id if child else ""
            logs.too_late(row.backend_id, row.pk, reason, logs.next_step(status, by=by))
            if decision.revoke:
                wake.revoke(row.backend_id)
            signals.after_commit(signals.transmission_failed, Transmission, transmission=row, reason=reason)
    return bool(won)


def revoke_answered(row: Transmission, answer: bool | SendError | None, now: datetime) -> None:
    """Apply the answer to a revoke. True: revoked; False: too late; None or an error: ask again if it can still
    help.
    """
    if isinstance(answer, SendError):
        _ask_again(row, now, answer.code, answer.detail, again=answer.retry)
    elif answer is None:
        _ask_again(row, now, "asked", "the answer comes later", again=True)
    elif answer:
        taken_back(row, now, answered=True)
    else:
        asked(row)
        if row.revoke_for != RevokeFor.EXPIRY:  # its reason says that it waits for proof
            _unproved(row)
        detail = "it may have been delivered"
        Event.objects.create(transmission=row, kind="revoke", code="too late", detail=detail)
        logs.not_answered(row.backend_id, row.pk, "too late to take it back", "a receipt decides")
        _doubted(row)


def _doubted(row: Transmission) -> None:
    """Put a transmission into review when the provider's answer was unreadable and nothing more can be asked.

    A receipt may still arrive, and outranks this.
    """
    doubtful = Transmission.objects.filter(pk=row.pk, status=Status.ACCEPTED, unknown=True, revoke_at=None)
    if doubtful.update(status=Status.REVIEW, reason="no proof that it arrived"):
        logs.doubted(row.backend_id, row.pk, "no proof that it arrived")
        signals.after_commit(signals.transmission_failed, Transmission, transmission=row, reason="no proof")


def looked_up(row: Transmission, news: bool) -> None:
    """Finish a status request. What the provider answered has been applied as receipts."""
    asked(row)
    if not news:
        _unproved(row)
    detail = "" if news else "it knows nothing new"
    Event.objects.create(transmission=row, kind="look up", code="answered", detail=detail)


def _unproved(row: Transmission) -> None:
    Transmission.objects.filter(pk=row.pk, status=Status.ACCEPTED).update(reason=NO_PROOF)


def taken_back(row: Transmission, now: datetime, *, answered: bool = False) -> None:
    """Mark a transmission as revoked: it will not be delivered, unless a receipt that outranks this says that it was.

    `answered`: the provider answers our request, which somebody may have withdrawn meanwhile; otherwise it reports a
    revoke without being asked.
    """
    with database.atomic():
        # use the current wish: a person may have decided otherwise while the provider was asked
        current = Transmission.objects.select_for_update().get(pk=row.pk)
        why = RevokeFor(current.revoke_for or RevokeFor.CANCEL)
        status = _BECOMES[why]
        wanted = Transmission.objects.filter(pk=row.pk)
        if answered:
            wanted = wanted.filter(revoke_at__isnull=False)
        won = wanted.filter(status__lt=status).update(
            status=status,
            reason=f"taken back: {why.label}",
            failed_at=now,
            revoke_at=None,
            revokes=F("revokes") + 1,
        )
        if not won:
            _asked(row, None)
        Event.objects.create(
            transmission=row, kind="revoke", code="taken back", status=status if won else None
        )
        if won and why in _GOES_ON:
            # a message with a deadline is urgent; others wait a moment for a receipt that may be on its way
            child = open_fallback(row, "taken back", now, may_arrive=why != RevokeFor.FALLBACK)
            step = logs.next_step(status, by=child.backend_id if child else "")
            logs.taken_back(row.backend_id, row.pk, why.label, step)
            signals.after_commit(
                signals.transmission_failed, Transmission, transmission=row, reason="taken back"
            )


def _ask_again(row: Transmission, now: datetime, code: str, detail: str, *, again: bool) -> None:
    delays = router_settings().RETRY_DELAYS
    again = again and row.revokes < len(delays)
    next_at = now + timedelta(seconds=delays[row.revokes]) if again else None
    _asked(row, next_at)
    Event.objects.create(transmission=row, kind="revoke", code=code, detail=detail, next_at=next_at)
    step = logs.retried_in(delays[row.revokes]) if again else "nobody is asked again: a receipt decides"
    if code != "asked" or not again:  # a later answer is not a failure
        logs.not_answered(row.backend_id, row.pk, code, step)
    if next_at is None:
        _doubted(row)


def asked(row: Transmission) -> None:
    """Record that the provider has answered and nothing more is to be asked."""
    _asked(row, None)


def _asked(row: Transmission, next_at: datetime | None) -> None:
    """Return the row only while the question is open: a later decision sets another time, or withdraws it."""
    asked = Transmission.objects.filter(pk=row.pk, revoke_at=row.revoke_at)
    asked.update(revoke_at=next_at, revokes=F("revokes") + 1)
