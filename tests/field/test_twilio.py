"""Twilio as it was met in the field: old names, any order, late news, and how it counts the parts of a text."""

from typing import Any

import pytest

from rcs_backends.twilio_sms.smart import encoded
from rcs_router.backends import backends
from rcs_router.content import Text
from rcs_router.content.segments import segments
from rcs_router.contract import Status
from rcs_router.inbox import intake
from rcs_router.models import Message, Transmission
from tests.core import ALICE

from . import wires
from .sites import OURS, SMS, TWILIO, options, site


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["queued", "sent", "delivered", "undelivered", "Delivered"])
@pytest.mark.parametrize(
    "names", [("MessageSid", "MessageStatus"), ("SmsSid", "SmsStatus"), ("SmsSid", "MessageStatus")]
)
def test_a_callback_is_no_message_of_a_person(settings: Any, names: tuple[str, str], status: str) -> None:
    """An application's SMS status callback has the old names only, and repeats the text that was sent."""
    site(settings, {"tw": TWILIO})
    t = wires.accepted("tw")
    told = {
        names[0]: wires.SENT_SID,
        names[1]: status,
        "From": OURS,
        "To": ALICE,
        "Body": "Your code is 1234",
    }
    assert wires.twilio(told).status_code == 200
    intake.digest()
    assert not Message.objects.filter(direction="in").exists()
    t.refresh_from_db()
    delivered = {"delivered": Status.DELIVERED, "undelivered": Status.FAILED}
    assert t.status == delivered.get(status.lower(), Status.ACCEPTED)


@pytest.mark.django_db
@pytest.mark.parametrize("left_out", [(), ("SmsStatus",), ("SmsStatus", "NumMedia")])
def test_a_message_of_a_person_is_one_without_its_status_too(
    settings: Any, left_out: tuple[str, ...]
) -> None:
    site(settings, {"tw": TWILIO})
    told = {
        "MessageSid": "SM1",
        "SmsStatus": "received",
        "From": ALICE,
        "To": OURS,
        "Body": "hi",
        "NumMedia": "0",
    }
    wires.twilio({name: value for name, value in told.items() if name not in left_out})
    intake.digest()
    assert wires.incoming() == [(ALICE, "hi")]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "end"),
    [
        (("delivered", "sent", "queued", "delivered", "sent"), Status.DELIVERED),
        (("sent", "queued", "accepted"), Status.ACCEPTED),
        (("read", "delivered", "sent"), Status.READ),
        (("undelivered", "delivered"), Status.DELIVERED),
        (("delivered", "undelivered"), Status.DELIVERED),
        (("failed", "sent"), Status.FAILED),
        (("partially_delivered", "sent"), Status.ACCEPTED),
        (("canceled",), Status.CANCELLED),
    ],
)
def test_statuses_in_any_order_and_number(settings: Any, words: tuple[str, ...], end: Status) -> None:
    site(settings, {"tw": TWILIO})
    t = wires.accepted("tw")
    for word in words:
        more = {"ErrorCode": "30008"} if word in {"undelivered", "failed"} else {}
        assert wires.twilio_status(t, word, **more).status_code == 200
    intake.digest()
    t.refresh_from_db()
    assert t.status == end


@pytest.mark.django_db
def test_a_validity_that_ran_out_is_an_expiry(settings: Any) -> None:
    site(settings, {"tw": {**TWILIO, "FALLBACK": ["sms"]}, "sms": SMS})
    t = wires.accepted("tw")
    wires.twilio_status(t, "failed", ErrorCode="30036")
    intake.digest()
    t.refresh_from_db()
    assert t.status == Status.EXPIRED
    assert Transmission.objects.filter(fallback_of=t).exists()


# Smart encoding

REPLACED = [
    ("It\u2019s \u201chere\u201d \u2013 now\u2026", 'It\'s "here" - now...'),
    ("\u00ab20\u00a0$\u00bb", '"20  $"'),
    ("\uff21\uff22\uff23 \uff11\uff12\uff13", "ABC 123"),
    ("\u00bd \u00f7 \u2044", "1/2 / /"),
    ("a\u200bb\ufeff", "ab"),
    ("\u2022 one\t", "- one" + " " * 7),
    ("õ 你好 😘", "õ 你好 😘"),  # no look-alikes: they stay, and cost
    ("plain {}[]~^|\\€", "plain {}[]~^|\\€"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "sent"), REPLACED)
def test_what_smart_encoding_makes_of_a_text(text: str, sent: str) -> None:
    assert encoded(text) == sent


@pytest.mark.parametrize(
    ("text", "smart", "plain"),
    [
        ("It\u2019s " + "a" * 1000, 7, 15),
        ("a" * 159 + "\u2019", 1, 3),
        ("a" * 158 + "\u2026", 2, 3),  # three dots are longer than one sign
        ("\u00bd" * 60, 2, 1),
        ("õ" + "a" * 100, 2, 2),
    ],
)
def test_parts_are_counted_as_twilio_counts_them(text: str, smart: int, plain: int) -> None:
    assert (segments(encoded(text)).parts, segments(text).parts) == (smart, plain)


@pytest.mark.parametrize(("smart", "fits"), [(True, True), (False, False)])
def test_a_text_that_twilio_will_convert_is_not_too_long(settings: Any, smart: bool, fits: bool) -> None:
    site(settings, {"tw": options(TWILIO, smart_encoded=smart)})
    assert (backends["tw"].check(Text("It\u2019s " + "a" * 1000)) == []) is fits


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("this is a " + "]" * 75 + "😘", "ucs2", 2),  # brackets cost one unit there
        ("|" * 24 + "{" + "|" * 28 + "∞" + "|" * 16, "ucs2", 1),
        ("a" * 80 + "\r\n" + "a" * 79, "gsm7", 2),
        ("a" * 80 + "\n" + "a" * 79, "gsm7", 1),
        ("e\u0301" * 70, "ucs2", 3),
        ("é" * 70, "gsm7", 1),
        ("[" * 80, "gsm7", 1),
        ("[" * 81, "gsm7", 2),
        ("a" * 152 + "[" + "a" * 7, "gsm7", 2),
        ("😘" * 35, "ucs2", 1),
        ("😘" * 36, "ucs2", 2),
        ("ç" + "a" * 69, "ucs2", 1),
        ("Ç" + "a" * 159, "gsm7", 1),
    ],
)
def test_parts_of_an_sms(text: str, encoding: str, parts: int) -> None:
    counted = segments(text)
    assert (counted.encoding, counted.parts) == (encoding, parts)
