"""The drain in trouble: providers that throttle, fail, hang and lie, workers that die, people who leave."""

import threading
import uuid
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from rcs_router import outbox, send, signals, sql, sweep
from rcs_router.content import Card, Reply
from rcs_router.contract import Outbound, Receipt, ReceiptKind, SendResult, Status
from rcs_router.errors import (
    Ambiguous,
    Misconfigured,
    OptedOut,
    SendError,
    Throttled,
    Unavailable,
    Unreachable,
)
from rcs_router.models import BackendState, Consent, Event, Transmission
from rcs_router.outbox import drain as drain_module
from rcs_router.outbox import pace
from rcs_router.people import consent
from tests.core import ALICE, BOB, CAROL, ROUTER, connection, drain, memory, sent_to

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


def status(t: Transmission) -> Status:
    t.refresh_from_db()
    return Status(t.status)


def age(t: Transmission, **fields: object) -> None:
    Transmission.objects.filter(pk=t.pk).update(**fields)


def worker_dies(alias: str, *, started: bool) -> list[Transmission]:
    """A worker claims what is due, perhaps sends it, and is never heard of again."""
    now = sql.now(Transmission)
    rows = outbox.claim(alias, 50, now, 90, {})
    if started:
        leaving = [outbox.Move(row, drain_module.Decision(Status.SENDING), started=True) for row in rows]
        outbox.settle(leaving, now)
    Transmission.objects.filter(pk__in=[row.pk for row in rows]).update(
        lease_until=now - timedelta(seconds=1)
    )
    return rows


@pytest.mark.parametrize(
    ("alias", "errors", "ends", "attempts", "fallback"),
    [
        ("rcs", [Unreachable()], Status.FAILED, 1, Status.ACCEPTED),
        ("rcs", [Unavailable()] * 3, Status.ACCEPTED, 4, None),
        ("rcs", [Unavailable()] * 4, Status.FAILED, 4, Status.ACCEPTED),
        ("alone", [Unavailable()] * 4, Status.REVIEW, 4, None),
        ("alone", [Unreachable()], Status.REVIEW, 1, None),
        ("rcs", [Ambiguous()], Status.ACCEPTED, 2, None),
        ("rcs", [Ambiguous(), *[Unavailable()] * 3], Status.REVIEW, 4, None),
        (
            "rcs",
            [Ambiguous(), Unreachable()],
            Status.FAILED,
            2,
            Status.ACCEPTED,
        ),  # the repeat settles the doubt
        ("sms", [Ambiguous()], Status.REVIEW, 1, None),  # its wire cannot drop a repeat
        ("sms", [Unavailable()], Status.ACCEPTED, 2, None),
        ("rcs", [lambda o: 1 / 0], Status.REVIEW, 1, None),
    ],
)
def test_where_each_error_ends(
    alias: str, errors: list[SendError], ends: Status, attempts: int, fallback: Status | None
) -> None:
    t = sent_to(alias)
    memory(alias).outcomes.extend(errors)
    for _ in range(6):
        drain()
    assert (status(t), t.attempts) == (ends, attempts)
    child = Transmission.objects.filter(fallback_of=t).first()
    assert (status(child) if child else None) == fallback
    assert {o.id for o in memory(alias).sent if o.to == ALICE} == {t.pk}, "every attempt has the same id"


def test_an_unknown_outcome_is_revoked_before_the_fallback() -> None:
    t = sent_to()
    memory().outcomes.extend([Ambiguous()] * 4)
    for _ in range(5):
        drain()
    assert (status(t), t.unknown) == (Status.REVIEW, True)
    revoke("rcs")
    assert status(t) == Status.FAILED
    drain("sms")
    assert [o.to for o in memory("sms").sent] == [ALICE]


def test_an_unknown_outcome_that_cannot_be_revoked_waits_for_proof() -> None:
    t = sent_to()
    memory().revocable = False
    memory().outcomes.extend([Ambiguous()] * 4)
    for _ in range(5):
        drain()
    revoke("rcs")
    drain("sms")
    assert (status(t), memory("sms").sent) == (Status.REVIEW, [])
    outbox.apply_receipts("rcs", [Receipt(ReceiptKind.DELIVERED, transmission=t.pk)], timezone.now())
    assert status(t) == Status.DELIVERED


def test_a_code_falls_back_at_once_because_late_is_worse_than_double() -> None:
    t = sent_to(time_critical=True, traffic="authentication")
    memory().outcomes.extend([Ambiguous()] * 4)
    for _ in range(5):
        drain()
    assert status(t) == Status.FAILED
    assert len(memory("sms").sent) == 1


def revoke(alias: str) -> None:
    from rcs_router.outbox import expiry

    expiry.revoke_due(alias)


