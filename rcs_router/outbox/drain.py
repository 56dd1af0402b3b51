"""Drain one backend: claim what is due, send it side by side, and settle the results; called by `threads`.

Threads do HTTP only (`senders`); the database belongs to the thread that runs the drain.
"""

import random
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event
from typing import TypeVar

from django.db import InterfaceError as DatabaseInterfaceError
from django.db import OperationalError

from rcs_router import database, heartbeat, logs, outbox, sql
from rcs_router.alarms import counts
from rcs_router.backends import backends
from rcs_router.conf import router_settings
from rcs_router.contract import BaseBackend, SendResult, Status
from rcs_router.errors import BadAddress, OptedOut, SendError, Unreachable
from rcs_router.models import DrainSlot, Transmission
from rcs_router.outbox import Move, pace
from rcs_router.outbox.outbounds import Outbounds
from rcs_router.outbox.policy import Decision, Facts, after_error
from rcs_router.outbox.screening import Screening
from rcs_router.outbox.senders import Flight, Room, grouped, replace_senders, senders_of
from rcs_router.people import consent

T = TypeVar("T")

FLUSH, FLUSH_AFTER = 16, 0.05  # write results when there are 16, or 0.05 seconds after the first
SHORT = 0.25  # seconds for which "nothing is due" is believed while requests are in flight
SPARE = 2  # rows that a woken drain claims beside those that wait, because one may be urgent
MARGIN = 2.0  # seconds of LEASE that must be left, besides the provider's time, when a request leaves


