"""A signed request that somebody has recorded and sends again, and a way on which it can be recorded."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db.models import F
from django.test import Client

from rcs_router.inbox import intake
from rcs_router.models import StoredWebhook

from .sites import GSMA, KANNEL, MESSENTE, REST, TWILIO, options, site
from .wires import gsma_message, hmac_sha256, incoming, rest_message, twilio

pytestmark = pytest.mark.django_db
ALL = {"tw": TWILIO, "ka": KANNEL, "maap": GSMA, "re": REST, "me": MESSENTE}
OURS = "5c1e9b1e-6a55-4f0a-9f8e-0c4f1f4f8c11"


def rest(told: dict[str, Any]) -> None:
    body = json.dumps(told).encode()
    headers = {"x-signature": hmac_sha256(body)}
    Client().post("/rcs/webhooks/re/", body, content_type="application/json", headers=headers)


def messente(told: dict[str, Any]) -> None:
    body = json.dumps(told).encode()
    headers = {"x-messente-signature": hmac_sha256(body, "p4ss")}
    Client().post("/rcs/webhooks/me/", body, content_type="application/json", headers=headers)


def maap(told: dict[str, Any]) -> None:
    Client().post("/rcs/webhooks/maap/?secret=s3cret", told, content_type="application/json")


def kannel(told: dict[str, Any]) -> None:
    Client().get("/rcs/webhooks/ka/", {"secret": "s3cret", "from": "37255501234", "to": "123", **told})


TAP = {"interactionType": "REPLY_TAPPED", "reply": {"text": "Pay", "postbackData": "pay_7"}}
TWILIO_SMS = {
    "SmsStatus": "received",
    "From": "+37255501234",
    "To": "+15005550006",
    "Body": "pay",
    "NumMedia": "0",
}
INBOUND = {"msg_id": "in-1", "sender": "+37255501234", "recipient": "123", "text": "pay"}
WITHOUT_ID = gsma_message("pay")
WITHOUT_ID["RCSMessage"] = {k: v for k, v in WITHOUT_ID["RCSMessage"].items() if k != "msgId"}
RECORDED: list[tuple[str, Any, dict[str, Any]]] = [
    ("Twilio, by the message's sid", twilio, {**TWILIO_SMS, "MessageSid": "SM" + "1" * 32}),
    ("Twilio, by its older name", twilio, {**TWILIO_SMS, "SmsSid": "SM" + "1" * 32}),
    ("REST, by time and id", rest, rest_message("pay")),
    ("REST without a time, by the message's id", rest, rest_message("pay", timestamp=None)),
    ("REST without an id, by the time", rest, rest_message("pay", messageId=None)),
    ("REST, a tap", rest, rest_message("", messageId=OURS, **TAP)),
    ("REST, a tap without a time", rest, rest_message("", messageId=OURS, timestamp=None, **TAP)),
    ("MaaP, by the message's id", maap, gsma_message("pay")),
    ("MaaP without an id, by the time", maap, WITHOUT_ID),
    ("Messente, by the message's id", messente, INBOUND),
    ("Kannel, by its own id", kannel, {"text": "pay", "sms_id": "9f1c"}),
]  # fmt: skip


@pytest.mark.parametrize(("say", "told"), [row[1:] for row in RECORDED], ids=[row[0] for row in RECORDED])
def test_a_recorded_request_does_nothing_again(settings: Any, say: Any, told: dict[str, Any]) -> None:
    """Not at once, not after it was digested, and not when the stored request was cleared away."""
    site(settings, ALL)
    say(told)
    say(told)
    intake.digest()
    say(told)
    intake.digest()
    assert len(incoming()) == 1
    StoredWebhook.objects.all().delete()
    say(told)
    intake.digest()
    if told is not WITHOUT_ID:  # nothing of it is remembered but the request itself
        assert len(incoming()) == 1


TWICE: list[tuple[str, Any, dict[str, Any], dict[str, Any]]] = [
    ("another time", rest, rest_message("yes"), rest_message("yes", timestamp="2026-11-28T07:00:01Z")),
    ("another message", rest, rest_message("yes"), rest_message("yes", messageId="m-2")),
    (
        "another message, no times",
        rest,
        rest_message("yes", timestamp=None),
        rest_message("yes", timestamp=None, messageId="m-2"),
    ),
    (
        "another chip, no times",
        rest,
        rest_message("", messageId=OURS, timestamp=None, **TAP),
        rest_message("", messageId=OURS, timestamp=None, **{**TAP, "reply": {"text": "No", "postbackData": "no"}}),
    ),
    (
        "another event, no times",
        rest,
        rest_message("1", timestamp=None, messageId=OURS, eventId="e-1"),
        rest_message("1", timestamp=None, messageId=OURS, eventId="e-2"),
    ),
    (
        "another event within a second",
        rest,
        rest_message("1", messageId=OURS, eventId="e-1"),
        rest_message("1", messageId=OURS, eventId="e-2"),
    ),
    (
        "something else in the request that no two have",
        rest,
        rest_message("1", timestamp=None, messageId=OURS, traceId="t-1"),
        rest_message("1", timestamp=None, messageId=OURS, traceId="t-2"),
    ),
    ("another sms_id", kannel, {"text": "1", "sms_id": "a"}, {"text": "1", "sms_id": "b"}),
    ("no sms_id", kannel, {"text": "1"}, {"text": "1"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("say", "first", "second"), [row[1:] for row in TWICE], ids=[row[0] for row in TWICE]
)
def test_a_person_may_say_the_same_twice(settings: Any, say: Any, first: Any, second: Any) -> None:
    site(settings, ALL)
    say(first)
    say(second)
    intake.digest()
    assert len(incoming()) == 2


# Requests that nothing tells apart: a time limit decides

NOTHING_UNIQUE = [
    rest_message("1", timestamp=None, messageId=None),
    rest_message("1", timestamp=None, messageId=OURS),
    rest_message("", timestamp=None, messageId=None, **TAP),
]


def arrived(minutes: int) -> None:
    """Let the stored requests have arrived so many minutes ago."""
    StoredWebhook.objects.update(received_at=F("received_at") - timedelta(minutes=minutes))


@pytest.mark.parametrize("told", NOTHING_UNIQUE, ids=["no id", "our id", "tap"])
def test_without_time_and_id_a_request_counts_once_within_the_window(settings: Any, told: Any) -> None:
    site(settings, ALL)
    rest(told)
    rest(told)
    intake.digest()
    arrived(minutes=9)
    rest(told)
    intake.digest()
    assert len(incoming()) == 1
    arrived(minutes=2)  # eleven in all
    rest(told)
    rest(told)
    intake.digest()
    assert len(incoming()) == 2


def test_a_repeat_does_not_make_the_window_longer(settings: Any) -> None:
    site(settings, ALL)
    for _ in range(4):
        rest(NOTHING_UNIQUE[0])
        arrived(minutes=4)
    intake.digest()
    assert len(incoming()) == 2


def test_the_window_of_one_backend_ends_no_other_one(settings: Any) -> None:
    site(settings, ALL | {"other": REST})
    rest(NOTHING_UNIQUE[0])
    arrived(minutes=11)
    StoredWebhook.objects.update(backend="other")
    rest(NOTHING_UNIQUE[0])
    assert StoredWebhook.objects.exclude(dedupe=None).count() == 2


def test_without_a_window_every_request_counts(settings: Any) -> None:
    site(settings, {"re": options(REST, repeat_window=0)})
    rest(NOTHING_UNIQUE[0])
    rest(NOTHING_UNIQUE[0])
    intake.digest()
    assert len(incoming()) == 2


def test_an_event_s_id_tells_a_repeat_with_a_new_time(settings: Any) -> None:
    site(settings, ALL)
    rest(rest_message("pay", eventId="e-1"))
    rest(rest_message("pay", eventId="e-1", timestamp="2026-11-28T07:00:05Z"))
    intake.digest()
    assert len(incoming()) == 1


# Ways that can be listened to


def warned(settings: Any, url: str) -> bool:
    site(settings, {"ka": options(KANNEL, url=url)})
    return "rcs_router.W001" in [str(check.id) for check in run_checks()]


@pytest.mark.parametrize(
    "url",
    [
        "http://sms.example/cgi-bin/sendsms",
        "http://192.168.0.7:13013/cgi-bin/sendsms",
        "http://kannel:13013/cgi-bin/sendsms",
        "http://localhost.evil.example/cgi-bin/sendsms",
        "http://[2001:db8::1]:13013/cgi-bin/sendsms",
        "HTTP://sms.example/cgi-bin/sendsms",
    ],
)
def test_kannel_over_plain_http_to_another_machine_is_warned_of(settings: Any, url: str) -> None:
    assert warned(settings, url)


@pytest.mark.parametrize(
    "url",
    [
        "https://sms.example/cgi-bin/sendsms",
        "http://localhost:13013/cgi-bin/sendsms",
        "http://127.0.0.1:13013/cgi-bin/sendsms",
        "http://127.1.2.3:13013/cgi-bin/sendsms",
        "http://[::1]:13013/cgi-bin/sendsms",
    ],
)
def test_kannel_on_this_machine_or_by_https_is_not(settings: Any, url: str) -> None:
    assert not warned(settings, url)