def test_too_fast_rests_the_backend_and_costs_no_attempt() -> None:
    heard: list[str] = []

    def listen(sender: object, backend: str, **kwargs: object) -> None:
        heard.append(backend)

    signals.backend_degraded.connect(listen)
    t = sent_to()
    memory().outcomes.append(Throttled(retry_after=60))
    drain()
    drain()
    state = pace.state("rcs")
    assert (status(t), t.attempts, len(memory().sent)) == (Status.QUEUED, 0, 1)
    assert state.paused_until
    assert state.paused_until > timezone.now() + timedelta(seconds=50)
    assert not sweep.has_due("rcs", timezone.now())
    assert heard == ["rcs"]
    age(t, due_at=timezone.now())
    BackendState.objects.update(paused_until=timezone.now())
    drain()
    assert (status(t), pace.state("rcs").pauses) == (Status.ACCEPTED, 0)


def test_a_resting_backend_is_tried_with_one_message() -> None:
    for number in (ALICE, BOB, CAROL):
        sent_to(number=number)
    BackendState.objects.update_or_create(pk="rcs", defaults={"pauses": 3})
    memory().outcomes.append(Unavailable())
    drain()
    assert len(memory().sent) == 1
    assert pace.state("rcs").pauses == 4


def test_ten_failures_in_a_row_open_the_breaker() -> None:
    send("Sale", [connection(f"+3725550{n:04}") for n in range(100)])
    memory().outcomes.extend([Unavailable()] * 100)
    drain("rcs")
    assert len(memory().sent) <= 3 * 16, "what was in flight when it opened"
    untouched = Transmission.objects.filter(backend="rcs", attempts=0)
    assert untouched.count() >= 50
    assert set(untouched.values_list("status", flat=True)) == {Status.QUEUED}
    assert pace.state("rcs").pauses == 1


def test_wrong_credentials_rest_the_backend() -> None:
    t = sent_to("alone")
    memory("alone").outcomes.append(Misconfigured("401"))
    drain()
    assert (status(t), t.attempts, pace.state("alone").reason) == (Status.QUEUED, 1, "misconfigured")


def test_what_the_provider_says_about_refusal_is_consent() -> None:
    t = sent_to()
    memory().outcomes.append(OptedOut())
    drain()
    assert (status(t), Consent.objects.get(subject=ALICE).opted_out) == (Status.CANCELLED, True)


def test_who_left_after_send_gets_no_promotion_and_still_gets_the_order() -> None:
    offer, order = sent_to(traffic="promotion"), sent_to(traffic="transaction")
    consent.record(ALICE, opted_out=True, source="test")
    drain()
    assert (status(offer), offer.reason, status(order)) == (Status.CANCELLED, "opted_out", Status.ACCEPTED)


def test_what_is_too_late_is_not_sent_and_falls_back() -> None:
    t = sent_to(ttl=timedelta(minutes=5))
    age(t, expires_at=timezone.now() - timedelta(seconds=1))
    drain()
    assert (status(t), len(memory().sent), len(memory("sms").sent)) == (Status.EXPIRED, 0, 1)


def test_silence_past_the_ttl_is_revoked_then_falls_back() -> None:
    t = sent_to(ttl=timedelta(minutes=5))
    drain()
    sweep.mend(timezone.now())
    assert status(t) == Status.ACCEPTED
    age(t, expires_at=timezone.now() - timedelta(minutes=1))
    sweep.mend(timezone.now())
    revoke("rcs")
    assert (status(t), memory().revoked) == (Status.EXPIRED, [t.pk])
    drain("sms")
    assert len(memory("sms").sent) == 1


def test_a_revoke_that_fails_is_asked_again_and_in_the_end_left() -> None:
    t = sent_to(ttl=timedelta(minutes=5))
    drain()
    memory().revocable = Unavailable()
    age(t, expires_at=timezone.now() - timedelta(minutes=1))
    sweep.mend(timezone.now())
    for _ in range(6):
        revoke("rcs")
    assert (status(t), len(memory().revoked)) == (Status.ACCEPTED, 4)


@pytest.mark.parametrize(
    ("alias", "started", "ends", "penalty"),
    [
        ("rcs", False, Status.QUEUED, 0),
        ("rcs", True, Status.QUEUED, 1),
        ("sms", False, Status.QUEUED, 0),
        ("sms", True, Status.REVIEW, 1),
    ],
)
def test_what_a_dead_worker_leaves(alias: str, started: bool, ends: Status, penalty: int) -> None:
    t = sent_to(alias)
    worker_dies(alias, started=started)
    sweep.mend(timezone.now())
    assert (status(t), t.lost_leases, t.unknown, t.attempts) == (ends, penalty, started, 0)


