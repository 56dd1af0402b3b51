"""A person's decision about one transmission in; the same moves as the engine's out. Used by the admin and commands."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from rcs_router import sql, wake
from rcs_router.backends import backends
from rcs_router.contract import Status
from rcs_router.models import Event, RevokeFor, Transmission
from rcs_router.outbox.fallback import open_fallback


def retry(transmission: Transmission, who: str = "") -> bool:
    """Try a transmission in review, or one that waits for its next attempt, again now, under the same id."""
    now = sql.now(Transmission)
    return _move(
        transmission,
        Q(status=Status.REVIEW) | Q(status=Status.QUEUED),
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
    )


def fall_back(transmission: Transmission, who: str = "") -> bool:
    """Give it up and open its fallback now; False when it has arrived, is being sent, or has no fallback left."""
    now = sql.now(Transmission)
    waiting = Q(status__in=[Status.QUEUED, Status.ACCEPTED, Status.REVIEW])
    with transaction.atomic():
        if not _move(
            transmission,
            waiting,
            "fall back",
            who,
            now,
            status=Status.FAILED,
            reason="operator",
            failed_at=now,
        ):
            return False
        if open_fallback(transmission, "operator", now) is None:
            transaction.set_rollback(True)
            return False
    return True


def cancel(transmission: Transmission, who: str = "") -> bool:
    """Not to be sent (any more): only what has not left yet."""
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
    """Ask the provider to take it back; what it answers decides. False where that is not possible any more."""
    if not backends[transmission.backend_id].capabilities.revoke:
        return False
    now = sql.now(Transmission)
    sent = Q(status__in=[Status.ACCEPTED, Status.REVIEW])
    moved = _move(
        transmission, sent, "revoke", who, now, revoke_at=now, revoke_for=RevokeFor.CANCEL, revokes=0
    )
    if moved:
        wake.revoke(transmission.backend_id)
    return moved


def close(transmission: Transmission, who: str = "") -> bool:
    """Nothing more is to be done about a transmission in review."""
    return _move(
        transmission,
        Q(status=Status.REVIEW),
        "close",
        who,
        sql.now(Transmission),
        status=Status.CANCELLED,
        reason="closed",
        revoke_at=None,
    )


def _move(
    transmission: Transmission, allowed: Q, what: str, who: str, now: datetime, **changes: object
) -> bool:
    """One conditional UPDATE and its event; False when the row was elsewhere by then."""
    with transaction.atomic():
        moved = Transmission.objects.filter(allowed, pk=transmission.pk).update(**changes)
        if moved:
            Event.objects.create(
                transmission=transmission,
                kind="operator",
                status=changes.get("status"),
                code=what,
                detail=f"by {who}" if who else "",
                next_at=changes.get("due_at"),
            )
            wake.drain(transmission.backend_id)
    return bool(moved)
