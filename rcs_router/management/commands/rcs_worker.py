"""`manage.py rcs_worker`: the whole system without a broker; what is due in the database comes in, messages go out.

One thread per backend sends and takes back, one digests what came in, one fetches the files that came with it, and the
main thread sweeps. Each looks five times
a second, and at once when another one has done something.
"""

import logging
import signal
import threading
import time
import traceback
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections

from rcs_router import delivery, expiry, inbox, media, sql, sweep, wake
from rcs_router.backends import backends
from rcs_router.models import InboundFile, Transmission

logger = logging.getLogger(__name__)

LOOK = 0.2  # seconds between two looks
SWEEP = 1.0  # seconds between two sweeps
BUDGET = 1.0  # seconds that a drain may claim before it looks whether the worker shall stop
REST = 2.0  # seconds after trouble with the database
Station = Callable[[], int]  # does what is due; how much that was


class Worker:
    """Stations side by side. `stop()` may be called from a signal handler: it takes no lock."""

    def __init__(self) -> None:
        self.stations: dict[str, Station] = {f"send {alias}": _sender(alias, BUDGET) for alias in backends}
        self.stations |= {"digest": _digest, "fetch": _fetch}
        self.bells = {name: threading.Event() for name in self.stations}
        self.stopping = False

    def stop(self) -> None:
        self.stopping = True

    def run(self) -> None:
        """Until `stop()`; what is in flight then is finished and settled."""
        threads = [
            threading.Thread(target=self._serve, args=(name,), name=f"rcs-worker {name}")
            for name in self.stations
        ]
        for thread in threads:
            thread.start()
        try:
            self._sweep_until_stopped()
        finally:
            self.stop()
            for thread in threads:
                thread.join()

    def _serve(self, name: str) -> None:
        bell = self.bells[name]
        while not self.stopping:
            bell.clear()
            if _guarded(name, self.stations[name]):
                self._ring()
            else:
                bell.wait(LOOK)
        connections.close_all()

    def _ring(self) -> None:
        """Somebody did something: there may be work for the others, an answer to be sent or a fallback."""
        for bell in self.bells.values():
            bell.set()

    def _sweep_until_stopped(self) -> None:
        next_at = time.monotonic()
        while not self.stopping:
            if time.monotonic() >= next_at:
                _guarded("sweep", _mend)
                next_at = time.monotonic() + SWEEP
            time.sleep(LOOK)


class Command(BaseCommand):
    help = (
        "Send, digest and sweep in this process, without Celery and its broker. Any number of these may run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due now, then end (for cron)")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if not list(backends):
            raise CommandError("RCS_BACKENDS is empty: there is nothing to do")
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
    """Until nothing is due: what is done may make more due, such as a fallback or an answer."""
    stations = [*(_sender(alias) for alias in backends), _digest, _fetch]
    done = 1
    while done:
        _mend()
        done = sum([station() for station in stations])


def _sender(alias: str, budget: float | None = None) -> Station:
    """Reads before it claims: an idle worker writes nothing."""

    def serve() -> int:
        now = sql.now(Transmission)
        sent = delivery.drain(alias, budget) if sweep.has_due(alias, now) else 0
        return sent + (expiry.revoke_due(alias) if sweep.to_revoke(alias, now) else 0)

    return serve


def _digest() -> int:
    return inbox.digest() if sweep.to_digest(sql.now(Transmission)) else 0


def _fetch() -> int:
    return media.fetch_due() if sweep.to_fetch(sql.now(InboundFile)) else 0


def _guarded(name: str, work: Callable[[], int | None]) -> int:
    """Nothing that goes wrong once may end the worker: the rows are still there and are found again."""
    try:
        return work() or 0
    except DatabaseError as error:
        logger.warning("%s: the database has trouble (%s)", name, type(error).__name__)
    except Exception as error:
        # the lines without the error's own text, which may quote a message
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.error("%s failed with %s\n%s", name, type(error).__name__, where)
    connections.close_all()
    time.sleep(REST)
    return 0


def _mend() -> None:
    sweep.mend(sql.now(Transmission))


@contextmanager
def _stopped_by_signals(worker: Worker) -> Iterator[None]:
    """The first SIGTERM or SIGINT ends the worker in good order, a second one at once."""

    def stop(number: int, frame: FrameType | None) -> None:
        worker.stop()
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