def test_a_message_that_kills_its_workers_goes_to_review_and_its_neighbours_go_out() -> None:
    poison = sent_to(number=ALICE)
    for _ in range(2):
        worker_dies("rcs", started=True)
        sweep.mend(timezone.now())
    neighbours = [sent_to(number=f"+3725550{n:04}") for n in range(5)]
    assert len(worker_dies_alone("rcs", poison)) == 1
    sweep.mend(timezone.now())
    assert (status(poison), poison.lost_leases) == (Status.REVIEW, 3)
    drain()
    assert {status(n) for n in neighbours} == {Status.ACCEPTED}
    assert {n.lost_leases for n in neighbours} == {0}


def worker_dies_alone(alias: str, suspect: Transmission) -> list[uuid.UUID]:
    """A worker that takes everything, and dies of the suspect: what had been started by then?"""
    started: list[uuid.UUID] = []
    original = drain_module.Drain.submit

    class Killed(BaseException):
        pass

    def submit(self: drain_module.Drain, starting: list[drain_module.Flight]) -> None:
        if any(flight.row.pk == suspect.pk for flight in starting):
            started.extend(flight.row.pk for flight in starting)
            self.waiting.clear()
            raise Killed
        original(self, starting)

    drain_module.Drain.submit = submit  # type: ignore[method-assign]
    try:
        with pytest.raises(Killed):
            drain_module.drain(alias)
    finally:
        drain_module.Drain.submit = original  # type: ignore[method-assign]
    Transmission.objects.filter(status=Status.SENDING).update(
        lease_until=timezone.now() - timedelta(seconds=1)
    )
    return started


def test_messages_to_one_phone_leave_one_after_another_in_order() -> None:
    texts = [f"part {n}" for n in range(12)]
    for text in texts:
        sent_to(content=text)
    flying: list[int] = []
    lock, overlaps = threading.Lock(), []

    def watch(outbound: Outbound) -> SendResult:
        with lock:
            overlaps.append(len(flying))
            flying.append(1)
        with lock:
            flying.pop()
        return SendResult()

    memory().outcomes.extend([watch] * 12)
    drain("rcs")
    assert [o.text for o in memory().sent] == texts
    assert set(overlaps) == {0}


def test_codes_overtake_a_campaign() -> None:
    for n in range(5):
        sent_to(number=f"+3725550{n:04}", traffic="promotion")
    sent_to(number=BOB, traffic="authentication")
    rows = outbox.claim("rcs", 1, sql.now(Transmission), 60, {})
    assert rows[0].connection.identity == BOB


def test_a_frozen_worker_sends_nothing_after_its_lease(settings: pytest.FixtureRequest) -> None:
    settings.RCS_ROUTER = ROUTER | {"LEASE": 16}  # less than the backend's timeout and the margin
    t = sent_to()
    drain()
    assert (status(t), memory().sent, t.attempts) == (Status.QUEUED, [], 0)


def test_a_late_result_of_a_lost_claim_changes_nothing_but_the_timeline() -> None:
    t = sent_to()
    rows = outbox.claim("rcs", 1, sql.now(Transmission), 60, {})
    age(t, status=Status.QUEUED, claim=None)
    move = outbox.Move(rows[0], drain_module.Decision(Status.ACCEPTED))
    outbox.settle([move], sql.now(Transmission))
    assert status(t) == Status.QUEUED
    assert Event.objects.filter(transmission=t).count() == 1


def test_a_pace_is_kept_by_all_workers_together(settings: pytest.FixtureRequest) -> None:
    settings.RCS_BACKENDS = {"rcs": {"BACKEND": "rcs_router.testing.MemoryBackend", "RATE": "100/s"}}
    pace.state("rcs")
    now = timezone.now()
    leaves = []
    for turn in range(21):
        for worker in range(3):
            got = pace.reserve("rcs", 100, 20 + worker, now + timedelta(seconds=turn / 20))
            leaves += [turn / 20 + wait for wait in got.waits]
            assert got.count or 0 < got.wait <= 0.1
    assert leaves == sorted(leaves)
    assert min(later - first for first, later in pairwise(leaves)) >= 0.01
    assert len([moment for moment in leaves if moment < 1.0]) == pytest.approx(100 / pace.SLACK, abs=1)


def test_what_was_reserved_and_not_used_is_given_back_unless_somebody_came_later() -> None:
    pace.state("rcs")
    now = timezone.now()
    first = pace.reserve("rcs", 100, 5, now)
    pace.give_back("rcs", 3, first)
    second = pace.reserve("rcs", 100, 1, now)
    assert second.wait == pytest.approx(first.waits[2], abs=0.001)
    pace.give_back("rcs", 2, first)
    assert pace.state("rcs").next_free == pytest.approx(second.next_free, abs=0.0001)


