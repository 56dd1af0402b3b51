"""Receipts add up to one status, in whatever order, number and company they come."""

import uuid
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rcs_router import outbox
from rcs_router.contract import Outbound, Receipt, ReceiptKind, SendResult, Status
from rcs_router.errors import Ambiguous, Unreachable
from rcs_router.models import Event, Transmission
from rcs_router.outbox.policy import after_error
from tests.core import drain, memory, sent_to
from tests.searches import examples

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]

NOON = datetime.fromisoformat("2026-11-21T12:00:00+00:00")
RANK = {
    ReceiptKind.ACCEPTED: Status.ACCEPTED,
    ReceiptKind.DELIVERED: Status.DELIVERED,
    ReceiptKind.READ: Status.READ,
    ReceiptKind.FAILED: Status.FAILED,
    ReceiptKind.EXPIRED: Status.EXPIRED,
    ReceiptKind.REVOKED: Status.CANCELLED,
}


def _is_order_free(said: list) -> bool:
    """An uncertain expiry makes us ask to take the message back, and then a revocation is the answer to that."""
    return not {ReceiptKind.EXPIRY_UNCERTAIN, ReceiptKind.REVOKED} <= {kind for kind, _, _ in said}


reports = st.lists(
    st.tuples(st.sampled_from(ReceiptKind), st.integers(0, 9), st.sampled_from(["", "a", "b"])),
    min_size=1,
    max_size=6,
).filter(_is_order_free)


def facts(t: Transmission) -> tuple[object, ...]:
    t.refresh_from_db()
    return t.status, t.accepted_at, t.delivered_at, t.read_at, t.failed_at


@pytest.fixture
def accepted() -> Transmission:
    t = sent_to()
    drain()
    times = {"created_at": NOON - timedelta(hours=1), "accepted_at": NOON + timedelta(hours=1)}
    Transmission.objects.filter(pk=t.pk).update(**times)
    return t


class Undo(Exception):
    """Ends an example's transaction."""


@settings(max_examples=examples(120), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), said=reports)
def test_any_order_and_repetition_ends_in_the_same_row(
    accepted: Transmission, data: st.DataObject, said: list
) -> None:
    expected = max([Status.ACCEPTED, *(RANK.get(kind, Status.ACCEPTED) for kind, _, _ in said)])
    ends = set()
    for _ in range(3):
        shuffled = data.draw(st.permutations(said + data.draw(st.lists(st.sampled_from(said), max_size=3))))
        receipts = [
            Receipt(
                kind,
                transmission=accepted.pk,
                at=NOON + timedelta(minutes=at),
                event_id=f"{event}{kind}{at}" if event else "",
            )
            for kind, at, event in shuffled
        ]
        with pytest.raises(Undo), transaction.atomic():
            while receipts:  # in one digest or in several
                cut = data.draw(st.integers(1, len(receipts)))
                outbox.apply_receipts("rcs", receipts[:cut], timezone.now())
                receipts = receipts[cut:]
            ends.add(facts(accepted))
            raise Undo
    assert len(ends) == 1
    assert ends.pop()[0] == expected


def test_a_repeated_event_is_one_event(accepted: Transmission) -> None:
    receipt = Receipt(ReceiptKind.DELIVERED, transmission=accepted.pk, event_id="ev-1")
    for _ in range(3):
        outbox.apply_receipts("rcs", [receipt, receipt], timezone.now())
    assert Event.objects.filter(transmission=accepted, kind="receipt").count() == 1


def test_what_was_read_was_delivered(accepted: Transmission) -> None:
    outbox.apply_receipts(
        "rcs", [Receipt(ReceiptKind.READ, transmission=accepted.pk, at=NOON)], timezone.now()
    )
    accepted.refresh_from_db()
    assert (accepted.status, accepted.delivered_at) == (Status.READ, NOON)


def test_a_receipt_of_another_backend_is_not_believed(accepted: Transmission) -> None:
    receipt = Receipt(ReceiptKind.DELIVERED, transmission=accepted.pk)
    assert outbox.apply_receipts("sms", [receipt], timezone.now()) == [receipt]
    assert facts(accepted)[0] == Status.ACCEPTED


def test_a_receipt_of_nothing_we_sent_comes_back() -> None:
    stranger = Receipt(ReceiptKind.READ, transmission=uuid.uuid4())
    assert outbox.apply_receipts("rcs", [stranger], timezone.now()) == [stranger]


def test_delivered_while_waiting_for_a_retry_ends_the_retries() -> None:
    t = sent_to()
    memory().outcomes.append(Ambiguous())
    drain()
    outbox.apply_receipts("rcs", [Receipt(ReceiptKind.DELIVERED, transmission=t.pk)], timezone.now())
    drain()
    assert facts(t)[0] == Status.DELIVERED
    assert len(memory().sent) == 1


@pytest.mark.parametrize("before", [True, False], ids=["before the answer", "after it"])
def test_what_a_receipt_says_is_accepted_is_looked_into_too(before: bool) -> None:
    row = sent_to()
    taken = [Receipt(ReceiptKind.ACCEPTED, transmission=row.pk)]

    def no_answer(outbound: Outbound) -> SendResult:
        if before:
            outbox.apply_receipts("rcs", taken, timezone.now())
        raise Ambiguous

    memory().outcomes.append(no_answer)
    drain("rcs")
    outbox.apply_receipts("rcs", taken, timezone.now())
    row.refresh_from_db()
    assert (row.status, bool(row.look_at)) == (Status.ACCEPTED, True)


def test_delivered_while_sending_stands_when_the_result_is_written() -> None:
    t = sent_to()
    arrived = Receipt(ReceiptKind.DELIVERED, transmission=t.pk)

    claimed = outbox.claim("rcs", 1, timezone.now(), 60, {})
    outbox.apply_receipts("rcs", [arrived], timezone.now())
    move = outbox.Move(claimed[0], after_error(Unreachable(), outbox.facts(claimed[0])))
    outbox.settle([move], timezone.now())
    assert facts(t)[0] == Status.DELIVERED
    assert not Transmission.objects.filter(fallback_of=t).exists(), "it arrived: no SMS"


@pytest.mark.parametrize("kind", [ReceiptKind.FAILED, ReceiptKind.EXPIRED])
def test_a_failure_opens_the_fallback_once_and_a_late_delivery_cancels_it(
    kind: ReceiptKind, accepted: Transmission
) -> None:
    for _ in range(2):
        outbox.apply_receipts("rcs", [Receipt(kind, transmission=accepted.pk)], timezone.now())
    child = Transmission.objects.get(fallback_of=accepted)
    assert child.backend_id == "sms"
    outbox.apply_receipts("rcs", [Receipt(ReceiptKind.DELIVERED, transmission=accepted.pk)], timezone.now())
    child.refresh_from_db()
    assert child.status == Status.CANCELLED
    drain("sms")
    assert memory("sms").sent == []


def test_both_truths_are_kept_when_the_sms_was_out_already(accepted: Transmission) -> None:
    outbox.apply_receipts("rcs", [Receipt(ReceiptKind.FAILED, transmission=accepted.pk)], timezone.now())
    drain("sms")
    outbox.apply_receipts("rcs", [Receipt(ReceiptKind.DELIVERED, transmission=accepted.pk)], timezone.now())
    parent = Transmission.objects.get(pk=accepted.pk)
    assert (parent.status, parent.fallback.status, parent.late_rcs) == (
        Status.DELIVERED,
        Status.ACCEPTED,
        True,
    )
    assert parent.message.status == Status.DELIVERED
