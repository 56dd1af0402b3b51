"""A drain taken apart: each step of a worker by itself, so that anything may happen between two of them."""

from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from queue import SimpleQueue
from typing import Any
from uuid import UUID

from rcs_router import outbox, sql
from rcs_router.contract import BaseBackend, Status
from rcs_router.models import Transmission
from rcs_router.outbox import pace, senders
from rcs_router.outbox.drain import Drain
from rcs_router.outbox.senders import Flight


@dataclass
class Line:
    """In the place of the threads: requests stand in line until the test lets one leave."""

    waiting: deque[tuple[BaseBackend, list[Flight], Callable[[Flight], None]]] = field(default_factory=deque)

    def send(self, backend: BaseBackend, flights: list[Flight], report: Callable[[Flight], None]) -> None:
        self.waiting.append((backend, flights, report))


class Worker:
    """One worker of one backend; `before` is asked about each row right before its request leaves."""

    def __init__(self, alias: str, before: Callable[[Flight], None]) -> None:
        self.alias, self.before = alias, before
        self.line = Line()
        self.drain: Drain | None = None
        self.stack = ExitStack()

    def claim(self) -> None:
        """Claims and screens; a worker that finished before begins anew."""
        if self.drain is None:
            slot = self.stack.enter_context(pace.slot(self.alias, sql.now(Transmission), 90))
            if slot is None:
                return
            self.drain = Drain(self.alias, slot, stop_at=float("inf"))
            self.drain.senders = self.line  # type: ignore[assignment]
        self.drain.next_claim = 0.0
        self.drain.refill()

    def start(self) -> list[Flight]:
        """Writes what ended and marks what leaves; returns what stands in line since."""
        if self.drain is None:
            return []
        starting = self.drain.write(self.drain.judged(), self.drain.startable())
        self.drain.submit(starting)
        return starting

    def look(self) -> None:
        if self.drain:
            self.drain.screening.looked_at = float("-inf")
            self.drain.screening.recall(self.drain.flying.values())

    def leave(self) -> None:
        """The request that has waited longest leaves, and is answered; exactly as a thread does it."""
        if not self.line.waiting:
            return
        backend, flights, report = self.line.waiting.popleft()
        work: SimpleQueue[Any] = SimpleQueue()
        for flight in flights:
            if flight.fence:
                self.before(flight)
        work.put((backend, flights, report))
        run_once(work)
        assert self.drain
        self.drain.collect()

    def finish(self) -> None:
        """What has started leaves, what has not goes back."""
        while self.line.waiting:
            self.leave()
        if self.drain:
            self.drain.write(self.drain.judged(), [])
            self.drain.release()
        self.drain = None
        self.stack.close()

    def die(self) -> None:
        """`kill -9`: nothing is written, and the leases run out."""
        mine = set() if self.drain is None else {*self.drain.flying, *(f.row.pk for f in self.drain.waiting)}
        mine |= set() if self.drain is None else {flight.row.pk for flight in self.drain.ended}
        self.line.waiting.clear()
        self.drain = None
        self.stack.close()
        expire_leases(mine)


def expire_leases(keys: set[UUID]) -> None:
    now = sql.now(Transmission)
    rows = Transmission.objects.filter(pk__in=keys, status=Status.SENDING)
    rows.update(lease_until=now - timedelta(seconds=1))
    outbox.reap(now)


class _Enough(Exception):
    pass


def run_once(work: "SimpleQueue[Any]") -> None:
    """One turn of the loop that a thread of rcs_router.outbox.senders runs."""
    threads = senders.Senders.__new__(senders.Senders)

    class Once:
        def get(self) -> Any:
            if work.empty():
                raise _Enough
            return work.get()

    threads._work = Once()  # type: ignore[assignment]
    try:
        threads._run()
    except _Enough:
        return