def test_a_drain_with_a_pace_sends_everything_in_time(settings: pytest.FixtureRequest) -> None:
    settings.RCS_BACKENDS = {"rcs": {"BACKEND": "rcs_router.testing.MemoryBackend", "RATE": "200/s"}}
    send("Sale", [connection(f"+3725550{n:04}") for n in range(80)])
    drain("rcs")
    assert len(memory().sent) == 80


def test_two_slots_and_no_more() -> None:
    now = sql.now(Transmission)
    with (
        pace.slot("rcs", now, 60) as one,
        pace.slot("rcs", now, 60) as two,
        pace.slot("rcs", now, 60) as three,
    ):
        assert [bool(slot) for slot in (one, two, three)] == [True, True, False]
    with pace.slot("rcs", now, 60) as again:
        assert again


def test_a_dead_drains_slot_is_free_after_its_lease() -> None:
    now = sql.now(Transmission)
    for _ in range(2):
        pace._take("rcs", now, 1)
    with pace.slot("rcs", now + timedelta(seconds=2), 60) as slot:
        assert slot


def test_bulk_costs_a_quarter_of_a_statement_per_message() -> None:
    send(Card("Sale", suggestions=[Reply("Yes")]), [connection(f"+3725550{n:04}") for n in range(1000)])
    drain("sms")  # makes the rows that every first drain makes
    pace.state("rcs")
    with pace.slot("rcs", sql.now(Transmission), 60):
        pass
    with CaptureQueriesContext(
        database,
    ) as queries:
        drain_module.drain("rcs", budget=60)
    assert len(memory().sent) == 1000
    import collections

    print(collections.Counter(q["sql"][:60] for q in queries))
    assert len(queries) / 1000 <= 0.25, f"{len(queries)} statements"


def test_two_drains_at_once_send_everything_once() -> None:
    send("Sale", [connection(f"+3725550{n:04}") for n in range(300)])
    done = [threading.Thread(target=_drain_and_close) for _ in range(2)]
    for thread in done:
        thread.start()
    for thread in done:
        thread.join(30)
    drain("rcs")
    ids = [o.id for o in memory().sent]
    assert len(ids) == len(set(ids)) == 300


def _drain_and_close() -> None:
    drain_module.drain("rcs", budget=10)
    database.close()


def test_what_is_too_late_and_may_have_left_is_revoked_first() -> None:
    t = sent_to(ttl=timedelta(minutes=5))
    memory().outcomes.append(Ambiguous())
    drain()
    age(t, status=Status.QUEUED, expires_at=timezone.now() - timedelta(seconds=1), accepted_at=None)
    drain("rcs")
    assert (status(t), t.accepted_at, memory("sms").sent) == (Status.REVIEW, None, [])
    revoke("rcs")
    drain("sms")
    assert (status(t), len(memory("sms").sent)) == (Status.FAILED, 1)


def test_what_arrived_or_was_lost_between_claim_and_start_is_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arrived, lost, ours = sent_to(), sent_to(number=BOB), sent_to(number=CAROL)
    original = drain_module.Drain.screen

    def meanwhile(self: drain_module.Drain) -> None:
        original(self)
        outbox.apply_receipts("rcs", [Receipt(ReceiptKind.READ, transmission=arrived.pk)], timezone.now())
        age(lost, claim=uuid.uuid4())

    monkeypatch.setattr(drain_module.Drain, "screen", meanwhile)
    drain("rcs")
    assert [o.id for o in memory().sent] == [ours.pk]
    assert (status(arrived), status(lost), status(ours)) == (Status.READ, Status.SENDING, Status.ACCEPTED)


@pytest.mark.parametrize("outcome", [lambda o: None, lambda o: exec("raise SystemExit")])
def test_a_backend_that_breaks_its_contract_ends_in_review_and_stops_no_thread(outcome: Any) -> None:
    odd, even = sent_to("alone"), sent_to("alone", BOB)
    memory("alone").outcomes.append(outcome)
    drain("alone")
    assert (status(odd), odd.reason, odd.unknown) == (Status.REVIEW, "backend_bug: outcome unknown", True)
    assert status(even) == Status.ACCEPTED


@pytest.mark.parametrize("first", [True, False])
def test_with_or_without_a_ttl_messages_leave_in_order(first: bool) -> None:
    for n in range(10):
        sent_to(content=f"{n}", ttl=timedelta(hours=1) if (n % 2 == 0) is first else None)
    drain("rcs")
    assert [outbound.text for outbound in memory().sent] == [f"{n}" for n in range(10)]
