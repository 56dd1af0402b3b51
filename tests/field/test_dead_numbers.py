"""What a receipt says of a number or a person: a dead number is tried nowhere else, a stop list is a refusal."""

from typing import Any

import pytest
from django.utils import timezone

from rcs_router import lookup_connections, outbox, send
from rcs_router.backends import backends
from rcs_router.contract import Receipt, ReceiptKind, Status
from rcs_router.errors import BadAddress, OptedOut
from rcs_router.inbox import intake
from rcs_router.models import ConsentRecord, Event, Transmission
from rcs_router.outbox import drain
from rcs_router.people import consent
from tests.core import ALICE

from . import wires
from .sites import GSMA, KANNEL, MESSENTE, REST, SECRET, SMS, TWILIO, site

pytestmark = pytest.mark.django_db

MINE = "the-provider-s-own-id"


def twilio(t: Transmission, code: str) -> None:
    wires.twilio_status(t, "undelivered", ErrorCode=code)


def messente(t: Transmission, err: str) -> None:
    wires.messente_report(t, "UNDELIV" if err != "8" else "REJECTD", int(err))


def kannel(t: Transmission, text: str) -> None:
    query = {"secret": SECRET, "id": str(t.pk), "status": "16", "text": text}
    from django.test import Client

    Client().get("/rcs/webhooks/ka/", query)


def gsma(t: Transmission, code: str) -> None:
    from django.test import Client

    message = {"msgId": MINE, "status": "failed", "reason": {"code": code, "text": "no"}}
    body = {"event": "messageStatus", "RCSMessage": message, "messageContact": {"userContact": ALICE}}
    path = f"/rcs/webhooks/gs/?secret={SECRET}"
    assert Client().post(path, body, content_type="application/json").status_code == 200


def rest(t: Transmission, word: str) -> None:
    told = {"conversationId": ALICE, "messageId": str(t.pk), "messageStatus": "FAILED"}
    error = {"code": 400, "status": word, "message": "no"}
    wires.signed_json(
        "webhooks/re/", {**told, "error": error, "timestamp": "2026-11-28T07:00:00Z"}, "x-signature"
    )


WIRES = {
    "tw": (TWILIO, twilio, wires.SENT_SID),
    "me": (MESSENTE, messente, "omni-1"),
    "ka": (KANNEL, kannel, ""),
    "gs": (GSMA, gsma, MINE),
    "re": (REST, rest, ""),
}
DEAD = [
    *(("tw", code) for code in ("21211", "21614", "21635", "30005", "30006")),
    *(("me", err) for err in ("3", "5")),
    ("ka", "NACK/0x0000000b/Invalid Destination Address"),
    ("gs", "42005"),
    ("re", "INVALID_PHONE_NUMBER"),
    ("re", "invalid_phone_number"),
]
LISTED = [("tw", "21610"), ("tw", "63014"), ("me", "8")]
ELSEWHERE = [  # an SMS, or another gateway, may still get through
    *(("tw", code) for code in ("30003", "30004", "30007", "30008", "63003", "63106", "39999")),
    *(("me", err) for err in ("1", "4", "6", "7", "9", "999")),
    *(
        ("ka", text)
        for text in ("NACK/REJECTED", "NACK/0x00000045/Submit failed", "NACK/Retries Exceeded", "")
    ),
    *(("gs", code) for code in ("41110", "41200", "41210", "42007", "")),
    *(("re", word) for word in ("RCS_DISABLED", "DEVICE_NOT_SUPPORTED", "BLOCKED", "")),
]


def reported(settings: Any, alias: str, said: str, **router: Any) -> Transmission:
    """A message that was taken by `alias`, and of which its provider says this."""
    backend, tell, provider_id = WIRES[alias]
    site(settings, {alias: {**backend, "FALLBACK": ["sms"]}, "sms": SMS}, **router)
    t = wires.accepted(alias, provider_id)
    tell(t, said)
    intake.digest()
    t.refresh_from_db()
    return t


def fallbacks(t: Transmission) -> list[Status]:
    return [
        Status(status)
        for status in Transmission.objects.filter(fallback_of=t).values_list("status", flat=True)
    ]


@pytest.mark.parametrize(("alias", "said"), DEAD)
def test_a_dead_number_is_tried_on_no_other_backend(settings: Any, alias: str, said: str) -> None:
    t = reported(settings, alias, said)
    assert (Status(t.status), fallbacks(t)) == (Status.FAILED, [])
    assert Event.objects.filter(transmission=t, kind="fallback", code=BadAddress.code).count() == 1
    assert consent.refused([ALICE]) == set()


