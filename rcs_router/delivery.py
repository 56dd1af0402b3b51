"""The drain: claims what is due on one backend, sends it side by side, and settles it; woken by tasks and the worker.

Threads do HTTP only; the database belongs to the thread that runs the drain.
"""

import random
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import TypeVar

from django.db import InterfaceError as DatabaseInterfaceError
from django.db import OperationalError, connections

from rcs_router import consent, outbox, pace, sql
from rcs_router.backends import backends
from rcs_router.capabilities import fit
from rcs_router.conf import router_settings
from rcs_router.content import Content
from rcs_router.content.plain import render
from rcs_router.contract import MALFORMED_REPLY, BaseBackend, Outbound, SendResult, Status, Traffic
from rcs_router.errors import SendError
from rcs_router.links import form_link
from rcs_router.models import DrainSlot, Message, Transmission
from rcs_router.outbox import Move
from rcs_router.policy import Decision, after_error
from rcs_router.screening import Screening
from rcs_router.senders import Flight, senders_of

T = TypeVar("T")

FLUSH = 16  # so many results are waited for before they are written…
FLUSH_AFTER = 0.05  # …but no longer than this many seconds after the first of them
SHORT = 0.25  # seconds: how long "nothing is due" is believed while requests are in flight
MARGIN = 2.0  # seconds of lease that must be left, besides the provider's time, when a request leaves


