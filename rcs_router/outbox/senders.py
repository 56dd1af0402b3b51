"""Call providers from threads that do nothing else; the drain gives them flights and gets back the results."""

import logging
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import SimpleQueue

from rcs_router.contract import MALFORMED_REPLY, BaseBackend, Capabilities, Outbound, SendResult, Traffic
from rcs_router.errors import BackendBug, SendError, Unreadable
from rcs_router.heartbeat import Hold, lease_seconds
from rcs_router.models import Transmission

logger = logging.getLogger(__name__)

GUARD = 1 / 8  # the part of a lease that must be left when a request leaves


@dataclass
class Flight:
    """One claimed transmission on its way through a drain."""

    row: Transmission
    fence: float  # by time.monotonic(): no request leaves after this
    hold: Hold | None = None  # renews the claim; no request leaves when it was not renewed in time
    request: int = 0  # the number of the drain's request that carries it
    outbound: Outbound | None = None
    result: SendResult | None = None
    error: SendError | None = None
    fenced: bool = False
    took: float = 0.0  # seconds

    def may_leave(self, moment: float) -> bool:
        """Return True if the claim is still ours. A process that was frozen stops here, and does not send twice."""
        renewed = self.hold is None or moment <= self.hold.valid_until - GUARD * lease_seconds()
        return moment <= self.fence and renewed


class Room:
    """How many requests may start now. The outcome of each started request is unknown if this process is killed."""

    def __init__(self, threads: int, able: Capabilities, flying: Iterable[Flight], *, paced: bool) -> None:
        # Three times what the threads can hold, so that no thread waits for the database. Where the provider does not
        # deduplicate, only requests really in flight may be in doubt after a crash. With a RATE, requests that wait for
        # a thread of a slow provider would leave all at once when it recovers.
        deep = 3 if able.idempotent and not paced else 1
        self.left = threads * deep - len({flight.request for flight in flying})
        self.bulk = able.bulk
        self.together = 0  # promotions that start now, `bulk` of them in one request

    def has(self, flight: Flight) -> bool:
        return self._cost(flight) <= self.left

    def take(self, flight: Flight) -> None:
        self.left -= self._cost(flight)
        self.together += int(_shares(flight))

    def _cost(self, flight: Flight) -> int:
        return 0 if self.bulk and _shares(flight) and self.together % self.bulk else 1


def grouped(flights: Iterable[Flight], most: int) -> list[list[Flight]]:
    """Return the requests: each message alone, but up to `most` of a campaign together (0: none)."""
    groups: list[list[Flight]] = []
    together: list[Flight] = []
    for flight in flights:
        if not most or not _shares(flight):
            groups.append([flight])
            continue
        if len(together) % most == 0:
            groups.append(together := [])
        together.append(flight)
    return groups


def _shares(flight: Flight) -> bool:
    """Return True if it may share a request with others. A message that somebody waits for leaves alone."""
    return flight.row.message.traffic == Traffic.PROMOTION


class Senders:
    """The threads of one slot. They outlive the drain, because each keeps its connection to the provider open.

    A plain queue, because an executor's futures cost a tenth of a request.
    """

    def __init__(self, alias: str, threads: int) -> None:
        self.threads = threads
        self._work: SimpleQueue[tuple[BaseBackend, list[Flight], Callable[[Flight], None]] | None] = (
            SimpleQueue()
        )
        for number in range(threads):
            threading.Thread(target=self._run, name=f"rcs-{alias}-{number}", daemon=True).start()

    def send(self, backend: BaseBackend, flights: list[Flight], report: Callable[[Flight], None]) -> None:
        """Queue one request for one of the threads; the thread calls `report` for each flight."""
        self._work.put((backend, flights, report))

    def end(self) -> None:
        """Let each thread end when it has nothing more to do."""
        for _ in range(self.threads):
            self._work.put(None)

    def _run(self) -> None:
        while work := self._work.get():
            backend, flights, report = work
            began = time.monotonic()
            leaving = [flight for flight in flights if flight.may_leave(began)]
            for flight in flights:
                flight.fenced = flight not in leaving
            if leaving:
                _attempt(backend, leaving)
            took = time.monotonic() - began
            for flight in flights:
                flight.took = took
                report(flight)


def _attempt(backend: BaseBackend, flights: list[Flight]) -> None:
    """Send one request. Each flight has a result or an error afterwards, whatever the backend does."""
    outbounds = [flight.outbound for flight in flights if flight.outbound]
    outcomes: list[SendResult | SendError]
    try:
        outcomes = backend.send_many(outbounds) if len(outbounds) > 1 else [backend.send(outbounds[0])]
        if len(outcomes) != len(flights):
            bug = BackendBug(f"{type(backend).__name__} did not answer for each message")
            outcomes = [bug] * len(flights)
    except SendError as error:
        outcomes = [error] * len(flights)
    except BaseException as error:  # if this thread ended, its drain would wait for ever
        # without the error's own text, which may quote the message
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.error(
            *("%r raised %s, which is not a SendError\n%s", backend, type(error).__name__, where),
            extra={"alias": backend.alias, "code": type(error).__name__},
        )
        outcomes = [BackendBug(f"{type(error).__name__} in {type(backend).__name__}")] * len(flights)
    for flight, outcome in zip(flights, outcomes, strict=True):
        _note(backend, flight, outcome)


def _note(backend: BaseBackend, flight: Flight, outcome: SendResult | SendError) -> None:
    if isinstance(outcome, SendError):
        flight.error = outcome
    elif isinstance(outcome, SendResult):
        flight.result = outcome
        if outcome.code == MALFORMED_REPLY:  # not a success: the outcome is unknown
            flight.error = Unreadable(outcome.detail)
    else:
        flight.error = BackendBug(f"{type(backend).__name__} returned no SendResult")


_senders: dict[tuple[str, int], Senders] = {}


def senders_of(alias: str, slot: int, threads: int) -> Senders:
    """Return the threads of one slot in this process, started at its first drain."""
    key = (alias, slot)
    if key not in _senders or _senders[key].threads != threads:
        _senders[key] = Senders(alias, threads)
    return _senders[key]


def replace_senders(alias: str, slot: int) -> None:
    """Have the next drain of this slot start new threads, because some of these do not come back."""
    if found := _senders.pop((alias, slot), None):
        found.end()


os.register_at_fork(after_in_child=_senders.clear)  # threads do not survive a fork
