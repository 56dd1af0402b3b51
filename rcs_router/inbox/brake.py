"""An answer that a router app wants to give in; may it be given, or are we talking to a machine, out.

Two machines that answer each other would never stop. Counted in this process: several workers brake later, but brake.
"""

import threading
import time
from collections import OrderedDict, deque

from rcs_router.conf import router_settings

WINDOW = 60.0  # seconds
PEOPLE = 10_000  # whose answers are counted; who was answered longest ago is forgotten first


class Brake:
    """Counts the answers to each connection; used by all threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: OrderedDict[object, deque[float]] = OrderedDict()

    def allows(self, connection: object, now: float | None = None) -> bool:
        """Count one more answer to `connection`; False when it would be more than ANSWERS_A_MINUTE."""
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
        """Count anew, for tests."""
        with self._lock:
            self._answers.clear()


brake = Brake()
