"""Apply receipts: combine the events that providers report into the status of each transmission.

Receipts may arrive in any order and more than once. The result is the same.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from rcs_router import database, logs, signals, sql, wake
from rcs_router.alarms import counts
from rcs_router.backends import backends, brand_of
from rcs_router.contract import Receipt, ReceiptKind, Status
from rcs_router.errors import BadAddress, OptedOut, SendError
from rcs_router.models import Event, RevokeFor, Transmission
from rcs_router.outbox.fallback import cancel_waiting, has_fallback, open_fallback
from rcs_router.outbox.revoke import taken_back
from rcs_router.people import consent

STATUS = {
    ReceiptKind.ACCEPTED: Status.ACCEPTED,
    ReceiptKind.DELIVERED: Status.DELIVERED,
    ReceiptKind.READ: Status.READ,
    ReceiptKind.FAILED: Status.FAILED,
    ReceiptKind.EXPIRED: Status.EXPIRED,
    ReceiptKind.REVOKED: Status.CANCELLED,  # "at least": the next step depends on why it was revoked
}


@dataclass
class Sum:
    """The combined effect of several receipts of one transmission: the highest status and the earliest times."""

    status: Status = Status.QUEUED
    reason: str = ""
    detail: str = ""
    times: dict[str, datetime] = field(default_factory=dict)

    def add(self, receipt: Receipt, created: datetime, now: datetime) -> "Sum":
        """Add one receipt. The operation is commutative and idempotent, so order and repetition do not matter.

        The provider's time is clamped: nothing happens to a transmission before it was `created`, or after `now`.
        """
        status = STATUS.get(receipt.kind)
        if status is None:
            return self
        at = max(created, min(receipt.at or now, now))
        for name in _TIMES_OF.get(status, ()):
            self._earliest(name, at)
        if status > self.status:
            self.status, self.reason, self.detail = status, receipt.code, receipt.detail
        return self

    def _earliest(self, name: str, at: datetime) -> None:
        self.times[name] = min(at, self.times.get(name, at))


# A message that was read was delivered before, and a delivered one was accepted before: no time is after the next.
_TIMES_OF = {
    Status.ACCEPTED: ("accepted_at",),
    Status.DELIVERED: ("accepted_at", "delivered_at"),
    Status.READ: ("accepted_at", "delivered_at", "read_at"),
    Status.FAILED: ("failed_at",),
    Status.EXPIRED: ("failed_at",),
}
_TIMES = ("accepted_at", "delivered_at", "read_at", "failed_at")


def apply_receipts(alias: str, receipts: Sequence[Receipt], now: datetime) -> list[Receipt]:
    """Apply what one backend's provider reported; return the receipts whose transmission is not known (yet)."""
    found = _find(alias, receipts)
    known = [(found[_key(receipt)], receipt) for receipt in receipts if _is_known(found, receipt)]
    if known:
        with database.atomic():
            _lock(known)
            Event.objects.bulk_create(
                [_event(alias, transmission, receipt) for transmission, receipt in known],
                ignore_conflicts=True,
            )
            moved = _merge(alias, known, now)
            steps = _go_on(alias, known, moved, now)
        for transmission, receipt in known:
            signals.after_commit(
                signals.receipt_received, Transmission, transmission=transmission, receipt=receipt
            )
        database.on_commit(lambda: _tell(alias, known, steps))
    return [receipt for receipt in receipts if not _is_known(found, receipt)]


def _key(receipt: Receipt) -> UUID | str:
    return receipt.transmission or receipt.provider_id


def _is_known(found: dict[UUID | str, Transmission], receipt: Receipt) -> bool:
    """Return True if the receipt belongs to this transmission.

    Our id may come back in an unsigned address; then the provider's own id decides.
    """
    row = found.get(_key(receipt))
    return row is not None and (not receipt.provider_id or row.provider_id in {"", receipt.provider_id})


def _find(alias: str, receipts: Iterable[Receipt]) -> dict[UUID | str, Transmission]:
    """Find the transmissions of receipts, by the key of each receipt. Transmissions of other backends are not found."""
    ours = {receipt.transmission for receipt in receipts if receipt.transmission}
    theirs = {receipt.provider_id for receipt in receipts if not receipt.transmission and receipt.provider_id}
    rows = Transmission.objects.select_related("message", "connection").filter(backend_id=alias)
    found: dict[UUID | str, Transmission] = {}
    if ours:
        found.update({row.pk: row for row in rows.filter(pk__in=ours)})
    if theirs:
        found.update({row.provider_id: row for row in rows.filter(provider_id__in=theirs)})
    return found


