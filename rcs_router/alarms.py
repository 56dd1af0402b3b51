"""Raise an alarm once when trouble begins and end it once when it is over; `look` finds what nobody reports.

`pace` reports pauses; the sweep calls `look` every ten seconds. Receivers of the signal log the alarm and mail ADMINS.
"""

from datetime import datetime

PAUSED = "backend_paused"
FAILURES = "failure_spike"
NO_RECEIPTS = "receipts_stopped"
SLOW = "slow_provider"
BACKLOG = "backlog_too_old"
REVIEW = "review_growing"
BEAT = "beat_missing"


def begin(kind: str, backend: str = "", detail: str = "", *, now: datetime) -> None:
    """Raise the alarm unless it is raised already."""


def end(kind: str, backend: str = "", *, now: datetime) -> None:
    """End the alarm if it is raised."""


def look(now: datetime) -> None:
    """Begin and end the alarms that follow from counts, ages and times in the database."""
