"""Renew what this process has claimed while it lives: one thread renews every lease each HEARTBEAT seconds.

A lease in the database is short (`lease_end`), so that the rows of a dead worker are free within seconds. LEASE limits
how long one claim may be renewed, so that a hanging thread does not keep its rows for ever.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError

from rcs_router import database, sql
from rcs_router.conf import router_settings
from rcs_router.models import Transmission

logger = logging.getLogger(__name__)

BEATS = 3  # a lease ends after this many heartbeats without a renewal
Renew = Callable[[datetime, datetime], object]  # gets the database's time and the new end of the lease


def lease_seconds() -> float:
    """Return how many seconds a lease lasts without a renewal."""
    conf = router_settings()
    return min(conf.LEASE, BEATS * conf.HEARTBEAT)


def lease_end(now: datetime) -> datetime:
    """Return when a lease that begins, or is renewed, at `now` ends without a further renewal."""
    return now + timedelta(seconds=lease_seconds())


@dataclass
class Hold:
    """A renewal that continues until its owner ends it.

    `valid_until`, by time.monotonic(): the lease is ours until then.
    """

    renew: Renew
    valid_until: float


@contextmanager
def holding(renew: Renew) -> Iterator[Hold]:
    """Call `renew(now, lease_end)` from another thread each HEARTBEAT seconds, until the block ends.

    The caller has just made its claim. `renew` must change only rows that are still under that claim.
    """
    hold = Hold(renew, time.monotonic() + lease_seconds())
    _heart.add(hold)
    try:
        yield hold
    finally:
        _heart.remove(hold)


class _Heart:
    """The renewals of this process, and the thread that does them; the thread ends when there are none."""

    def __init__(self) -> None:
        self._holds: list[Hold] = []
        self._changed = threading.Condition()
        self._beating = False

    def add(self, hold: Hold) -> None:
        with self._changed:
            self._holds.append(hold)
            if not self._beating:
                self._beating = True
                threading.Thread(target=self._beat_while_needed, name="rcs-heartbeat", daemon=True).start()

    def remove(self, hold: Hold) -> None:
        with self._changed:
            self._holds.remove(hold)

    def _beat_while_needed(self) -> None:
        while True:
            time.sleep(router_settings().HEARTBEAT)
            with self._changed:
                holds = list(self._holds)
                if not holds:
                    self._beating = False
                    break
            self._beat(holds)
        database.close_all()

    def _beat(self, holds: list[Hold]) -> None:
        began = time.monotonic()
        try:
            now = sql.now(Transmission)
            for hold in holds:
                hold.renew(now, lease_end(now))
                hold.valid_until = began + lease_seconds()
        except (DatabaseError, InterfaceError) as error:
            logger.warning(
                "heartbeat: the database has trouble (%s); leases are not renewed", type(error).__name__
            )
            database.close_all()
        except Exception as error:  # the thread goes on for the other renewals
            logger.error("heartbeat: %s", type(error).__name__)


_heart = _Heart()
os.register_at_fork(after_in_child=lambda: _heart.__init__())  # type: ignore[misc]
