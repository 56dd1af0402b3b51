"""Urgent messages do not wait: deadlines, paused backends, and what is taken back before another backend carries it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from rcs_router import outbox, send, sql, sweep
from rcs_router.contract import Receipt, ReceiptKind, SendResult, Status
from rcs_router.errors import Ambiguous, SendError, Throttled, Unavailable
from rcs_router.models import BackendState, Message, RevokeFor, Transmission
from rcs_router.outbox import drain as drain_module
from rcs_router.outbox import expiry, pace
from tests.core import ALICE, BACKENDS, BOB, connection, drain, memory, sent_to

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]
CODE: dict[str, Any] = {"traffic": "authentication"}


def status(t: Transmission) -> Status:
    t.refresh_from_db()
    return Status(t.status)


def age(t: Transmission, **fields: object) -> None:
    Transmission.objects.filter(pk=t.pk).update(**fields)


def overdue(t: Transmission, **fields: object) -> None:
    age(t, fall_back_at=timezone.now() - timedelta(seconds=1), **fields)


def child_of(t: Transmission) -> Transmission | None:
    return Transmission.objects.filter(fallback_of=t).first()


def sms() -> list[str]:
    drain("sms")
    return [outbound.to for outbound in memory("sms").sent]


# Which messages have a deadline


@pytest.mark.parametrize(
    ("entry", "options", "seconds"),
    [
        ({}, CODE, 15),
        ({}, {"traffic": "transaction"}, None),
        ({"FALLBACK_AFTER": 60}, {"traffic": "promotion"}, 60),
        ({"FALLBACK_AFTER": {"transaction": 40}}, {"traffic": "transaction"}, 40),
        ({"FALLBACK_AFTER": {"transaction": 40}}, CODE, 15),
        ({"FALLBACK_AFTER": {"authentication": None}}, CODE, None),
        ({"FALLBACK_AFTER": None}, CODE, None),
        ({}, {"traffic": "transaction", "fall_back_after": 20}, 20),
        ({}, {**CODE, "fall_back_after": timedelta(minutes=1)}, 60),
        ({"FALLBACK": []}, {**CODE, "fall_back_after": 20}, None),
    ],
)
def test_the_deadline_counts_from_when_the_message_is_due(
    settings: Any, entry: dict[str, Any], options: dict[str, Any], seconds: float | None
) -> None:
    settings.RCS_BACKENDS = {**BACKENDS, "rcs": {**BACKENDS["rcs"], **entry}}
    later = timezone.now() + timedelta(hours=1)
    for t in (sent_to(**options), sent_to(send_at=later, **options)):
        t.refresh_from_db()
        after = None if t.fall_back_at is None else round((t.fall_back_at - t.due_at).total_seconds())
        assert after == seconds


@pytest.mark.parametrize("after", [0, -1, timedelta(0), "soon", True])
def test_a_deadline_that_is_none_is_refused(after: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="fall_back_after"):
        sent_to(fall_back_after=after)


def test_each_backend_of_a_chain_has_a_deadline_of_its_own(settings: Any) -> None:
    settings.RCS_BACKENDS = {**BACKENDS, "rcs": {**BACKENDS["rcs"], "FALLBACK": ["alone", "sms"]}}
    t = sent_to(fall_back_after=30)
    overdue(t)
    sweep.mend(timezone.now())
    second = child_of(t)
    assert second
    assert second.fall_back_at == second.due_at + timedelta(seconds=30)
    overdue(second)
    sweep.mend(timezone.now())
    assert (status(second), sms()) == (Status.FAILED, [ALICE])
    last = child_of(second)
    assert last
    assert last.fall_back_at is None


# At the deadline


@pytest.mark.parametrize("where", ["in the queue", "waits for a retry", "its backend is paused"])
def test_what_has_not_left_at_its_deadline_goes_on_at_once(where: str) -> None:
    t = sent_to(traffic="transaction", fall_back_after=20)
    if where == "waits for a retry":
        memory().outcomes.append(Unavailable())
        drain("rcs")
        age(t, due_at=timezone.now() + timedelta(minutes=5))
    elif where == "its backend is paused":
        pace.pause("rcs", "unavailable", 3600, timezone.now())
    sweep.mend(timezone.now())
    assert status(t) == Status.QUEUED
    overdue(t)
    sweep.mend(timezone.now())
    assert (status(t), t.reason, sms()) == (Status.FAILED, "deadline", [ALICE])
    drain("rcs")
    assert len(memory().sent) == int(where == "waits for a retry")


@pytest.mark.parametrize(
    ("revocable", "options", "ends", "falls_back"),
    [
        (True, {}, Status.FAILED, True),
        (False, {}, Status.ACCEPTED, False),
        (None, {}, Status.ACCEPTED, False),
        (Unavailable(), {}, Status.ACCEPTED, False),
        (False, {"time_critical": True}, Status.ACCEPTED, True),
    ],
)
def test_what_has_left_is_taken_back_first(
    revocable: Any, options: dict[str, Any], ends: Status, falls_back: bool
) -> None:
    t = sent_to(**CODE, **options)
    drain("rcs")
    memory().revocable = revocable
    overdue(t)
    sweep.mend(timezone.now())
    if not options:
        assert child_of(t) is None, "not before it is taken back"
    expiry.revoke_due("rcs")
    assert memory().revoked == [t.pk]
    assert (status(t), bool(child_of(t)), bool(sms())) == (ends, falls_back, falls_back)


def test_where_nothing_can_be_taken_back_an_ordinary_message_waits_for_proof(settings: Any) -> None:
    settings.RCS_BACKENDS = {**BACKENDS, "sms": {**BACKENDS["sms"], "FALLBACK": ["alone"]}}
    t = sent_to("sms", fall_back_after=20)
    drain("sms")
    overdue(t)
    sweep.mend(timezone.now())
    assert (status(t), t.fall_back_at, child_of(t)) == (Status.ACCEPTED, None, None)


def test_a_retry_that_may_have_left_is_taken_back_and_goes_on_with_its_retries_meanwhile() -> None:
    t = sent_to(**CODE)
    memory().outcomes.append(Ambiguous())
    drain("rcs")
    overdue(t, due_at=timezone.now() + timedelta(minutes=5))
    sweep.mend(timezone.now())
    assert (status(t), t.revoke_for, child_of(t)) == (Status.QUEUED, RevokeFor.FALLBACK, None)
    expiry.revoke_due("rcs")
    assert (status(t), sms()) == (Status.FAILED, [ALICE])


@pytest.mark.parametrize(("time_critical", "goes_on"), [(True, True), (False, False)])
def test_a_provider_that_hangs_holds_up_no_time_critical_code(time_critical: bool, goes_on: bool) -> None:
    t = sent_to(**CODE, time_critical=time_critical)

    def meanwhile(outbound: Any) -> SendResult:
        overdue(t)
        sweep.mend(timezone.now())
        return SendResult()

    memory().outcomes.append(meanwhile)
    drain("rcs")
    assert (status(t), bool(child_of(t))) == (Status.ACCEPTED, goes_on)


def test_an_attempt_that_fails_after_the_deadline_is_not_repeated() -> None:
    t = sent_to(**CODE)

    row = outbox.claim("rcs", 1, sql.now(Transmission), 60, {})[0]
    overdue(t)
    row.refresh_from_db(fields=["fall_back_at"])
    known = outbox.facts(row, now=timezone.now())
    decision = drain_module.after_error(Unavailable(), known)
    assert (known.overdue, decision.status, decision.fall_back) == (True, Status.FAILED, True)


def test_what_was_cancelled_by_a_person_goes_nowhere_at_its_deadline() -> None:
    t = sent_to(**CODE)
    drain("rcs")
    overdue(t, revoke_for=RevokeFor.CANCEL)
    sweep.mend(timezone.now())
    assert (status(t), child_of(t), t.fall_back_at) == (Status.ACCEPTED, None, None)


@pytest.mark.parametrize("receipt", [ReceiptKind.DELIVERED, ReceiptKind.READ])
def test_what_has_arrived_has_no_deadline(receipt: ReceiptKind) -> None:
    t = sent_to(**CODE)
    drain("rcs")
    outbox.apply_receipts("rcs", [Receipt(receipt, transmission=t.pk)], timezone.now())
    overdue(t)
    sweep.mend(timezone.now())
    expiry.revoke_due("rcs")
    assert (child_of(t), memory().revoked) == (None, [])


# While a backend is paused


@pytest.mark.parametrize("error", [Unavailable(), Throttled(retry_after=60)])
def test_codes_of_a_paused_backend_go_on_at_once_and_others_wait(error: SendError, settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "BREAKER": 1, "RETRY_DELAYS": [60]}
    order, code = sent_to(traffic="transaction"), sent_to(number=BOB, **CODE)
    memory().outcomes.extend([error, error])
    drain("rcs")
    assert (status(code), status(order)) == (Status.FAILED, Status.QUEUED)
    later = sent_to(number="+37255500001", **CODE)
    assert sweep.has_due("rcs", timezone.now())
    drain("rcs")
    assert (status(later), later.reason, sorted(sms())) == (
        Status.FAILED,
        "its backend is paused",
        sorted([BOB, "+37255500001"]),
    )
    assert not sweep.has_due("rcs", timezone.now())


def test_codes_go_on_although_every_drain_waits_for_requests_that_hang(settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "SLOTS": 1}
    with pace.slot("rcs", sql.now(Transmission), 60):
        pace.pause("rcs", "unavailable", 3600, timezone.now())
        code, order = sent_to(**CODE), sent_to(number=BOB)
        sweep.mend(timezone.now())
    assert (status(code), status(order), sms()) == (Status.FAILED, Status.QUEUED, [ALICE])


@pytest.mark.parametrize(
    ("alias", "options", "fields"),
    [
        ("rcs", {"traffic": "transaction"}, {}),
        ("alone", CODE, {}),  # it has no fallback
        ("rcs", CODE, {"unknown": True, "attempts": 1}),  # it may have left: its deadline takes it back first
        ("rcs", {**CODE, "send_at": timezone.now() + timedelta(hours=1)}, {}),
    ],
)
def test_who_waits_for_a_paused_backend(alias: str, options: dict[str, Any], fields: dict[str, Any]) -> None:
    t = sent_to(alias, **options)
    age(t, **fields)
    pace.pause(alias, "unavailable", 3600, timezone.now())
    drain(alias)
    assert (status(t), child_of(t)) == (Status.QUEUED, None)


def test_the_end_of_a_pause_is_tried_with_an_order_and_not_with_a_code() -> None:
    pace.pause("rcs", "unavailable", 0.1, timezone.now() - timedelta(minutes=1))
    codes = [sent_to(number=f"+3725550{n:04}", **CODE) for n in range(3)]
    order = sent_to(traffic="transaction")
    seen: list[bool] = []

    def watch(outbound: Any) -> SendResult:
        seen.append(pace.is_paused("rcs", timezone.now()))
        drain("rcs")  # by another worker: the codes do not wait for what becomes of the probe
        raise Unavailable

    memory().outcomes.append(watch)
    drain("rcs")
    assert [outbound.id for outbound in memory().sent] == [order.pk]
    assert (seen, {status(code) for code in codes}) == ([True], {Status.FAILED})
    assert pace.state("rcs").pauses == 2


def test_codes_alone_try_it_too() -> None:
    pace.pause("rcs", "unavailable", 0.1, timezone.now() - timedelta(minutes=1))
    code = sent_to(**CODE)
    drain("rcs")
    assert (status(code), pace.state("rcs").pauses) == (Status.ACCEPTED, 0)


def test_with_nothing_to_try_it_with_the_right_is_given_back() -> None:
    pace.pause("rcs", "unavailable", 0.1, timezone.now() - timedelta(minutes=1))
    drain("rcs")
    assert pace.state("rcs").pauses == 1
    assert not pace.is_paused("rcs", sql.now(Transmission))


def test_a_whole_outage_loses_and_doubles_nothing(settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "BREAKER": 3, "RETRY_DELAYS": [60, 60]}
    memory().outcomes.extend([Unavailable()] * 1000)
    numbers = [f"+3725550{n:04}" for n in range(60)]
    codes = send("482913", [connection(number) for number in numbers[:20]], traffic="authentication")
    orders = send("Shipped", [connection(number) for number in numbers[20:]], fall_back_after=30)
    for _ in range(3):
        drain("rcs", "sms")
    assert sorted(outbound.to for outbound in memory("sms").sent) == numbers[:20]
    Transmission.objects.filter(message=orders).update(fall_back_at=timezone.now())
    sweep.mend(timezone.now())
    drain("sms")
    assert sorted(outbound.to for outbound in memory("sms").sent) == numbers
    assert {codes.status, orders.status} == {Status.ACCEPTED}


def test_few_messages_that_fail_pause_a_backend_too(settings: Any) -> None:
    """One code a minute: each drain sees one failure, and the count goes on from drain to drain."""
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "BREAKER": 4, "RETRY_DELAYS": [3600]}
    memory().outcomes.extend([Unavailable()] * 10)
    for number in range(4):
        sent_to(number=f"+3725550{number:04}", **CODE)
        drain("rcs")
    assert pace.is_paused("rcs", timezone.now())
    assert len(sms()) == 4
    BackendState.objects.update(pauses=0, paused_until=None, failures=3)
    memory().outcomes.clear()
    sent_to(traffic="transaction")
    drain("rcs")
    assert pace.state("rcs").failures == 0


@pytest.mark.parametrize("paused", [True, False])
def test_one_broken_row_holds_up_no_other(paused: bool) -> None:
    broken, fine = sent_to(**CODE), sent_to(number=BOB, **CODE)
    Message.objects.filter(pk=broken.message_id).update(content={"type": "of another release"})
    if paused:
        pace.pause("rcs", "unavailable", 3600, timezone.now())
        drain("rcs")
    else:
        for row in (broken, fine):
            overdue(row)
        sweep.mend(timezone.now())
    assert (status(fine), status(broken), sms()) == (Status.FAILED, Status.QUEUED, [BOB])
    BackendState.objects.update(paused_until=None, pauses=0)
    drain("rcs")
    assert (status(broken), broken.reason) == (Status.REVIEW, "broken_content")
