"""Flights in, the same with what became of their request out: the threads that call providers, and do nothing else."""

import logging
import os
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue

from rcs_router.contract import BaseBackend, Outbound, SendResult
from rcs_router.errors import BackendBug, SendError
from rcs_router.models import Transmission

logger = logging.getLogger(__name__)


@dataclass
class Flight:
    """One claimed transmission on its way through a drain."""

    row: Transmission
    fence: float  # by time.monotonic(): no request leaves after this
    outbound: Outbound | None = None
    result: SendResult | None = None
    error: SendError | None = None
    fenced: bool = False
    took: float = 0.0  # seconds


class Senders:
    """The threads of one slot. They outlive the drain, because each keeps its connection to the provider open.

    A bare queue, since an executor's futures cost as much as a tenth of a request.
    """

    def __init__(self, alias: str, threads: int) -> None:
        self.threads = threads
        self._work: SimpleQueue[tuple[BaseBackend, Flight, Callable[[Flight], None]]] = SimpleQueue()
        for number in range(threads):
            threading.Thread(target=self._run, name=f"rcs-{alias}-{number}", daemon=True).start()

    def send(self, backend: BaseBackend, flight: Flight, report: Callable[[Flight], None]) -> None:
        """Soon, from one of the threads; `report` hears of it there."""
        self._work.put((backend, flight, report))

    def _run(self) -> None:
        while True:
            backend, flight, report = self._work.get()
            began = time.monotonic()
            flight.fenced = began > flight.fence
            if not flight.fenced:
                _attempt(backend, flight)
            flight.took = time.monotonic() - began
            report(flight)


def _attempt(backend: BaseBackend, flight: Flight) -> None:
    """One request. Whatever a backend does, there is a result or an error afterwards."""
    assert flight.outbound is not None
    try:
        flight.result = backend.send(flight.outbound)
    except SendError as error:
        flight.error = error
    except BaseException as error:  # a thread that ended would leave its drain waiting
        # the lines without the error's own text, which may quote the message
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.error("%r raised %s, which is no SendError\n%s", backend, type(error).__name__, where)
        flight.error = BackendBug(f"{type(error).__name__} in {type(backend).__name__}")
    if flight.error is None and not isinstance(flight.result, SendResult):
        flight.error = BackendBug(f"{type(backend).__name__} returned no SendResult")


_senders: dict[tuple[str, int], Senders] = {}


def senders_of(alias: str, slot: int, threads: int) -> Senders:
    """Those of one slot in this process, made at its first drain."""
    key = (alias, slot)
    if key not in _senders or _senders[key].threads != threads:
        _senders[key] = Senders(alias, threads)
    return _senders[key]


os.register_at_fork(after_in_child=_senders.clear)  # threads do not survive a fork
