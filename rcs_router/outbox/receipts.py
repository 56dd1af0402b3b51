"""What providers say of transmissions in, in any order and any number; the statuses that they add up to out."""

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
from rcs_router.outbox.fallback import cancel_waiting, has_road, open_fallback
from rcs_router.outbox.revoke import taken_back
from rcs_router.people import consent

STATUS = {
    ReceiptKind.ACCEPTED: Status.ACCEPTED,
    ReceiptKind.DELIVERED: Status.DELIVERED,
    ReceiptKind.READ: Status.READ,
    ReceiptKind.FAILED: Status.FAILED,
    ReceiptKind.EXPIRED: Status.EXPIRED,
    ReceiptKind.REVOKED: Status.CANCELLED,  # at least: what follows depends on why it was taken back
}


@dataclass
class Sum:
    """What several receipts of one transmission add up to: the highest rank, the earliest times."""

    status: Status = Status.QUEUED
    reason: str = ""
    detail: str = ""
    times: dict[str, datetime] = field(default_factory=dict)

    def add(self, receipt: Receipt, created: datetime, now: datetime) -> "Sum":
        """Commutative and idempotent, so neither order nor repetition can matter.

        The provider's time is clamped: nothing happened to a transmission before it was `created`, or after `now`.
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


# What was read had been delivered by then, and what was delivered had been accepted: no time is later than the next.
_TIMES_OF = {
    Status.ACCEPTED: ("accepted_at",),
    Status.DELIVERED: ("accepted_at", "delivered_at"),
    Status.READ: ("accepted_at", "delivered_at", "read_at"),
    Status.FAILED: ("failed_at",),
    Status.EXPIRED: ("failed_at",),
}
_TIMES = ("accepted_at", "delivered_at", "read_at", "failed_at")


def apply_receipts(alias: str, receipts: Sequence[Receipt], now: datetime) -> list[Receipt]:
    """Apply what one backend's provider said; returns the receipts whose transmission is not known (yet)."""
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
    """Our id may come back in an address that nobody signed: then the provider's own has the last word."""
    row = found.get(_key(receipt))
    return row is not None and (not receipt.provider_id or row.provider_id in {"", receipt.provider_id})


def _find(alias: str, receipts: Iterable[Receipt]) -> dict[UUID | str, Transmission]:
    """Their transmissions, by the key that the receipt has. Another backend's transmission is not found."""
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
    """Always in the order of the key, so that two digests of the same rows wait instead of deadlocking.

    `no_key`, where the database has it: a drain that records an attempt, whose event points to one of the rows, need
    not wait.
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
    """The same for an event that comes again; some providers give one id to several events of a message."""
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
        # accepted by this receipt, and not by an answer: it is looked into all the same
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
    """What follows from the statuses: fallbacks open, wait for a revoke, or are not needed any more.

    Returns the next step of those that a provider says have failed, in words.
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
    """A number that does not exist, and a person who does not want us, are reached by no other backend."""
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
    """Late is worse than double for a code; everything else is taken back first."""
    unwanted = _unwanted(row)
    if row.message.time_critical and not unwanted:
        open_fallback(row, "expired: late is worse than double", now)
    if backends[row.backend_id].capabilities.revoke:
        why = RevokeFor.CANCEL if unwanted else RevokeFor.EXPIRY
        changes = {"revoke_at": now, "revoke_for": why, "revokes": 0}
        Transmission.objects.filter(pk=row.pk).update(expiry_seen=True, **changes)
        wake.revoke(row.backend_id)


def _unwanted(row: Transmission) -> bool:
    """Was it cancelled, is it being taken back, or is its number dead? Then no other backend may try."""
    decided = Q(events__status=Status.CANCELLED, events__kind__in=_DECISIONS)
    ended = Q(events__kind="fallback", events__code__in=_STOPS)
    return Transmission.objects.filter(Q(revoke_for=RevokeFor.CANCEL) | decided | ended, pk=row.pk).exists()


def _stops(receipt: Receipt) -> type[SendError] | None:
    """The error of a receipt after which no other backend may try; None for every other receipt."""
    error = receipt.error or _STOPS.get(receipt.code)
    return None if error is None or error.fallback else error


def _stop_fallbacks(row: Transmission, code: str, now: datetime) -> None:
    """Open no fallback, now or after a later receipt, and take one back that still waits."""
    if has_road(row) and not _unwanted(row):
        detail = "no other backend is tried"
        Event.objects.create(transmission=row, kind="fallback", code=code, detail=detail)
    cancel_waiting([row], now, reason=code)


def _record_refusals(alias: str, known: list[tuple[Transmission, Receipt]]) -> None:
    """Whom the provider has on its list of people who want no messages wants none of our promotions either."""
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
# Events in which we, and not the provider, say that it is cancelled.
_DECISIONS = ("attempt", "consent", "fallback", "operator", "revoke")


def _tell(alias: str, known: list[tuple[Transmission, Receipt]], steps: dict[UUID, str]) -> None:
    """Say what was reported and count it: what failed and goes on nowhere is seen by its alarm."""
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
