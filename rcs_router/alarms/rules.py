"""Decide from values alone whether something is trouble; `raised` says that it is an alarm already.

What is raised ends a little later than it would begin, so that an alarm does not come and go.
"""

from datetime import timedelta

ENOUGH = 10  # requests or receipts of which a share means something
UNUSUAL = 3  # times the usual share
SLOW_ENOUGH = 20  # requests
SLOW_SHARE, NOT_SLOW = 0.5, 0.4
SILENT_ENOUGH = 20  # accepted messages without a receipt
EXPECTED = 10  # receipts that would have come for these, as things usually are
NEVER_ENOUGH = 50  # accepted messages of a backend from which no receipt has ever come


def share(part: int, whole: int) -> float:
    """Return part of whole; 0 of nothing."""
    return part / whole if whole else 0.0


def failing(failed: int, total: int, usual: float, limit: float, raised: bool) -> bool:
    """Do unusually many fail? `usual` is the share of the day before; where all fail, that is never usual enough."""
    now = share(failed, total)
    if raised:
        return now >= max(limit / 2, min(2 * usual, limit))
    return total >= ENOUGH and now >= max(limit, min(UNUSUAL * usual, (1 + usual) / 2))


def silent(accepted: int, usual: float, ever: bool, raised: bool) -> bool:
    """Have receipts stopped? `accepted` came after the last one and long enough ago; `usual` receipts came for each."""
    if not ever:
        return accepted >= NEVER_ENOUGH
    if raised:  # until the first receipt
        return accepted > 0
    return accepted >= SILENT_ENOUGH and accepted * usual >= EXPECTED


def slow(slow_ones: int, total: int, raised: bool) -> bool:
    """Does the provider take longer than SLOW_AFTER for more than half of the requests?"""
    if raised:
        return share(slow_ones, total) > NOT_SLOW
    return total >= SLOW_ENOUGH and share(slow_ones, total) > SLOW_SHARE


def too_old(age: timedelta | None, limit: float, raised: bool) -> bool:
    """Has the oldest that is due waited for longer than `limit` seconds? None: nothing waits."""
    return age is not None and age.total_seconds() > (limit / 2 if raised else limit)


def growing(count: int, limit: int, raised: bool) -> bool:
    """Did so many need a person within the last hour?"""
    return count > limit / 2 if raised else count >= limit


def missing(age: timedelta | None, limit: float) -> bool:
    """Is what ran before late by now? None: it never ran, and is perhaps not meant to."""
    return age is not None and age.total_seconds() > limit
