"""One message out and its receipts back, over the memory backends."""

import pytest

from rcs_router import outbox, sql
from rcs_router.contract import Receipt, ReceiptKind, Status
from rcs_router.errors import Ambiguous, BadAddress, OptedOut, Refused, Unavailable, Unreachable
from rcs_router.models import Transmission
from tests.core import drain, memory, sent_to

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


def test_a_message_is_accepted_delivered_and_read():
    t = sent_to()
    drain()
    t.refresh_from_db()
    assert (t.status, t.attempts) == (Status.ACCEPTED, 1)
    for kind in (ReceiptKind.DELIVERED, ReceiptKind.READ):
        outbox.apply_receipts("rcs", [Receipt(kind, transmission=t.pk)], sql.now(Transmission))
    t.refresh_from_db()
    assert t.status == Status.READ
    assert t.message.status == Status.READ
    assert [e.kind for e in t.events.order_by("id")] == ["attempt", "receipt", "receipt"]


@pytest.mark.parametrize(
    ("errors", "status", "attempts", "child"),
    [
        ([Unreachable()], Status.FAILED, 1, Status.ACCEPTED),
        ([Refused()], Status.FAILED, 1, Status.ACCEPTED),
        ([Unavailable()], Status.ACCEPTED, 2, None),
        ([Unavailable()] * 4, Status.FAILED, 4, Status.ACCEPTED),
        ([Ambiguous()], Status.ACCEPTED, 2, None),
        ([Ambiguous()] * 4, Status.REVIEW, 4, None),
        ([BadAddress()], Status.REVIEW, 1, None),
        ([OptedOut()], Status.CANCELLED, 1, None),
    ],
)
def test_every_error_ends_where_the_failure_matrix_says(errors, status, attempts, child):
    t = sent_to()
    memory().outcomes.extend(errors)
    for _ in range(6):
        drain()
    t.refresh_from_db()
    assert (Status(t.status), t.attempts) == (status, attempts)
    fallback = Transmission.objects.filter(fallback_of=t).first()
    assert (Status(fallback.status) if fallback else None) == child
