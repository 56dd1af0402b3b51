"""Whatever happens between two steps of workers: no promotion leaves after a STOP, orders pass, caps hold."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from rcs_router import outbox, receive, send, sql
from rcs_router.backends import backends
from rcs_router.contract import Receipt, ReceiptKind, Status, WebhookRequest
from rcs_router.errors import Ambiguous, BadAddress, OptedOut, SendError, Throttled, Unavailable, Unreachable
from rcs_router.inbox import intake
from rcs_router.models import (
    BackendState,
    Consent,
    ConsentRecord,
    DrainSlot,
    Event,
    Message,
    StoredWebhook,
    Tally,
    Transmission,
)
from rcs_router.outbox import drain, expiry, operate
from rcs_router.outbox.senders import Flight
from rcs_router.people import consent
from tests.consent.workers import Worker, expire_leases
from tests.core import ALICE, ROUTER, connection, memory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]

ALIASES = st.sampled_from(["rcs", "sms"])
ERRORS: list[type[SendError]] = [Unavailable, Ambiguous, Unreachable, OptedOut, Throttled, BadAddress]
WORKERS = st.integers(0, 3)  # two of each backend
STEPS = st.one_of(
    st.tuples(st.just("sends"), st.sampled_from(["promotion", "promotion", "transaction"]), ALIASES),
    st.tuples(st.just("claims"), WORKERS),
    st.tuples(st.just("claims"), WORKERS),
    st.tuples(st.just("starts"), WORKERS),
    st.tuples(st.just("starts"), WORKERS),
    st.tuples(st.just("leaves"), WORKERS),
    st.tuples(st.just("leaves"), WORKERS),
    st.tuples(st.just("looks"), WORKERS),
    st.tuples(st.just("finishes"), WORKERS),
    st.tuples(st.just("dies"), WORKERS),
    st.tuples(st.just("says"), st.sampled_from(["STOP", "START"]), ALIASES),
    st.tuples(st.just("hears"), st.sampled_from(["subscribe", "unsubscribe"]), ALIASES),
    st.tuples(st.just("decides"), st.booleans()),
    st.tuples(st.just("fails"), ALIASES, st.sampled_from(ERRORS)),
    st.tuples(
        st.just("operates"),
        st.sampled_from(["retry", "fall_back", "revoke", "resend", "cancel", "close"]),
        st.integers(0, 5),
    ),
    st.tuples(
        st.just("reports"), st.sampled_from([ReceiptKind.FAILED, ReceiptKind.DELIVERED]), st.integers(0, 5)
    ),
    st.tuples(st.just("takes_back"), ALIASES),
)


class World:
    """Alice, two backends with two workers each, and what a bystander with a notebook saw."""

    def __init__(self) -> None:
        for model in (Event, Transmission, Message, StoredWebhook, ConsentRecord, Consent, Tally):
            model.objects.all().delete()
        BackendState.objects.update(paused_until=None, pauses=0, next_free=0)
        DrainSlot.objects.update(holder=None, lease_until=None)
        for alias in ("rcs", "sms"):
            memory(alias).sent.clear()
            memory(alias).outcomes.clear()
        self.workers = [Worker(alias, self.before) for alias in ("rcs", "sms", "rcs", "sms")]
        self.in_flight: set[UUID] = set()  # promotions marked while nobody had said STOP
        self.left: set[UUID] = set()  # promotions, by message
        for alias in ("rcs", "sms"):  # something to begin with
            for traffic in ("promotion", "transaction", "promotion"):
                self.sends(traffic, alias)

    def before(self, flight: Flight) -> None:
        """A request leaves now."""
        if flight.row.message.traffic != "promotion":
            return
        assert flight.row.pk in self.in_flight, "a promotion was marked as leaving after a STOP"
        self.left.add(flight.row.message_id)

    def is_out(self) -> bool:
        """What the ledger's last line says; nothing else is asked."""
        last = ConsentRecord.objects.order_by("pk").last()
        return last is not None and last.opted_out

    # Steps

    def sends(self, traffic: str, alias: str) -> None:
        send("Hello", connection(ALICE, alias), traffic=traffic)

    def claims(self, number: int) -> None:
        BackendState.objects.update(paused_until=None)
        self.workers[number].claim()

    def starts(self, number: int) -> None:
        out = self.is_out()
        started = self.workers[number].start()
        marked = {flight.row.pk for flight in started if flight.row.message.traffic == "promotion"}
        # what this step itself has learned from an answer (opted out) was stored before the marks
        assert not (marked and (out or self.is_out()))
        self.in_flight |= marked

    def leaves(self, number: int) -> None:
        self.workers[number].leave()

    def looks(self, number: int) -> None:
        """After a worker has looked, none of what stands in its line may leave any more."""
        worker = self.workers[number]
        worker.look()
        if self.is_out():
            standing = [flight for _, flights, _ in worker.line.waiting for flight in flights]
            assert not [f for f in standing if f.fence and f.row.message.traffic == "promotion"]

    def finishes(self, number: int) -> None:
        self.starts(number)
        self.workers[number].finish()

    def dies(self, number: int) -> None:
        self.workers[number].die()

    def says(self, text: str, alias: str) -> None:
        receive(text, connection(ALICE, alias))
        intake.digest()

    def hears(self, kind: str, alias: str) -> None:
        intake.accept(backends[alias], WebhookRequest("POST", f"{kind} {ALICE}".encode()))
        intake.digest()

    def decides(self, opted_out: bool) -> None:
        consent.record(ALICE, opted_out=opted_out, source="admin")

    def fails(self, alias: str, error: type[SendError]) -> None:
        memory(alias).outcomes.append(error())

    def operates(self, what: str, number: int) -> None:
        if row := self._row(number):
            operate.act(what, row)

    def reports(self, kind: ReceiptKind, number: int) -> None:
        row = self._row(number)
        if row and (row.accepted_at or row.unknown):
            outbox.apply_receipts(row.backend_id, [Receipt(kind, transmission=row.pk)], sql.now(Transmission))

    def takes_back(self, alias: str) -> None:
        expiry.revoke_due(alias)

    def _row(self, number: int) -> Transmission | None:
        rows = list(Transmission.objects.select_related("message", "connection").order_by("created_at", "pk"))
        return rows[number % len(rows)] if rows else None

    def end(self) -> None:
        """Everybody finishes what they hold, and what is due is sent."""
        for number in range(len(self.workers)):
            self.finishes(number)
        expire_leases(set(Transmission.objects.filter(status=Status.SENDING).values_list("pk", flat=True)))
        for alias in ("rcs", "sms"):
            memory(alias).outcomes.clear()
        for _ in range(20):  # after trouble a backend is tried with one message at a time
            BackendState.objects.update(paused_until=None, pauses=0)
            waiting = Transmission.objects.filter(status=Status.QUEUED).exclude(reason="frequency cap")
            if not waiting.update(due_at=sql.now(Transmission)):
                break
            for number in range(2):
                self.claims(number)
                self.finishes(number)


@pytest.fixture(autouse=True)
def no_waiting(router: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RCS_ROUTER = ROUTER | {"PAUSES": [0.001], "BREAKER": 1000, "CAPS": ["3/d"]}
    monkeypatch.setattr(drain, "FLUSH_AFTER", 0.0)
    monkeypatch.setattr(drain, "SHORT", 0.0)


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, min_size=12, max_size=40))
def test_no_promotion_leaves_after_a_stop_and_every_order_passes(steps: list[tuple[Any, ...]]) -> None:
    world = World()
    try:
        for name, *arguments in steps:
            step: Callable[..., None] = getattr(world, name)
            step(*arguments)
        note(str(steps))
        world.end()
        orders = Transmission.objects.filter(message__traffic="transaction")
        assert not Event.objects.filter(transmission__in=orders, kind__in=["consent", "wait"]).exists()
        assert not orders.filter(status__in=[Status.QUEUED, Status.SENDING]).exists()
        assert len(world.left) <= 3, "the cap"
    finally:
        for worker in world.workers:
            worker.die()
