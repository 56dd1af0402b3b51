"""Google RBM inwards: the handshake, the signature's test vector, and every payload of the documentation."""

import base64
import json
import logging
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcs_router.contract import Incoming, IncomingKind, Receipt, ReceiptKind, WebhookAnswer
from rcs_router.errors import WebhookRefused
from tests.backends.cases import ID, PHONE, Heard
from tests.backends.google import AGENT, DATA, SIGNATURE, TOKEN, google, request, signature, signed

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
COMMON = {"agentId": f"{AGENT}@rbm.goog", "senderPhoneNumber": PHONE}
TIMED = {**COMMON, "sendTime": "2026-11-20T09:30:00Z"}
EVENT = {**TIMED, "eventId": "ev-1", "messageId": str(ID)}
MESSAGE = {**TIMED, "messageId": "MxUser1"}
SERVER = {
    "phoneNumber": PHONE,
    "agentId": f"{AGENT}@rbm.goog",
    "messageId": str(ID),
    "eventId": "sv-1",
    "sendTime": TIMED["sendTime"],
}
FILE = {
    "payload": {
        "mimeType": "image/jpeg",
        "fileSizeBytes": 248113,
        "fileName": "receipt.jpg",
        "fileUri": "https://files.example/u/1",
    },
    "thumbnail": {
        "mimeType": "image/jpeg",
        "fileSizeBytes": 3120,
        "fileName": "receipt.jpg",
        "fileUri": "https://files.example/u/1-t",
    },
}


def receipt(kind: ReceiptKind, event: str = "ev-1", **kwargs: Any) -> list[Receipt | Incoming]:
    return [Receipt(kind, **{"transmission": ID, "at": AT, "event_id": f"{event}:{ID}", **kwargs})]


def said(kind: IncomingKind, **kwargs: Any) -> list[Receipt | Incoming]:
    return [Incoming(kind, **{"sender": PHONE, "id": "MxUser1", "at": AT, **kwargs})]


