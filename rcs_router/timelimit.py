"""Limit the time of calls into other people's code, also in threads, which signals cannot interrupt.

In the main thread SIGALRM interrupts even a sleep or a socket. In other threads a watchdog raises an exception, which
only Python code notices. A thread that does not return is abandoned: the caller is told from another thread, and starts
a new one. When the abandoned call returns after all, it ends with `Abandoned`.
A regular expression outside of the main thread stops the whole process, and the watchdog too, until it has ended.
"""

import ctypes
import logging
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from enum import Enum
from types import FrameType
from typing import TypeVar

from rcs_router import database

logger = logging.getLogger(__name__)

LOOK = 0.1  # seconds between two checks of the watchdog
SLOW = 1.0  # seconds after which a call is slow: waiting work should go to another thread
PATIENCE = 1.0  # seconds that an interrupted call has to return
IDLE = 5.0  # seconds without calls after which the watchdog ends

Returned = TypeVar("Returned")
Told = Callable[[], object]


class OutOfTime(BaseException):
    """Raised in a call that exceeds its time. No `except Exception` catches it."""


class Abandoned(BaseException):
    """An abandoned call has returned: its work must not count."""


def call(function: Callable[[], Returned], seconds: float | None, *, slow: Told, abandon: Told) -> Returned:
    """Return what `function` returns. Raises OutOfTime after `seconds` (None: never), Abandoned if that did not help.

    `slow` is called once, from another thread, after a second; `abandon` when the call was interrupted and did not
    return.
    """
    ours = _Call(seconds, slow, abandon, by_signal=seconds is not None and _may_use_signal())
    try:
        try:
            _watchdog.watch(ours)
            with _alarm(ours):
                try:
                    return function()
                finally:
                    ours.end()
        finally:
            ours.end()
    except OutOfTime:
        ours.end()  # it may have come in the middle of end(); a second one does not come
        raise


def abandoned(thread: threading.Thread | None = None) -> bool:
    """Return True if a call of this thread was abandoned: its work goes on elsewhere, and the thread should end."""
    return (thread or threading.current_thread()) in _abandoned


def stuck(thread: threading.Thread | None = None) -> bool:
    """Return True if this thread is in a slow or abandoned call: urgent work needs another thread."""
    thread = thread or threading.current_thread()
    return thread in _abandoned or any(one.thread is thread and one.is_slow for one in _watchdog.calls())


_abandoned: "weakref.WeakSet[threading.Thread]" = weakref.WeakSet()


class State(Enum):
    RUNNING = 1
    INTERRUPTED = 2
    ABANDONED = 3
    DONE = 4


@dataclass(eq=False)
class _Call:
    """One watched call. `lock` guards `state`: nothing is raised in a thread that has left the call."""

    seconds: float | None
    slow: Told
    abandon: Told
    by_signal: bool
    thread: threading.Thread = field(default_factory=threading.current_thread)
    began: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)
    state: State = State.RUNNING
    is_slow: bool = False

    def end(self) -> None:
        """Leave the call; may be called again. Raises Abandoned if it was abandoned."""
        with self.lock:
            if self.state in {State.INTERRUPTED, State.ABANDONED} and not self.by_signal:
                _raise_in(
                    self.thread, None
                )  # an exception that was requested and has not come yet must not come later
            given_up = self.state == State.ABANDONED
            self.state = State.ABANDONED if given_up else State.DONE
        _watchdog.forget(self)
        if given_up:
            raise Abandoned

    def look(self, now: float) -> None:
        age = now - self.began
        if age >= SLOW and not self.is_slow:
            self.is_slow = True
            _aside(self.slow)
        if self.seconds is not None and age >= self.seconds + PATIENCE:
            self._give_up()
        elif self.seconds is not None and age >= self.seconds and not self.by_signal:
            self._interrupt()

    def _interrupt(self) -> None:
        with self.lock:
            if self.state == State.RUNNING:
                self.state = State.INTERRUPTED
                _raise_in(self.thread, OutOfTime)

    def _give_up(self) -> None:
        with self.lock:
            if self.state not in {State.RUNNING, State.INTERRUPTED}:
                return
            self.state = State.ABANDONED
        _abandoned.add(self.thread)
        _aside(self.abandon)

    def ring(self, number: int, frame: FrameType | None) -> None:
        """Handle SIGALRM in the thread of the call. Nothing is raised while the thread is in end(), which has the
        lock.
        """
        if self.lock.acquire(blocking=False):
            running = self.state == State.RUNNING
            self.state = State.INTERRUPTED if running else self.state
            self.lock.release()
            if running:
                raise OutOfTime


def _raise_in(thread: threading.Thread, error: type[BaseException] | None) -> None:
    """Raise `error` in a thread at its next Python instruction; None withdraws one that has not come yet."""
    what = ctypes.py_object(error) if error else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), what)


def _may_use_signal() -> bool:
    """Return True in the main thread, if nothing else uses the timer."""
    return (
        threading.current_thread() is threading.main_thread()
        and hasattr(signal, "setitimer")
        and signal.getsignal(signal.SIGALRM) in {signal.SIG_DFL, signal.SIG_IGN}
        and signal.getitimer(signal.ITIMER_REAL)[0] == 0
    )


def _alarm(ours: _Call) -> AbstractContextManager[None]:
    return _ringing(ours, ours.seconds) if ours.by_signal and ours.seconds else nullcontext()


@contextmanager
def _ringing(ours: _Call, seconds: float) -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, ours.ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, LOOK)  # repeated, in case the lock is taken at the moment
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _aside(told: Told) -> None:
    """Call it in a thread of its own: the watchdog must not wait for a database."""

    def run() -> None:
        try:
            told()
        except Exception as error:
            logger.error("a slow router app could not be dealt with: %s", type(error).__name__)
        finally:
            database.close_all()

    threading.Thread(target=run, name="rcs-timelimit-aside", daemon=True).start()


class _Watchdog:
    """The watched calls of this process, and the thread that checks them; the thread ends after a while without
    calls.
    """

    def __init__(self) -> None:
        self._calls: set[_Call] = set()
        self._lock = threading.Lock()
        self._watching = False

    def calls(self) -> list[_Call]:
        with self._lock:
            return list(self._calls)

    def watch(self, one: _Call) -> None:
        with self._lock:
            self._calls.add(one)
            if not self._watching:
                self._watching = True
                threading.Thread(target=self._look_while_needed, name="rcs-timelimit", daemon=True).start()

    def forget(self, one: _Call) -> None:
        with self._lock:
            self._calls.discard(one)

    def _look_while_needed(self) -> None:
        needed = time.monotonic()
        while True:
            time.sleep(LOOK)
            now = time.monotonic()
            with self._lock:
                calls = list(self._calls)
                needed = now if calls else needed
                if now - needed > IDLE:
                    self._watching = False
                    return
            for one in calls:
                one.look(now)


_watchdog = _Watchdog()
os.register_at_fork(after_in_child=lambda: _watchdog.__init__())  # type: ignore[misc]
