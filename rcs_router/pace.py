"""How fast may a backend go, does it rest, and how many drains may serve it? Shared by all workers through its rows."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest

from rcs_router import signals, sql
from rcs_router.conf import router_settings
from rcs_router.models import Backend, BackendState, DrainSlot
from rcs_router.policy import pause as pause_seconds

BURST = 0.25  # seconds of the rate that may leave at once


def state(alias: str) -> BackendState:
    """The backend's row; made, like the backend's own, when it is missing."""
    found = BackendState.objects.filter(pk=alias).first()
    if found is None:
        Backend.objects.get_or_create(pk=alias)
        found, _ = BackendState.objects.get_or_create(pk=alias)
    return found


def reserve(alias: str, rate: float, wanted: int, now: datetime) -> tuple[int, float]:
    """Up to `wanted` messages that may leave now, and when none may, the seconds to wait. One bucket (GCRA) for all."""
    step, at = 1 / rate, now.timestamp()
    with transaction.atomic():
        row = BackendState.objects.select_for_update().get(pk=alias)
        free = max(row.next_free, at)
        room = int((at + max(BURST, step) - free) / step + 1e-9)
        granted = max(0, min(wanted, room))
        if granted:
            BackendState.objects.filter(pk=alias).update(next_free=free + granted * step)
    return granted, 0.0 if granted else free + step - at - max(BURST, step)


def give_back(alias: str, rate: float, unused: int) -> None:
    """Reserved, but there was nothing to send."""
    if unused:
        BackendState.objects.filter(pk=alias).update(next_free=F("next_free") - unused / rate)


def pause(alias: str, reason: str, retry_after: float | None, now: datetime) -> datetime:
    """Let the backend rest: as long as the provider asked, else longer each time. Rows wait without losing attempts."""
    conf = router_settings()
    rests = state(alias).pauses
    until = now + timedelta(seconds=pause_seconds(rests, retry_after, conf.PAUSES, conf.PAUSE_LIMIT))
    resting = Q(paused_until__gt=now)
    first = BackendState.objects.filter(~resting | Q(paused_until=None), pk=alias).update(
        paused_until=until, pauses=F("pauses") + 1, reason=reason[:200]
    )
    if not first:  # somebody else paused it: only ever longer
        BackendState.objects.filter(pk=alias).update(paused_until=Greatest("paused_until", until))
    elif rests == 0:
        signals.after_commit(signals.backend_degraded, Backend, backend=alias, reason=reason, until=until)
    return until


def recover(alias: str) -> None:
    """A request went through: the backend works again."""
    BackendState.objects.filter(pk=alias).update(pauses=0, paused_until=None, reason="")


@contextmanager
def slot(alias: str, now: datetime, lease: float) -> Iterator[DrainSlot | None]:
    """One of the backend's places for a drain, or None when all are taken."""
    taken = _take(alias, now, lease)
    try:
        yield taken
    finally:
        if taken:
            DrainSlot.objects.filter(pk=taken.pk, holder=taken.holder).update(holder=None, lease_until=None)


def renew(taken: DrainSlot, now: datetime, lease: float) -> bool:
    """Keep the place; False when it was lost."""
    until = now + timedelta(seconds=lease)
    return bool(DrainSlot.objects.filter(pk=taken.pk, holder=taken.holder).update(lease_until=until))


def _take(alias: str, now: datetime, lease: float) -> DrainSlot | None:
    holder = uuid.uuid4()
    for attempt in range(2):
        keys = sql.claim(
            DrainSlot,
            where="backend_id = %s AND number < %s AND (holder IS NULL OR lease_until < %s)",
            params=[alias, router_settings().SLOTS, now],
            order="number",
            limit=1,
            holder=holder,
            lease_until=now + timedelta(seconds=lease),
        )
        if keys:
            return DrainSlot(pk=keys[0], backend_id=alias, holder=holder)
        if attempt == 0:
            _make_slots(alias)  # by us, or by somebody else since we looked
    return None


def _make_slots(alias: str) -> None:
    """The places of a backend are made at its first drain."""
    wanted = router_settings().SLOTS
    if DrainSlot.objects.filter(backend_id=alias, number__lt=wanted).count() >= wanted:
        return
    Backend.objects.get_or_create(pk=alias)
    DrainSlot.objects.bulk_create(
        [DrainSlot(backend_id=alias, number=number) for number in range(wanted)], ignore_conflicts=True
    )
