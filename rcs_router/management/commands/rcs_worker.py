"""`manage.py rcs_worker`: run the whole system without a broker.

The main thread looks for due work in the database five times a second, and wakes the thread that does it
(`rcs_router.threads`), as Celery's tasks do.
"""

import signal
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rcs_router import database, sql, sweep, wake
from rcs_router.backends import backends
from rcs_router.models import Transmission
from rcs_router.threads import WorkerThreads, guarded, perform, worker_threads

LOOK = 0.2  # seconds between two looks at the database


class Worker:
    """Looks for due work until `stop()` is called. A signal handler may call `stop()`, because it takes no lock."""

    def __init__(self, worker_threads: WorkerThreads = worker_threads) -> None:
        self.worker_threads = worker_threads
        self.stopping = False

    def stop(self) -> None:
        self.stopping = True

    def run(self) -> None:
        """Work until `stop()` is called; then finish and settle what is in flight."""
        try:
            while not self.stopping:
                guarded("look", self.look)
                time.sleep(LOOK)
        finally:
            self.worker_threads.stop()
            database.close_all()

    def look(self) -> int:
        self.worker_threads.wake((wake.TICK,))
        for wake_up in sweep.due(sql.now(Transmission)):
            self.worker_threads.wake(wake_up)
        return 0


class Command(BaseCommand):
    help = "Send, receive and sweep in this process, without Celery and its broker. Any number of workers may run."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="do the work that is due now, then exit (for cron)"
        )

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if not list(backends):
            raise CommandError("RCS_BACKENDS is empty: configure a backend first")
        with wake.silenced():
            if once:
                run_once()
                return
            worker = Worker()
            with _stopped_by_signals(worker):
                self.stdout.write(f"Serving {', '.join(backends)}. Ctrl-C ends it.")
                worker.run()
        self.stdout.write("Stopped; what was in flight is settled.")


def run_once() -> None:
    """Work until nothing is due. Work may make more work due, such as a fallback or an answer."""
    done = 1
    while done:
        sweep.mend(sql.now(Transmission))
        done = sum(perform(wake_up) for wake_up in sweep.due(sql.now(Transmission)))


@contextmanager
def _stopped_by_signals(worker: Worker) -> Iterator[None]:
    """Stop the worker in good order on the first SIGTERM or SIGINT, and at once on the second."""

    def stop(number: int, frame: FrameType | None) -> None:
        worker.stop()
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
