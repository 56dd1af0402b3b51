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
        self._work: SimpleQueue[tuple[BaseBackend, list[Flight], Callable[[Flight], None]]] = SimpleQueue()
        for number in range(threads):
            threading.Thread(target=self._run, name=f"rcs-{alias}-{number}", daemon=True).start()

    def send(self, backend: BaseBackend, flights: list[Flight], report: Callable[[Flight], None]) -> None:
        """Soon, from one of the threads, in one request; `report` hears of each there."""
        self._work.put((backend, flights, report))

    def _run(self) -> None:
        while True:
            backend, flights, report = self._work.get()
            began = time.monotonic()
            leaving = [flight for flight in flights if began <= flight.fence]
            if leaving:
                _attempt(backend, leaving)
            took = time.monotonic() - began
            for flight in flights:
                flight.fenced = began > flight.fence
                flight.took = took
                report(flight)


def _attempt(backend: BaseBackend, flights: list[Flight]) -> None:
    """One request. Whatever a backend does, each flight has a result or an error afterwards."""
    outbounds = [flight.outbound for flight in flights if flight.outbound]
    outcomes: list[SendResult | SendError]
    try:
        outcomes = backend.send_many(outbounds) if len(outbounds) > 1 else [backend.send(outbounds[0])]
        if len(outcomes) != len(flights):
            bug = BackendBug(f"{type(backend).__name__} did not answer for each message")
            outcomes = [bug] * len(flights)
    except SendError as error:
        outcomes = [error] * len(flights)
    except BaseException as error:  # a thread that ended would leave its drain waiting
        # the lines without the error's own text, which may quote the message
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.error("%r raised %s, which is no SendError\n%s", backend, type(error).__name__, where)
        outcomes = [BackendBug(f"{type(error).__name__} in {type(backend).__name__}")] * len(flights)
    for flight, outcome in zip(flights, outcomes, strict=True):
        _note(backend, flight, outcome)


def _note(backend: BaseBackend, flight: Flight, outcome: SendResult | SendError) -> None:
    if isinstance(outcome, SendError):
        flight.error = outcome
    elif isinstance(outcome, SendResult):
        flight.result = outcome
    else:
        flight.error = BackendBug(f"{type(backend).__name__} returned no SendResult")


_senders: dict[tuple[str, int], Senders] = {}


def senders_of(alias: str, slot: int, threads: int) -> Senders:
    """Those of one slot in this process, made at its first drain."""
    key = (alias, slot)
    if key not in _senders or _senders[key].threads != threads:
        _senders[key] = Senders(alias, threads)
    return _senders[key]


os.register_at_fork(after_in_child=_senders.clear)  # threads do not survive a fork
