"""Send messages that cannot wait any longer by the next backend.

A message goes on at its fallback deadline, or at once while its backend is paused and it is urgent. The sweep calls
`meet_deadlines`, a drain of a paused backend calls `divert`, and both use the decisions of `policy`.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from rcs_router import database, logs, wake
from rcs_router.backends import backends
from rcs_router.contract import Status, Traffic
from rcs_router.errors import RCSError
from rcs_router.models import PRIORITY, Event, RevokeFor, Transmission
from rcs_router.outbox.fallback import has_fallback, open_fallback
from rcs_router.outbox.lease import facts
from rcs_router.outbox.policy import TURN, Decision, after_deadline

logger = logging.getLogger(__name__)

PAUSED = "its backend is paused"
URGENT = PRIORITY[Traffic.AUTHENTICATION]
_WAITING = Q(status=Status.QUEUED, unknown=False)  # no request for it can have left


def divert(alias: str, now: datetime, limit: int = 500) -> int:
    """Send waiting authentication messages of this paused backend by their fallback; return how many.

    A message that may have left stays: at its deadline it is revoked first.
    """
    rows = urgent_of(alias, now).select_related("message", "connection").order_by("due_at")[:limit]
    decision = Decision(Status.FAILED, PAUSED, spend=False, fall_back=True)
    return sum(_guarded(_goes_on, row, decision, now) for row in rows if has_fallback(row))


def urgent_of(alias: str, now: datetime) -> "QuerySet[Transmission]":
    """Return the authentication messages that wait for this backend, including retries that are not due yet."""
    reached = Q(due_at__lte=now + timedelta(seconds=TURN)) | Q(attempts__gt=0)
    return Transmission.objects.filter(_WAITING, reached, backend_id=alias, priority=URGENT)


def meet_deadlines(now: datetime, limit: int = 500) -> int:
    """Handle the transmissions whose fallback deadline has passed without proof of delivery; return how many."""
    rows = Transmission.objects.filter(fall_back_at__lte=now).select_related("message", "connection")
    states = (
        Status.QUEUED,
        Status.ACCEPTED,
        Status.SENDING,
    )  # one query each: IN would use no partial index
    late = [row for status in states for row in rows.filter(status=status)[:limit]]
    return sum(_guarded(_late, row, now) for row in late)


def _guarded(what: Callable[..., bool], row: Transmission, *args: Any) -> bool:
    """Run `what` for one row; an error in it (content of another release, edited by hand) does not stop the others."""
    try:
        return what(row, *args)
    except RCSError as error:
        name = type(error).__name__
        who = {"alias": row.backend_id, "transmission": str(row.pk), "code": name}
        logger.error(
            *("%s: %s cannot go on (%s): waits for its backend", row.backend_id, row.pk, name),
            extra={**who, "next_step": "waits for its backend"},
        )
        return bool(_unchanged(row).update(fall_back_at=None))


def _late(row: Transmission, now: datetime) -> bool:
    if row.backend_id not in backends:  # the backend was removed from the settings, so nothing can be done
        return bool(_unchanged(row).update(fall_back_at=None))
    sending = row.status == Status.SENDING
    if sending and not (row.message.time_critical and row.started):
        return False  # the provider's answer comes in a moment, or the row waits for the next sweep
    decision = after_deadline(
        sent=sending or row.status == Status.ACCEPTED,
        facts=facts(row, now=now),
        can_revoke=backends[row.backend_id].capabilities.revoke,
    )
    if decision is None or row.revoke_for == RevokeFor.CANCEL:
        return bool(_unchanged(row).update(fall_back_at=None))
    if decision.status == Status.FAILED:
        return _goes_on(row, decision, now)
    return _takes_back(row, decision, now)


def _unchanged(row: Transmission) -> "QuerySet[Transmission]":
    return Transmission.objects.filter(
        pk=row.pk, status=row.status, unknown=row.unknown, revoke_for=row.revoke_for
    )


def _goes_on(row: Transmission, decision: Decision, now: datetime) -> bool:
    """Fail a transmission that has not left, and open its fallback."""
    with database.atomic():
        waiting = Transmission.objects.filter(_WAITING, pk=row.pk)
        won = waiting.update(status=Status.FAILED, reason=decision.reason, failed_at=now, fall_back_at=None)
        child = open_fallback(row, decision.reason, now) if won else None
    if child:
        logs.moved_on(row.backend_id, row.pk, decision.reason, logs.goes_on_by(child.backend_id))
    return bool(won)


def _takes_back(row: Transmission, decision: Decision, now: datetime) -> bool:
    """Ask the provider to revoke a transmission that may have left; a time-critical message falls back at once."""
    changes = {"revoke_at": now, "revoke_for": RevokeFor.FALLBACK, "revokes": 0} if decision.revoke else {}
    with database.atomic():
        won = _unchanged(row).update(fall_back_at=None, **changes)
        if won:
            Event.objects.create(transmission=row, kind="deadline", code=decision.reason)
            if decision.fall_back:
                open_fallback(row, decision.reason, now)
            if decision.revoke:
                wake.revoke(row.backend_id)
            logs.moved_on(row.backend_id, row.pk, decision.reason, "is to be taken back")
    return bool(won)
