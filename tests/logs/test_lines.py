"""The shape of the lines: who, what and what next; in words, and as fields for a machine."""

import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcs_router import logs, outbox
from rcs_router.contract import Receipt, ReceiptKind, Status
from rcs_router.models import Transmission
from tests.core import drain, memory, sent_to

ID = UUID("0b6f2c4e-0000-4000-8000-37255501234a")

LINES: list[tuple[Callable[[], None], str, str, dict[str, Any]]] = [
    (
        lambda: logs.sent("rcs", ID, 1, took_ms=48),
        *("INFO rcs_router.delivery", f"rcs: {ID} was accepted at attempt 1"),
        {"alias": "rcs", "transmission": str(ID), "attempt": 1, "took_ms": 48},
    ),
    (
        lambda: logs.attempt_failed("rcs", ID, "throttled", 2, logs.retried_in(30)),
        *("WARNING rcs_router.delivery", f"rcs: attempt 2 of {ID} failed (throttled): retried in 30 s"),
        {"transmission": str(ID), "code": "throttled", "attempt": 2, "next_step": "retried in 30 s"},
    ),
    (
        lambda: logs.paused("rcs", "throttled", 20, "slow down, +37255501234"),
        *("WARNING rcs_router.pace", "rcs: paused (throttled: slow down, …34): tried again in 20 s"),
        {"alias": "rcs", "code": "throttled: slow down, …34", "next_step": "tried again in 20 s"},
    ),
    (
        lambda: logs.resumed("rcs", 300),
        *("WARNING rcs_router.pace", "rcs: works again after 5 min"),
        {"alias": "rcs", "after": "5 min"},
    ),
    (
        lambda: logs.receipt("rcs", ID, ReceiptKind.DELIVERED),
        *("INFO rcs_router.receipts", f"rcs: {ID} is reported as delivered"),
        {"alias": "rcs", "receipt": "delivered"},
    ),
    (
        lambda: logs.receipt_failed("rcs", ID, ReceiptKind.FAILED, "", logs.goes_on_by("sms")),
        *("WARNING rcs_router.receipts", f"rcs: {ID} is reported as failed: goes on by sms"),
        {"receipt": "failed", "code": "", "next_step": "goes on by sms"},
    ),
    (
        lambda: logs.incoming("rcs", ID, "text"),
        *("INFO rcs_router.inbox", f"rcs: incoming text {ID} is stored"),
        {"message_id": str(ID), "kind": "text"},
    ),
    (
        lambda: logs.webhook_refused("rcs", "wrong signature\nof +372 5550 1234", "198.51.100.7", 401),
        "WARNING rcs_router.webhooks",
        "rcs: refused a webhook request from 198.51.100.7: wrong signature of …34 (401): nothing of it is stored",
        {"remote": "198.51.100.7", "status": 401, "code": "401", "next_step": "nothing of it is stored"},
    ),
    (
        lambda: logs.page_failed("receive", "rcs", "OperationalError", "db.py:9", loud=True),
        "ERROR rcs_router.webhooks",
        "rcs: a webhook request could not be stored (OperationalError in db.py:9): the provider is to send it again",
        {"alias": "rcs", "next_step": "the provider is to send it again"},
    ),
    (
        lambda: logs.webhook_failed("rcs", 7, "KeyError", logs.DIGEST_AGAIN),
        "ERROR rcs_router.inbox",
        "rcs: webhook request 7 cannot be digested (KeyError): digest it again from the admin",
        {"webhook": 7, "code": "KeyError"},
    ),
    (
        lambda: logs.message_failed("rcs", ID, "KeyError", logs.retried_in(30)),
        "ERROR rcs_router.routing",
        f"rcs: incoming message {ID} cannot be routed (KeyError): retried in 30 s",
        {"message_id": str(ID), "next_step": "retried in 30 s"},
    ),
    (
        lambda: logs.app_raised("rcs", ID, "shop.Orders", "handle", "KeyError"),
        "ERROR rcs_router.phases",
        f"rcs: shop.Orders raised KeyError in handle of message {ID}: the message goes on without this app",
        {"app": "shop.Orders", "phase": "handle", "code": "KeyError"},
    ),
    (
        lambda: logs.app_raised("", ID, "shop.Orders", "outgoing", "KeyError"),
        "ERROR rcs_router.phases",
        f"shop.Orders raised KeyError in outgoing of message {ID}: the message goes on without this app",
        {"alias": ""},
    ),
    (
        lambda: logs.app_out_of_time("rcs", ID, "shop.Orders", "parse", "no answer within 30 s"),
        "ERROR rcs_router.phases",
        f"rcs: shop.Orders in parse of message {ID}: no answer within 30 s (APP_TIMEOUT): {logs.WITHOUT_APP}",
        {"app": "shop.Orders", "message_id": str(ID), "code": "APP_TIMEOUT"},
    ),
    (
        lambda: logs.answer_failed("rcs", ID, "", "ContentError"),
        "ERROR rcs_router.phases",
        f"rcs: an answer of a router app to message {ID} cannot be sent (ContentError): "
        "nothing more: recorded on the message",
        {"app": "a router app", "message_id": str(ID)},
    ),
    (
        lambda: logs.file_failed("rcs", ID, "http_503", logs.retried_in(5)),
        "WARNING rcs_router.media",
        f"rcs: received file {ID} is not fetched (http_503): retried in 5 s",
        {"file_id": str(ID), "code": "http_503"},
    ),
    (
        lambda: logs.too_late("rcs", ID, "expired before it was sent", logs.goes_on_by("sms")),
        "WARNING rcs_router.expiry",
        f"rcs: the time of {ID} is up (expired before it was sent): goes on by sms",
        {"transmission": str(ID), "next_step": "goes on by sms"},
    ),
    (
        lambda: logs.not_answered("rcs", ID, "unavailable", logs.retried_in(5)),
        "WARNING rcs_router.expiry",
        f"rcs: asking about {ID} failed (unavailable): retried in 5 s",
        {"transmission": str(ID), "code": "unavailable"},
    ),
    (
        lambda: logs.taken_back("rcs", ID, "its time is up", logs.goes_on_by("sms")),
        "INFO rcs_router.expiry",
        f"rcs: {ID} was taken back (its time is up): goes on by sms",
        {"transmission": str(ID), "next_step": "goes on by sms"},
    ),
    (
        lambda: logs.doubted("rcs", ID, "no proof that it arrived"),
        "WARNING rcs_router.expiry",
        f"rcs: nobody knows whether {ID} arrived (no proof that it arrived): needs review",
        {"transmission": str(ID), "next_step": "needs review"},
    ),
]


