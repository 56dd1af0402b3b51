"""Transmissions whose time is up, or that are to be taken back, in; revoked, fallen back or waiting for proof out."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from rcs_router import sql, wake
from rcs_router.backends import backends
from rcs_router.conf import router_settings
from rcs_router.contract import Status
from rcs_router.errors import SendError
from rcs_router.models import Event, RevokeFor, Transmission
from rcs_router.outbox import facts, open_fallback
from rcs_router.policy import after_expiry

THREADS = 8


def sweep(now: datetime, limit: int = 500) -> int:
    """Accepted transmissions whose ttl (and the provider's grace) has passed without proof; returns how many."""
    late = now - timedelta(seconds=router_settings().EXPIRY_GRACE)
    rows = Transmission.objects.filter(status=Status.ACCEPTED, expiry_seen=False, expires_at__lt=late)
    count = 0
    for row in rows.select_related("message", "connection")[:limit]:
        count += _expire(row, now)
    return count


def _expire(row: Transmission, now: datetime) -> bool:
    decision = after_expiry(sent=True, facts=facts(row))
    changes = {"revoke_at": now, "revoke_for": RevokeFor.EXPIRY} if decision.revoke else {}
    with transaction.atomic():
        won = Transmission.objects.filter(pk=row.pk, status=Status.ACCEPTED, expiry_seen=False).update(
            expiry_seen=True, reason=decision.reason, **changes
        )
        if won:
            Event.objects.create(transmission=row, kind="expiry", code=decision.reason)
            if decision.fall_back:
                open_fallback(row, decision.reason, now)
            if decision.revoke:
                wake.revoke(row.backend_id)
    return bool(won)


def revoke_due(alias: str) -> int:
    """Ask the provider to take back what is due for that; returns how many were asked for."""
    now = sql.now(Transmission)
    lease = timedelta(seconds=router_settings().LEASE)
    keys = sql.claim(
        Transmission,
        where="backend_id = %s AND revoke_at <= %s",
        params=[alias, now],
        order="revoke_at",
        limit=router_settings().CLAIM,
        revoke_at=now + lease,  # asked again if this worker dies; asking twice is harmless
    )
    rows = list(Transmission.objects.filter(pk__in=keys).select_related("message", "connection"))
    if rows:
        with ThreadPoolExecutor(THREADS, thread_name_prefix=f"rcs-revoke-{alias}") as pool:
            for row, answer in zip(rows, pool.map(_ask, rows), strict=True):
                _answered(row, answer, sql.now(Transmission))
    return len(rows)


def _ask(row: Transmission) -> bool | SendError:
    try:
        return backends[row.backend_id].revoke(row.pk, row.connection.identity, row.provider_id)
    except SendError as error:
        return error


def _answered(row: Transmission, answer: bool | SendError, now: datetime) -> None:
    if isinstance(answer, SendError):
        _ask_again(row, answer, now)
    elif answer:
        _taken_back(row, now)
    else:
        Transmission.objects.filter(pk=row.pk).update(revoke_at=None, revokes=F("revokes") + 1)
        Event.objects.create(
            transmission=row, kind="revoke", code="too late", detail="it may have been delivered"
        )


_BECOMES = {
    RevokeFor.EXPIRY: Status.EXPIRED,
    RevokeFor.FALLBACK: Status.FAILED,
    RevokeFor.CANCEL: Status.CANCELLED,
}


def _taken_back(row: Transmission, now: datetime) -> None:
    """It will never be delivered - unless a receipt says that it was, which outranks this."""
    why = RevokeFor(row.revoke_for or RevokeFor.CANCEL)
    status = _BECOMES[why]
    with transaction.atomic():
        won = Transmission.objects.filter(pk=row.pk, status__lt=status).update(
            status=status,
            reason=f"taken back: {why.label}",
            failed_at=now,
            revoke_at=None,
            revokes=F("revokes") + 1,
        )
        Event.objects.create(
            transmission=row, kind="revoke", code="taken back", status=status if won else None
        )
        if won and why != RevokeFor.CANCEL:
            open_fallback(row, "taken back", now, may_arrive=True)


def _ask_again(row: Transmission, error: SendError, now: datetime) -> None:
    delays = router_settings().RETRY_DELAYS
    again = error.retry and row.revokes < len(delays)
    next_at = now + timedelta(seconds=delays[row.revokes]) if again else None
    Transmission.objects.filter(pk=row.pk).update(revoke_at=next_at, revokes=F("revokes") + 1)
    Event.objects.create(
        transmission=row, kind="revoke", code=error.code, detail=error.detail, next_at=next_at
    )