def _lock(known: list[tuple[Transmission, Receipt]]) -> None:
    """Lock the rows in the order of their key, so that two workers with the same rows wait instead of deadlocking.

    Use FOR NO KEY UPDATE where the database has it: a drain that inserts an event for one of the rows does not wait
    then.
    """
    keys = {transmission.pk for transmission, _ in known}
    no_key = database.connection().features.has_select_for_no_key_update
    rows = Transmission.objects.select_for_update(no_key=no_key).filter(pk__in=keys)
    list(rows.order_by("pk").values_list("pk"))


def _event(alias: str, transmission: Transmission, receipt: Receipt) -> Event:
    return Event(
        transmission=transmission,
        kind="receipt",
        status=STATUS.get(receipt.kind),
        code=sql.storable(receipt.code or receipt.kind, 60),
        detail=sql.storable(receipt.detail),
        at=receipt.at,
        dedupe=_once(alias, receipt) if receipt.event_id else "",
    )


def _once(alias: str, receipt: Receipt) -> str:
    """Return the key that recognizes a repeated event. Some providers give one id to several events of a message."""
    name = f"{alias}:{receipt.kind}:{receipt.code}:{receipt.event_id}".replace("\0", "\ufffd")
    return name if len(name) <= 200 else f"{alias}:{hashlib.sha256(name.encode()).hexdigest()}"


def _merge(alias: str, known: list[tuple[Transmission, Receipt]], now: datetime) -> dict[UUID, Status]:
    look_at = now + timedelta(seconds=backends.config(alias).silent_after)
    sums: dict[UUID, Sum] = {}
    for transmission, receipt in known:
        sums.setdefault(transmission.pk, Sum()).add(receipt, transmission.created_at, now)
    names = {
        transmission.pk: sql.storable(receipt.provider_id, 200)
        for transmission, receipt in known
        if receipt.provider_id
    }
    rows = [
        (
            *(key, total.status, sql.storable(total.reason, 60), sql.storable(total.detail)),
            names.get(key, ""),
            look_at if total.status == Status.ACCEPTED else None,
            *(total.times.get(name) for name in _TIMES),
        )
        for key, total in sums.items()
    ]
    least = "LEAST" if database.connection().vendor == "postgresql" else "MIN"
    times = [f"{t} = COALESCE({least}(t.{t}, v.{t}), t.{t}, v.{t})" for t in _TIMES]
    assign = [
        "status = CASE WHEN v.status > t.status THEN v.status ELSE t.status END",
        "reason = CASE WHEN v.status > t.status THEN v.reason ELSE t.reason END",
        "detail = CASE WHEN v.status > t.status THEN v.detail ELSE t.detail END",
        "provider_id = CASE WHEN t.provider_id = '' THEN v.provider_id ELSE t.provider_id END",
        # a receipt accepted it, and not an answer: it is looked into all the same
        "look_at = CASE WHEN v.status > t.status THEN COALESCE(t.look_at, v.look_at) ELSE t.look_at END",
        f"revoke_at = CASE WHEN v.status >= {Status.DELIVERED:d} THEN NULL ELSE t.revoke_at END",
        *times,
    ]
    returned = sql.update_each(
        Transmission,
        ("id", "status", "reason", "detail", "provider_id", "look_at", *_TIMES),
        rows,
        assign=", ".join(assign),
        returning=("id", "status"),
    )
    return {Transmission._meta.pk.to_python(key): Status(status) for key, status in returned}


def _go_on(
    alias: str, known: list[tuple[Transmission, Receipt]], moved: dict[UUID, Status], now: datetime
) -> dict[UUID, str]:
    """Do what follows from the new statuses: open fallbacks, let them wait for a revoke, or cancel them.

    Return the next step, in words, of each transmission that the provider reports as failed.
    """
    steps: dict[UUID, str] = {}
    told: dict[UUID, list[Receipt]] = {}
    rows = {transmission.pk: transmission for transmission, _ in known}
    for transmission, receipt in known:
        told.setdefault(transmission.pk, []).append(receipt)
    _record_refusals(alias, known)
    arrived = [row for key, row in rows.items() if moved[key] >= Status.DELIVERED]
    if arrived:
        cancel_waiting(arrived, now)
    for key, row in rows.items():
        kinds = {receipt.kind for receipt in told[key]}
        if moved[key] in {Status.FAILED, Status.EXPIRED} and kinds & _FAILURES:
            steps[key] = _after_failure(row, now, told[key])
        elif moved[key] >= Status.DELIVERED and kinds & _FAILURES:
            steps[key] = "nothing more: it had arrived"
        elif moved[key] == Status.CANCELLED and ReceiptKind.REVOKED in kinds:
            taken_back(row, now)
        elif moved[key] < Status.CANCELLED and ReceiptKind.EXPIRY_UNCERTAIN in kinds:
            _after_uncertain_expiry(row, now)
    return steps