@dataclass
class Drain:
    """One run over one backend's due transmissions."""

    alias: str
    slot: DrainSlot
    stop_at: float  # by time.monotonic(): no claim after this
    stopping: Callable[[], bool] = lambda: False  # returns True when the process is about to end
    woken: Event = field(default_factory=Event)  # set by the thread that has queued something
    backend: BaseBackend = field(init=False)
    hold: heartbeat.Hold | None = None  # renews the claims while `run` works
    waiting: deque[Flight] = field(default_factory=deque)
    flying: dict[uuid.UUID, Flight] = field(default_factory=dict)
    done: "SimpleQueue[Flight]" = field(default_factory=SimpleQueue)
    ended: list[Flight] = field(default_factory=list)
    claims: dict[uuid.UUID, float] = field(default_factory=dict)  # token → when it is no longer renewed
    failures: int = 0  # in a row
    requests: int = 0
    paused: bool = False
    halted: bool = False  # nothing more leaves; requests in flight are waited for and written
    probing: bool = False  # the backend is paused, and this drain tries it with one message
    probe: datetime | None = None  # until when it has the right to try
    dealt: int = 0

    def __post_init__(self) -> None:
        self.conf = router_settings()
        self.backend = backends[self.alias]
        self.rate = backends.config(self.alias).rate
        self.clock = sql.Clock(Transmission)
        self.senders = senders_of(self.alias, self.slot.pk, self.conf.THREADS)
        self.outbounds = Outbounds(self.alias)
        self.screening = Screening(self.alias, self.outbounds.build)
        self.next_claim = 0.0  # by time.monotonic()
        self.pacer = pace.Pacer(self.alias, self.rate, self.clock)

    def run(self) -> int:
        """Work until nothing is due, the backend is paused, or the budget is spent; return the number of rows."""
        with heartbeat.holding(self.renew) as self.hold:
            try:
                self.begin()
                while not self.halted or self.flying or self.ended:
                    if not self.turn():
                        break
            finally:
                self.release()
        if self.paused:
            self.dealt += outbox.divert(self.alias, self.clock())
        if self.failures != self.failures_before:  # even where each of many drains has few failures
            pace.note_failures(self.alias, self.failures)
        counts.flush(force=True)
        return self.dealt

    def begin(self) -> None:
        """Check whether the backend is paused. After its pause, one drain tries it with one message."""
        state, now = pace.state(self.alias), self.clock()
        self.failures = self.failures_before = state.failures
        if state.paused_until and state.paused_until > now:
            self.paused = True
        elif state.pauses:
            self.probe = pace.begin_probe(self.alias, now, self.backend.options.timeout + MARGIN)
            self.probing = self.probe is not None
            self.paused = not self.probing
        self.halted = self.paused

    def turn(self) -> bool:
        """Settle ended requests, claim and start new ones, and wait for results; return False when nothing is left."""
        settled = self.judged()  # first, because a result may pause the backend
        try:
            self.screening.recall(self.flying.values())
            self.refill()
        except (OperationalError, DatabaseInterfaceError):
            if not self.flying and not settled:
                raise
            self.halted = True
        self.submit(self.write(settled, self.startable()))
        if not self.flying and self.exhausted():
            return False
        self.collect()
        self.give_up()
        return True

    def exhausted(self) -> bool:
        """Return True if there is nothing more to do. Rows that may leave soon are finished first."""
        now = time.monotonic()
        if self.waiting:
            return now >= self.stop_at and self.pacer.wait() > SHORT
        return self.halted or self.probing or now >= self.stop_at or now < self.next_claim

    # Claiming

    def refill(self) -> None:
        """Claim more when the threads could run out of work. After a short answer, wait a moment."""
        now = time.monotonic()
        self.halted = self.halted or self.stopping()
        if self.halted or now >= self.stop_at or (self.probing and (self.flying or self.waiting)):
            return
        low = len(self.waiting) <= self.enough() // 2
        due = low and (now >= self.next_claim or not (self.flying or self.waiting))
        if not due and not (self.woken.is_set() and len(self.waiting) <= self.enough()):
            return
        self.woken.clear()
        wanted = self.wanted() if due else SPARE
        if self.claim(wanted) < wanted:
            self.next_claim = now + SHORT

    def wanted(self) -> int:
        """Return how many rows to claim: one to try a paused backend with, else as many as there is room for."""
        if self.probing:
            return 1
        return min(self.conf.CLAIM, self.enough() - len(self.waiting)) if self.rate else self.conf.CLAIM

    def enough(self) -> int:
        """Return how many claimed rows may wait here at most; with half as many left, more are claimed.

        With a RATE only a few, so that urgent messages overtake the others.
        """
        if self.rate is None:
            return 2 * self.conf.THREADS
        return max(1, min(self.conf.CLAIM, int(self.rate * pace.HORIZON)))

    def claim(self, limit: int) -> int:
        claimed_at = time.monotonic()
        self.outbounds.forget_many()
        rows = outbox.claim(
            self.alias,
            limit,
            self.clock(),
            heartbeat.lease_seconds(),
            self.outbounds.messages,
            probe=self.probing,
        )
        end = claimed_at + self.conf.LEASE
        self.claims |= {row.claim: end for row in rows if row.claim}
        fence = end - self.backend.options.timeout - MARGIN
        new = [Flight(row, fence, self.hold) for row in rows]
        self.waiting = deque(sorted([*self.waiting, *new], key=lambda flight: flight.row.priority))
        self.screen()
        return len(rows)

    def renew(self, now: datetime, until: datetime) -> None:
        """Renew the slot and the claims that are younger than LEASE; called by the heartbeat's thread."""
        moment = time.monotonic()
        tokens = [token for token, end in list(self.claims.items()) if moment < end]
        rows = Transmission.objects.filter(status=Status.SENDING, lease_until__isnull=False, claim__in=tokens)
        rows.update(lease_until=until)
        if not pace.renew(self.slot, until):
            self.stop_at = moment  # another drain has the slot

    def screen(self) -> None:
        """Check the claimed rows once more: expired, refused meanwhile, or impossible to build?"""
        now = self.clock()
        moves = self.screening.judge([flight for flight in self.waiting if flight.outbound is None], now)
        if moves:
            outbox.settle(moves, now)
            aside = {move.transmission.pk for move in moves}
            self.waiting = deque(flight for flight in self.waiting if flight.row.pk not in aside)
            self.dealt += len(moves)

    # Sending

    def startable(self) -> list[Flight]:
        """Return the flights that leave now: one at a time per connection, and alone if it killed a worker before."""
        starting: list[Flight] = []
        kept: deque[Flight] = deque()
        busy = {flight.row.connection_id for flight in self.flying.values()}
        alone = any(flight.row.lost_leases for flight in self.flying.values())
        able, paced = self.backend.capabilities, self.rate is not None
        room = Room(self.conf.THREADS, able, self.flying.values(), paced=paced)
        due = 0 if self.halted else self.pacer.due(len(self.waiting))
        for flight in self.waiting:
            who = flight.row.connection_id
            suspect = bool(flight.row.lost_leases)
            blocked = alone or who in busy or len(starting) >= due or not room.has(flight)
            if blocked or (suspect and (self.flying or starting)):
                kept.append(flight)
                alone = alone or suspect  # nobody overtakes it, else it would wait until a campaign ends
            else:
                starting.append(flight)
                room.take(flight)
                alone = suspect
            busy.add(who)
        self.waiting = kept
        self.pacer.took(len(starting))
        return starting

    def submit(self, starting: list[Flight]) -> None:
        for flights in grouped(starting, self.backend.capabilities.bulk):
            self.requests += 1
            for flight in flights:
                flight.request = self.requests
            self.flying.update((flight.row.pk, flight) for flight in flights)
            self.senders.send(self.backend, flights, self.done.put)
            self.pacer.left_now(len(flights))

    def collect(self) -> None:
        """Wait a moment for the first result (new work may come), then for a few more, then take what is there."""
        wait, until = SHORT, None
        if self.waiting and not self.halted:
            wait = min(wait, self.pacer.wait() or wait)
        if self.waiting and not self.flying and not self.halted:
            time.sleep(wait)  # the pace allows the next one in a moment
        while self.flying:
            try:
                flight = self.done.get(timeout=wait)
            except Empty:
                return
            if self.flying.get(flight.row.pk) is flight:  # else `give_up` has dropped it
                del self.flying[flight.row.pk]
            self.ended.append(flight)
            until = until or time.monotonic() + FLUSH_AFTER
            wait = max(0.0, until - time.monotonic()) if len(self.ended) < FLUSH else 0.0

    def give_up(self) -> None:
        """Stop waiting for requests that did not come back within LEASE: others need the slot."""
        moment = time.monotonic()
        over = {token for token, end in self.claims.items() if moment >= end}
        hung = [flight for flight in self.flying.values() if flight.row.claim in over]
        if hung and self.done.empty():
            self.halted = True
            replace_senders(self.alias, self.slot.pk)
            for flight in hung:
                del self.flying[flight.row.pk]
                logs.gave_up(self.alias, flight.row.pk)

    # Settling

    def judged(self) -> list[Move]:
        """Return what is to be written about the requests that have ended."""
        ended, self.ended = self.ended, []
        self.dealt += len(ended)
        counts.flush()
        self.screening.left(flight for flight in ended if not flight.fenced)
        fenced = [flight for flight in ended if flight.fenced]
        self.patiently(lambda: self.screening.stayed(fenced))
        return [
            _back(flight.row) if flight.fenced else self.patiently(partial(self.judge, flight))
            for flight in ended
        ]

    def write(self, settled: list[Move], starting: list[Flight]) -> list[Flight]:
        """Write in one statement what ended and what leaves now; return the flights to send."""
        leaving = [Move(flight.row, Decision(Status.SENDING), started=True) for flight in starting]
        stands = self.persist(settled + leaving) if settled or leaving else {}
        if unmoved := [flight for flight in starting if flight.row.pk not in stands]:
            # refused since they were screened, or claimed by another worker
            self.patiently(lambda: outbox.settle(self.screening.refused(unmoved), self.clock()))
            self.patiently(lambda: self.screening.stayed(unmoved))
        return [flight for flight in starting if stands.get(flight.row.pk) == Status.SENDING]

    def persist(self, moves: list[Move]) -> dict[uuid.UUID, Status]:
        held = {flight.row.claim for flight in (*self.waiting, *self.flying.values())}
        held |= {move.transmission.claim for move in moves if move.started}
        self.claims = {token: end for token, end in self.claims.items() if token in held}
        return self.patiently(lambda: outbox.settle(moves, self.clock()))

    def patiently(self, work: Callable[[], T]) -> T:
        """Retry `work` until half of LEASE is over while the database is restarting: results must not be lost."""
        deadline = time.monotonic() + self.conf.LEASE / 2
        while True:
            try:
                return work()
            except (OperationalError, DatabaseInterfaceError):
                if time.monotonic() > deadline:
                    raise
                database.connection().close()
                time.sleep(0.2)

    def judge(self, flight: Flight) -> Move:
        """Return the decision of the policy on one result, and note what it says about the backend."""
        error, took = flight.error, round(flight.took * 1000)
        result = flight.result or SendResult()
        counts.attempt(self.alias, failed=_is_trouble(error), seconds=flight.took)
        if error is None:
            self.healthy()
            # the answer to a repeat under the same id also settles the first request
            decision = Decision(Status.ACCEPTED, result.code, settled=self.backend.capabilities.idempotent)
            return Move(flight.row, decision, result.detail, result.provider_id, took_ms=took)
        if error.retry_after is not None:
            error.retry_after = min(max(0.0, error.retry_after), self.conf.PAUSE_LIMIT)
        decision = after_error(error, self.facts(flight.row, error))
        if decision.opted_out:
            identity = flight.row.connection.identity
            consent.record(
                identity, opted_out=True, source="send error", backend=self.alias, words=error.code
            )
        self.trouble(error)
        return Move(
            *(flight.row, decision, error.detail, result.provider_id),
            unknown=error.unknown,
            took_ms=took,
            paused=self.paused,
        )

    def facts(self, row: Transmission, error: SendError) -> Facts:
        jitter = random.uniform(0, self.conf.RETRY_JITTER)  # noqa: S311
        return outbox.facts(row, unknown=error.unknown, jitter=jitter, now=self.clock())

    def healthy(self) -> None:
        self.failures = 0
        if self.probing:
            pace.recover(self.alias, self.clock())
            self.probing = False

    def trouble(self, error: SendError) -> None:
        """Pause the backend if it is at fault: at once if the error says so, else after many failures."""
        if not error.retry and not error.counts:
            return self.healthy()  # a refusal is an answer
        self.failures += 1
        if error.pauses or self.failures >= self.conf.BREAKER or self.probing:
            if not self.paused:
                now, why = self.clock(), error.detail
                pace.pause(self.alias, error.code, error.retry_after, now, detail=why, probing=self.probing)
            self.paused = self.halted = True
            self.probing = False
        return None

    def release(self) -> None:
        """Put back what was claimed and not started; it does not count as an attempt."""
        moves = [_back(flight.row) for flight in self.waiting]
        self.screening.stayed(self.waiting)
        self.waiting.clear()
        if moves:
            outbox.settle(moves, self.clock())
        self.pacer.close()
        if self.probing and self.probe:  # there was no message to try the backend with
            pace.end_probe(self.alias, self.probe, self.clock())


