"""Do the work in background threads of this process; Celery's tasks, rcs_worker and local wake-ups only wake them.

So a Celery process is never blocked: a campaign, a hanging provider or a slow app uses only its own thread. Each
backend has a thread that sends and one that revokes, `digest` may have several, and one thread sweeps.
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
from rcs_router.inbox import intake, media
from rcs_router.models import Transmission
from rcs_router.outbox import drain, expiry
from rcs_router.wake import WakeUp

logger = logging.getLogger(__name__)

IDLE = 10.0  # seconds after which a thread without work ends, and closes its database connection
SWEEP = 1.0  # seconds between two sweeps, while anything is awake
REST = 2.0  # seconds after an error
PATIENCE = 30.0  # seconds that `stop` waits for requests in flight
DIGESTERS = 4  # threads that digest and route, when the first ones are busy
BUSY = 0.3  # seconds after which a busy thread gets another one beside it


@dataclass
class WorkerThread:
    """One thread, its work, and the event that wakes it."""

    wake_up: WakeUp
    work: Callable[[], int]
    woken: threading.Event
    busy_since: float = 0.0  # by time.monotonic(); 0 while it waits
    thread: threading.Thread = field(init=False)

    @property
    def is_free(self) -> bool:
        """Return True if the thread starts soon. A slow router app, or a long batch, makes other work wait."""
        return not self.busy_since or time.monotonic() - self.busy_since < BUSY


class WorkerThreads:
    """The worker threads of this process. A thread starts when it is first woken, and ends after some idle time."""

    def __init__(self) -> None:
        self._running: dict[tuple[WakeUp, int], WorkerThread] = {}
        self._lock = threading.Lock()
        self.stopping = False

    def wake(self, wake_up: WakeUp) -> None:
        """Have this work done soon. Return at once. A thread that is working looks once more afterwards."""
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
                worker = self._running.get((wake_up, number))
                if worker is None or timelimit.abandoned(worker.thread):
                    self._start(wake_up, number)
                    return
                worker.woken.set()
                if worker.is_free:
                    return

    def _start(self, wake_up: WakeUp, number: int) -> None:
        woken = threading.Event()
        woken.set()
        worker = WorkerThread(wake_up, self._work(wake_up, woken), woken)
        name = f"rcs-{'-'.join(wake_up).removeprefix('rcs_router.')}-{number}"
        args = (worker, number)
        worker.thread = threading.Thread(target=self._serve, args=args, name=name, daemon=True)
        worker.thread.start()  # may fail: then the thread must not count as running
        self._running[wake_up, number] = worker

    def _work(self, wake_up: WakeUp, woken: threading.Event) -> Callable[[], int]:
        task, *args = wake_up
        if task == wake.DRAIN:
            return lambda: drain.drain(args[0], stopping=lambda: self.stopping, woken=woken)
        if task == wake.TICK:
            return self._sweep
        return lambda: perform((task, *args))

    def _sweep(self) -> int:
        """Sweep, and wake the threads of this process for what is due."""
        now = sql.now(Transmission)
        if sweep.run(now):
            for wake_up in sweep.due(now):
                self._wake(wake_up)
        others = any(wake_up[0] != wake.TICK for wake_up, _ in list(self._running))
        time.sleep(SWEEP if others else 0.0)
        return int(others)

    def _serve(self, worker: WorkerThread, number: int) -> None:
        try:
            while not self.stopping and not timelimit.abandoned():
                worker.woken.clear()
                worker.busy_since = time.monotonic()
                done = guarded(" ".join(worker.wake_up), worker.work)
                database.close_old_others()
                worker.busy_since = 0.0
                if not done and not worker.woken.wait(IDLE) and self._ends(worker, number):
                    break
        finally:  # also after sys.exit()
            with self._lock:
                self._leave(worker, number)
            database.close_all()

    def _ends(self, worker: WorkerThread, number: int) -> bool:
        """Remove an idle thread from the running ones, unless it was woken at the last moment."""
        with self._lock:
            if worker.woken.is_set():
                return False
            self._leave(worker, number)
            return True

    def _leave(self, worker: WorkerThread, number: int) -> None:
        if self._running.get((worker.wake_up, number)) is worker:  # else another thread has replaced it
            del self._running[worker.wake_up, number]

    def stop(self, patience: float = PATIENCE) -> None:
        """Finish and settle the requests in flight, start nothing more, and return when that is done."""
        self.stopping = True
        wake.listen(None)
        until = time.monotonic() + patience
        while self._running and time.monotonic() < until:
            for worker in list(self._running.values()):
                worker.woken.set()
            time.sleep(0.02)
        self.stopping = bool(self._running)


def perform(wake_up: WakeUp) -> int:
    """Do this work in the caller's thread until nothing is due; return how much was done."""
    task, *args = wake_up
    if task == wake.TICK:
        sweep.tick()
        return 0
    return _WORK[task](*args)


_WORK: dict[str, Callable[..., int]] = {
    wake.DRAIN: drain.drain,
    wake.REVOKE: expiry.revoke_due,
    wake.DIGEST: intake.digest,
    wake.FETCH: media.fetch_due,
    wake.CHECK: capability_checks.answer_due,
}


def guarded(name: str, work: Callable[[], int | None]) -> int:
    """Do the work and log its errors. One error must not end a worker: the rows are still there."""
    try:
        return work() or 0
    except DatabaseError as error:
        logger.warning(
            *("%s: the database has trouble (%s): tried again", name, type(error).__name__),
            extra={"code": type(error).__name__, "next_step": "tried again"},
        )
    except Exception as error:
        # without the error's own text, which may quote a message
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.error(
            *("%s failed (%s): tried again\n%s", name, type(error).__name__, where),
            extra={"code": type(error).__name__, "next_step": "tried again"},
        )
    database.close_all()
    time.sleep(REST)
    return 0


worker_threads = WorkerThreads()
os.register_at_fork(after_in_child=lambda: worker_threads.__init__())  # type: ignore[misc]
