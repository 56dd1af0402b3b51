"""Limit the answers of router apps to one person, so that two machines do not answer each other forever.

Answers are counted per process: with several workers the limit is reached later.
"""

import threading
import time
from collections import OrderedDict, deque

from rcs_router.conf import router_settings

WINDOW = 60.0  # seconds
PEOPLE = 10_000  # connections that are counted; the one that was answered longest ago is dropped first


class Brake:
    """Counts the answers to each connection. Used by all threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: OrderedDict[object, deque[float]] = OrderedDict()

    def allows(self, connection: object, now: float | None = None) -> bool:
        """Count one more answer to `connection`, or return False if that would be more than ANSWERS_A_MINUTE."""
        now = time.monotonic() if now is None else now
        with self._lock:
            times = self._answers.setdefault(connection, deque())
            self._answers.move_to_end(connection)
            while times and times[0] <= now - WINDOW:
                times.popleft()
            if len(times) >= router_settings().ANSWERS_A_MINUTE:
                return False
            times.append(now)
            if len(self._answers) > PEOPLE:
                self._answers.popitem(last=False)
            return True

    def forget(self) -> None:
        """Reset the counts, for tests."""
        with self._lock:
            self._answers.clear()


brake = Brake()
