"""Raise an alarm once when trouble begins and end it once when it is over; `look` finds what nobody reports.

`pace` reports pauses; the sweep calls `look` every ten seconds. Receivers of the signal log the alarm and mail ADMINS.
`rules` decides by values alone, `measures` asks the database for them, `watch` joins both, `receivers` tell people.
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
