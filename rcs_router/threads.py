"""Do the work in background threads of this process; Celery's tasks, rcs_worker and local wake-ups only wake them.

A Celery process is therefore never held: a campaign, a hanging provider or a slow app keeps its own thread busy and
nobody else's. Each backend has a thread that sends and one that takes back, `digest` may have several; one sweeps.
"""

import logging
import os
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import DatabaseError

from rcs_router import capability_checks, database, sql, sweep, timelimit, wake
from rcs_router.inbox import digest, media
from rcs_router.models import Transmission
from rcs_router.outbox import drain, expiry
from rcs_router.wake import WakeUp

logger = logging.getLogger(__name__)

IDLE = 10.0  # seconds after which a thread without work ends, and gives its database connection back
SWEEP = 1.0  # seconds between two sweeps, while anything is awake
REST = 2.0  # seconds after trouble
PATIENCE = 30.0  # seconds that `stop` waits for what is in flight
DIGESTERS = 4  # threads that digest and route, when the first ones are busy
BUSY = 0.3  # seconds after which a busy thread gets another one beside it


@dataclass
class Station:
    """One thread and what wakes it."""

    wake_up: WakeUp
    work: Callable[[], int]
    woken: threading.Event
    busy_since: float = 0.0  # by time.monotonic(); 0 while it waits
    thread: threading.Thread = field(init=False)

    @property
    def is_free(self) -> bool:
        """Will it begin soon? A slow router app, or a long batch, lets others wait."""
        return not self.busy_since or time.monotonic() - self.busy_since < BUSY


class Stations:
    """Those of this process. A station is made when it is first woken and ends when it has been idle."""

    def __init__(self) -> None:
        self._running: dict[tuple[WakeUp, int], Station] = {}
        self._lock = threading.Lock()
        self.stopping = False

    def wake(self, wake_up: WakeUp) -> None:
        """Have this work done soon. Returns at once; what is being done already is looked at once more."""
        if self.stopping:
            return
        wake.listen(self.wake)
        self._wake(wake_up)
        if wake_up[0] != wake.TICK:
            self._wake((wake.TICK,))

    def _wake(self, wake_up: WakeUp) -> None:
        with self._lock:
            most = DIGESTERS if wake_up[0] == wake.DIGEST else 1
            for number in range(most):
                station = self._running.get((wake_up, number))
                if station is None or timelimit.abandoned(station.thread):
                    self._start(wake_up, number)
                    return
                station.woken.set()
                if station.is_free:
                    return

    def _start(self, wake_up: WakeUp, number: int) -> None:
        woken = threading.Event()
        woken.set()
        station = Station(wake_up, self._work(wake_up, woken), woken)
        name = f"rcs-{'-'.join(wake_up).removeprefix('rcs_router.')}-{number}"
        args = (station, number)
        station.thread = threading.Thread(target=self._serve, args=args, name=name, daemon=True)
        station.thread.start()  # may fail: then nobody shall take it for one that runs
        self._running[wake_up, number] = station

    def _work(self, wake_up: WakeUp, woken: threading.Event) -> Callable[[], int]:
        task, *args = wake_up
        if task == wake.DRAIN:
            return lambda: drain.run(args[0], stopping=lambda: self.stopping, woken=woken)
        if task == wake.TICK:
            return self._sweep
        return lambda: perform((task, *args))

    def _sweep(self) -> int:
        """Sweep, and begin here what is due; as long as other threads of this process are awake."""
        now = sql.now(Transmission)
        if sweep.run(now):
            for wake_up in sweep.due(now):
                self._wake(wake_up)
        others = any(wake_up[0] != wake.TICK for wake_up, _ in list(self._running))
        time.sleep(SWEEP if others else 0.0)
        return int(others)

    def _serve(self, station: Station, number: int) -> None:
        try:
            while not self.stopping and not timelimit.abandoned():
                station.woken.clear()
                station.busy_since = time.monotonic()
                done = guarded(" ".join(station.wake_up), station.work)
                database.close_old_others()
                station.busy_since = 0.0
                if not done and not station.woken.wait(IDLE) and self._ends(station, number):
                    break
        finally:  # also when somebody called sys.exit()
            with self._lock:
                self._leave(station, number)
            database.close_all()

    def _ends(self, station: Station, number: int) -> bool:
        """Leave the list of running stations, unless somebody has woken this one at the last moment."""
        with self._lock:
            if station.woken.is_set():
                return False
            self._leave(station, number)
            return True

    def _leave(self, station: Station, number: int) -> None:
        if self._running.get((station.wake_up, number)) is station:  # else another has taken its place
            del self._running[station.wake_up, number]

    def stop(self, patience: float = PATIENCE) -> None:
        """Finish and settle what is in flight, begin nothing more, and return when that is done."""
        self.stopping = True
        wake.listen(None)
        until = time.monotonic() + patience
        while self._running and time.monotonic() < until:
            for station in list(self._running.values()):
                station.woken.set()
            time.sleep(0.02)
        self.stopping = bool(self._running)


def perform(wake_up: WakeUp) -> int:
    """Do this work in the caller's thread, until nothing is due; return how much that was."""
    task, *args = wake_up
    if task == wake.TICK:
        sweep.tick()
        return 0
    return _WORK[task](*args)


_WORK: dict[str, Callable[..., int]] = {
    wake.DRAIN: drain.run,
    wake.REVOKE: expiry.revoke_due,
    wake.DIGEST: digest.run,
    wake.FETCH: media.fetch_due,
    wake.CHECK: capability_checks.answer_due,
}


def guarded(name: str, work: Callable[[], int | None]) -> int:
    """Do the work. Nothing that goes wrong once may end a worker: the rows are still there and are found again."""
    try:
        return work() or 0
    except DatabaseError as error:
        logger.warning(
            *("%s: the database has trouble (%s): tried again", name, type(error).__name__),
            extra={"code": type(error).__name__, "next_step": "tried again"},
        )
    except Exception as error:
        # the lines without the error's own text, which may quote a message
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.error(
            *("%s failed (%s): tried again\n%s", name, type(error).__name__, where),
            extra={"code": type(error).__name__, "next_step": "tried again"},
        )
    database.close_all()
    time.sleep(REST)
    return 0


stations = Stations()
os.register_at_fork(after_in_child=lambda: stations.__init__())  # type: ignore[misc]
