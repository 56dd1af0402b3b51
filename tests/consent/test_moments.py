"""A STOP at each moment between send() and the wire, one by one; what the interleavings try at random."""

import threading
from typing import Any

import pytest

from rcs_router import outbox, send, sql
from rcs_router.contract import Outbound, Receipt, ReceiptKind, SendResult, Status
from rcs_router.errors import Ambiguous, OptedOut, Unavailable, Unreachable
from rcs_router.models import Transmission
from rcs_router.outbox import drain as drain_module
from rcs_router.outbox import expiry, operate, screening
from rcs_router.people import consent
from tests.consent.workers import Worker
from tests.core import ALICE, BOB, ROUTER, connection, drain, memory, sent_to

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


def stop(number: str = ALICE) -> None:
    consent.record(number, opted_out=True, source="keyword", backend="rcs")


def seen() -> list[str]:
    """The kinds of traffic that left, on any backend."""
    return [outbound.traffic for alias in ("rcs", "sms") for outbound in memory(alias).sent]


def worker() -> Worker:
    return Worker("rcs", lambda flight: None)


def where(t: Transmission) -> tuple[Status, str]:
    t.refresh_from_db()
    return Status(t.status), t.reason


def test_before_send() -> None:
    stop()
    assert where(sent_to(traffic="promotion")) == (Status.CANCELLED, "opted_out")


def test_between_send_and_claim() -> None:
    t = sent_to(traffic="promotion")
    stop()
    drain()
    assert (where(t), seen()) == ((Status.CANCELLED, "opted_out"), [])


def test_between_claim_and_start() -> None:
    """It is ours and was screened; the statement that marks it as leaving asks once more."""
    t, order = sent_to(traffic="promotion"), sent_to(number=BOB)
    one = worker()
    one.claim()
    stop()
    assert [flight.row.pk for flight in one.start()] == [order.pk]
    one.finish()
    assert (where(t), seen()) == ((Status.CANCELLED, "opted_out"), ["transaction"])
    assert [event.kind for event in t.events.all()] == ["consent"]


def test_in_line_behind_a_slow_provider() -> None:
    """It was marked, and stands in line: it is called back."""
    t = sent_to(traffic="promotion")
    one = worker()
    one.claim()
    assert one.start()
    stop()
    one.look()
    one.leave()
    one.finish()
    assert (where(t), t.unknown, seen()) == ((Status.QUEUED, ""), False, [])
    drain()
    assert (where(t), seen()) == ((Status.CANCELLED, "opted_out"), [])


def test_a_request_that_left_before_is_in_flight() -> None:
    t = sent_to(traffic="promotion")
    one = worker()
    one.claim()
    one.start()
    one.leave()
    stop()
    one.finish()
    assert (where(t), seen()) == ((Status.ACCEPTED, ""), ["promotion"])


def test_a_drain_looks_by_itself_while_its_threads_are_busy(settings: Any) -> None:
    """One thread, a provider that takes its time over the first of three: the others are called back."""
    settings.RCS_ROUTER = ROUTER | {"THREADS": 1}
    rows = [sent_to(traffic="promotion", number=number) for number in (ALICE, BOB, "+37255501239")]
    called_back, look = threading.Event(), screening.Screening.recall

    def slowly(outbound: Outbound) -> SendResult:
        stopped.set()
        assert called_back.wait(10)
        return SendResult()

    stopped = threading.Event()
    memory().outcomes.append(slowly)

    def looking(self: screening.Screening, flying: Any) -> None:
        flights = list(flying)
        if stopped.is_set():
            stop(BOB)
            self.looked_at = float("-inf")
        look(self, flights)
        if any(flight.fence == 0 for flight in flights):
            called_back.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(screening.Screening, "recall", looking)
        drain_module.drain("rcs", budget=5)
    drain("rcs")  # finds the one that went back
    assert BOB not in [outbound.to for outbound in memory().sent]
    assert [where(row)[0] for row in rows] == [Status.ACCEPTED, Status.CANCELLED, Status.ACCEPTED]


@pytest.mark.parametrize("error", [Unavailable(), Ambiguous()])
def test_before_a_retry(error: Exception) -> None:
    t = sent_to(traffic="promotion")
    memory().outcomes.append(error)
    one = worker()
    one.claim()
    one.start()
    one.leave()
    one.finish()
    stop()
    drain()
    assert (where(t), len(memory().sent)) == ((Status.CANCELLED, "opted_out"), 1)


def test_before_a_fallback_of_a_failure() -> None:
    t = sent_to(traffic="promotion")
    memory().outcomes.append(Unreachable())
    drain("rcs")
    stop()
    drain("sms")
    assert where(t)[0] == Status.FAILED
    assert (where(t.fallback), memory("sms").sent) == ((Status.CANCELLED, "opted_out"), [])


def test_before_the_fallback_of_what_was_taken_back() -> None:
    t = sent_to(traffic="promotion")
    drain("rcs")
    operate.act("fall_back", Transmission.objects.select_related("message", "connection").get(pk=t.pk))
    stop()
    expiry.revoke_due("rcs")
    drain("sms")
    assert memory("sms").sent == []


def test_before_the_fallback_of_a_failure_that_is_reported_later() -> None:
    t = sent_to(traffic="promotion")
    drain("rcs")
    stop()
    outbox.apply_receipts("rcs", [Receipt(ReceiptKind.FAILED, transmission=t.pk)], sql.now(Transmission))
    drain("sms")
    assert memory("sms").sent == []


@pytest.mark.parametrize("what", ["retry", "resend"])
def test_before_an_operator_sends_again(what: str) -> None:
    t = sent_to("alone", traffic="promotion")
    memory("alone").outcomes.append(Unreachable())
    drain()
    stop()
    assert operate.act(what, Transmission.objects.select_related("message", "connection").get(pk=t.pk)) == ""
    drain()
    assert len(memory("alone").sent) == 1


def test_a_provider_that_says_so_stops_the_next_of_the_same_batch() -> None:
    """One at a time leaves to one person, so the second is not on the wire when the first is refused."""
    first, second = sent_to(traffic="promotion"), sent_to(traffic="promotion")
    memory().outcomes.append(OptedOut())
    drain("rcs")
    assert (where(first), where(second)) == ((Status.CANCELLED, "opted_out"),) * 2
    assert len(memory().sent) == 1


def test_start_lets_what_still_waits_leave() -> None:
    stop()
    consent.record(ALICE, opted_out=False, source="keyword", backend="rcs")
    send("Offer", connection(), traffic="promotion")
    drain("rcs")
    assert seen() == ["promotion"]


@pytest.mark.parametrize("traffic", ["authentication", "transaction", "service_request", "acknowledgement"])
def test_essential_messages_pass_at_every_moment(traffic: str) -> None:
    stop()
    sent_to(traffic=traffic)
    memory().outcomes.append(Unreachable())
    drain("rcs", "sms")
    assert seen() == [traffic, traffic]
