"""Claim due rows and settle them: one statement each, with an event for each attempt.

The drain calls `claim` and `settle`. The sweep calls `reap` for rows whose worker is gone.
"""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db.models import Q

from rcs_router import database, logs, signals, sql
from rcs_router.backends import backends, brand_of
from rcs_router.conf import router_settings
from rcs_router.contract import Status
from rcs_router.models import BackendState, Event, Message, RevokeFor, Transmission
from rcs_router.outbox.fallback import has_fallback, open_fallback
from rcs_router.outbox.policy import Decision, Facts, after_lost_lease
from rcs_router.people import consent

_TABLE = Transmission._meta.db_table
_STATE = BackendState._meta.db_table


@dataclass(frozen=True)
class Move:
    """One transmission's next step: the decision, and the facts of the attempt that are stored with it."""

    transmission: Transmission
    decision: Decision
    detail: str = ""
    provider_id: str = ""
    unknown: bool | None = None  # None: unchanged; an outcome that `decision` has settled is known
    started: bool = False  # its request leaves now
    kind: str = "attempt"
    took_ms: int | None = None
    lost_leases: int = 0
    paused: bool = False  # its backend is paused, for the log

    @property
    def doubt(self) -> bool | None:
        """The new value of `unknown`; None leaves it unchanged."""
        return True if self.unknown else False if self.decision.settled else None

    @property
    def attempt(self) -> int:
        return self.transmission.attempts + int(self.decision.spend and not self.started)


_NOT_PAUSED = f"AND NOT EXISTS (SELECT 1 FROM {_STATE} WHERE {_STATE}.backend_id = %s AND paused_until > %s)"  # noqa: S608


def claim(
    alias: str, limit: int, now: datetime, lease: float, messages: dict[UUID, Message], *, probe: bool = False
) -> list[Transmission]:
    """Claim up to `limit` due transmissions of a backend that is not paused, most urgent first, for `lease` seconds.

    `messages`: the messages that the caller has loaded; new ones are added. `probe`: the backend is paused, and the
    caller has the right to try it: a message that can fall back at once is claimed last, because somebody waits for it.
    """
    codes_last = probe and backends.config(alias).fallback
    keys = sql.claim(
        Transmission,
        where=f"backend_id = %s AND status = {Status.QUEUED:d} AND due_at <= %s {'' if probe else _NOT_PAUSED}",
        params=[alias, now] if probe else [alias, now, alias, now],
        order=f"{'priority = 0, ' if codes_last else ''}priority, due_at, id",
        limit=limit,
        status=Status.SENDING,
        claim=uuid4(),
        lease_until=now + timedelta(seconds=lease),
        started=False,
    )
    if not keys:
        return []
    rows = list(Transmission.objects.filter(pk__in=keys).select_related("connection"))
    if missing := {row.message_id for row in rows} - set(
        messages
    ):  # the one message of a campaign is read once
        messages.update(Message.objects.select_related("in_response_to").in_bulk(missing))
    for row in rows:
        row.message = messages[row.message_id]
    return sorted(rows, key=lambda t: (t.priority, t.due_at, t.created_at))


def settle(moves: Sequence[Move], now: datetime) -> dict[UUID, Status]:
    """Write the results of claimed rows and mark those that leave now (`started`), in one UPDATE.

    Each row is guarded by its claim. Return the status of each row that is still ours. A promotion that was about to
    leave is not in the result when its person has said STOP by now. The events are written first: they are true even if
    the claim was lost meanwhile.
    """
    ended = [move for move in moves if not move.started]
    risky = any(move.decision.fall_back for move in ended)
    with database.atomic() if risky else nullcontext():
        _record((move for move in ended if move.kind != "released"), now)
        moved = _write(moves, now, *_unless_refused(moves))
        children = _fall_back(ended, moved, now)
    _announce(ended, moved, children)
    return moved


def _unless_refused(moves: Iterable[Move]) -> tuple[str, list[str]]:
    """Return a condition for the statement that lets promotions leave: a STOP is stored before it or after it."""
    for move in moves:
        if move.started and consent.needs_consent(move.transmission.message.traffic):
            allowed, params = consent.unrefused(brand_of(move.transmission.backend_id))
            return f"AND (v.status <> {_SENDING} OR {allowed})", params
    return "", []


