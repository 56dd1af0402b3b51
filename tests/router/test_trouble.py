"""What must not stop the others: a backend that left the settings, a revoke that raises; and what must not repeat."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from rcs_router import outbox, receive, send, sql, sweep, wake
from rcs_router.contract import Receipt, ReceiptKind, Status
from rcs_router.errors import Ambiguous, OptedOut
from rcs_router.inbox import intake
from rcs_router.models import Message, RevokeFor, StoredWebhook, Transmission
from rcs_router.outbox import expiry, operate
from rcs_router.people import consent
from tests.core import ALICE, BACKENDS, BOB, connection, drain, memory, sent_to

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]
LONG_AGO = timedelta(hours=1)


def change(t: Transmission, **values: Any) -> None:
    Transmission.objects.filter(pk=t.pk).update(**values)


def says(kind: ReceiptKind, t: Transmission) -> None:
    outbox.apply_receipts(t.backend_id, [Receipt(kind, transmission=t.pk)], sql.now(Transmission))


@pytest.mark.parametrize(
    "state",
    [
        {"status": Status.SENDING, "lease_until": timezone.now() - LONG_AGO},
        {"status": Status.ACCEPTED, "expires_at": timezone.now() - LONG_AGO},
        {"status": Status.QUEUED},
        {"status": Status.ACCEPTED, "revoke_at": timezone.now() - LONG_AGO},
    ],
)
def test_a_backend_that_left_the_settings_stops_no_other(
    settings: Any, monkeypatch: pytest.MonkeyPatch, state: dict[str, Any]
) -> None:
    change(sent_to("alone"), **state)
    sent_to("rcs", BOB)
    settings.RCS_BACKENDS = {alias: BACKENDS[alias] for alias in ("rcs", "sms")}
    rung: list[wake.WakeUp] = []
    monkeypatch.setattr(wake, "publish_soon", rung.append)
    sweep.tick()
    assert rung == [(wake.DRAIN, "rcs")]


def test_what_a_person_took_back_does_not_come_back_as_an_sms() -> None:
    t = sent_to()
    drain("rcs")
    assert operate.revoke(t)
    expiry.revoke_due("rcs")
    t.refresh_from_db()
    assert t.status == Status.CANCELLED
    says(ReceiptKind.EXPIRED, t)
    says(ReceiptKind.FAILED, t)
    assert not Transmission.objects.filter(fallback_of=t).exists()


def test_who_refused_our_messages_does_not_get_them_as_an_sms() -> None:
    memory().outcomes.append(OptedOut())
    t = sent_to()
    drain("rcs")
    says(ReceiptKind.FAILED, t)
    assert not Transmission.objects.filter(fallback_of=t).exists()
    assert consent.refused([ALICE])


def test_a_failure_in_review_still_falls_back() -> None:
    t = sent_to()
    drain("rcs")
    change(t, status=Status.REVIEW)
    says(ReceiptKind.FAILED, t)
    assert Transmission.objects.filter(fallback_of=t).count() == 1


def test_a_revoke_that_raises_stops_no_other() -> None:
    first, second = sent_to(), sent_to("rcs", BOB)
    drain("rcs")
    for t in (first, second):
        change(t, revoke_at=timezone.now(), revoke_for=RevokeFor.CANCEL)

    def revoke(transmission: Any, to: str, provider_id: str = "") -> bool:
        if to == ALICE:
            raise KeyError("a bug")
        return True

    memory().revoke = revoke  # type: ignore[method-assign]
    assert expiry.revoke_due("rcs") == 2
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, first.revoke_at, second.status) == (Status.ACCEPTED, None, Status.CANCELLED)
    assert first.events.get(kind="revoke").code == "backend_bug"


def test_a_code_that_is_sent_twice_rather_than_late_is_revoked_once() -> None:
    message = send("Code 123", connection(), time_critical=True)
    memory().outcomes.extend([Ambiguous()] * 4)
    for _ in range(4):
        drain("rcs")
    t = message.transmissions.get(fallback_of=None)
    assert (t.status, message.transmissions.count()) == (Status.FAILED, 2)
    assert expiry.revoke_due("rcs") == 1
    t.refresh_from_db()
    assert (t.revoke_at, len(memory().revoked)) == (None, 1)


def post(body: str, query: str = "", **meta: Any) -> int:
    client = Client(raise_request_exception=False)
    headers = {"x-memory-secret": "memory"}
    return client.post(
        f"/rcs/webhooks/rcs/{query}", body.encode(), content_type="text/plain", headers=headers, **meta
    ).status_code


def test_a_receipt_is_not_lost_when_the_database_is_in_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    t = sent_to()
    drain("rcs")
    assert post(f"delivered {t.pk}") == 200
    with monkeypatch.context() as broken:
        broken.setattr(outbox, "apply_receipts", fail)
        intake.digest()
    StoredWebhook.objects.update(due_at=timezone.now() - LONG_AGO)  # the pause is over
    intake.digest()
    t.refresh_from_db()
    assert t.status == Status.DELIVERED
    assert StoredWebhook.objects.get().note == ""


def fail(*args: Any) -> None:
    raise OperationalError("database is locked")


def test_a_nul_loses_nothing() -> None:
    assert post(f"text {ALICE} a\0b", "?x=%00y") == 200
    receive("c\0d", connection(), postback="e\0f")
    intake.digest()
    heard = Message.objects.filter(direction="in").values_list("text", "postback")
    assert set(heard) == {("a\ufffdb", ""), ("c\ufffdd", "e\ufffdf")}
    assert StoredWebhook.objects.get().query == {"x": "\ufffdy"}


@pytest.mark.parametrize("length", ["abc", "-1", "\u0663", ""])
def test_a_length_that_is_no_number_is_no_error_of_ours(length: str) -> None:
    assert post(f"text {ALICE} hi", CONTENT_LENGTH=length) in {200, 400}
