"""The generic REST API's webhooks: forged ones, each kind as what it says, odd ones, repeats, a look-alike's words."""

import dataclasses
import hmac
import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcs_router.contract import Incoming, IncomingKind, Receipt, ReceiptKind, WebhookAnswer, WebhookRequest
from rcs_router.errors import WebhookRefused
from tests.backends.cases import ID, PHONE, Heard
from tests.backends.test_generic_rest_send import SECRET, rest

AT = datetime(2024, 12, 27, 10, 35, tzinfo=UTC)
STATE = {"conversationId": PHONE, "messageId": str(ID), "timestamp": "2024-12-27T10:35:00Z"}
DELIVERED = {**STATE, "messageStatus": "DELIVERED"}
DONE = {**STATE, "messageStatus": "INTERACTED"}
TAP = {
    **DONE,
    "interactionType": "ACTION_TAPPED",
    "action": {"postbackData": "product_123", "uri": "https://example.com/product/123"},
}
# The vector of the guide's sheet: its body and secret, and what they must give.
VECTOR = (
    b'{"conversationId":"user_123","messageId":"msg_456","messageStatus":"DELIVERED",'
    b'"timestamp":"2024-12-27T10:35:00Z"}'
)
VECTOR_SIGNATURE = "f68fb39d57ca8dda652ff580e26bea43ccccba8f3ce03f7230040c0c988fbff0"


def signature(body: bytes, secret: str = SECRET) -> str:
    return hmac.digest(secret.encode(), body, "sha256").hex()


def signed(payload: Any, *, secret: str = SECRET, header: str = "x-signature") -> WebhookRequest:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return WebhookRequest("POST", body, {}, {header: signature(body, secret)})


# What is not believed.

