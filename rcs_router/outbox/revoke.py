"""The end of a ttl, or a provider's answer to a revoke, in; expired, taken back, fallen back or asked again out."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from rcs_router import signals, wake
from rcs_router.conf import router_settings
from rcs_router.contract import Status
from rcs_router.errors import SendError
from rcs_router.models import Event, RevokeFor, Transmission
from rcs_router.outbox.fallback import open_fallback
from rcs_router.outbox.lease import facts
from rcs_router.policy import after_expiry

_BECOMES = {
    RevokeFor.EXPIRY: Status.EXPIRED,
    RevokeFor.FALLBACK: Status.FAILED,
    RevokeFor.CANCEL: Status.CANCELLED,
}


def expire(row: Transmission, now: datetime) -> bool:
    """Its time is up and nothing proves that it arrived; False when somebody else has dealt with that."""
    decision = after_expiry(sent=True, facts=facts(row))
    unwanted = row.revoke_for == RevokeFor.CANCEL  # somebody has asked to take it back: then on no other road
    why = RevokeFor.CANCEL if unwanted else RevokeFor.EXPIRY
    changes = {"revoke_at": now, "revoke_for": why} if decision.revoke else {}
    with transaction.atomic():
        silent = Transmission.objects.filter(pk=row.pk, status=Status.ACCEPTED, expiry_seen=False)
        won = silent.filter(revoke_for=row.revoke_for).update(
            expiry_seen=True, reason=decision.reason, **changes
        )
        if won:
            Event.objects.create(transmission=row, kind="expiry", code=decision.reason)
            if decision.fall_back and not unwanted:
                open_fallback(row, decision.reason, now)
            if decision.revoke:
                wake.revoke(row.backend_id)
    return bool(won)


def expire_unsent(row: Transmission, now: datetime) -> bool:
    """Its time is up while it waits: for a retry, for its pace, or behind a backend that rests. False as above."""
    decision = after_expiry(sent=False, facts=facts(row))
    status, reason = decision.status, decision.reason
    changes = {"revoke_at": now, "revoke_for": RevokeFor.FALLBACK} if decision.revoke else {}
    if status in {Status.EXPIRED, Status.FAILED}:
        changes["failed_at"] = now
    with transaction.atomic():
        waiting = Transmission.objects.filter(pk=row.pk, status=Status.QUEUED, expires_at__lte=now)
        won = waiting.filter(unknown=row.unknown).update(status=status, reason=reason, **changes)
        if won:
            Event.objects.create(transmission=row, kind="expiry", status=status, code=reason)
            if decision.fall_back:
                open_fallback(row, reason, now)
            if decision.revoke:
                wake.revoke(row.backend_id)
            signals.after_commit(signals.transmission_failed, Transmission, transmission=row, reason=reason)
    return bool(won)


def revoke_answered(row: Transmission, answer: bool | SendError, now: datetime) -> None:
    """True: it was taken back; False: that came too late; an error: ask again, as long as that has a point."""
    if isinstance(answer, SendError):
        _ask_again(row, answer, now)
    elif answer:
        _taken_back(row, now)
    else:
        _asked(row, None)
        Event.objects.create(
            transmission=row, kind="revoke", code="too late", detail="it may have been delivered"
        )


def _taken_back(row: Transmission, now: datetime) -> None:
    """It will never be delivered - unless a receipt says that it was, which outranks this."""
    with transaction.atomic():
        # as it is wanted now: a person may have decided otherwise while the provider was asked
        asked = Transmission.objects.select_for_update().get(pk=row.pk)
        why = RevokeFor(asked.revoke_for or RevokeFor.CANCEL)
        status = _BECOMES[why]
        wanted = Transmission.objects.filter(pk=row.pk, revoke_at__isnull=False)
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
        if won and why != RevokeFor.CANCEL:
            open_fallback(row, "taken back", now, may_arrive=True)
            signals.after_commit(
                signals.transmission_failed, Transmission, transmission=row, reason="taken back"
            )


def _ask_again(row: Transmission, error: SendError, now: datetime) -> None:
    delays = router_settings().RETRY_DELAYS
    again = error.retry and row.revokes < len(delays)
    next_at = now + timedelta(seconds=delays[row.revokes]) if again else None
    _asked(row, next_at)
    Event.objects.create(
        transmission=row, kind="revoke", code=error.code, detail=error.detail, next_at=next_at
    )


def _asked(row: Transmission, next_at: datetime | None) -> None:
    Transmission.objects.filter(pk=row.pk).update(revoke_at=next_at, revokes=F("revokes") + 1)