def reap(now: datetime, limit: int = 500, patience: float = 0.0) -> int:
    """Put rows whose worker is gone back into the queue, or into review; return how many.

    `patience`: seconds that a lease must be over, for a caller that cannot tell a dead worker from a database that was
    unavailable.
    """
    over = now - timedelta(seconds=patience)
    expired = Q(status=Status.SENDING, lease_until__lt=over, backend__in=list(backends))
    rows = list(Transmission.objects.filter(expired).select_related("message", "connection")[:limit])
    moves = [_lost(row) for row in rows]
    if not moves:
        return 0
    with database.atomic():
        moved = _write(moves, now, "AND t.lease_until < %s", [over])
        won = [move for move in moves if move.transmission.pk in moved]
        _record(won, now)
        children = _fall_back(won, moved, now)
    _announce(won, moved, children)
    return len(won)


def facts(
    row: Transmission, *, unknown: bool = False, jitter: float = 0.0, now: datetime | None = None
) -> Facts:
    """Return what `policy` needs to know of a row. `now`: to tell whether its fallback deadline has passed."""
    config = backends.config(row.backend_id)
    capabilities = backends[row.backend_id].capabilities
    delays = config.retry_delays
    return Facts(
        attempts=row.attempts + 1,
        unknown=row.unknown or unknown,
        has_fallback=has_fallback(row),
        idempotent=capabilities.idempotent,
        can_ask=capabilities.revoke or capabilities.status,
        can_say=capabilities.status,
        time_critical=row.message.time_critical,
        overdue=bool(now and row.fall_back_at and row.fall_back_at <= now),
        delays=router_settings().RETRY_DELAYS if delays is None else delays,
        jitter=jitter,
    )


def _lost(row: Transmission) -> Move:
    known = facts(row)
    decision = after_lost_lease(
        started=row.started,
        lost_leases=row.lost_leases + 1,
        limit=router_settings().MAX_LOST_LEASES,
        facts=known,
    )
    return Move(row, decision, kind="lease", unknown=row.started or None, lost_leases=int(row.started))


_COLUMNS = (
    *("id", "claim", "status", "reason", "detail", "due_at", "attempts", "lost_leases", "unknown"),
    *("provider_id", "accepted_at", "look_at", "failed_at", "revoke_at", "revoke_for"),
)
_SENDING = f"{Status.SENDING:d}"
# A receipt may have come first: then its higher status stays, and only the facts of the attempt are added.
_ASSIGN = ", ".join(
    [
        f"status = CASE WHEN t.status = {_SENDING} THEN v.status ELSE t.status END",
        f"reason = CASE WHEN t.status = {_SENDING} THEN v.reason ELSE t.reason END",
        f"detail = CASE WHEN t.status = {_SENDING} THEN v.detail ELSE t.detail END",
        "due_at = COALESCE(v.due_at, t.due_at)",
        "attempts = t.attempts + v.attempts",
        "lost_leases = t.lost_leases + v.lost_leases",
        "unknown = COALESCE(v.unknown, t.unknown)",
        "provider_id = CASE WHEN v.provider_id = '' THEN t.provider_id ELSE v.provider_id END",
        "accepted_at = COALESCE(t.accepted_at, v.accepted_at)",
        "look_at = COALESCE(v.look_at, t.look_at)",
        f"failed_at = CASE WHEN t.status = {_SENDING} THEN COALESCE(t.failed_at, v.failed_at) ELSE t.failed_at END",
        f"revoke_at = CASE WHEN t.status = {_SENDING} THEN COALESCE(v.revoke_at, t.revoke_at) ELSE t.revoke_at END",
        f"revoke_for = CASE WHEN t.status = {_SENDING} AND v.revoke_for <> '' THEN v.revoke_for ELSE t.revoke_for END",
        f"started = (v.status = {_SENDING})",
        f"claim = CASE WHEN v.status = {_SENDING} THEN t.claim ELSE NULL END",
        f"lease_until = CASE WHEN v.status = {_SENDING} THEN t.lease_until ELSE NULL END",
    ]
)


