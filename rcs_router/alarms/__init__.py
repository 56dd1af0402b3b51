"""Raise an alarm once when a fault begins, and end it once when the fault is over.

`pace` reports pauses. The sweep calls `look` every ten seconds, which finds faults that no single message shows.
Receivers of the signal log the alarm and mail ADMINS. `rules` decides from values alone, `measures` reads them from the
database, `watch` joins both, and `receivers` inform people.
"""

from rcs_router.alarms.episodes import begin, end
from rcs_router.alarms.kinds import (
    BACKLOG,
    BEAT,
    FAILURES,
    KINDS,
    NO_RECEIPTS,
    PAGE,
    PAUSED,
    REVIEW,
    SLOW,
    Kind,
    advice,
)
from rcs_router.alarms.watch import look

__all__ = [
    "BACKLOG",
    "BEAT",
    "FAILURES",
    "KINDS",
    "NO_RECEIPTS",
    "PAGE",
    "PAUSED",
    "REVIEW",
    "SLOW",
    "Kind",
    "advice",
    "begin",
    "end",
    "look",
]
