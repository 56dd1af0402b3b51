"""Timers: call functions later, in one background thread."""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Clock:
    """Calls functions later, in the order in which they are due. Its daemon thread starts with the first timer."""

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()  # equal times keep their order
        self._thread: threading.Thread | None = None

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call `call` after `seconds` (0 or less: as soon as possible), never in the caller's thread."""
        with self._wake:
            timer = (time.monotonic() + seconds, next(self._numbers), call)
            heapq.heappush(self._timers, timer)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="rcs-emulator-clock", daemon=True)
                self._thread.start()
            elif self._timers[0] is timer:
                self._wake.notify()

    def clear(self) -> None:
        """Forget every timer."""
        with self._wake:
            self._timers.clear()

    def _run(self) -> None:
        while True:
            call = self._next()
            try:
                call()
            except Exception:  # one broken timer must not stop the others
                logger.exception("a timer of the emulator failed")

    def _next(self) -> Callable[[], None]:
        with self._wake:
            while True:
                wait = self._timers[0][0] - time.monotonic() if self._timers else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._timers)[2]
                self._wake.wait(wait if wait is None else min(wait, threading.TIMEOUT_MAX))