def _write(
    moves: Iterable[Move], now: datetime, where: str = "", params: Sequence[Any] = ()
) -> dict[UUID, Status]:
    """Update only rows that still have the claim they were read with; return the status of each."""
    rows = sql.update_each(
        Transmission,
        _COLUMNS,
        [_row(move, now) for move in moves],
        assign=_ASSIGN,
        where=f"t.claim = v.claim {where}",
        params=params,
        returning=("id", "status"),
    )
    return {Transmission._meta.pk.to_python(key): Status(status) for key, status in rows}


def _row(move: Move, now: datetime) -> tuple[Any, ...]:
    status = Status.SENDING if move.started else move.decision.status
    return (
        move.transmission.pk,
        move.transmission.claim,
        status,
        sql.storable(move.decision.reason, 60),
        sql.storable(move.detail),
        due_at(move, now),
        int(move.decision.spend and not move.started),
        move.lost_leases,
        move.doubt,
        sql.storable(move.provider_id, 200),
        now if status == Status.ACCEPTED else None,
        _look_at(move, now) if status == Status.ACCEPTED else None,
        now if status in {Status.FAILED, Status.EXPIRED} else None,
        now if move.decision.revoke or move.decision.look_up else None,
        RevokeFor.FALLBACK if move.decision.revoke else RevokeFor.LOOK_UP if move.decision.look_up else "",
    )


def _look_at(move: Move, now: datetime) -> datetime:
    """Return when an accepted message without a receipt is looked into."""
    return now + timedelta(seconds=backends.config(move.transmission.backend_id).silent_after)


def due_at(move: Move, now: datetime) -> datetime | None:
    """Return when a row that goes back into the queue is tried again."""
    wait = move.decision.wait
    return None if wait is None else now + timedelta(seconds=wait)


_EVENT = ("transmission", "kind", "status", "code", "detail", "attempt", "took_ms", "next_at", "dedupe")


def _record(moves: Iterable[Move], now: datetime) -> None:
    sql.insert(
        Event,
        _EVENT,
        [
            (
                move.transmission.pk,
                move.kind,
                move.decision.status,
                sql.storable(move.decision.reason, 60),
                sql.storable(move.detail),
                move.attempt or None,
                move.took_ms,
                due_at(move, now),
                "",
            )
            for move in moves
        ],
    )


def _fall_back(moves: Iterable[Move], moved: dict[UUID, Status], now: datetime) -> dict[UUID, str]:
    """Open the fallbacks that were decided; return the backend of each."""
    opened = {
        move.transmission.pk: open_fallback(move.transmission, move.decision.reason, now)
        for move in moves
        if move.decision.fall_back and moved.get(move.transmission.pk) == move.decision.status
    }
    return {key: child.backend_id for key, child in opened.items() if child}


def _announce(moves: Iterable[Move], moved: dict[UUID, Status], children: dict[UUID, str]) -> None:
    for move in moves:
        _log(move, children.get(move.transmission.pk, ""))
        status = moved.get(move.transmission.pk)
        if status in {Status.REVIEW, Status.FAILED, Status.EXPIRED} and status == move.decision.status:
            signals.after_commit(
                signals.transmission_failed,
                Transmission,
                transmission=move.transmission,
                reason=move.decision.reason,
            )


def _log(move: Move, goes_on_by: str) -> None:
    row, decision = move.transmission, move.decision
    if move.kind == "attempt" and decision.status == Status.ACCEPTED:
        logs.sent(row.backend_id, row.pk, move.attempt, move.took_ms)
    elif move.kind == "expiry":
        step = logs.next_step(decision.status, by=goes_on_by)
        logs.too_late(row.backend_id, row.pk, decision.reason, step)
    elif move.kind in {"attempt", "lease"}:
        step = logs.next_step(
            decision.status,
            wait=decision.wait,
            by=goes_on_by,
            paused=move.paused or (not decision.spend and move.kind == "attempt"),
        )
        logs.attempt_failed(row.backend_id, row.pk, decision.reason, row.attempts + 1, step)
