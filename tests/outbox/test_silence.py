"""Accepted messages without any receipt: asked for where the provider can be asked, shown as unproved elsewhere."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from rcs_router import lookup_connections, outbox, send, sweep
from rcs_router.admin.filters import WITHOUT_PROOF
from rcs_router.contract import Receipt, ReceiptKind, Status
from rcs_router.errors import Unavailable
from rcs_router.models import RevokeFor, Transmission
from rcs_router.outbox import expiry
from rcs_router.outbox.silence import NO_PROOF
from tests.core import ALICE, BACKENDS, drain, memory, sent_to

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


def silent(alias: str = "rcs", seconds: float = 901, **fields: Any) -> Transmission:
    row = sent_to(alias)
    drain(alias)
    past = timezone.now() - timedelta(seconds=seconds)
    Transmission.objects.filter(pk=row.pk).update(
        accepted_at=past, look_at=past + timedelta(seconds=900), **fields
    )
    row.refresh_from_db()
    return row


def swept(row: Transmission) -> Transmission:
    sweep.mend(timezone.now())
    expiry.revoke_due(row.backend_id)
    row.refresh_from_db()
    return row


@pytest.mark.parametrize(("entry", "after"), [({}, 900), ({"SILENT_AFTER": 60}, 60)])
def test_when_it_is_looked_into(settings: Any, entry: dict[str, Any], after: float) -> None:
    settings.RCS_BACKENDS = {**BACKENDS, "rcs": {**BACKENDS["rcs"], **entry}}
    row = sent_to()
    drain("rcs")
    row.refresh_from_db()
    assert row.accepted_at
    assert row.look_at
    assert round((row.look_at - row.accepted_at).total_seconds()) == after


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (ReceiptKind.DELIVERED, Status.DELIVERED),
        (ReceiptKind.READ, Status.READ),
        (ReceiptKind.FAILED, Status.FAILED),
    ],
)
def test_what_can_be_known_is_known_within_one_sweep(said: ReceiptKind, status: Status) -> None:
    rows = [silent() for _ in range(3)]
    for row in rows:
        memory().reports[row.pk] = [Receipt(said, transmission=row.pk)]
    assert {swept(row).status for row in rows} == {status}
    assert memory().revoked == [], "nothing is taken back"


@pytest.mark.services
def test_a_thousand_lost_receipts_are_known_within_one_sweep(settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "CLAIM": 500}
    message = send("x", lookup_connections("rcs", [f"+3725{n:07}" for n in range(1000)]))
    drain("rcs")
    past = timezone.now() - timedelta(hours=1)
    message.transmissions.update(accepted_at=past, look_at=past)
    for row in message.transmissions.all():
        memory().reports[row.pk] = [Receipt(ReceiptKind.DELIVERED, transmission=row.pk)]
    sweep.mend(timezone.now())
    while expiry.revoke_due("rcs"):
        pass
    assert message.transmissions.filter(status=Status.DELIVERED).count() == 1000


def test_a_provider_that_knows_nothing_new_is_asked_again_less_and_less_often() -> None:
    row, looks = silent(), []
    for age in (901, 3_700, 14_500, 60_000, 300_000):
        past = timezone.now() - timedelta(seconds=age)
        Transmission.objects.filter(pk=row.pk).update(accepted_at=past, look_at=timezone.now())
        swept(row)
        looks.append(row.look_at and round((row.look_at - timezone.now()).total_seconds() / 900))
        assert (row.status, row.reason, row.revoke_at) == (Status.ACCEPTED, NO_PROOF, None)
    assert looks == [3, 12, 48, None, None]
    assert list(Transmission.objects.filter(WITHOUT_PROOF)) == [row]


def test_a_question_that_fails_is_asked_again() -> None:
    row = silent()

    def down(*args: Any) -> Any:
        raise Unavailable

    memory().status = down  # type: ignore[method-assign]
    swept(row)
    assert (row.status, row.revoke_for) == (Status.ACCEPTED, RevokeFor.LOOK_UP)
    assert row.revoke_at


def test_where_nobody_can_be_asked_it_is_shown_and_a_receipt_still_counts() -> None:
    row = swept(silent("sms"))
    assert (row.status, row.reason, row.look_at) == (Status.ACCEPTED, NO_PROOF, None)
    assert list(Transmission.objects.filter(WITHOUT_PROOF)) == [row]
    outbox.apply_receipts("sms", [Receipt(ReceiptKind.DELIVERED, transmission=row.pk)], timezone.now())
    row.refresh_from_db()
    assert (row.status, row.reason) == (Status.DELIVERED, "")


def test_why_it_was_to_be_taken_back_outlives_the_look() -> None:
    """Some providers say much later that they took a message back; its fallback still goes out then."""
    row = silent(revoke_for=RevokeFor.FALLBACK)
    memory().revocable = None
    assert swept(row).revoke_for == RevokeFor.FALLBACK
    outbox.apply_receipts("rcs", [Receipt(ReceiptKind.REVOKED, transmission=row.pk)], timezone.now())
    row.refresh_from_db()
    assert row.status == Status.FAILED
    assert Transmission.objects.filter(fallback_of=row).exists()


def test_what_could_not_be_taken_back_is_shown_as_unproved() -> None:
    memory().revocable = False
    row = swept(silent(revoke_for=RevokeFor.FALLBACK))
    assert (row.status, row.revoke_at) == (Status.ACCEPTED, None)
    assert list(Transmission.objects.filter(WITHOUT_PROOF)) == [row]


@pytest.mark.parametrize(
    "fields",
    [
        {"revoke_at": timezone.now() + timedelta(hours=1), "revoke_for": RevokeFor.EXPIRY},
        {"revoke_for": RevokeFor.CANCEL},
    ],
)
def test_what_is_being_taken_back_is_not_asked_for_besides(fields: dict[str, Any]) -> None:
    row = silent(**fields)
    sweep.mend(timezone.now())
    row.refresh_from_db()
    assert (row.revoke_for, row.revoke_at) == (fields["revoke_for"], fields.get("revoke_at"))


@pytest.mark.parametrize(
    ("look", "table"), [(outbox.look, "silent"), (outbox.meet_deadlines, "deadline|unproved|leased")]
)
def test_the_sweep_reads_by_a_partial_index(look: Any, table: str) -> None:
    sent_to(number=ALICE)
    with CaptureQueriesContext(database) as queries:
        look(timezone.now())
    selects = [
        q["sql"]
        for q in queries
        if "_at" in q["sql"] and q["sql"].startswith("SELECT") and "ransmission" in q["sql"]
    ]
    assert selects
    for query in selects:
        with database.cursor() as cursor:
            if database.vendor == "postgresql":
                cursor.execute("SET enable_seqscan = off")
            cursor.execute(("EXPLAIN " if database.vendor == "postgresql" else "EXPLAIN QUERY PLAN ") + query)
            plan = str(cursor.fetchall())
            if database.vendor == "postgresql":
                cursor.execute("RESET enable_seqscan")
        # an empty table has no statistics: PostgreSQL may take any of our partial indexes
        names = [""] if database.vendor == "postgresql" else table.split("|")
        assert any(f"rcs_transmission_{name}" in plan for name in names), query
