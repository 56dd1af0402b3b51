"""Count the requests and receipts of each backend by the minute, for alarms, health and reports.

The drain calls `attempt`, the outbox calls `receipts`; both count in memory. `flush` adds the counts to BackendMinute.
"""

import logging
import os
import threading
import time
from contextlib import nullcontext
from datetime import datetime

from django.utils import timezone

from rcs_router import database, sql
from rcs_router.conf import router_settings
from rcs_router.models import BackendMinute

logger = logging.getLogger(__name__)

INTERVAL = 1.0  # seconds between two writes of one process, unless forced
COLUMNS = ("attempts", "failed_attempts", "slow_attempts", "receipts", "failed_receipts")

_TABLE = BackendMinute._meta.db_table
_ADD = "(backend, minute) DO UPDATE SET " + ", ".join(
    f"{name} = {_TABLE}.{name} + EXCLUDED.{name}" for name in COLUMNS
)
Key = tuple[str, datetime]  # alias and minute


def attempt(alias: str, *, failed: bool, seconds: float) -> None:
    """Count one request that has ended, and its time.

    A phone without RCS, and a person who refuses messages, are answers and not failures.
    """
    _counts.add(alias, 1, int(failed), int(seconds > router_settings().SLOW_AFTER), 0, 0)


def receipts(alias: str, *, total: int, failed: int) -> None:
    """Count receipts that report delivered, read or failed; `failed` of them report failed or expired."""
    _counts.add(alias, 0, 0, 0, total, failed)


def flush(*, force: bool = False) -> None:
    """Write the counts; at most once a second unless `force`. Raises nothing."""
    try:
        _counts.flush(force)
    except Exception as error:  # lost counts must not stop a drain; they are written later
        logger.warning("the counts of backends wait for the database (%s)", type(error).__name__)


class _Counts:
    """The counts of this process that are not written yet."""

    def __init__(self) -> None:
        self._numbers: dict[Key, list[int]] = {}
        self._lock = threading.Lock()
        self._next = 0.0  # by time.monotonic()

    def add(self, alias: str, *numbers: int) -> None:
        key = (alias, timezone.now().replace(second=0, microsecond=0))
        with self._lock:
            self._add(key, numbers)

    def _add(self, key: Key, numbers: "tuple[int, ...] | list[int]") -> None:
        held = self._numbers.setdefault(key, [0] * len(COLUMNS))
        for place, number in enumerate(numbers):
            held[place] += number

    def flush(self, force: bool) -> None:
        now = time.monotonic()
        with self._lock:
            if not self._numbers or not (force or now >= self._next):
                return
            self._next = now + INTERVAL
            taken, self._numbers = self._numbers, {}
        try:
            _write(taken)
        except BaseException:
            with self._lock:
                for key, numbers in taken.items():
                    self._add(key, numbers)
            database.connection().close_if_unusable_or_obsolete()
            raise


def _write(counts: dict[Key, list[int]]) -> None:
    """Add the counts to their rows in one statement, in the order of the key, so that two writers never deadlock."""
    connection = database.connection()
    rows = [(*key, *numbers) for key, numbers in sorted(counts.items())]
    with database.atomic() if connection.in_atomic_block else nullcontext():
        sql.insert(BackendMinute, ("backend", "minute", *COLUMNS), rows, conflict=_ADD)


_counts = _Counts()
os.register_at_fork(after_in_child=lambda: _counts.__init__())  # type: ignore[misc]
