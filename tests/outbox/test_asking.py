"""What is asked of a provider after a message has left: how it stands, and to take it back - and its late answers."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from rcs_router import outbox
from rcs_router.contract import Receipt, ReceiptKind, SendResult, Status
from rcs_router.errors import Ambiguous, Unavailable
from rcs_router.models import Event, RevokeFor, Transmission
from rcs_router.outbox import expiry, operate
from rcs_router.testing import MemoryBackend
from tests.core import BACKENDS, drain, memory, sent_to

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


@pytest.fixture
def silent(settings: Any) -> Transmission:
    """Accepted, past its ttl, and nothing was heard of it."""
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "EXPIRY_GRACE": 0}
    row = sent_to("rcs", ttl=timedelta(minutes=5))
    drain("rcs")
    Transmission.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    expiry.sweep(timezone.now())
    row.refresh_from_db()
    return row


def stands(row: Transmission) -> Status:
    row.refresh_from_db()
    return Status(row.status)


def child(row: Transmission) -> Transmission | None:
    return Transmission.objects.filter(fallback_of=row).first()


def say(row: Transmission, *kinds: ReceiptKind, **more: Any) -> None:
    outbox.apply_receipts(
        "rcs", [Receipt(kind, transmission=row.pk, **more) for kind in kinds], timezone.now()
    )


@pytest.mark.parametrize(
    ("report", "status", "falls_back", "asked_back"),
    [
        ([ReceiptKind.DELIVERED], Status.DELIVERED, False, False),
        ([ReceiptKind.READ], Status.READ, False, False),
        ([ReceiptKind.FAILED], Status.FAILED, True, False),
        ([ReceiptKind.EXPIRED], Status.EXPIRED, True, False),
        ([ReceiptKind.ACCEPTED], Status.EXPIRED, True, True),
        ([ReceiptKind.UNKNOWN], Status.EXPIRED, True, True),
        ([], Status.EXPIRED, True, True),
    ],
)
def test_a_silent_message_is_looked_up_before_it_is_taken_back(
    silent, report, status, falls_back, asked_back
):
    memory().reports[silent.pk] = [Receipt(kind, transmission=silent.pk) for kind in report]
    expiry.revoke_due("rcs")
    assert stands(silent) == status
    assert bool(child(silent)) is falls_back
    assert memory().revoked == ([silent.pk] if asked_back else [])
    assert silent.revoke_at is None
    expiry.revoke_due("rcs")
    assert len(memory().revoked) == asked_back, "nothing is asked twice"


def test_an_answer_that_comes_later_is_waited_for(silent):
    memory().revocable = None
    expiry.revoke_due("rcs")
    assert stands(silent) == Status.ACCEPTED
    assert not child(silent)
    say(silent, ReceiptKind.REVOKED)
    assert (stands(silent), silent.revoke_at) == (Status.EXPIRED, None)
    assert child(silent)


def test_a_provider_that_never_answers_is_asked_as_often_as_an_attempt_is_made(silent):
    memory().revocable = None
    for _ in range(9):
        expiry.revoke_due("rcs")
    assert stands(silent) == Status.ACCEPTED
    assert len(memory().revoked) == 4
    assert silent.revoke_at is None


@pytest.mark.parametrize("order", [1, -1])
def test_a_message_that_was_delivered_while_it_was_taken_back_is_delivered(silent, order):
    memory().revocable = None
    expiry.revoke_due("rcs")
    for kind in [ReceiptKind.REVOKED, ReceiptKind.DELIVERED][::order]:
        say(silent, kind)
    assert stands(silent) == Status.DELIVERED
    waiting = child(silent)
    assert waiting is None or stands(waiting) == Status.CANCELLED


def test_revoked_and_failed_at_once_still_falls_back(silent):
    memory().revocable = None
    expiry.revoke_due("rcs")
    say(silent, ReceiptKind.REVOKED, ReceiptKind.FAILED)
    assert stands(silent) == Status.FAILED
    assert child(silent)


def test_revoked_by_somebody_else_goes_no_other_way():
    row = sent_to()
    drain("rcs")
    say(row, ReceiptKind.REVOKED)
    assert stands(row) == Status.CANCELLED
    assert not child(row)


@pytest.mark.parametrize(
    ("report", "status"),
    [([], Status.REVIEW), ([ReceiptKind.DELIVERED], Status.DELIVERED), ([ReceiptKind.FAILED], Status.FAILED)],
)
def test_a_person_asks_how_an_unknown_one_stands(settings, report, status):
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "RETRY_DELAYS": []}
    row = sent_to()
    memory().outcomes.append(Ambiguous("no answer"))
    memory().revocable = False
    drain("rcs")
    expiry.revoke_due("rcs")
    assert (stands(row), row.unknown) == (Status.REVIEW, True)
    memory().revoked.clear()
    Transmission.objects.update(revoke_for="")
    row.refresh_from_db()
    memory().reports[row.pk] = [Receipt(kind, transmission=row.pk) for kind in report]
    assert operate.act("look_up", row) == ""
    expiry.revoke_due("rcs")
    assert stands(row) == status
    assert memory().revoked == [], "looking is not taking back"
    assert Event.objects.filter(transmission=row, kind="look up").count() == 1


def test_a_provider_in_trouble_is_asked_again(silent):
    memory().status = _raises  # type: ignore[method-assign]
    expiry.revoke_due("rcs")
    assert stands(silent) == Status.ACCEPTED
    assert silent.revoke_at is not None
    del memory().status
    expiry.revoke_due("rcs")
    assert stands(silent) == Status.EXPIRED


def _raises(*args: object) -> list[Receipt]:
    raise Unavailable("down")


@pytest.mark.parametrize(
    ("what", "revocable", "told"),
    [
        ("status", True, "asking about {id} failed (unavailable): retried at once"),
        ("revoke", Unavailable("down"), "asking about {id} failed (unavailable): retried at once"),
        ("revoke", False, "asking about {id} failed (too late to take it back): a receipt decides"),
        ("revoke", True, "{id} was taken back (its time is up): goes on by sms"),
    ],
)
def test_what_a_provider_says_when_it_is_asked_leaves_a_line(silent, what, revocable, told, caplog):
    caplog.set_level("INFO", "rcs_router")
    if what == "status":
        memory().status = _raises  # type: ignore[method-assign]
    memory().revocable = revocable
    expiry.revoke_due("rcs")
    [line] = [record for record in caplog.records if record.name == "rcs_router.expiry"]
    assert line.getMessage() == f"rcs: {told.format(id=silent.pk)}"
    assert (line.alias, line.transmission) == ("rcs", str(silent.pk))


@pytest.mark.parametrize("revocable", [True, Unavailable("down")])
def test_a_look_up_that_fails_leaves_a_line(revocable, caplog):
    row = sent_to()
    drain("rcs")
    assert operate.act("look_up", Transmission.objects.get(pk=row.pk)) == ""
    memory().status = _raises  # type: ignore[method-assign]
    expiry.revoke_due("rcs")
    assert f"rcs: asking about {row.pk} failed (unavailable): retried at once" in caplog.text


@pytest.mark.parametrize("how", ["ttl", "uncertain expiry"])
def test_looks_before_the_end_of_its_time_spend_nothing_of_the_revokes(settings, how):
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "EXPIRY_GRACE": 0}
    row = sent_to("rcs", ttl=timedelta(minutes=5))
    drain("rcs")
    past = timezone.now() - timedelta(seconds=1)
    expires = {"expires_at": past} if how == "ttl" else {}
    Transmission.objects.filter(pk=row.pk).update(revokes=4, **expires)
    if how == "ttl":
        expiry.sweep(timezone.now())
    else:
        say(row, ReceiptKind.EXPIRY_UNCERTAIN)
    memory().revocable = Unavailable("down")
    expiry.revoke_due("rcs")
    memory().revocable = True
    expiry.revoke_due("rcs")
    assert (stands(row), bool(child(row))) == (Status.EXPIRED, True)


def test_a_receipt_by_our_id_brings_the_providers_own():
    row = sent_to()
    drain("rcs")
    say(row, ReceiptKind.ACCEPTED, provider_id="om-1")
    assert (stands(row), row.provider_id) == (Status.ACCEPTED, "om-1")


def test_a_receipt_under_our_id_about_another_message_of_the_provider_is_not_believed():
    row = sent_to()
    drain("rcs")
    say(row, ReceiptKind.ACCEPTED, provider_id="om-1")
    receipt = Receipt(ReceiptKind.DELIVERED, transmission=row.pk, provider_id="om-2")
    assert outbox.apply_receipts("rcs", [receipt], timezone.now()) == [receipt]
    assert (stands(row), row.provider_id) == (Status.ACCEPTED, "om-1")


def test_why_a_message_is_taken_back_outlives_a_look(silent):
    assert operate.act("look_up", silent) == ""
    silent.refresh_from_db()
    assert silent.revoke_for == RevokeFor.EXPIRY
    expiry.revoke_due("rcs")
    assert stands(silent) == Status.EXPIRED


@pytest.mark.parametrize(
    ("code", "falls_back"), [("opted_out", False), ("bad_address", False), ("busy", True)]
)
def test_a_report_about_the_person_opens_no_other_road(code, falls_back):
    row = sent_to()
    drain("rcs")
    say(row, ReceiptKind.FAILED, code=code)
    assert stands(row) == Status.FAILED
    assert bool(child(row)) is falls_back


def test_what_is_decided_while_the_provider_is_asked_is_asked_next(settings):
    """Else a person's wish to take it back, or the end of its time, is forgotten over the answer to a look."""
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "EXPIRY_GRACE": 0}
    row = sent_to("rcs", ttl=timedelta(minutes=5))
    drain("rcs")
    row.refresh_from_db()
    assert operate.act("look_up", row) == ""

    def meanwhile(*args: object) -> list[Receipt]:
        assert operate.revoke(row)
        connection.close()  # this thread's own
        return []

    memory().status = meanwhile  # type: ignore[method-assign]
    expiry.revoke_due("rcs")
    del memory().status
    assert (stands(row), row.revoke_for, memory().revoked) == (Status.ACCEPTED, RevokeFor.CANCEL, [])
    expiry.revoke_due("rcs")
    assert (stands(row), memory().revoked) == (Status.CANCELLED, [row.pk])


