"""Twilio outwards: the one POST of an SMS, its answers as errors, asking how a message stands, taking it back."""

import base64
import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from rcs_backends.twilio_sms import EXTRA, LIMITS, TwilioOptions, TwilioSMS
from rcs_backends.twilio_sms.errors import ERRORS
from rcs_router.content import Card, Reply, Text
from rcs_router.contract import Receipt, ReceiptKind, SendResult
from rcs_router.errors import (
    Ambiguous,
    BadAddress,
    ConfigError,
    Forbidden,
    Misconfigured,
    OptedOut,
    Refused,
    SendError,
    Throttled,
    Unavailable,
    Unreadable,
)
from tests.backends.cases import ID, PHONE, outbound
from tests.backends.stub import Behaviour, Stub, answer, cut, hang, raw

ACCOUNT = "AC" + "0" * 32
SID = "SM" + "1" * 32
TOKEN = "twilio-token-1"
WEBHOOK = "https://shop.example/rcs/webhooks/sms/"
TAKEN = {"sid": SID, "status": "queued", "error_code": None, "num_segments": "1"}
PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Messages"


def twilio(stub: Stub | None = None, *, webhook_url: str = WEBHOOK, **options: Any) -> TwilioSMS:
    given = {
        "account_sid": ACCOUNT,
        "auth_token": TOKEN,
        "sender": "+15005550006",
        "base_url": stub.url if stub else "http://127.0.0.1:9",
        "timeout": 2.0,
    }
    return TwilioSMS("sms", TwilioOptions.read("sms", {**given, **options}), webhook_url=webhook_url)


def sent(
    stub: Stub, text: str = "x", *, options: dict[str, Any] | None = None, **kwargs: Any
) -> dict[str, str | list[str]]:
    """The form of the request that goes out."""
    stub.script.append(answer(201, TAKEN))
    assert twilio(stub, **(options or {})).send(outbound(Text(text), **kwargs)) == SendResult(SID)
    form = parse_qs(stub.last().body.decode(), keep_blank_values=True, strict_parsing=True)
    return {name: values[0] if len(values) == 1 else values for name, values in form.items()}


# Errors first.