def _after_failure(row: Transmission, now: datetime, told: list[Receipt]) -> str:
    """Handle a failure. If the number does not exist or the person refuses messages, no other backend is tried."""
    child = None
    if end := next((error for receipt in told if (error := _stops(receipt))), None):
        _stop_fallbacks(row, end.code, now)
    elif not _unwanted(row):
        child = open_fallback(row, "the provider reports a failure", now, may_arrive=True)
    signals.after_commit(signals.transmission_failed, Transmission, transmission=row, reason="receipt")
    if child:
        return logs.goes_on_by(child.backend_id)
    known = row.status in {Status.FAILED, Status.EXPIRED}
    return "nothing new: it had failed before" if known else logs.COUNTED


def _after_uncertain_expiry(row: Transmission, now: datetime) -> None:
    """Handle an unconfirmed expiry: a code falls back at once, any other message is revoked first."""
    unwanted = _unwanted(row)
    if row.message.time_critical and not unwanted:
        open_fallback(row, "expired: late is worse than double", now)
    if backends[row.backend_id].capabilities.revoke:
        why = RevokeFor.CANCEL if unwanted else RevokeFor.EXPIRY
        changes = {"revoke_at": now, "revoke_for": why, "revokes": 0}
        Transmission.objects.filter(pk=row.pk).update(expiry_seen=True, **changes)
        wake.revoke(row.backend_id)


def _unwanted(row: Transmission) -> bool:
    """Return True if no other backend may try: it was cancelled, it is being revoked, or its number does not exist."""
    decided = Q(events__status=Status.CANCELLED, events__kind__in=_DECISIONS)
    ended = Q(events__kind="fallback", events__code__in=_STOPS)
    return Transmission.objects.filter(Q(revoke_for=RevokeFor.CANCEL) | decided | ended, pk=row.pk).exists()


def _stops(receipt: Receipt) -> type[SendError] | None:
    """Return the error after which no other backend may try, or None."""
    error = receipt.error or _STOPS.get(receipt.code)
    return None if error is None or error.fallback else error


def _stop_fallbacks(row: Transmission, code: str, now: datetime) -> None:
    """Prevent fallbacks from now on, and cancel one that still waits."""
    if has_fallback(row) and not _unwanted(row):
        detail = "no other backend is tried"
        Event.objects.create(transmission=row, kind="fallback", code=code, detail=detail)
    cancel_waiting([row], now, reason=code)


def _record_refusals(alias: str, known: list[tuple[Transmission, Receipt]]) -> None:
    """Record a refusal for each person whom the provider lists as refusing messages: our promotions stop too."""
    said = {
        transmission.connection.identity: receipt
        for transmission, receipt in known
        if (error := receipt.error or _STOPS.get(receipt.code)) and error.opts_out
    }
    for identity in sorted(set(said) - consent.refused(said, brand_of(alias)) if said else ()):
        receipt = said[identity]
        consent.record(
            identity,
            opted_out=True,
            source="receipt",
            backend=alias,
            words=sql.storable(receipt.code),
            said_at=receipt.at,
        )


_STOPS: dict[str, type[SendError]] = {error.code: error for error in (OptedOut, BadAddress)}
# Events in which we, and not the provider, say that it was cancelled.
_DECISIONS = ("attempt", "consent", "fallback", "operator", "revoke")


def _tell(alias: str, known: list[tuple[Transmission, Receipt]], steps: dict[UUID, str]) -> None:
    """Log and count what was reported. A failure without a fallback is seen by its alarm."""
    for row, receipt in known:
        if receipt.kind in _FAILURES:
            step = steps.get(row.pk, logs.COUNTED)
            logs.receipt_failed(alias, row.pk, receipt.kind, receipt.code, step)
        else:
            logs.receipt(alias, row.pk, receipt.kind)
    outcomes = [receipt.kind for _, receipt in known if receipt.kind in _OUTCOMES]
    if outcomes:
        counts.receipts(alias, total=len(outcomes), failed=sum(kind in _FAILURES for kind in outcomes))
        counts.flush()


_FAILURES = {ReceiptKind.FAILED, ReceiptKind.EXPIRED}
_OUTCOMES = _FAILURES | {ReceiptKind.DELIVERED, ReceiptKind.READ}