def test_a_question_that_was_withdrawn_is_not_asked_again(silent):
    """Somebody closes it while the provider is asked, and the provider is in trouble."""
    Transmission.objects.filter(pk=silent.pk).update(status=Status.REVIEW)

    def meanwhile(*args: object) -> list[Receipt]:
        assert operate.close(silent)
        connection.close()  # this thread's own
        raise Unavailable("down")

    memory().status = meanwhile  # type: ignore[method-assign]
    expiry.revoke_due("rcs")
    assert (stands(silent), silent.revoke_at) == (Status.CANCELLED, None)


@pytest.mark.parametrize(("alias", "attempts"), [("rcs", 4), ("sms", 1)])
@pytest.mark.parametrize("revocable", [False, None])
def test_a_success_that_nobody_can_read_waits_for_a_person(alias, attempts, revocable):
    """Repeated only where the provider drops repeats; never believed."""
    row = sent_to(alias)
    memory(alias).outcomes.extend([SendResult(code="malformed_reply")] * 4)
    for _ in range(5):
        drain(alias)
    memory(alias).revocable = revocable
    for _ in range(6):
        expiry.revoke_due(alias)
    assert (stands(row), row.reason) == (Status.REVIEW, "malformed_reply: outcome unknown")
    assert (row.attempts, row.unknown) == (attempts, True)
    outbox.apply_receipts(alias, [Receipt(ReceiptKind.DELIVERED, transmission=row.pk)], timezone.now())
    assert stands(row) == Status.DELIVERED