def refusal(status: int, code: int, **headers: str) -> Behaviour:
    body = {
        "code": code,
        "message": f"About {PHONE}.",
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return answer(status, body, **headers)


NUMBERED = [
    (401, 20003, Misconfigured),
    (404, 20404, Misconfigured),
    (429, 20429, Throttled),
    (400, 21211, BadAddress),
    (400, 21212, Misconfigured),
    (400, 21408, Refused),
    (400, 21602, Refused),
    (400, 21603, Misconfigured),
    (400, 21604, Refused),
    (400, 21606, Forbidden),
    (400, 21608, Refused),
    (400, 21609, Misconfigured),
    (400, 21611, Throttled),
    (400, 21612, Refused),
    (400, 21614, BadAddress),
    (400, 21617, Refused),
    (400, 21635, BadAddress),
    (400, 30001, Throttled),
    (400, 30002, Misconfigured),
    (400, 30003, Unavailable),
    (400, 30004, Refused),
    (400, 30005, BadAddress),
    (400, 30006, BadAddress),
    (400, 30007, Refused),
    (400, 30008, Unavailable),
    (400, 30017, Unavailable),
    (429, 63018, Throttled),
]
FAILURES: list[tuple[Behaviour, type[SendError], str]] = [
    *((refusal(status, code), kind, f"twilio_{code}") for status, code, kind in NUMBERED),
    (refusal(400, 21610), OptedOut, "opted_out"),
    (refusal(400, 29999), Refused, "refused"),
    (refusal(403, 29999), Forbidden, "forbidden"),
    (refusal(403, 20003), Misconfigured, "twilio_20003"),
    (answer(400, "<html>"), Unavailable, "not_the_provider"),
    (answer(400, {"code": [21610]}), Refused, "refused"),
    (answer(404), Misconfigured, "misconfigured"),
    (answer(404, "<html>"), Unavailable, "not_the_provider"),
    (answer(404, "404 page not found"), Unavailable, "not_the_provider"),
    (answer(429, ""), Throttled, "throttled"),
    (answer(500, ""), Unavailable, "unavailable"),
    (answer(502, "<html>"), Ambiguous, "ambiguous"),
    (answer(503, ""), Unavailable, "unavailable"),
    (answer(504, "<html>"), Ambiguous, "ambiguous"),
    (hang, Ambiguous, "ambiguous"),
    (cut, Ambiguous, "ambiguous"),
    (answer(201, {**TAKEN, "status": "failed", "error_code": 30005}), BadAddress, "twilio_30005"),
    (answer(201, {**TAKEN, "status": "failed", "error_code": "21610"}), OptedOut, "opted_out"),
    (answer(201, {**TAKEN, "status": "undelivered"}), Refused, "refused"),
]


@pytest.mark.parametrize(("behaviour", "kind", "code"), FAILURES)
def test_failure(stub: Stub, behaviour: Behaviour, kind: type[SendError], code: str) -> None:
    stub.default = behaviour
    with pytest.raises(SendError) as caught:
        twilio(stub, timeout=0.4).send(outbound(Text("x")))
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert len(stub.requests) == 1


def test_no_connection() -> None:
    with pytest.raises(Unavailable):
        twilio().send(outbound(Text("x")))


def test_retry_after_is_told(stub: Stub) -> None:
    stub.script.append(refusal(429, 20429, Retry_After="7"))
    with pytest.raises(Throttled) as caught:
        twilio(stub).send(outbound(Text("x")))
    assert caught.value.retry_after == 7


def test_stale_connection_is_not_repeated_since_twilio_would_send_twice(stub: Stub) -> None:
    stub.script.extend([answer(201, TAKEN), cut, answer(201, TAKEN)])
    backend = twilio(stub)
    backend.send(outbound(Text("x")))
    with pytest.raises(Ambiguous):
        backend.send(outbound(Text("x")))
    assert len(stub.requests) == 2


def test_nothing_secret_is_told(stub: Stub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = {"code": 21211, "message": f"{TOKEN} key-secret {PHONE} Your code is 482913"}
    stub.script.append(answer(400, echo))
    backend = twilio(stub, api_key_sid="SK1", api_key_secret="key-secret")
    with pytest.raises(BadAddress) as caught:
        backend.send(outbound(Text("Your code is 482913")))
    assert "21211" in caught.value.detail
    told = f"{caught.value!r}{caplog.text}{backend!r}{backend.options!r}"
    for hidden in (TOKEN, "key-secret", "55501234", "482913"):
        assert hidden not in told


# The request.


def test_request(stub: Stub) -> None:
    assert sent(stub, "Héllo & € 😀") == {
        "To": PHONE,
        "From": "+15005550006",
        "Body": "Héllo & € 😀",
        "StatusCallback": f"{WEBHOOK}?id={ID}",
    }
    request = stub.last()
    assert (request.method, request.path) == ("POST", f"{PATH}.json")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    basic = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
    assert request.headers["authorization"] == f"Basic {basic}"


def test_messaging_service(stub: Stub) -> None:
    form = sent(stub, options={"sender": "", "messaging_service_sid": "MG1", "smart_encoded": True})
    assert (form["MessagingServiceSid"], form["SmartEncoded"]) == ("MG1", "true")
    assert "From" not in form


def test_api_key(stub: Stub) -> None:
    sent(stub, options={"api_key_sid": "SK1", "api_key_secret": "s"})
    assert stub.last().headers["authorization"] == "Basic " + base64.b64encode(b"SK1:s").decode()
    assert stub.last().path == f"{PATH}.json"


def test_first_of_several_tokens_is_used_for_calls(stub: Stub) -> None:
    sent(stub, options={"auth_token": ("new", "old")})
    basic = base64.b64encode(f"{ACCOUNT}:new".encode()).decode()
    assert stub.last().headers["authorization"] == f"Basic {basic}"


def test_no_callback_is_asked_for_while_our_address_is_unknown(stub: Stub) -> None:
    assert "StatusCallback" not in sent(stub, options={"webhook_url": ""})


def test_the_plain_text_is_sent_not_the_content(stub: Stub) -> None:
    stub.script.append(answer(201, TAKEN))
    twilio(stub).send(outbound(Card("Boots", suggestions=(Reply("Keep", "k"),))))
    assert parse_qs(stub.last().body.decode())["Body"] == ["Boots\n1) Keep"]


def test_half_a_surrogate_pair_is_replaced(stub: Stub) -> None:
    assert sent(stub, "a\ud83d")["Body"] == "a?"


@pytest.mark.parametrize(("seconds", "validity"), [(90.9, "90"), (0.5, "1"), (-10, "1"), (99_999, "36000")])
def test_validity(stub: Stub, seconds: float, validity: str) -> None:
    assert sent(stub, expires_at=datetime.now(UTC) + timedelta(seconds=seconds))["ValidityPeriod"] == validity
    assert "ValidityPeriod" not in sent(stub)


def test_extra_takes_twilios_fields_only(stub: Stub) -> None:
    extra = {
        "MediaUrl": ["https://e.example/1", "https://e.example/2"],
        "ProvideFeedback": True,
        "From": None,
        "MessagingServiceSid": "MG2",
        "ApplicationSid": "AP1",
        "FallbackFrom": "+15550000001",
        "To": "+15550000000",
        "Body": "evil",
        "StatusCallback": "https://evil.example",
        "contentMessage": {},
    }
    assert sent(stub, extra=extra, options={"senders": ("MG2",)}) == {
        "To": PHONE,
        "Body": "x",
        "StatusCallback": f"{WEBHOOK}?id={ID}",
        "MessagingServiceSid": "MG2",
        "MediaUrl": ["https://e.example/1", "https://e.example/2"],
        "ProvideFeedback": "true",
    }


@pytest.mark.parametrize(
    "behaviour",
    [
        answer(201, ""),
        answer(200, "<html>"),
        answer(201, "[]"),
        answer(201, {"sid": None}),
        answer(201, {"sid": 7}),
        answer(201, {"sid": "portal"}),
        answer(200, {"status": "failed"}),
        raw(b"HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{"),
    ],
)
def test_success_that_cannot_be_read_is_doubted(stub: Stub, behaviour: Behaviour) -> None:
    stub.script.append(behaviour)
    with pytest.raises(Unreadable):
        twilio(stub).send(outbound(Text("x")))


@pytest.mark.parametrize("code", [20404, 21212, 21603, 21606])
@pytest.mark.parametrize("field", ["From", "MessagingServiceSid"])
def test_sender_of_one_message_is_no_trouble_of_the_others(stub: Stub, field: str, code: int) -> None:
    stub.script.append(refusal(404 if code == 20404 else 400, code))
    with pytest.raises(Forbidden):
        twilio(stub, senders=("other",)).send(outbound(Text("x"), extra={field: "other"}))


def test_failure_at_once_is_told_in_twilios_words(stub: Stub) -> None:
    said = {"status": "failed", "error_code": 30002, "error_message": f"Suspended: {TOKEN}, x to {PHONE}"}
    stub.script.append(answer(201, {**TAKEN, **said}))
    with pytest.raises(Misconfigured) as caught:
        twilio(stub).send(outbound(Text("Hello you")))
    assert caught.value.detail.endswith("then it failed: 30002 Suspended: ***, x to +37…34")


LONG = [
    ("a" * 1600, []),
    ("я" * 737, []),
    ("я" * 738, ["text: 12 SMS, max_parts allows 11"]),
    ("a" * 1601, ["text: 1601 characters, Twilio allows 1600"]),
]


@pytest.mark.parametrize(("text", "problems"), LONG)
def test_too_long(stub: Stub, text: str, problems: list[str]) -> None:
    assert twilio().check(Text(text)) == problems
    stub.default = answer(201, TAKEN)
    if problems:
        with pytest.raises(Refused) as caught:
            twilio(stub).send(outbound(Text(text)))
        assert caught.value.code == "too_long"
    else:
        twilio(stub).send(outbound(Text(text)))
    assert len(stub.requests) == (0 if problems else 1)


def test_fewer_parts() -> None:
    assert twilio(max_parts=1).check(Text("a" * 161)) == ["text: 2 SMS, max_parts allows 1"]


# How a message stands, and taking it back.

STANDS = [
    ({"status": "sent"}, Receipt(ReceiptKind.ACCEPTED, ID, SID, event_id=f"{SID}:sent")),
    ({"status": "delivered"}, Receipt(ReceiptKind.DELIVERED, ID, SID, event_id=f"{SID}:delivered")),
    (
        {"status": "failed", "error_code": 30003},
        Receipt(ReceiptKind.FAILED, ID, SID, event_id=f"{SID}:failed", code="twilio_30003"),
    ),
    ({"status": "canceled"}, Receipt(ReceiptKind.REVOKED, ID, SID, event_id=f"{SID}:canceled")),
]


@pytest.mark.parametrize(("said", "expected"), STANDS)
def test_status(stub: Stub, said: dict[str, Any], expected: Receipt) -> None:
    stub.script.append(answer(200, {**TAKEN, **said}))
    assert twilio(stub).status(ID, PHONE, SID) == [expected]
    assert (stub.last().method, stub.last().path) == ("GET", f"{PATH}/{SID}.json")


def test_status_that_nobody_knows(stub: Stub) -> None:
    stub.script.append(refusal(404, 20404))
    assert twilio(stub).status(ID, PHONE, SID) == []


UNREADABLE = [
    *(answer(200, body) for body in (b"", b"<html>", b"[]", b"{}", b'{"status": "canceled"}')),
    *(answer(404), answer(404, "<html>"), answer(400), answer(404, "404 page not found")),
]


@pytest.mark.parametrize("ask", [TwilioSMS.status, TwilioSMS.revoke])
@pytest.mark.parametrize("behaviour", UNREADABLE)
def test_somebody_elses_answer_says_nothing_of_a_message(stub: Stub, ask: Any, behaviour: Behaviour) -> None:
    stub.script.append(behaviour)
    with pytest.raises(Unavailable):
        ask(twilio(stub), ID, PHONE, SID)


CANCEL: list[tuple[Behaviour, bool]] = [
    (answer(200, {**TAKEN, "status": "canceled"}), True),
    (answer(200, {**TAKEN, "status": "sent"}), False),
    (refusal(400, 30409), False),
    (refusal(404, 20404), False),
]


@pytest.mark.parametrize(("behaviour", "expected"), CANCEL)
def test_revoke(stub: Stub, behaviour: Behaviour, expected: bool) -> None:
    stub.script.append(behaviour)
    assert twilio(stub).revoke(ID, PHONE, SID) is expected
    request = stub.last()
    assert (request.method, request.path, request.body) == ("POST", f"{PATH}/{SID}.json", b"Status=canceled")


@pytest.mark.parametrize("ask", [TwilioSMS.status, TwilioSMS.revoke])
@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [(answer(503), Unavailable), (answer(401), Misconfigured), (refusal(403, 29999), Forbidden)],
)
def test_trouble_is_no_answer(stub: Stub, ask: Any, behaviour: Behaviour, kind: type[SendError]) -> None:
    stub.script.append(behaviour)
    with pytest.raises(kind):
        ask(twilio(stub), ID, PHONE, SID)


@pytest.mark.parametrize(("ask", "nothing"), [(TwilioSMS.status, []), (TwilioSMS.revoke, False)])
def test_without_twilios_id_nothing_is_asked(stub: Stub, ask: Any, nothing: Any) -> None:
    assert ask(twilio(stub), ID, PHONE) == nothing
    assert stub.requests == []


# Options.

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"account_sid": ""}, "account_sid is empty"),
    ({"auth_token": ""}, "auth_token is empty: no webhook can be verified"),
    ({"auth_token": ("a", "")}, "auth_token is empty: no webhook can be verified"),
    ({"api_key_sid": "SK1"}, "api_key_sid and api_key_secret must be set together"),
    ({"api_key_secret": "s"}, "api_key_sid and api_key_secret must be set together"),
    ({"sender": ""}, "sender and messaging_service_sid are both empty: Twilio needs one of them"),
    ({"max_parts": 0}, "max_parts must be at least 1"),
    (
        {"base_url": "http://twilio.example"},
        "base_url must begin with https://, since every request carries the account's secret",
    ),
    (
        {"webhook_url": "https://my_shop.example/rcs/webhooks/sms/"},
        "the host in PUBLIC_URL has an underscore: Twilio does not send callbacks to such hosts",
    ),
]