GENUINE = signed(TAP)
GIVEN = GENUINE.headers["x-signature"]
FORGED = {
    "unsigned": dataclasses.replace(GENUINE, headers={}),
    "empty signature": dataclasses.replace(GENUINE, headers={"x-signature": ""}),
    "signed with another secret": signed(TAP, secret="other"),
    "signed with no secret": signed(TAP, secret=""),
    "signature of another body": dataclasses.replace(signed(DELIVERED), headers=GENUINE.headers),
    "signature in capitals": dataclasses.replace(GENUINE, headers={"x-signature": GIVEN.upper()}),
    "signature cut": dataclasses.replace(GENUINE, headers={"x-signature": GIVEN[:-1]}),
    "signature and more": dataclasses.replace(GENUINE, headers={"x-signature": GIVEN + "0"}),
    "signature not ASCII": dataclasses.replace(GENUINE, headers={"x-signature": "é\ud800" * 32}),
    "signature huge": dataclasses.replace(GENUINE, headers={"x-signature": "a" * 1_000_000}),
    "signature in another header": dataclasses.replace(GENUINE, headers={"x-hub-signature": GIVEN}),
    "signature in the query": dataclasses.replace(GENUINE, headers={}, query={"X-Signature": GIVEN}),
    "body with a space more": dataclasses.replace(GENUINE, body=GENUINE.body + b" "),
    "body truncated": dataclasses.replace(GENUINE, body=GENUINE.body[:-1]),
    "body empty": dataclasses.replace(GENUINE, body=b""),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_request_is_refused(name: str) -> None:
    with pytest.raises(WebhookRefused) as caught:
        rest().verify(FORGED[name])
    assert caught.value.status == 401


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", ""])
def test_other_methods_are_refused(method: str) -> None:
    with pytest.raises(WebhookRefused) as caught:
        rest().verify(dataclasses.replace(GENUINE, method=method))
    assert caught.value.status == 405


def test_nothing_is_believed_without_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RCS_WEBHOOK_SECRET", raising=False)
    for secret in ("", ("",), ()):
        with pytest.raises(WebhookRefused):
            rest(webhook_secret=secret).verify(signed(TAP, secret=""))


def test_vector() -> None:
    rest().verify(WebhookRequest("POST", VECTOR, {}, {"x-signature": VECTOR_SIGNATURE}))
    [receipt] = rest().parse(WebhookRequest("POST", VECTOR))
    assert isinstance(receipt, Receipt)
    assert (receipt.kind, receipt.provider_id, receipt.transmission) == (
        ReceiptKind.DELIVERED,
        "msg_456",
        None,
    )


@pytest.mark.parametrize("secret", ["new", "old"])
def test_either_secret_is_good_while_it_is_changed(secret: str) -> None:
    rest(webhook_secret=("new", "old")).verify(signed(TAP, secret=secret))


def test_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RCS_WEBHOOK_SECRET", "from-outside")
    rest(webhook_secret="").verify(signed(TAP, secret="from-outside"))


def test_signature_in_another_header() -> None:
    rest(signature_header="X-Acme-Signature").verify(signed(TAP, header="x-acme-signature"))


def test_answer() -> None:
    assert rest().acknowledge() == WebhookAnswer(200)
    assert rest().handshake(GENUINE) is None


# What is understood. `event_id` is the key against repeats and is tested on its own below.


def receipt(kind: ReceiptKind, **kwargs: Any) -> Receipt:
    return Receipt(kind, **{"transmission": ID, "at": AT, **kwargs})


def incoming(kind: IncomingKind, interaction: str, /, fields: Any = None, **kwargs: Any) -> Incoming:
    about = {"interaction_type": interaction, "message_id": str(ID), **(fields or {})}
    answer = about["message_id"] == str(ID)
    return Incoming(kind, PHONE, at=AT, answers=ID if answer else None, fields=about, **kwargs)


FAILED = {**STATE, "messageStatus": "FAILED"}
READ = receipt(ReceiptKind.READ)
CASES = [
    Heard("queued", {**STATE, "messageStatus": "QUEUED"}, [receipt(ReceiptKind.ACCEPTED)]),
    Heard("sent", {**STATE, "messageStatus": "SENT"}, [receipt(ReceiptKind.ACCEPTED)]),
    Heard("delivered", DELIVERED, [receipt(ReceiptKind.DELIVERED)]),
    Heard("read", {**STATE, "messageStatus": "READ"}, [READ]),
    Heard(
        "fallback", {**STATE, "messageStatus": "FALLBACK"}, [receipt(ReceiptKind.DELIVERED, code="fallback")]
    ),
    Heard("failed", FAILED, [receipt(ReceiptKind.FAILED, code="failed")]),
    Heard(
        "failed with a word",
        {**FAILED, "error": {"code": "RCS_DISABLED", "message": "switched off"}},
        [receipt(ReceiptKind.FAILED, code="rcs_disabled", detail="switched off")],
    ),
    Heard(
        "failed with a number",
        {**FAILED, "error": {"code": 404, "message": f"no {PHONE}"}},
        [receipt(ReceiptKind.FAILED, code="404", detail="no +37…34")],
    ),
    Heard(
        "failed with a number and a word",
        {**FAILED, "error": {"code": 404, "status": "NOT_FOUND"}},
        [receipt(ReceiptKind.FAILED, code="not_found")],
    ),
    Heard("failed oddly", {**FAILED, "error": ["x"]}, [receipt(ReceiptKind.FAILED, code="failed")]),
    Heard("unknown state", {**STATE, "messageStatus": "SEEN"}, [receipt(ReceiptKind.UNKNOWN, code="seen")]),
    Heard("state in small letters", {**STATE, "messageStatus": "read"}, [READ]),
    Heard(
        "message of another sender",
        {**DELIVERED, "messageId": "msg_456"},
        [Receipt(ReceiptKind.DELIVERED, provider_id="msg_456", at=AT)],
    ),
    Heard("no time", {**DELIVERED, "timestamp": None}, [receipt(ReceiptKind.DELIVERED, at=None)]),
    Heard("time that is none", {**DELIVERED, "timestamp": "soon"}, [receipt(ReceiptKind.DELIVERED, at=None)]),
    Heard(
        "the guide's tap",
        TAP,
        [
            READ,
            incoming(
                IncomingKind.SUGGESTION,
                "action_tapped",
                {"uri": "https://example.com/product/123"},
                postback="product_123",
            ),
        ],
    ),
    Heard(
        "tapped reply",
        {**DONE, "interactionType": "REPLY_TAPPED", "reply": {"postbackData": "yes", "text": "Yes"}},
        [READ, incoming(IncomingKind.SUGGESTION, "reply_tapped", postback="yes", text="Yes")],
    ),
    Heard(
        "tapped reply that is called an action",
        {**DONE, "interactionType": "REPLY_TAPPED", "action": {"postbackData": "yes"}},
        [READ, incoming(IncomingKind.SUGGESTION, "reply_tapped", postback="yes")],
    ),
    Heard(
        "tap on a message of another sender proves nothing of ours",
        {**TAP, "messageId": "msg_456", "action": {"postbackData": "p"}},
        [incoming(IncomingKind.SUGGESTION, "action_tapped", {"message_id": "msg_456"}, postback="p")],
    ),
    Heard(
        "form",
        {
            **DONE,
            "interactionType": "FORM_SUBMITTED",
            "form": {
                "postbackData": "size_1",
                "data": {"size": "L", "n": 2, "ok": True, "no": None, "x": ["a", 1], "y": {"z": 1}, "r": 1.5},
            },
        },
        [
            READ,
            incoming(
                IncomingKind.FORM,
                "form_submitted",
                {
                    "form": {
                        "size": "L",
                        "n": 2,
                        "ok": True,
                        "no": None,
                        "x": ["a", "1"],
                        "y": "",
                        "r": "1.5",
                    }
                },
                postback="size_1",
            ),
        ],
    ),
    Heard(
        "form without answers",
        {**DONE, "interactionType": "FORM_SUBMITTED"},
        [READ, incoming(IncomingKind.FORM, "form_submitted", {"form": {}})],
    ),
    Heard(
        "text",
        {**DONE, "interactionType": "TEXT_RECEIVED", "text": "STOP\0\ud800"},
        [incoming(IncomingKind.TEXT, "text_received", text="STOP?")],
    ),
    Heard(
        "file",
        {
            **DONE,
            "interactionType": "FILE_RECEIVED",
            "file": {"contentUrl": "https://e.example/f", "mimeType": "image/png", "fileName": "f.png"},
        },
        [
            incoming(
                IncomingKind.FILE,
                "file_received",
                {"file_name": "f.png"},
                url="https://e.example/f",
                media_type="image/png",
            )
        ],
    ),
    Heard(
        "location",
        {
            **DONE,
            "interactionType": "LOCATION_RECEIVED",
            "location": {"latitude": 59.4, "longitude": "24.7", "label": "Home"},
        },
        [incoming(IncomingKind.LOCATION, "location_received", latitude=59.4, longitude=24.7, text="Home")],
    ),
    Heard(
        "location in an object of its own",
        {
            **DONE,
            "interactionType": "LOCATION_RECEIVED",
            "location": {"latLong": {"latitude": 0, "longitude": 1}},
        },
        [incoming(IncomingKind.LOCATION, "location_received", latitude=0, longitude=1)],
    ),
    Heard(
        "unknown interaction",
        {**DONE, "interactionType": "LIKED", "text": "x"},
        [incoming(IncomingKind.UNKNOWN, "liked", text="x")],
    ),
    Heard(
        "interaction without a type",
        DONE,
        [Incoming(IncomingKind.UNKNOWN, PHONE, at=AT, answers=ID, fields={"message_id": str(ID)})],
    ),
    Heard(
        "interaction without a state",
        {**STATE, "interactionType": "TEXT_RECEIVED", "text": "2"},
        [incoming(IncomingKind.TEXT, "text_received", text="2")],
    ),
    Heard(
        "a name of the customers is exact",
        {**DONE, "conversationId": " user_123 ", "interactionType": "TEXT_RECEIVED", "text": "2"},
        [dataclasses.replace(incoming(IncomingKind.TEXT, "text_received", text="2"), sender="user_123")],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_payload(case: Heard) -> None:
    heard = rest().parse(signed(case.payload))
    assert [_bare(one) for one in heard] == case.expected


def _bare(one: Any) -> Any:
    """Without the keys against repeats."""
    return dataclasses.replace(one, **({"event_id": ""} if isinstance(one, Receipt) else {"id": ""}))


SENSELESS = {
    "no JSON": b"<html>",
    "not UTF-8": b"\xff\xfe\xff",
    "too deep": b'{"a":' * 100_000,
    "NaN": b'{"messageId": NaN}',
    "a list": b"[]",
    "an empty object": b"{}",
    "no message": json.dumps({**DELIVERED, "messageId": ""}).encode(),
    "no state": json.dumps(STATE).encode(),
    "state a list": json.dumps({**STATE, "messageStatus": ["READ"]}).encode(),
    "interaction of nobody": json.dumps({**TAP, "conversationId": " "}).encode(),
    "location outside the world": json.dumps(
        {**DONE, "interactionType": "LOCATION_RECEIVED", "location": {"latitude": 91, "longitude": 0}}
    ).encode(),
    "location without numbers": json.dumps({**DONE, "interactionType": "LOCATION_RECEIVED"}).encode(),
    "location infinite": b'{"conversationId": "u", "interactionType": "LOCATION_RECEIVED", '
    b'"location": {"latitude": 1e999, "longitude": 0}}',
}


@pytest.mark.parametrize("name", SENSELESS)
def test_request_that_makes_no_sense(name: str) -> None:
    request = signed(SENSELESS[name])
    rest().verify(request)
    rest().dedupe_key(request)
    with pytest.raises(ValueError):
        rest().parse(request)


def test_fallback_of_the_platform_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rest().parse(signed({**STATE, "messageStatus": "FALLBACK"}))
    assert f"the platform sent message {ID} as an SMS" in caplog.text
    assert PHONE not in caplog.text


# Repeats.

EVENT = {**TAP, "eventId": "e-1"}
SAME = [
    (EVENT, {**EVENT, "timestamp": "2024-12-27T10:35:01Z"}),
    (DELIVERED, {**DELIVERED, "attempt": 2}),
    (TAP, dict(reversed(TAP.items()))),
    ({**STATE, "messageStatus": "FAILED"}, {**STATE, "messageStatus": "FAILED", "error": {"code": "x"}}),
]
TEXT = {**DONE, "interactionType": "TEXT_RECEIVED", "text": "yes"}
DIFFERENT = [
    (DELIVERED, {**DELIVERED, "messageStatus": "READ"}),
    (DELIVERED, {**DELIVERED, "messageId": "msg_456"}),
    (DELIVERED, {**DELIVERED, "timestamp": "2024-12-27T10:35:01Z"}),
    (DELIVERED, {**DELIVERED, "conversationId": "+37255500000"}),
    (TAP, {**TAP, "interactionType": "REPLY_TAPPED"}),
    (TAP, {**TAP, "action": {"postbackData": "product_124"}}),
    (TEXT, {**TEXT, "text": "no"}),  # two words within one second
    (EVENT, {**EVENT, "eventId": "e-2"}),
    (EVENT, {**EVENT, "interactionType": "REPLY_TAPPED"}),  # two kinds of events under one id
    ({**DELIVERED, "eventId": "e-1"}, {**DELIVERED, "eventId": "e-1", "messageStatus": "READ"}),
    (b"a", b"b"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_a_repeat_has_the_same_key(one: Any, other: Any) -> None:
    key = rest().dedupe_key(signed(one))
    assert key is not None
    assert len(key) <= 100
    assert key == rest().dedupe_key(signed(other))
    assert rest().parse(signed(one))[0] is not None


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_is_no_repeat_has_another_key(one: Any, other: Any) -> None:
    assert rest().dedupe_key(signed(one)) != rest().dedupe_key(signed(other))


def test_without_a_time_the_signed_bytes_are_the_key_for_a_while() -> None:
    key = rest().dedupe_key(signed({**TEXT, "timestamp": None}))
    assert key is not None
    assert rest().dedupe_window(key) == timedelta(minutes=10)
    assert rest(repeat_window=60).dedupe_window(key) == timedelta(minutes=1)
    assert rest(repeat_window=0).dedupe_key(signed({**TEXT, "timestamp": None})) is None
    [said] = rest().parse(signed({**TEXT, "timestamp": None}))
    assert isinstance(said, Incoming)
    assert said.id == ""


@pytest.mark.parametrize("told", [TEXT, TAP, DELIVERED])
def test_the_key_of_an_event_counts_for_good(told: Any) -> None:
    key = rest().dedupe_key(signed(told))
    assert key is not None
    assert rest().dedupe_window(key) is None
    assert key == rest(repeat_window=0).dedupe_key(signed(told))


def test_a_window_below_0_is_refused() -> None:
    assert rest(repeat_window=-1).problems() == ["repeat_window must not be negative"]


def test_key_names_receipt_and_incoming() -> None:
    read, tap = rest().parse(signed(TAP))
    assert isinstance(read, Receipt)
    assert isinstance(tap, Incoming)
    assert rest().dedupe_key(signed(TAP)) == read.event_id == tap.id != ""


# A look-alike.


def test_names_and_states_of_a_look_alike() -> None:
    names = {
        "conversationId": "from",
        "messageId": "client_ref",
        "messageStatus": "event",
        "interactionType": "kind",
        "postbackData": "payload",
        "timestamp": "at",
        "contentUrl": "url",
        "data": "values",
    }
    states = {"clicked": "INTERACTED", "form": "FORM_SUBMITTED", "enroute": "SENT", "dlvrd": "DELIVERED"}
    backend = rest(names=names, states=states)
    seen = {"from": PHONE, "client_ref": str(ID), "event": "clicked", "at": "2024-12-27T10:35:00Z"}
    form = {**seen, "kind": "form", "form": {"payload": "f", "values": {"url": "mine", "contentUrl": "too"}}}
    answers = {"form": {"url": "mine", "contentUrl": "too"}}
    expected = [READ, incoming(IncomingKind.FORM, "form_submitted", answers, postback="f")]
    assert [_bare(one) for one in backend.parse(signed(form))] == expected
    [arrived] = backend.parse(signed({**seen, "event": "dlvrd"}))
    assert _bare(arrived) == receipt(ReceiptKind.DELIVERED)
    with pytest.raises(ValueError):  # the names of the guide mean nothing there
        backend.parse(signed(DELIVERED))


# Anything.

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from(["FORM_SUBMITTED", "LOCATION_RECEIVED", "FILE_RECEIVED", "INTERACTED", str(ID), PHONE]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [*DONE, "interactionType", "form", "data", "location", "latLong", "latitude", "longitude"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*TAP, "form", "file", "location", "text", "error"]), values))
def test_any_payload_is_understood_or_a_value_error(payload: dict[str, Any]) -> None:
    request = signed(payload)
    key = rest().dedupe_key(request)
    assert key is None or len(key) <= 100
    try:
        heard = rest().parse(request)
    except ValueError:
        return
    for one in heard:
        assert isinstance(one, Receipt | Incoming)
        json.dumps(dataclasses.asdict(one), default=str, allow_nan=False, ensure_ascii=False).encode()


@given(st.binary(max_size=200))
def test_any_signed_bytes_are_understood_or_a_value_error(body: bytes) -> None:
    rest().verify(signed(body))
    rest().dedupe_key(signed(body))
    try:
        rest().parse(signed(body))
    except ValueError:
        return


@given(st.sampled_from(["GET", "POST", "PUT", ""]), st.binary(max_size=100), st.text(max_size=80))
def test_any_other_request_is_refused(method: str, body: bytes, value: str) -> None:
    with pytest.raises(WebhookRefused):
        rest().verify(WebhookRequest(method, body, {"x-signature": value}, {"x-signature": value}))
