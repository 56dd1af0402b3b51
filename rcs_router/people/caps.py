"""Count promotions against the frequency caps, over all workers at once."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from rcs_router import database, sql
from rcs_router.conf import Cap
from rcs_router.models import Tally

Used = dict[str, float]  # message id → UNIX seconds at which it was about to leave


@dataclass
class Wish:
    """One promotion to one person, and the result of asking for it."""

    subject: str
    message: UUID
    wait_until: datetime | None = None  # None: it may leave, and was counted
    at: float = 0.0  # what was written into the tally…
    before: float | None = field(default=None, repr=False)  # …instead of this value of an earlier attempt


def reserve(brand: str, wishes: Sequence[Wish], caps: Sequence[Cap], now: datetime) -> None:
    """Count the promotions that stay below all `caps`; set on the others when they may ask again.

    The rows of the tally are locked in a fixed order, so drains that run side by side count together. A message counts
    once, however often it is tried and whichever backend carries it in the end.
    """
    with database.atomic():
        tallies = _locked(brand, {wish.subject for wish in wishes})
        for wish in wishes:
            _decide(wish, tallies[wish.subject][1], caps, now.timestamp())
        _write(tallies.values(), caps, now.timestamp())


def give_back(brand: str, wishes: Iterable[Wish]) -> None:
    """Uncount promotions that did not leave. Another worker's count of the same message stays."""
    counted = [wish for wish in wishes if wish.wait_until is None and wish.at]
    if not counted:
        return
    with database.atomic():
        tallies = _locked(brand, {wish.subject for wish in counted})
        for wish in counted:
            used, key = tallies[wish.subject][1], wish.message.hex
            if used.get(key) == wish.at:
                del used[key]
                if wish.before is not None:
                    used[key] = wish.before
        _write(tallies.values(), (), 0.0)


def free_at(used: Used, message: str, caps: Sequence[Cap], now: float) -> float:
    """Return when `message` may leave, in UNIX seconds: now, or when enough of the others are old enough."""
    others = sorted(at for key, at in used.items() if key != message)
    waits = [now]
    for cap in caps:
        counted = [at for at in others if at > now - cap.seconds]
        if len(counted) >= cap.count:
            waits.append(counted[len(counted) - cap.count] + cap.seconds)
    return max(waits)


def _decide(wish: Wish, used: Used, caps: Sequence[Cap], now: float) -> None:
    key = wish.message.hex
    free = free_at(used, key, caps, now)
    if free > now:
        wish.wait_until = datetime.fromtimestamp(free, UTC)
        return
    wish.at, wish.before, wish.wait_until = now, used.get(key), None
    used[key] = now


def _locked(brand: str, subjects: set[str]) -> dict[str, tuple[int, Used]]:
    """Return the locked tallies of these people, creating missing ones; the locks last until the transaction ends."""
    rows = sql.insert(
        Tally,
        ["brand", "subject", "used"],
        [(brand, subject, {}) for subject in sorted(subjects)],
        conflict="(subject, brand) DO UPDATE SET brand = excluded.brand",  # changes nothing, but locks
        returning=["id", "subject", "used"],
    )
    return {subject: (key, json.loads(used)) for key, subject, used in rows}


def _write(tallies: Iterable[tuple[int, Used]], caps: Sequence[Cap], now: float) -> None:
    """Write a tally without the entries that are older than every cap."""
    oldest = now - max((cap.seconds for cap in caps), default=now)
    rows = [(key, {message: at for message, at in used.items() if at > oldest}) for key, used in tallies]
    sql.update_each(Tally, ("id", "used"), rows, assign="used = v.used")