@dataclass
class Drain:
    """One run over one backend's outbox."""

    alias: str
    slot: DrainSlot
    stop_at: float  # by time.monotonic(): no claim after this
    backend: BaseBackend = field(init=False)
    waiting: deque[Flight] = field(default_factory=deque)
    flying: dict[uuid.UUID, Flight] = field(default_factory=dict)
    done: "SimpleQueue[Flight]" = field(default_factory=SimpleQueue)
    ended: list[Flight] = field(default_factory=list)
    failures: int = 0  # in a row
    resting: bool = False
    dealt: int = 0

    def __post_init__(self) -> None:
        self.conf = router_settings()
        self.backend = backends[self.alias]
        self.rate = backends.config(self.alias).rate
        self.clock = sql.Clock(Transmission)
        self.senders = senders_of(self.alias, self.slot.pk, self.conf.THREADS)
        self.screening = Screening(self.alias, self.outbound)
        self.messages: dict[uuid.UUID, Message] = {}
        self.bodies: dict[uuid.UUID, tuple[Content, str]] = {}
        self.next_claim = 0.0  # by time.monotonic()
        self.renew_at = time.monotonic() + self.conf.LEASE / 2
        state = pace.state(self.alias)
        self.rests = state.pauses
        self.resting = state.paused_until is not None and state.paused_until > self.clock()

    def run(self) -> int:
        """Until nothing is due, the backend rests, or the budget is spent; returns how many were sent or settled."""
        try:
            while not self.resting or self.flying or self.ended:
                settled = self.judged()  # first, because it may say that the backend is to rest
                try:
                    self.screening.recall(self.flying.values())
                    self.refill()
                except (OperationalError, DatabaseInterfaceError):
                    if not self.flying and not settled:
                        raise
                    self.resting = True  # nothing more leaves; what has left is waited for and written
                self.submit(self.write(settled, self.startable()))
                if not self.flying and not self.waiting:
                    if self.exhausted():
                        break
                    continue
                self.collect()
        finally:
            self.release()
        return self.dealt

    def exhausted(self) -> bool:
        """Is there nothing more to do now? What was claimed late in the budget is finished first."""
        now = time.monotonic()
        return self.resting or now >= self.stop_at or now < self.next_claim

    # Claiming

    def refill(self) -> None:
        """Claim more when the threads could run dry; a short answer means that there is nothing more for a moment."""
        now = time.monotonic()
        idle = not self.flying and not self.waiting
        if self.resting or now >= self.stop_at or len(self.waiting) >= self.conf.THREADS:
            return
        if not idle and (now < self.next_claim or self.rests):
            return
        wanted = 1 if self.rests else self.conf.CLAIM  # a backend that rested is tried with a single message
        granted, wait = self.reserve(wanted)
        claimed = self.claim(granted) if granted else 0
        if self.rate:
            pace.give_back(self.alias, self.rate, granted - claimed)
        if claimed < granted:
            self.next_claim = now + SHORT
        elif not granted and idle:
            time.sleep(max(0.0, min(wait, self.stop_at - now)))  # the pace allows the next one in a moment

    def reserve(self, wanted: int) -> tuple[int, float]:
        return pace.reserve(self.alias, self.rate, wanted, self.clock()) if self.rate else (wanted, 0.0)

    def claim(self, limit: int) -> int:
        claimed_at = time.monotonic()
        if claimed_at > self.renew_at:
            if not pace.renew(self.slot, self.clock(), self.conf.LEASE):
                self.stop_at = claimed_at  # the place is somebody else's
            self.renew_at = claimed_at + self.conf.LEASE / 2
        if len(self.messages) > 1000:
            self.messages.clear()
            self.bodies.clear()
        rows = outbox.claim(self.alias, limit, self.clock(), self.conf.LEASE, self.messages)
        fence = claimed_at + self.conf.LEASE - self.backend.options.timeout - MARGIN
        self.waiting.extend(Flight(row, fence) for row in rows)
        self.screen()
        return len(rows)

    def screen(self) -> None:
        """Ask once more, now that they are ours: too late? refused meanwhile? can it be built at all?"""
        now = self.clock()
        moves = self.screening.judge([flight for flight in self.waiting if flight.outbound is None], now)
        if moves:
            outbox.settle(moves, now)
            aside = {move.transmission.pk for move in moves}
            self.waiting = deque(flight for flight in self.waiting if flight.row.pk not in aside)
            self.dealt += len(moves)

    def outbound(self, row: Transmission) -> Outbound:
        message = row.message
        if message.pk not in self.bodies:
            body = message.body
            if body is None:
                raise ValueError("an outgoing message without content")
            self.bodies[message.pk] = self.fitted(message, body, row.pk)
        content, text = self.bodies[message.pk]
        if message.content and message.content["type"] == "form":  # each recipient has a page of their own
            del self.bodies[message.pk]
        return Outbound(
            id=row.pk,
            to=row.connection.identity,
            content=content,
            text=text,
            traffic=Traffic(message.traffic),
            expires_at=row.expires_at,
            extra=(message.fields.get("extra") or {}).get(self.alias) or {},
        )

    def fitted(self, message: Message, body: Content, transmission: uuid.UUID) -> tuple[Content, str]:
        """What this backend is given of the content, and the same as plain text."""
        link, text = form_link(transmission), message.fallback_text
        carried = fit(self.backend, body, text, link).content
        return carried, render(body, fallback_text=text, form_link=link).text

    # Sending

    def startable(self) -> list[Flight]:
        """Those that leave now: one at a time to one connection, and alone if it took a worker down before."""
        starting: list[Flight] = []
        kept: deque[Flight] = deque()
        busy = {flight.row.connection_id for flight in self.flying.values()}
        alone = any(flight.row.lost_leases for flight in self.flying.values())
        # Thrice what the threads can hold, so that none waits for the database; but where a repeat would be shown
        # twice, only what is really in flight may be in doubt after a crash.
        deep = 3 if self.backend.capabilities.idempotent else 1
        room = self.conf.THREADS * max(deep, self.backend.capabilities.bulk) - len(self.flying)
        for flight in self.waiting:
            who = flight.row.connection_id
            suspect = bool(flight.row.lost_leases)
            blocked = self.resting or alone or who in busy or len(starting) >= room
            if blocked or (suspect and (self.flying or starting)):
                kept.append(flight)
                alone = alone or suspect  # nobody overtakes it, else it would wait for the end of a campaign
            else:
                starting.append(flight)
                alone = suspect
            busy.add(who)
        self.waiting = kept
        return starting

    def submit(self, starting: list[Flight]) -> None:
        for flights in self.grouped(starting):
            self.flying.update((flight.row.pk, flight) for flight in flights)
            self.senders.send(self.backend, flights, self.done.put)

    def grouped(self, starting: list[Flight]) -> list[list[Flight]]:
        """Each alone; but what a campaign says to many leaves together, where the provider takes that."""
        most = self.backend.capabilities.bulk
        if not most:
            return [[flight] for flight in starting]
        groups: list[list[Flight]] = []
        together: list[Flight] = []
        for flight in starting:
            if flight.row.message.traffic != Traffic.PROMOTION:
                groups.append([flight])
                continue
            if len(together) % most == 0:
                groups.append(together := [])
            together.append(flight)
        return groups

    def collect(self) -> None:
        """Wait for the first result a moment (there may be new work), then for a few more, then take what is there."""
        wait, until = SHORT, None
        while self.flying:
            try:
                flight = self.done.get(timeout=wait)
            except Empty:
                return
            del self.flying[flight.row.pk]
            self.ended.append(flight)
            until = until or time.monotonic() + FLUSH_AFTER
            wait = max(0.0, until - time.monotonic()) if len(self.ended) < FLUSH else 0.0

    # Settling

    def judged(self) -> list[Move]:
        """What is to be written of the requests that have ended."""
        ended, self.ended = self.ended, []
        self.dealt += len(ended)
        self.screening.left(flight for flight in ended if not flight.fenced)
        fenced = [flight for flight in ended if flight.fenced]
        self.patiently(lambda: self.screening.stayed(fenced))
        return [
            _back(flight.row) if flight.fenced else self.patiently(partial(self.judge, flight))
            for flight in ended
        ]

    def write(self, settled: list[Move], starting: list[Flight]) -> list[Flight]:
        """One statement for what ended and for what leaves now; those that are still ours, and still to be sent."""
        leaving = [Move(flight.row, Decision(Status.SENDING), started=True) for flight in starting]
        stands = self.persist(settled + leaving) if settled or leaving else {}
        if unmoved := [flight for flight in starting if flight.row.pk not in stands]:
            # refused since they were screened; or somebody else's by now
            self.persist(self.patiently(lambda: self.screening.refused(unmoved)))
            self.patiently(lambda: self.screening.stayed(unmoved))
        return [flight for flight in starting if stands.get(flight.row.pk) == Status.SENDING]

    def persist(self, moves: list[Move]) -> dict[uuid.UUID, Status]:
        return self.patiently(lambda: outbox.settle(moves, self.clock()))

    def patiently(self, work: Callable[[], T]) -> T:
        """Results are worth waiting for: a database that is restarting is asked again, until the lease has ended."""
        deadline = time.monotonic() + self.conf.LEASE / 2
        while True:
            try:
                return work()
            except (OperationalError, DatabaseInterfaceError):
                if time.monotonic() > deadline:
                    raise
                connections[sql.database(Transmission).alias].close()
                time.sleep(0.2)

    def judge(self, flight: Flight) -> Move:
        """The policy's decision on one result, and what it says about the backend."""
        error, took = flight.error, round(flight.took * 1000)
        if error is None:
            self.healthy()
            result = flight.result or SendResult()
            decision = Decision(Status.ACCEPTED, result.code)
            doubt = result.code == MALFORMED_REPLY  # it was taken, as far as a status alone can say that
            return Move(flight.row, decision, result.detail, result.provider_id, unknown=doubt, took_ms=took)
        if error.retry_after is not None:
            error.retry_after = min(max(0.0, error.retry_after), self.conf.PAUSE_LIMIT)
        jitter = random.uniform(0, self.conf.RETRY_JITTER)  # noqa: S311
        decision = after_error(error, outbox.facts(flight.row, unknown=error.unknown, jitter=jitter))
        if decision.opted_out:
            identity = flight.row.connection.identity
            consent.record(
                identity, opted_out=True, source="send error", backend=self.alias, words=error.code
            )
        self.trouble(error)
        return Move(flight.row, decision, error.detail, unknown=error.unknown, took_ms=took)

    def healthy(self) -> None:
        self.failures = 0
        if self.rests:
            pace.recover(self.alias)
            self.rests = 0

    def trouble(self, error: SendError) -> None:
        """Is it the backend's? Then it rests: at once when it says so, else after many failures in a row."""
        if not error.retry:
            return self.healthy()  # a refusal is an answer
        self.failures += 1
        if error.pauses or self.failures >= self.conf.BREAKER or self.rests:
            if not self.resting:
                pace.pause(self.alias, error.code, error.retry_after, self.clock())
            self.resting = True
        return None

    def release(self) -> None:
        """What was claimed and not started goes back; nothing of it counts."""
        moves = [_back(flight.row) for flight in self.waiting]
        self.screening.stayed(self.waiting)
        self.waiting.clear()
        if moves:
            outbox.settle(moves, self.clock())


def drain(alias: str, budget: float | None = None) -> int:
    """Send what is due on this backend; returns how many rows were dealt with. Any number may run anywhere."""
    conf = router_settings()
    with pace.slot(alias, sql.now(Transmission), conf.LEASE) as slot:
        if slot is None:
            return 0
        stop_at = time.monotonic() + (conf.DRAIN_BUDGET if budget is None else budget)
        return Drain(alias, slot, stop_at).run()


def _back(row: Transmission) -> Move:
    """Its request did not leave: into the queue as if it had never been claimed."""
    return Move(row, Decision(Status.QUEUED, wait=0.0, spend=False), kind="released")
