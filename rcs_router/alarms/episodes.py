"""Begin and end alarms: each exactly once, however many processes see the same fault at the same time."""

import logging
from datetime import datetime

from rcs_router import logs, signals, sql
from rcs_router.models import Alarm

logger = logging.getLogger("rcs_router.alarms")

_TABLE = Alarm._meta.db_table
_COLUMNS = ("kind", "backend", "detail", "raised_at", "ended_at")
# The unique row decides which process was first; a row that has ended is used again.
_BEGIN = (
    "(kind, backend) DO UPDATE SET raised_at = EXCLUDED.raised_at, ended_at = NULL, detail = EXCLUDED.detail "
    f"WHERE {_TABLE}.ended_at IS NOT NULL"
)


def begin(kind: str, backend: str = "", detail: str = "", *, now: datetime) -> None:
    """Raise the alarm unless it is raised."""
    words = logs.safe(detail, backend)
    row = (kind, backend, words, now, None)
    if sql.insert(Alarm, _COLUMNS, [row], conflict=_BEGIN, returning=["id"]):
        signals.after_commit(signals.alarm, Alarm, kind=kind, backend=backend, detail=words, since=now)


def end(kind: str, backend: str = "", *, now: datetime) -> None:
    """End the alarm if it is raised."""
    raised = Alarm.objects.filter(kind=kind, backend=backend, ended_at=None)
    since = raised.values_list("raised_at", flat=True).first()
    if since is not None and raised.filter(raised_at=since).update(ended_at=now):
        logger.info(
            *("alarm is over: %s %s", kind, backend), extra={"kind": kind, "backend": backend, "since": since}
        )
        signals.after_commit(signals.alarm_ended, Alarm, kind=kind, backend=backend, since=since)