@pytest.mark.parametrize(("alias", "said"), LISTED)
def test_a_stop_list_is_a_refusal(settings: Any, alias: str, said: str) -> None:
    t = reported(settings, alias, said)
    assert (Status(t.status), fallbacks(t)) == (Status.FAILED, [])
    assert consent.refused([ALICE]) == {ALICE}
    assert ConsentRecord.objects.filter(subject=ALICE, opted_out=True).count() == 1
    assert wires.promotion(ALICE, "sms").status == Status.CANCELLED
    assert wires.outgoing() == [
        "Your order",
        "Boots, 20 % off",
    ]  # nothing is acknowledged: it would be refused


@pytest.mark.parametrize(("alias", "said"), ELSEWHERE)
def test_any_other_failure_goes_to_the_next_backend(settings: Any, alias: str, said: str) -> None:
    t = reported(settings, alias, said)
    assert (Status(t.status), fallbacks(t)) == (Status.FAILED, [Status.QUEUED])
    assert consent.refused([ALICE]) == set()


@pytest.mark.parametrize("later", [ReceiptKind.EXPIRED, ReceiptKind.FAILED, ReceiptKind.EXPIRY_UNCERTAIN])
def test_a_number_stays_dead_whatever_is_reported_later(settings: Any, later: ReceiptKind) -> None:
    t = reported(settings, "tw", "30006")
    outbox.apply_receipts("tw", [Receipt(later, transmission=t.pk, code="twilio_30008")], timezone.now())
    assert fallbacks(t) == []


def test_a_fallback_that_still_waits_is_taken_back(settings: Any) -> None:
    t = reported(settings, "tw", "30008", FALLBACK_GRACE=60)
    assert fallbacks(t) == [Status.QUEUED]
    twilio(t, "30006")
    intake.digest()
    assert fallbacks(t) == [Status.CANCELLED]
    drain.drain("sms", budget=1)
    assert backends["sms"].sent == []  # type: ignore[attr-defined]


def test_the_codes_of_the_errors_themselves_count_too(settings: Any) -> None:
    """A backend that names no error class says the same by the code."""
    site(settings, {"rcs": {"BACKEND": "rcs_router.testing.MemoryBackend", "FALLBACK": ["sms"]}, "sms": SMS})
    for error in (BadAddress, OptedOut):
        t = wires.accepted("rcs", "", f"+3725550{error.opts_out:04d}")
        outbox.apply_receipts(
            "rcs", [Receipt(ReceiptKind.FAILED, transmission=t.pk, code=error.code)], timezone.now()
        )
        assert fallbacks(t) == []
    assert consent.refused(["+37255500000", "+37255500001"]) == {"+37255500001"}


def test_a_channel_of_messente_s_chain_ends_no_road_but_its_list_counts(settings: Any) -> None:
    """Messente goes on by SMS itself; a number on its list is on it for every channel."""
    chain = {**MESSENTE["OPTIONS"], "chain": ({"channel": "sms", "sender": "Acme"},)}
    site(settings, {"me": {**MESSENTE, "OPTIONS": chain}})
    t = wires.accepted("me", "omni-1")
    wires.messente_report(t, "REJECTD", 8)
    t.refresh_from_db()
    assert t.status == Status.ACCEPTED
    assert consent.refused([ALICE]) == {ALICE}


def test_who_is_refused_already_is_recorded_once(settings: Any) -> None:
    site(settings, {"tw": TWILIO})
    consent.record(ALICE, opted_out=True, source="web site")
    t = wires.accepted("tw")
    wires.twilio_status(t, "undelivered", ErrorCode="21610")
    intake.digest()
    assert ConsentRecord.objects.filter(subject=ALICE).count() == 1


def test_a_callback_of_somebody_else_s_message_still_tells_of_a_stop(settings: Any) -> None:
    """Another program may send by this account: its callback names no message of ours."""
    site(settings, {"tw": TWILIO})
    wires.twilio(
        {"MessageSid": "SM" + "c" * 32, "MessageStatus": "undelivered", "ErrorCode": "21610", "To": ALICE}
    )
    intake.digest()
    assert consent.refused([ALICE]) == {ALICE}
    assert wires.outgoing() == []


def test_a_campaign_s_other_recipients_go_on(settings: Any) -> None:
    site(settings, {"tw": {**TWILIO, "FALLBACK": ["sms"]}, "sms": SMS})
    people = lookup_connections("tw", [ALICE, "+37255501235"])
    dead, living = send("Hello", people).transmissions.order_by("connection__identity")
    Transmission.objects.update(status=Status.ACCEPTED)
    receipts = [
        Receipt(ReceiptKind.FAILED, transmission=dead.pk, code="twilio_30005", error=BadAddress),
        Receipt(ReceiptKind.FAILED, transmission=living.pk, code="twilio_30008"),
    ]
    outbox.apply_receipts("tw", receipts, timezone.now())
    assert (fallbacks(dead), fallbacks(living)) == ([], [Status.QUEUED])
