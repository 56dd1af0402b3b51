"""Faults that one row, one setting or one answer could spread to everybody else's messages."""

import threading
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from django.db import OperationalError
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from rcs_router import outbox, send, signals, sql, sweep
from rcs_router.contract import Outbound, Receipt, ReceiptKind, SendResult, Status
from rcs_router.errors import Ambiguous, OptedOut, Refused, SendError, Throttled, Unavailable, Unreachable
from rcs_router.models import Message, RevokeFor, Transmission
from rcs_router.outbox import drain as drain_module
from rcs_router.outbox import expiry, operate, pace
from rcs_router.people import consent
from tests.core import ALICE, BACKENDS, BOB, CAROL, connection, drain, memory, sent_to
from tests.delivery.test_drain import worker_dies

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]
THREE = {
    "rcs": {"BACKEND": "rcs_router.testing.MemoryBackend", "FALLBACK": ["alone", "sms"]},
    "alone": {"BACKEND": "rcs_router.testing.MemoryBackend"},
    "sms": {"BACKEND": "rcs_router.testing.MemorySMS"},
}


def status(t: Transmission) -> Status:
    t.refresh_from_db()
    return Status(t.status)


def age(t: Transmission, **fields: object) -> None:
    Transmission.objects.filter(pk=t.pk).update(**fields)


def child_of(t: Transmission) -> Transmission | None:
    return Transmission.objects.filter(fallback_of=t).first()


@pytest.mark.parametrize("fields", [{"extra": "gift wrap"}, {"extra": ["rcs"]}, {"extra": {"rcs": "x"}}])
def test_one_odd_field_holds_up_nobody(fields: dict[str, Any]) -> None:
    odd = sent_to()
    Message.objects.filter(pk=odd.message_id).update(
        fields=fields
    )  # send() refuses them; an edited row has them
    other = sent_to(number=BOB)
    drain("rcs")
    assert status(other) == Status.ACCEPTED
    assert status(odd) in {Status.REVIEW, Status.ACCEPTED}


def test_a_road_whose_first_backend_left_the_settings_stops_no_sweep(settings: Any) -> None:
    t = sent_to()
    memory().outcomes.append(Unreachable())
    drain("rcs")
    child = child_of(t)
    assert child
    other = sent_to("alone")
    settings.RCS_BACKENDS = {alias: entry for alias, entry in BACKENDS.items() if alias != "rcs"}
    memory("sms").outcomes.append(Unavailable())
    drain("sms")
    assert status(child) == Status.QUEUED
    past = timezone.now() - timedelta(seconds=100)
    age(child, status=Status.SENDING, lease_until=past, claim=child.pk)
    age(other, status=Status.ACCEPTED, expires_at=past)
    sweep.mend(timezone.now())
    assert status(child) == Status.QUEUED
    assert status(other) == Status.ACCEPTED
    assert other.expiry_seen


@pytest.mark.parametrize("resting", [True, False])
def test_the_end_of_a_ttl_does_not_wait_for_the_backend_or_the_ladder(resting: bool) -> None:
    t = sent_to(ttl=timedelta(seconds=60), traffic="authentication", time_critical=True)
    past = timezone.now() - timedelta(seconds=1)
    if resting:
        pace.pause("rcs", "throttled", 3600, timezone.now())
        age(t, expires_at=past)
    else:
        age(t, expires_at=past, due_at=timezone.now() + timedelta(minutes=5), attempts=1)
    sweep.mend(sql.now(Transmission))
    assert (status(t), t.reason) == (Status.EXPIRED, "expired before it was sent")
    drain("sms")
    assert [o.to for o in memory("sms").sent] == [ALICE]


def test_what_is_too_late_and_may_have_left_is_taken_back_while_it_waits() -> None:
    t = sent_to(ttl=timedelta(seconds=60))
    late = timezone.now() - timedelta(seconds=1)
    age(t, expires_at=late, due_at=timezone.now() + timedelta(minutes=5), attempts=1, unknown=True)
    sweep.mend(sql.now(Transmission))
    assert (status(t), child_of(t)) == (Status.REVIEW, None)
    expiry.revoke_due("rcs")
    assert status(t) == Status.FAILED
    assert child_of(t)


def test_a_long_retry_after_is_obeyed_within_the_limit_only(settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "PAUSE_LIMIT": 60}
    throttled, failed = sent_to("alone"), sent_to("sms")
    memory("alone").outcomes.append(Throttled(retry_after=1e12))
    memory("sms").outcomes.append(Unavailable(retry_after=1e12))
    drain("alone", "sms")
    for t in (throttled, failed):
        assert status(t) == Status.QUEUED
        assert t.due_at <= timezone.now() + timedelta(seconds=70)