def drain(
    alias: str,
    budget: float | None = None,
    stopping: Callable[[], bool] = lambda: False,
    woken: Event | None = None,
) -> int:
    """Send what is due on this backend; return how many rows were handled. Any number of drains may run anywhere.

    `budget`: seconds after which no more rows are claimed. `woken`: set when something may have been queued meanwhile.
    While the backend is paused, only urgent messages go on to their fallback.
    """
    conf = router_settings()
    now = sql.now(Transmission)
    if pace.is_paused(alias, now):
        return outbox.divert(alias, now)
    with pace.slot(alias, now, heartbeat.lease_seconds()) as slot:
        if slot is None:
            return 0
        stop_at = time.monotonic() + (conf.DRAIN_BUDGET if budget is None else budget)
        return Drain(alias, slot, stop_at, stopping, woken or Event()).run()


def _is_trouble(error: SendError | None) -> bool:
    """Return True for a failure that counts. A phone without RCS, or a person who refuses, is an ordinary answer."""
    return error is not None and not isinstance(error, BadAddress | OptedOut | Unreachable)


def _back(row: Transmission) -> Move:
    """Put a row whose request did not leave back into the queue, as if it had never been claimed."""
    return Move(row, Decision(Status.QUEUED, wait=0.0, spend=False), kind="released")