@pytest.mark.parametrize("time_critical", [True, False])
@pytest.mark.parametrize("how", ["no answer", "a dead worker"])
def test_without_a_fallback_nothing_is_taken_back_only_asked_for(settings, how, time_critical):
    """Else the phone would get nothing at all, and nobody would review it."""
    settings.RCS_BACKENDS = {**BACKENDS, "once": {"BACKEND": "tests.outbox.test_asking.Once"}}
    row = sent_to("once", time_critical=time_critical)
    if how == "no answer":
        memory("once").outcomes.append(Ambiguous())
        drain("once")
    else:
        past = timezone.now() - timedelta(minutes=1)
        Transmission.objects.update(status=Status.SENDING, started=True, claim=row.pk, lease_until=past)
        outbox.reap(timezone.now())
    expiry.revoke_due("once")
    assert (stands(row), row.unknown, memory("once").revoked) == (Status.REVIEW, True, [])
    assert row.events.filter(kind="look up").count() == 1


class Once(MemoryBackend):
    """Shows a repeat twice, and can be asked."""

    capabilities = replace(MemoryBackend.capabilities, idempotent=False)


def test_a_repeat_that_can_be_read_settles_what_was_in_doubt():
    row = sent_to("rcs")
    memory("rcs").outcomes.append(SendResult(code="malformed_reply", provider_id="half"))
    drain("rcs")
    assert (stands(row), row.unknown, row.provider_id) == (Status.QUEUED, True, "half")
    drain("rcs")
    assert (stands(row), row.unknown) == (Status.ACCEPTED, False)


def test_what_was_taken_without_doubt_is_not_doubted(silent):
    memory().revocable = False
    expiry.revoke_due("rcs")
    assert stands(silent) == Status.ACCEPTED
