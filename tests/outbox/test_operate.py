"""What a person may decide about a transmission, from every status it can stand in."""

from datetime import timedelta

import pytest
from django.utils import timezone

from rcs_router import outbox, sql
from rcs_router.content import Card, Reply
from rcs_router.contract import Receipt, ReceiptKind, Status
from rcs_router.errors import Ambiguous, BadAddress, Unreachable
from rcs_router.inbox.consent_words import change_consent
from rcs_router.models import Event, Message, RevokeFor, Transmission
from rcs_router.outbox import expiry, operate
from tests.core import connection, drain, memory, sent_to

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


def standing(status: Status, alias: str = "rcs", **facts: object) -> Transmission:
    """A transmission that stands at `status`; the row alone, whatever led to it."""
    row = sent_to(alias)
    Transmission.objects.filter(pk=row.pk).update(status=status, **facts)
    row.refresh_from_db()
    return row


AFTER = {  # operation → from which status → to which; every status that is missing refuses
    "retry": {Status.QUEUED: Status.QUEUED, Status.REVIEW: Status.QUEUED},
    "fall_back": dict.fromkeys([Status.QUEUED, Status.ACCEPTED, Status.REVIEW], Status.FAILED),
    "revoke": {Status.ACCEPTED: Status.ACCEPTED, Status.REVIEW: Status.REVIEW},
    "look_up": {Status.ACCEPTED: Status.ACCEPTED, Status.REVIEW: Status.REVIEW},
    "cancel": {Status.QUEUED: Status.CANCELLED},
    "close": {Status.REVIEW: Status.CANCELLED},
    "resend": {
        Status.REVIEW: Status.CANCELLED,
        Status.CANCELLED: Status.CANCELLED,
        Status.EXPIRED: Status.EXPIRED,
        Status.FAILED: Status.FAILED,
    },
}


@pytest.mark.parametrize("status", list(Status), ids=lambda status: status.name)
@pytest.mark.parametrize("what", list(operate.OPERATIONS))
def test_every_operation_from_every_status(what, status):
    row = standing(status)
    why = operate.act(what, row, "eve")
    row.refresh_from_db()
    assert row.status == AFTER[what].get(status, status)
    if status in AFTER[what]:
        assert why == ""
        assert row.events.filter(kind="operator", detail__endswith="by eve").count() == 1
    else:
        assert why == f"it is {status.name.lower()}"
        assert not Event.objects.exists()
        assert not operate.OPERATIONS[what](row, "eve")


def _has_child(row: Transmission) -> None:
    outbox.open_fallback(row, "test", sql.now(Transmission))


@pytest.mark.parametrize(
    ("what", "status", "alias", "facts", "why"),
    [
        ("fall_back", Status.REVIEW, "alone", {}, "there is no fallback left"),
        ("fall_back", Status.ACCEPTED, "sms", {}, "there is no fallback left"),
        ("revoke", Status.ACCEPTED, "sms", {}, "sms cannot take messages back"),
        ("cancel", Status.QUEUED, "rcs", {"unknown": True}, "its request may have left already"),
        (
            "retry",
            Status.REVIEW,
            "rcs",
            {"expires_at": timezone.now() - timedelta(seconds=1)},
            "its time is up, it can only be sent as new",
        ),
    ],
)
def test_it_says_why_not(what, status, alias, facts, why):
    row = standing(status, alias, **facts)
    assert operate.act(what, row) == why
    row.refresh_from_db()
    assert row.status == status
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("what", "status", "why"),
    [
        ("fall_back", Status.ACCEPTED, "its fallback is on its way already"),
        ("resend", Status.FAILED, "its fallback has taken over"),
    ],
)
def test_a_fallback_on_its_way_is_not_doubled(what, status, why):
    row = standing(status)
    _has_child(row)
    assert operate.act(what, row) == why
    assert Transmission.objects.count() == 2
    row.refresh_from_db()
    assert row.status == status


@pytest.mark.parametrize("what", list(operate.OPERATIONS))
def test_a_backend_that_left_the_settings_hinders_only_what_needs_it(what, settings):
    row = standing(next(iter(operate.ALLOWED[what])))
    settings.RCS_BACKENDS = {"alone": settings.RCS_BACKENDS["alone"]}
    why = operate.act(what, row)
    assert why == ("" if what in {"cancel", "close"} else "RCS_BACKENDS has no 'rcs' any more")