@pytest.mark.parametrize(("options", "problem"), WRONG)
def test_wrong_options_are_sentences(options: dict[str, Any], problem: str) -> None:
    assert twilio(**options).problems() == [problem]


def test_healthy_options_have_no_problems() -> None:
    assert twilio().problems() == []
    assert twilio(sender="", messaging_service_sid="MG1", base_url="https://api.twilio.com").problems() == []
    assert (
        TwilioOptions.read("sms", {"account_sid": "a", "auth_token": "b"}).base_url
        == "https://api.twilio.com"
    )


def test_missing_option_is_named() -> None:
    with pytest.raises(ConfigError, match="'auth_token'"):
        TwilioOptions.read("sms", {"account_sid": ACCOUNT})


def test_the_librarys_request_has_the_same_form(stub: Stub) -> None:
    """What Twilio's own client sends for the same message, so far as both say the same."""

    class ToStub(TwilioHttpClient):
        def request(self, method: str, uri: str, *args: Any, **kwargs: Any) -> Any:
            return super().request(method, uri.replace("https://api.twilio.com", stub.url), *args, **kwargs)

    ours = sent(stub, "hi ü")
    stub.script.append(answer(201, json.dumps({**TAKEN, "account_sid": ACCOUNT})))
    client = Client(ACCOUNT, TOKEN, http_client=ToStub())
    client.messages.create(to=PHONE, from_="+15005550006", body="hi ü", status_callback=f"{WEBHOOK}?id={ID}")
    theirs = {name: values[0] for name, values in parse_qs(stub.last().body.decode()).items()}
    assert theirs == ours
    assert stub.last().path == stub.requests[0].path
    assert stub.last().headers["authorization"] == stub.requests[0].headers["authorization"]


def test_docs_show_every_limit_error_and_field() -> None:
    page = (Path(__file__).parents[2] / "docs/backends/twilio_sms.md").read_text()
    for value in LIMITS.most.values():
        assert f"{value:,} characters" in page
    words = {str(word).removeprefix("twilio_") for word in ERRORS} - {"opted_out", "400"}
    assert {word for word in words if word not in page} == set()
    assert {name for name in EXTRA if f"`{name}`" not in page} == set()