@pytest.mark.parametrize(
    "outcome",
    [SendResult(provider_id="x" * 300), SendResult(detail="a\0b", provider_id="1\0"), Refused("nul \0")],
)
def test_one_odd_answer_costs_no_other_its_result(outcome: Any) -> None:
    odd = sent_to("sms")
    other = sent_to("sms", BOB)

    def answer(outbound: Outbound) -> SendResult:
        if outbound.id != odd.pk:
            return SendResult(provider_id="fine")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    memory("sms").outcomes.extend([answer, answer])
    drain("sms")
    assert status(other) == Status.ACCEPTED
    assert status(odd) in {Status.ACCEPTED, Status.REVIEW}


def fails_once(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, call: int) -> list[str]:
    """The `call`th use of this function finds the database gone; the uses are noted."""
    real, calls = getattr(module, name), []

    def once(*args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        if len(calls) == call:
            raise OperationalError("the server closed the connection")
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, once)
    return calls


@pytest.mark.parametrize(
    ("module", "name", "outcome"), [(pace, "pause", Throttled()), (consent, "record", OptedOut())]
)
def test_a_database_in_trouble_costs_no_result(
    module: ModuleType, name: str, outcome: SendError, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wire of sms cannot drop a repeat, so a lost result would end in review."""
    rows = [sent_to("sms", number) for number in (ALICE, BOB, CAROL)]
    calls = fails_once(monkeypatch, module, name, 1)
    memory("sms").outcomes.append(outcome)
    drain("sms")
    assert len(calls) == 2
    assert Status.SENDING not in {status(t) for t in rows}


def test_a_claim_that_fails_costs_no_result_of_what_is_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [sent_to("sms", number) for number in (ALICE, BOB, CAROL)]
    claims = fails_once(monkeypatch, outbox, "claim", 2)
    monkeypatch.setattr(
        drain_module, "SHORT", 0.0
    )  # so that the second claim comes while requests are under way
    claimed_twice = threading.Event()
    real = drain_module.Drain.refill

    def refill(self: drain_module.Drain) -> None:
        try:
            real(self)
        finally:
            if len(claims) > 1:
                claimed_twice.set()

    def slow(outbound: Outbound) -> SendResult:
        claimed_twice.wait(5)
        return SendResult()

    monkeypatch.setattr(drain_module.Drain, "refill", refill)
    memory("sms").outcomes.extend([slow] * 3)
    drain("sms")
    assert len(claims) == 2
    assert {status(t) for t in rows} == {Status.ACCEPTED}


def test_what_took_a_worker_down_gets_its_turn_in_a_busy_drain() -> None:
    """A stream of others may not keep it waiting for ever."""
    suspect = sent_to("alone", traffic="authentication")
    age(suspect, lost_leases=1)
    order: list[str] = []

    numbers = [f"+3725550{n:04d}" for n in range(60)]

    def note(outbound: Outbound) -> SendResult:
        order.append(outbound.to)
        return SendResult()

    send("x", [connection(number, "alone") for number in numbers])
    first = sent_to("alone", BOB, traffic="authentication")
    age(first, due_at=suspect.due_at - timedelta(seconds=1))
    memory("alone").outcomes.extend([note] * 62)
    drain("alone")
    assert order.index(ALICE) <= 2


def test_a_first_message_that_arrives_late_cancels_the_third_of_the_road(settings: Any) -> None:
    settings.RCS_BACKENDS = THREE
    t = sent_to()
    drain("rcs")
    outbox.apply_receipts("rcs", [Receipt(ReceiptKind.FAILED, transmission=t.pk)], timezone.now())
    second = child_of(t)
    assert second
    memory("alone").outcomes.append(Unreachable())
    drain("alone")
    third = child_of(second)
    assert third
    assert third.status == Status.QUEUED
    outbox.apply_receipts("rcs", [Receipt(ReceiptKind.DELIVERED, transmission=t.pk)], timezone.now())
    drain("sms")
    assert (status(third), memory("sms").sent) == (Status.CANCELLED, [])


@pytest.mark.parametrize("end", ["sweep", "uncertain", "expired receipt", "failed receipt", "code"])
def test_what_somebody_is_taking_back_goes_out_on_no_other_road(end: str) -> None:
    t = sent_to(ttl=timedelta(seconds=60), time_critical=end == "code")
    drain("rcs")
    assert operate.revoke(t)
    if end in {"sweep", "code"}:
        age(t, expires_at=timezone.now() - timedelta(hours=1))
        sweep.mend(sql.now(Transmission))
    else:
        kinds = {
            "uncertain": ReceiptKind.EXPIRY_UNCERTAIN,
            "expired receipt": ReceiptKind.EXPIRED,
            "failed receipt": ReceiptKind.FAILED,
        }
        outbox.apply_receipts("rcs", [Receipt(kinds[end], transmission=t.pk)], timezone.now())
    expiry.revoke_due("rcs")
    assert status(t) >= Status.CANCELLED
    assert child_of(t) is None


@pytest.mark.parametrize("what", ["resend", "close"])
def test_a_revoke_answered_after_a_persons_decision_opens_no_fallback(what: str) -> None:
    t = sent_to()
    memory().outcomes.extend([Ambiguous()] * 4)
    for _ in range(5):
        drain("rcs")
    assert status(t) == Status.REVIEW
    asked = Transmission.objects.get(pk=t.pk)  # what the revoking worker has read
    assert asked.revoke_for == RevokeFor.FALLBACK
    assert operate.act(what, Transmission.objects.get(pk=t.pk)) == ""
    outbox.revoke_answered(asked, True, timezone.now())
    assert (status(t), child_of(t)) == (Status.CANCELLED, None)


def test_an_attempt_without_answer_takes_nothing_back_that_the_provider_has_confirmed() -> None:
    t = sent_to()
    age(t, attempts=3)  # the next one is the last
    now = sql.now(Transmission)
    [row] = outbox.claim("rcs", 1, now, 90, {})
    outbox.apply_receipts("rcs", [Receipt(ReceiptKind.DELIVERED, transmission=t.pk)], now)
    decision = drain_module.after_error(Ambiguous(), outbox.facts(row, unknown=True))
    outbox.settle([outbox.Move(row, decision, unknown=True)], now)
    assert (status(t), t.revoke_at, t.failed_at) == (Status.DELIVERED, None, None)


@pytest.mark.parametrize(
    "facts", [{"unknown": True, "lost_leases": 3, "status": Status.REVIEW}, {"status": Status.ACCEPTED}]
)
def test_what_may_have_left_without_an_attempt_is_taken_back_before_the_fallback(
    facts: dict[str, Any],
) -> None:
    t = sent_to()
    age(t, **facts)
    t.refresh_from_db()
    assert operate.fall_back(t)
    t.refresh_from_db()
    assert t.revoke_at


def test_who_listens_hears_of_what_was_taken_back() -> None:
    heard: list[object] = []

    def listen(sender: object, transmission: Transmission, **kwargs: object) -> None:
        heard.append(transmission.pk)

    signals.transmission_failed.connect(listen)
    t = sent_to(ttl=timedelta(seconds=60))
    drain("rcs")
    age(t, expires_at=timezone.now() - timedelta(hours=1))
    sweep.mend(sql.now(Transmission))
    expiry.revoke_due("rcs")
    assert status(t) == Status.EXPIRED
    assert heard == [t.pk]


@pytest.mark.parametrize("stands", [Status.QUEUED, Status.ACCEPTED])
def test_the_sweep_reads_no_row_that_has_ended(stands: Status) -> None:
    """It runs once a second, over a table that only grows: one of our partial indexes leads it."""
    with CaptureQueriesContext(database) as queries:
        expiry.sweep(timezone.now())
    [query] = [q["sql"] for q in queries if f'"status" = {stands:d}' in q["sql"]]
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")
        cursor.execute(("EXPLAIN " if database.vendor == "postgresql" else "EXPLAIN QUERY PLAN ") + query)
        plan = str(cursor.fetchall())
        if database.vendor == "postgresql":
            cursor.execute("RESET enable_seqscan")
    assert "rcs_transmission_" in plan


def test_a_code_whose_worker_died_goes_on_because_late_is_worse_than_double(settings: Any) -> None:
    settings.RCS_BACKENDS = {**BACKENDS, "sms": {**BACKENDS["sms"], "FALLBACK": ["alone"]}}
    code, order = sent_to("sms", time_critical=True, traffic="authentication"), sent_to("sms", BOB)
    worker_dies("sms", started=True)
    sweep.mend(timezone.now())
    assert (status(code), status(order), child_of(order)) == (Status.FAILED, Status.REVIEW, None)
    drain("alone")
    assert [o.to for o in memory("alone").sent] == [ALICE]
