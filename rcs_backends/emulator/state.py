"""The one world of this process. Providers and the control API change it under its lock, tests wait for changes.

Everything is in memory: no models, no migrations, nothing survives the process, and a second process (a second
worker of a web server) would have a world of its own. Run the emulator in one process.
"""

import heapq
import itertools
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from rcs_backends.emulator import config
from rcs_backends.emulator.config import Faults
from rcs_backends.emulator.ledger import Ledger
from rcs_backends.emulator.phones import Handset, Json
from rcs_backends.emulator.wires import Problem

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


_SEPARATORS = re.compile(r"[\s\-().]")


def normalised(number: str) -> str:
    """Return a phone's key: `+` and digits. Raises Problem, a ValueError."""
    bare = _SEPARATORS.sub("", number)
    if bare.startswith("00"):
        bare = bare[2:]
    bare = bare.removeprefix("+")
    if not (bare.isascii() and bare.isdigit() and len(bare) <= 15):
        raise Problem(f"{number!r} is not a phone number.")
    return f"+{bare}"


Store = TypeVar("Store")


class World:
    """Phones, messages, ledger, faults and dials. Read and write them inside `with world.change():`."""

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.clock = Clock()
        self.epoch = 0  # grows when everything is forgotten; what was begun before it does nothing any more
        self._config: Json | None = None
        self._forget()

    def _forget(self) -> None:
        self.handsets: dict[str, Handset] = {}
        self.ledger = Ledger()
        self.faults = Faults()
        self._stores: dict[type, Any] = {}

    def store(self, kind: type[Store]) -> Store:
        """Return what a provider keeps: the one instance of its class, made at first use, gone with `forget()`."""
        if kind not in self._stores:
            self._stores[kind] = kind()
        found: Store = self._stores[kind]
        return found

    @property
    def config(self) -> Json:
        """Return the dials, read from the settings at first use. Do not change in place: `configure`."""
        if self._config is None:
            self._config = config.initial()
        return self._config

    def configure(self, changes: object) -> None:
        """Lay `changes` over the dials. Raises Problem, and then nothing has changed."""
        with self.change():
            self._config = config.merged(self.config, changes)

    @contextmanager
    def change(self) -> Iterator[None]:
        """Hold the lock, and wake up those who wait for a change. Never sleep or make a request inside."""
        with self.changed:
            try:
                yield
            finally:
                self.changed.notify_all()

    def forget(self, *, config: bool = False) -> None:
        """Forget phones, messages, ledger, faults and pending webhooks; the dials too if `config` says so."""
        with self.change():
            self.epoch += 1
            self.clock.clear()
            self._forget()
            if config:
                self._config = None

    def wait_for(self, predicate: Callable[[], object], timeout: float = 5.0) -> bool:
        """Wait until `predicate()`, called with the lock held after every change, is true; False after `timeout` s."""
        with self.changed:
            return bool(self.changed.wait_for(predicate, timeout))

    def after(self, seconds: float, call: Callable[..., None], *args: object) -> None:
        """Call `call(*args)` with the lock held after `seconds`, unless everything was forgotten before."""
        epoch = self.epoch

        def run() -> None:
            with self.change():
                if self.epoch == epoch:
                    call(*args)

        self.clock.after(seconds, run)

    def handset(self, number: str) -> Handset:
        """Return the phone with this number (`+` and digits); a new one is online, with RCS as `default_rcs` says."""
        return self.handsets.setdefault(number, self.known(number))

    def known(self, number: str) -> Handset:
        """Return the phone with this number, or what it would be like: asking about a number makes no phone."""
        return self.handsets.get(number) or Handset(number, rcs=self.config["default_rcs"])


world = World()
