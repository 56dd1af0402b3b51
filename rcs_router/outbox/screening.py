"""Check claimed rows before they leave: expired, refused, during quiet hours, above a frequency cap, or broken."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from rcs_router import conf, outbox
from rcs_router.backends import brand_of
from rcs_router.contract import Outbound, Status
from rcs_router.errors import RCSError
from rcs_router.models import Transmission
from rcs_router.outbox import Move
from rcs_router.outbox.policy import Decision, after_expiry
from rcs_router.outbox.senders import Flight
from rcs_router.people import caps, consent, numbering, quiet

LOOK_AGAIN = 0.25  # seconds: how long a promotion may wait here after its person has said STOP


@dataclass
class Screening:
    """The checks of one drain. `build` makes the request of a row, or raises."""

    alias: str
    build: Callable[[Transmission], Outbound]
    wishes: dict[UUID, caps.Wish] = field(default_factory=dict)  # counted, and not sent yet
    looked_at: float = 0.0  # by time.monotonic()

    def __post_init__(self) -> None:
        given = conf.router_settings()
        self.brand = brand_of(self.alias)
        self.caps, self.hours = conf.caps(given.CAPS), conf.quiet_hours(given.QUIET_HOURS)

    def judge(self, flights: Sequence[Flight], now: datetime) -> list[Move]:
        """Return the moves of those that may not leave; all others have an `outbound` afterwards."""
        moves = self.refused([flight for flight in flights if not _late(flight.row, now)])
        aside = {move.transmission.pk for move in moves}
        for flight in flights:
            if flight.row.pk not in aside and (move := self._unsendable(flight, now)):
                moves.append(move)
        if self.caps:
            moves += self._above_caps(_promotions(f for f in flights if f.outbound), now)
        return moves

    def refused(self, flights: Iterable[Flight]) -> list[Move]:
        """Return the moves of promotions to people who refuse them."""
        promotions = _promotions(flights)
        if not promotions:
            return []
        unwilling = consent.refused({flight.row.connection.identity for flight in promotions}, self.brand)
        return [
            Move(flight.row, Decision(Status.CANCELLED, "opted_out", spend=False), kind="consent")
            for flight in promotions
            if flight.row.connection.identity in unwilling
        ]

    def recall(self, flying: Iterable[Flight]) -> None:
        """Stop flights that wait for a busy thread if their person has said STOP since."""
        moment = time.monotonic()
        if moment < self.looked_at + LOOK_AGAIN:
            return
        self.looked_at = moment
        flights = {flight.row.pk: flight for flight in flying}
        for move in self.refused(flights.values()):
            flights[move.transmission.pk].fence = 0.0  # the thread checks it right before it sends

    def left(self, flights: Iterable[Flight]) -> None:
        """Note that these requests have left: they stay counted."""
        for flight in flights:
            self.wishes.pop(flight.row.pk, None)

    def stayed(self, flights: Iterable[Flight]) -> None:
        """Give back the counts of requests that have not left."""
        kept = {flight.row.pk: wish for flight in flights if (wish := self.wishes.get(flight.row.pk))}
        if kept:
            caps.give_back(self.brand, kept.values())
            for key in kept:
                del self.wishes[key]

    def _unsendable(self, flight: Flight, now: datetime) -> Move | None:
        row = flight.row
        if _late(row, now):
            return Move(row, after_expiry(sent=False, facts=outbox.facts(row)), kind="expiry", started=False)
        if self.hours and consent.needs_consent(row.message.traffic) and (move := self._at_night(row, now)):
            return move
        try:
            flight.outbound = self.build(row)
        except Exception as error:  # stored by an older version, edited by hand, or fields of another shape
            detail = str(error) if isinstance(error, RCSError) else type(error).__name__
            return Move(row, Decision(Status.REVIEW, "broken_content", spend=False), detail=detail)
        return None

    def _at_night(self, row: Transmission, now: datetime) -> Move | None:
        assert self.hours is not None
        try:
            until = quiet.quiet_until(now, self.hours, quiet.zones_of(row.connection.identity))
        except quiet.NeverLoud:
            decision = Decision(Status.CANCELLED, "quiet hours", spend=False)
            return Move(row, decision, "it is always quiet in one of the number's time zones", kind="wait")
        return _waits(row, "quiet hours", until, now) if until else None

    def _above_caps(self, flights: Sequence[Flight], now: datetime) -> list[Move]:
        """Count the promotions of each person in the order in which they are to leave."""
        if not flights:
            return []
        wishes = [
            caps.Wish(numbering.today(flight.row.connection.identity), flight.row.message_id)
            for flight in flights
        ]
        caps.reserve(self.brand, wishes, self.caps, now)
        moves = []
        for flight, wish in zip(flights, wishes, strict=True):
            if wish.wait_until:
                moves.append(_waits(flight.row, "frequency cap", wish.wait_until, now))
            else:
                self.wishes[flight.row.pk] = wish
        return moves


def _late(row: Transmission, now: datetime) -> bool:
    return row.expires_at is not None and row.expires_at <= now


def _promotions(flights: Iterable[Flight]) -> list[Flight]:
    return [flight for flight in flights if consent.needs_consent(flight.row.message.traffic)]


def _waits(row: Transmission, why: str, until: datetime, now: datetime) -> Move:
    """Put the row back into the queue until then, or cancel it if it would come after its ttl."""
    if row.expires_at and row.expires_at <= until:
        return Move(row, Decision(Status.CANCELLED, why, spend=False), "it would come too late", kind="wait")
    wait = (until - now).total_seconds()
    return Move(row, Decision(Status.QUEUED, why, wait=wait, spend=False), kind="wait")