def test_a_row_that_moved_meanwhile_is_left_alone():
    row = standing(Status.REVIEW)
    Transmission.objects.filter(pk=row.pk).update(status=Status.DELIVERED)
    assert {operate.act(what, row) for what in ("retry", "close", "fall_back", "revoke", "resend")} == {
        "it has moved on meanwhile"
    }
    row.refresh_from_db()
    assert row.status == Status.DELIVERED
    assert not Event.objects.exists()
    assert Message.objects.count() == 1


def test_retry_sends_under_the_same_id():
    row = sent_to()
    memory().outcomes.append(BadAddress())
    drain()
    row.refresh_from_db()
    assert operate.act("retry", row) == ""
    drain()
    row.refresh_from_db()
    assert row.status == Status.ACCEPTED
    assert [outbound.id for outbound in memory().sent] == [row.pk, row.pk]


def test_revoke_waits_for_the_answer_and_then_ends_as_cancelled_without_a_fallback():
    row = sent_to()
    drain()
    row.refresh_from_db()
    assert operate.act("revoke", row) == ""
    expiry.revoke_due("rcs")
    row.refresh_from_db()
    assert (row.status, memory().revoked) == (Status.CANCELLED, [row.pk])
    assert Transmission.objects.count() == 1


class TestResend:
    def test_says_the_same_to_the_same_connection_under_a_new_id(self):
        card = Card("Boots", suggestions=[Reply("Keep", "keep_7")])
        old = sent_to(
            "alone",
            content=card,
            traffic="service_request",
            ttl=timedelta(minutes=5),
            fields={"order": 7},
            idempotency_key="order-7",
        )
        memory("alone").outcomes.append(Unreachable())
        drain()
        old.refresh_from_db()
        new = operate.resend(old, "eve")
        assert new is not None
        drain()
        new.refresh_from_db()
        assert new.status == Status.ACCEPTED
        assert new.pk != old.pk
        assert new.message_id != old.message_id
        assert new.connection_id == old.connection_id
        assert memory("alone").sent[-1].content == card
        for name in ("content", "text", "traffic", "ttl", "fields"):
            assert getattr(new.message, name) == getattr(old.message, name), name
        assert new.message.idempotency_key is None
        assert [e.detail for e in Event.objects.filter(kind="operator").order_by("id")] == [
            f"as {new.pk} by eve",
            f"in place of {old.pk} by eve",
        ]

    def test_closes_what_was_in_review(self):
        old = standing(Status.REVIEW)
        operate.resend(old)
        old.refresh_from_db()
        assert (old.status, old.reason) == (Status.CANCELLED, "sent as new")

    def test_happens_once(self):
        old = standing(Status.FAILED, "alone")
        assert operate.resend(old) is not None
        assert operate.resend(old) is None
        assert operate.act("resend", old) == "it was sent as new before"
        assert Message.objects.count() == 2

    def test_a_revoke_that_is_answered_later_opens_no_fallback(self):
        old = sent_to()
        memory("rcs").outcomes.extend([Ambiguous()] * 4)
        for _ in range(4):
            drain("rcs")
        old.refresh_from_db()
        assert (old.status, old.revoke_for) == (Status.REVIEW, RevokeFor.FALLBACK)
        new = operate.resend(old)
        expiry.revoke_due("rcs")
        old.refresh_from_db()
        assert memory("rcs").revoked == [old.pk]
        assert old.status == Status.CANCELLED
        assert set(Transmission.objects.all()) == {old, new}

    def test_respects_a_stop_said_meanwhile(self):
        old = sent_to(traffic="promotion")
        Transmission.objects.filter(pk=old.pk).update(status=Status.EXPIRED)
        change_consent(connection(), opted_out=True, source="test")
        new = operate.resend(old)
        assert new is not None
        assert (new.status, new.reason) == (Status.CANCELLED, "opted_out")

    @pytest.mark.parametrize("content", [None, {"type": "hologram"}])
    def test_refuses_what_cannot_be_read(self, content):
        old = standing(Status.FAILED, "alone")
        Message.objects.filter(pk=old.message_id).update(content=content)
        old = Transmission.objects.get(pk=old.pk)
        assert operate.act("resend", old).startswith(
            "it has no content" if content is None else "its content cannot"
        )
        assert Message.objects.count() == 1


def test_a_delivered_receipt_outranks_what_the_operator_decided():
    row = standing(Status.REVIEW)
    operate.close(row)
    outbox.apply_receipts("rcs", [Receipt(ReceiptKind.DELIVERED, transmission=row.pk)], sql.now(Transmission))
    row.refresh_from_db()
    assert row.status == Status.DELIVERED
