"""Decide from values alone whether something is a fault; `raised` says that its alarm is raised.

A raised alarm ends a little later than it would begin, so that it does not flap.
"""

from datetime import timedelta

ENOUGH = 10  # fewer requests or receipts than this say nothing
UNUSUAL = 3  # times the usual share
SLOW_ENOUGH = 20  # requests
SLOW_SHARE, NOT_SLOW = 0.5, 0.4
SILENT_ENOUGH = 20  # accepted messages without a receipt
EXPECTED = 10  # receipts that would usually have come
NEVER_ENOUGH = 50  # accepted messages of a backend without any receipt ever


def share(part: int, whole: int) -> float:
    """Return part of whole; 0 of nothing."""
    return part / whole if whole else 0.0


def failing(failed: int, total: int, usual: float, limit: float, raised: bool) -> bool:
    """Return True if unusually many fail. `usual`: the share of the day before; a share of 1 never counts as usual."""
    now = share(failed, total)
    if raised:
        return now >= max(limit / 2, min(2 * usual, limit))
    return total >= ENOUGH and now >= max(limit, min(UNUSUAL * usual, (1 + usual) / 2))


def silent(accepted: int, usual: float, ever: bool, raised: bool) -> bool:
    """Return True if receipts have stopped. `usual`: receipts per message; `accepted`: messages since the last."""
    if not ever:
        return accepted >= NEVER_ENOUGH
    if raised:  # until the first receipt
        return accepted > 0
    return accepted >= SILENT_ENOUGH and accepted * usual >= EXPECTED


def slow(slow_ones: int, total: int, raised: bool) -> bool:
    """Return True if more than half of the requests take longer than SLOW_AFTER."""
    if raised:
        return share(slow_ones, total) > NOT_SLOW
    return total >= SLOW_ENOUGH and share(slow_ones, total) > SLOW_SHARE


def too_old(age: timedelta | None, limit: float, raised: bool) -> bool:
    """Return True if the oldest due row has waited for longer than `limit` seconds. None: nothing waits."""
    return age is not None and age.total_seconds() > (limit / 2 if raised else limit)


def growing(count: int, limit: int, raised: bool) -> bool:
    """Return True if too many transmissions went into review within the last hour."""
    return count > limit / 2 if raised else count >= limit


def missing(age: timedelta | None, limit: float) -> bool:
    """Return True if a job that ran before is late. None: it has never run, and may not be intended to."""
    return age is not None and age.total_seconds() > limit