CASES = [
    Heard("delivered", {**EVENT, "eventType": "DELIVERED"}, receipt(ReceiptKind.DELIVERED)),
    Heard("read", {**EVENT, "eventType": "READ"}, receipt(ReceiptKind.READ)),
    Heard(
        "delivered, without id and time",
        {**COMMON, "eventType": "DELIVERED", "messageId": str(ID)},
        receipt(ReceiptKind.DELIVERED, at=None, event_id=""),
    ),
    Heard(
        "delivered, an id that is not ours",
        {**EVENT, "eventType": "DELIVERED", "messageId": "a1b2"},
        [Receipt(ReceiptKind.DELIVERED, provider_id="a1b2", at=AT, event_id="ev-1:a1b2")],
    ),
    Heard("expired", {**SERVER, "eventType": "TTL_EXPIRATION_REVOKED"}, receipt(ReceiptKind.EXPIRED, "sv-1")),
    Heard(
        "expired, perhaps",
        {**SERVER, "eventType": "TTL_EXPIRATION_REVOKE_FAILED"},
        receipt(ReceiptKind.EXPIRY_UNCERTAIN, "sv-1"),
    ),
    Heard(
        "unknown server event",
        {**SERVER, "eventType": "TTL_NEW"},
        receipt(ReceiptKind.UNKNOWN, "sv-1", code="ttl_new"),
    ),
    Heard(
        "unknown event of a message",
        {**EVENT, "eventType": "PRINTED"},
        receipt(ReceiptKind.UNKNOWN, code="printed"),
    ),
    Heard(
        "unknown event of a person",
        {**TIMED, "eventId": "ev-1", "eventType": "WAVED"},
        said(IncomingKind.UNKNOWN, id="ev-1", fields={"event_type": "WAVED"}),
    ),
    Heard(
        "typing", {**TIMED, "eventId": "ev-1", "eventType": "IS_TYPING"}, said(IncomingKind.TYPING, id="ev-1")
    ),
    Heard(
        "unsubscribe",
        {**COMMON, "eventId": "ev-3", "eventType": "UNSUBSCRIBE"},
        said(IncomingKind.UNSUBSCRIBE, id="ev-3", at=None),
    ),
    Heard(
        "subscribe",
        {**TIMED, "eventId": "ev-4", "eventType": "SUBSCRIBE"},
        said(IncomingKind.SUBSCRIBE, id="ev-4"),
    ),
    Heard("text", {**MESSAGE, "text": "What time? é😀"}, said(IncomingKind.TEXT, text="What time? é😀")),
    Heard(
        "text with nanoseconds",
        {**MESSAGE, "text": "x", "sendTime": "2026-11-20T09:30:00.000000999Z"},
        said(IncomingKind.TEXT, text="x"),
    ),
    Heard(
        "text at no time",
        {**MESSAGE, "text": "x", "sendTime": "yesterday"},
        said(IncomingKind.TEXT, text="x", at=None),
    ),
    Heard("text no database takes", {**MESSAGE, "text": "a\0b\ud800"}, said(IncomingKind.TEXT, text="ab?")),
    Heard(
        "number without a plus",
        {**MESSAGE, "senderPhoneNumber": PHONE[1:], "text": "x"},
        said(IncomingKind.TEXT, text="x"),
    ),
    Heard(
        "agent without suffix", {**MESSAGE, "agentId": AGENT, "text": "x"}, said(IncomingKind.TEXT, text="x")
    ),
    Heard(
        "tapped reply",
        {**MESSAGE, "suggestionResponse": {"postbackData": "home:yes", "text": "Yes", "type": "REPLY"}},
        said(IncomingKind.SUGGESTION, text="Yes", postback="home:yes", fields={"suggestion_type": "reply"}),
    ),
    Heard(
        "tapped action with an event's id",
        {**COMMON, "eventId": "MxUser3", "suggestionResponse": {"postbackData": "cal"}},
        said(IncomingKind.SUGGESTION, id="MxUser3", postback="cal", at=None),
    ),
    Heard(
        "location",
        {**MESSAGE, "location": {"latitude": 59.437, "longitude": "24.7536"}},
        said(IncomingKind.LOCATION, latitude=59.437, longitude=24.7536),
    ),
    Heard(
        "location on the equator, whose zero is left out",
        {**MESSAGE, "location": {"longitude": 24.7}},
        said(IncomingKind.LOCATION, latitude=0.0, longitude=24.7),
    ),
    Heard(
        "file",
        {**MESSAGE, "userFile": FILE},
        said(
            IncomingKind.FILE,
            url="https://files.example/u/1",
            media_type="image/jpeg",
            fields={
                "file_name": "receipt.jpg",
                "file_size": 248113,
                "thumbnail_url": "https://files.example/u/1-t",
                "thumbnail_name": "receipt.jpg",
                "thumbnail_type": "image/jpeg",
                "thumbnail_size": 3120,
            },
        ),
    ),
    Heard(
        "file, its size as a string",
        {
            **MESSAGE,
            "userFile": {
                "category": "IMAGE",
                "payload": {"fileSizeBytes": "7", "fileUri": "https://f.example"},
            },
        },
        said(IncomingKind.FILE, url="https://f.example", fields={"file_size": 7, "file_category": "image"}),
    ),
    Heard(
        "text from the United States",
        {
            **MESSAGE,
            "text": "x",
            "carrier": "T",
            "richMessageClassification": {"classificationType": "RICH_MESSAGE"},
        },
        said(IncomingKind.TEXT, text="x", fields={"carrier": "T", "classification": "RICH_MESSAGE"}),
    ),
    Heard("message of an unknown form", {**MESSAGE, "hologram": {}}, said(IncomingKind.UNKNOWN)),
    Heard("another agent's", {**MESSAGE, "agentId": "other@rbm.goog", "text": "x"}, []),
    Heard(
        "launch",
        {"agentId": AGENT, "eventId": "1", "newLaunchState": "LAUNCHED", "regionId": "/v1/regions/fi"},
        [],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_heard(case: Heard) -> None:
    backend, webhook = google(), signed(case.payload)
    backend.verify(webhook)
    assert backend.handshake(webhook) is None
    assert backend.parse(webhook) == case.expected
    json.dumps([getattr(item, "fields", None) for item in case.expected])


NONSENSE: list[Any] = [
    [],
    "text",
    7,
    None,
    {},
    {"agentId": AGENT, "text": "from nobody"},
    {**COMMON, "eventType": "DELIVERED"},
    {**MESSAGE, "location": {"latitude": "north"}},
    {**MESSAGE, "location": {"latitude": 91}},
    {**MESSAGE, "location": {"latitude": True}},
    b"not JSON",
    b"\xff\xfe",
    b'{"senderPhoneNumber": "+372", "text": "x", "n": NaN}',
]


@pytest.mark.parametrize("payload", NONSENSE)
def test_signed_nonsense_is_verified_and_keyed_and_cannot_be_parsed(payload: Any) -> None:
    backend, webhook = google(), signed(payload)
    backend.verify(webhook)
    assert backend.dedupe_key(webhook)
    with pytest.raises(ValueError):
        backend.parse(webhook)


def test_launch_attribute_is_not_believed_about_a_persons_message() -> None:
    attributes = {"type": "agent_launch_event"}
    assert google().parse(signed({"agentId": AGENT, "comment": "x"}, attributes=attributes)) == []
    assert google().parse(signed({**MESSAGE, "text": "x"}, attributes=attributes)) != []


def test_other_agents_are_logged_at_debug_without_their_message(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    google().parse(signed({**MESSAGE, "agentId": "other@rbm.goog", "text": "private"}))
    assert "other" in caplog.text
    assert "private" not in caplog.text
    assert PHONE not in caplog.text


# The signature.


def vector() -> dict[str, Any]:
    return {
        "message": {"data": DATA, "messageId": "14150481888479001"},
        "subscription": "projects/p/subscriptions/s",
    }


def test_vector() -> None:
    webhook = request(vector(), x_goog_signature=SIGNATURE)
    google().verify(webhook)
    [said] = google().parse(webhook)
    assert isinstance(said, Receipt)
    assert said.kind == ReceiptKind.DELIVERED
    assert said.at == datetime(2026, 11, 20, 9, 30, 0, 123456, UTC)


def test_payload_that_was_written_anew_is_refused() -> None:
    rewritten = json.dumps(json.loads(base64.b64decode(DATA)), indent=2).encode()
    body = {"message": {"data": base64.b64encode(rewritten).decode()}}
    with pytest.raises(WebhookRefused):
        google().verify(request(body, x_goog_signature=SIGNATURE))


@pytest.mark.parametrize("key", ["new", "old"])
def test_either_token_is_good_while_it_is_changed(key: str) -> None:
    google(client_token=("new", "old")).verify(signed({}, key=key))


def test_empty_token_never_verifies() -> None:
    data = base64.b64encode(b"{}").decode()
    with pytest.raises(WebhookRefused):
        google(client_token=("", "new")).verify(
            request({"message": {"data": data}}, x_goog_signature=signature(b"{}", ""))
        )


@pytest.mark.parametrize("data", [None, 7, "not base64!", "é", "YQ", " e30="])
def test_broken_envelope_is_a_bad_request_not_a_bad_signature(data: Any) -> None:
    with pytest.raises(WebhookRefused) as caught:
        google().verify(request({"message": {"data": data}}, x_goog_signature=signature(b"{}")))
    assert caught.value.status == 400


# The handshake.


def test_handshake_answers_the_bare_secret() -> None:
    body = {"clientToken": TOKEN, "secret": "1234567890"}
    expected = WebhookAnswer(200, "1234567890", "text/plain; charset=utf-8")
    assert google().handshake(request(body)) == expected
    assert google().handshake(request(body, x_goog_webhook_type="verification")) == expected
    assert google(client_token=("new", TOKEN)).handshake(request(body)) == expected


REFUSED_HANDSHAKES: list[tuple[Any, dict[str, str], int]] = [
    ({"clientToken": "wrong", "secret": "1"}, {}, 403),
    ({"clientToken": "", "secret": "1"}, {}, 403),
    ({"clientToken": None, "secret": "1"}, {}, 403),
    ({"clientToken": TOKEN, "secret": {"a": 1}}, {}, 400),
    ({"clientToken": TOKEN}, {"x_goog_webhook_type": "verification"}, 400),
    (b"<html>", {"x_goog_webhook_type": "verification"}, 400),
    (b"", {"x_goog_webhook_type": "verification"}, 400),
]


@pytest.mark.parametrize(("body", "headers", "status"), REFUSED_HANDSHAKES)
def test_handshake_refused(body: Any, headers: dict[str, str], status: int) -> None:
    with pytest.raises(WebhookRefused) as caught:
        google().handshake(request(body, **headers))
    assert caught.value.status == status


def test_empty_token_answers_no_handshake() -> None:
    with pytest.raises(WebhookRefused):
        google(client_token=("", "new")).handshake(request({"clientToken": "", "secret": "1"}))


NO_HANDSHAKES: list[Any] = [
    b"",
    b"[]",
    vector(),
    {"secret": "1"},
    {**vector(), "clientToken": TOKEN, "secret": "1"},
]


@pytest.mark.parametrize("body", NO_HANDSHAKES)
def test_everything_else_is_no_handshake(body: Any) -> None:
    assert google().handshake(request(body)) is None


# Keys against repeats.


def key(payload: Any, envelope: str = "1") -> str | None:
    return google().dedupe_key(signed(payload, attributes={"publication": envelope}))


def test_key_is_the_same_for_a_repeat_in_another_envelope() -> None:
    for case in CASES:
        assert key(case.payload, "1") == key(case.payload, "2")


def test_keys_of_different_things_differ() -> None:
    keys = {
        case.name: key(case.payload)
        for case in CASES
        if "number" not in case.name and "time" not in case.name
    }
    different = [
        keys["delivered"],
        keys["read"],
        keys["expired"],
        keys["typing"],
        keys["text"],
        key({**MESSAGE, "senderPhoneNumber": "+37255500000", "text": "x"}),
        key({**EVENT, "eventType": "DELIVERED", "senderPhoneNumber": "+37255500000"}),
        key({}),
        key([]),
    ]
    assert len(set(different)) == len(different)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
NAMES = sorted({name for case in CASES for name in case.payload})
payloads = st.dictionaries(
    st.sampled_from(NAMES), json_values | st.sampled_from(["DELIVERED", "READ", AGENT, PHONE])
)


@given(payloads)
def test_any_payload_is_understood_or_a_value_error(payload: dict[str, Any]) -> None:
    backend, webhook = google(), signed(payload)
    backend.verify(webhook)
    assert 0 < len(backend.dedupe_key(webhook) or "") <= 100
    try:
        heard = backend.parse(webhook)
    except ValueError:
        return
    for item in heard:
        json.dumps(item.fields if isinstance(item, Incoming) else None, allow_nan=False)
        assert isinstance(item, Incoming) or item.transmission is None or isinstance(item.transmission, UUID)