@pytest.mark.parametrize(("write", "where", "line", "fields"), LINES)
def test_a_line(
    caplog: Any, settings: Any, write: Callable[[], None], where: str, line: str, fields: dict[str, Any]
) -> None:
    settings.RCS_BACKENDS = {}
    caplog.set_level(logging.INFO)
    write()
    [record] = caplog.records
    assert (f"{record.levelname} {record.name}", record.getMessage()) == (where, line)
    assert {name: getattr(record, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"status": Status.QUEUED, "wait": 5.2}, "retried in 5 s"),
        ({"status": Status.QUEUED, "wait": 300}, "retried in 5 min"),
        ({"status": Status.QUEUED, "wait": 0.0}, "retried at once"),
        ({"status": Status.QUEUED}, "retried at once"),
        ({"status": Status.QUEUED, "wait": 1.0, "paused": True}, "waits for the paused backend"),
        ({"status": Status.FAILED, "by": "sms"}, "goes on by sms"),
        ({"status": Status.FAILED}, "nothing more: failed"),
        ({"status": Status.EXPIRED}, "nothing more: expired"),
        ({"status": Status.REVIEW}, "needs review"),
        ({"status": Status.CANCELLED}, "nothing more: cancelled"),
        ({"status": Status.EXPIRED, "by": "sms"}, "goes on by sms"),
    ],
)
def test_next_steps(asked: dict[str, Any], words: str) -> None:
    assert logs.next_step(**asked) == words


def test_what_is_not_wanted_costs_no_line(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.setattr(logs, "_write", lambda *args, **kwargs: pytest.fail("a line was made"))
    caplog.set_level(logging.ERROR, "rcs_router")
    for write, where, *_ in LINES:
        if where.endswith(("delivery", "receipts")) or where == "INFO rcs_router.inbox":  # the frequent ones
            write()


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("403 for +37255501234", "403 for …34"),
        ("tel:+372 5550-1234 is unknown", "tel:…34 is unknown"),
        ("msisdn37255501234@rcs", "msisdn…34@rcs"),
        (f"message {ID}", f"message {ID}"),
        ("12 of 40 in 5 min", "12 of 40 in 5 min"),
        ("two\n lines\t", "two lines"),
        ("the key k3y-s3cret is wrong", "the key … is wrong"),
        ("k3y-s3crets are other words", "k3y-s3crets are other words"),
        ("x" * 500, "x" * 300),
    ],
)
def test_somebody_elses_words_are_shown_without_numbers_and_secrets(
    settings: Any, said: str, shown: str
) -> None:
    settings.RCS_BACKENDS = {
        "rcs": {"BACKEND": "tests.test_checks.Keyed", "OPTIONS": {"key": "k3y-s3cret"}},
        "broken": {"BACKEND": "no.such.Backend"},
    }
    assert logs.safe(said, "rcs") == shown
    assert logs.safe("still said", "broken") == "still said"


def test_whole_numbers_are_shown_where_that_is_wanted(settings: Any) -> None:
    settings.RCS_ROUTER = {"LOG_NUMBERS": True}
    assert logs.safe("403 for +37255501234") == "403 for +37255501234"
    assert logs.number("+37255501234") == "+37255501234"


@given(st.text(max_size=40), st.from_regex(r"\+?[1-9][0-9]{6,14}", fullmatch=True), st.text(max_size=40))
def test_no_number_is_ever_whole(before: str, number: str, after: str) -> None:
    assert number.lstrip("+") not in logs.safe(f"{before} {number} {after}")


STEPS = [
    ("rcs", [ReceiptKind.FAILED], ["goes on by sms"]),
    ("alone", [ReceiptKind.FAILED], ["nothing more: counted"]),
    ("alone", [ReceiptKind.EXPIRED], ["nothing more: counted"]),
    (
        "rcs",
        [ReceiptKind.FAILED, ReceiptKind.FAILED],
        ["goes on by sms", "nothing new: it had failed before"],
    ),
    ("rcs", [ReceiptKind.DELIVERED, ReceiptKind.FAILED], ["nothing more: it had arrived"]),
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("router")
@pytest.mark.parametrize(("alias", "kinds", "steps"), STEPS)
def test_each_failed_receipt_says_what_follows(
    caplog: Any, alias: str, kinds: list[ReceiptKind], steps: list[str]
) -> None:
    row = sent_to(alias)
    drain(alias)
    assert memory(alias).sent
    for kind in kinds:
        said = Receipt(kind, transmission=row.pk, code="blocked +37255501234")
        outbox.apply_receipts(alias, [said], row.created_at)
    lines = [r for r in caplog.records if r.name == "rcs_router.receipts"]
    assert [r.next_step for r in lines if r.levelname == "WARNING"] == steps
    assert "37255501234" not in caplog.text
    assert Transmission.objects.filter(pk=row.pk).exists()
