"""GSMA MaaP inwards: who is believed, every event with its variants, repeats, and requests that make no sense."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rcs_router.contract import (
    FileReport,
    Incoming,
    IncomingKind,
    Linked,
    Parsed,
    Receipt,
    ReceiptKind,
    WebhookAnswer,
    WebhookRequest,
)
from rcs_router.errors import WebhookRefused
from tests.backends.cases import PHONE
from tests.backends.test_gsma_maap import SECRET, gsma, posted

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
STAMP = {"timestamp": "2026-11-21T09:30:00.000Z"}
CONTACT = {"messageContact": {"userContact": PHONE}}
ANONYMOUS = {"messageContact": {"userContact": None, "chatId": "tk-7Q2mZ9"}}


def heard(name: str | None, contact: dict[str, Any] | None = None, **said: Any) -> dict[str, Any]:
    event = {} if name is None else {"event": name}
    return {
        **event,
        **(CONTACT if contact is None else contact),
        "RCSMessage": {"msgId": "mo-1", **STAMP, **said},
    }


def tap(kind: str, label: str, data: str | None) -> dict[str, Any]:
    postback = {} if data is None else {"postback": {"data": data}}
    return {"suggestedResponse": {"response": {kind: {"displayText": label, **postback}}}}


def told(status: str, **more: Any) -> dict[str, Any]:
    return {
        "event": "messageStatus",
        **CONTACT,
        "RCSMessage": {"msgId": "m-77", "status": status, **STAMP, **more},
    }


def said(kind: IncomingKind, sender: str = PHONE, **kwargs: Any) -> list[Parsed]:
    return [Incoming(kind, sender, **{"id": "mo-1", "at": AT, **kwargs})]


def receipt(kind: ReceiptKind, status: str, **kwargs: Any) -> list[Parsed]:
    return [Receipt(kind, **{"provider_id": "m-77", "at": AT, "event_id": f"m-77:{status}", **kwargs})]


FILE = {
    "fileUrl": "https://files.example/u",
    "fileName": "u.jpg",
    "fileMIMEType": "image/jpeg",
    "fileSize": 2048,
}
AUDIO = {
    "fileUrl": "https://files.example/a",
    "fileMIMEType": "audio/amr",
    "playingLength": "6",
    "fileName": None,
}
PUSH = {
    "pos": "48.8584 -2.2945",
    "label": "Tower",
    "timestamp": "2026-11-21T09:30:00Z",
    "expiry": "2026-11-22T09:30:00Z",
    "timeOffset": "-300",
    "radius": 25,
}
DEVICE = {
    "deviceModel": "A name longer than ten",
    "platformVersion": "Android-15",
    "clientVendor": "ACME",
    "clientVersion": "RCS-2.0",
    "batteryRemainingMinutes": 300,
}
STORED = {"fileId": "f-9", "fileUrl": "https://files.example/f-9", "fileSize": 2048, "status": "ready"}
BOTH = {"messageContact": {"userContact": PHONE, "chatId": "tk-7Q2mZ9"}}

# name, body, expected
CASES: list[tuple[str, dict[str, Any], list[Parsed]]] = [
    ("text", heard("message", textMessage="Hello é😀"), said(IncomingKind.TEXT, text="Hello é😀")),
    ("text, no event", heard(None, textMessage="x"), said(IncomingKind.TEXT, text="x")),
    ("text, event null", {**heard(None, textMessage="x"), "event": None}, said(IncomingKind.TEXT, text="x")),
    (
        "text from somebody anonymous",
        heard("message", ANONYMOUS, textMessage="x", msgId="mo-2"),
        said(IncomingKind.TEXT, "tk-7Q2mZ9", text="x", id="mo-2"),
    ),
    (
        "text under both identities",
        heard("message", BOTH, textMessage="x"),
        said(IncomingKind.TEXT, text="x"),
    ),
    (
        "text, its plus read as a blank",
        heard("message", {"messageContact": {"userContact": f" {PHONE[1:]}"}}, textMessage="x"),
        said(IncomingKind.TEXT, text="x"),
    ),
    (
        "text with what a vendor adds",
        {
            **heard("message", textMessage="x", reportRequest=["Displayed"]),
            "callbackURL": "h:1",
            "messageContact": {"userContact": PHONE, "tParticipantAddress": "sip:bot"},
        },
        said(IncomingKind.TEXT, text="x"),
    ),
    (
        "text beside nulls",
        heard("message", textMessage="x", fileMessage=None, audioMessage=None),
        said(IncomingKind.TEXT, text="x"),
    ),
    (
        "text without id and at no time",
        {"event": "message", **CONTACT, "RCSMessage": {"textMessage": "x", "timestamp": "soon"}},
        said(IncomingKind.TEXT, text="x", id="", at=None),
    ),
    (
        "text without a zone",
        heard("message", textMessage="x", timestamp="2026-11-21T09:30:00"),
        said(IncomingKind.TEXT, text="x"),
    ),
    (
        "text no database takes",
        heard("message", textMessage="a\0b\ud800"),
        said(IncomingKind.TEXT, text="ab?"),
    ),
    (
        "file",
        heard("message", fileMessage={**FILE, "thumbnailUrl": "https://files.example/t"}),
        said(
            IncomingKind.FILE,
            url="https://files.example/u",
            media_type="image/jpeg",
            fields={"file_name": "u.jpg", "file_size": 2048, "thumbnail_url": "https://files.example/t"},
        ),
    ),
    (
        "file of an address alone, no event",
        heard(None, fileMessage={"fileUrl": "https://files.example/u", "fileSize": 10**400}),
        said(IncomingKind.FILE, url="https://files.example/u"),
    ),
    (
        "audio",
        heard("message", audioMessage=AUDIO),
        said(IncomingKind.FILE, url="https://files.example/a", media_type="audio/amr", fields={"seconds": 6}),
    ),
    (
        "location",
        heard("message", geolocationPushMessage=PUSH),
        said(
            IncomingKind.LOCATION,
            text="Tower",
            latitude=48.8584,
            longitude=-2.2945,
            fields={
                "label": "Tower",
                "radius": 25,
                "time_offset": -300,
                "taken_at": "2026-11-21T09:30:00+00:00",
                "expires_at": "2026-11-22T09:30:00+00:00",
            },
        ),
    ),
    (
        "location alone, no event",
        heard(None, geolocationPushMessage={"pos": " 0  -80.1 ", "label": None}),
        said(IncomingKind.LOCATION, latitude=0.0, longitude=-80.1),
    ),
    (
        "message of an unknown form",
        heard("message", hologram={}),
        said(IncomingKind.UNKNOWN, fields={"event": "message"}),
    ),
    *(
        (
            f"typing {word}, event {name}",
            heard(name, isTyping=word),
            said(IncomingKind.TYPING, fields={"active": active}),
        )
        for word, active in (("active", True), ("idle", False), ("inactive", False))
        for name in ("isTyping", None)
    ),
    (
        "typing without an id",
        {"event": "isTyping", **CONTACT, "RCSMessage": {"isTyping": "active"}},
        said(IncomingKind.TYPING, id="", at=None, fields={"active": True}),
    ),
    *(
        (status, told(status), receipt(kind, status.lower()))
        for status, kind in (
            ("pending", ReceiptKind.ACCEPTED),
            ("sent", ReceiptKind.ACCEPTED),
            ("delivered", ReceiptKind.DELIVERED),
            ("displayed", ReceiptKind.READ),
            ("Displayed", ReceiptKind.READ),
            ("read", ReceiptKind.READ),
            ("cancelled", ReceiptKind.REVOKED),
            ("canceled", ReceiptKind.REVOKED),
            ("failed", ReceiptKind.FAILED),
        )
    ),
    (
        "status, a vendor's event",
        {**told("read"), "event": "message_status"},
        receipt(ReceiptKind.READ, "read"),
    ),
    ("status, no event", {**told("delivered"), "event": ""}, receipt(ReceiptKind.DELIVERED, "delivered")),
    (
        "status without a contact",
        {"event": "messageStatus", "RCSMessage": {"msgId": "m-77", "status": "sent", **STAMP}},
        receipt(ReceiptKind.ACCEPTED, "sent"),
    ),
    (
        "status of an old platform",
        {"msgId": "m-77", "status": "Displayed", **STAMP, **CONTACT},
        receipt(ReceiptKind.READ, "displayed"),
    ),
    (
        "unknown status",
        told("revokeFail"),
        receipt(ReceiptKind.UNKNOWN, "revokefail", code="revokefail"),
    ),
    (
        "failed for a reason",
        told("failed", reason={"code": "41212", "text": f"no cards on {PHONE}"}),
        receipt(
            ReceiptKind.FAILED,
            "failed",
            event_id="m-77:failed:41212",
            code="41212",
            detail="no cards on +37…34",
        ),
    ),
    (
        "failed for a reason beside the message",
        {**told("failed"), "reason": {"code": 41110, "text": "who?"}},
        receipt(ReceiptKind.FAILED, "failed", event_id="m-77:failed:41110", code="41110", detail="who?"),
    ),
    (
        "failed for a reason in words",
        told("failed", reason="who?"),
        receipt(ReceiptKind.FAILED, "failed", detail="who?"),
    ),
    *(
        (
            f"failed with {code}",
            told("failed", reason={"code": code}),
            receipt(kind, f"failed:{code}", code=code),
        )
        for code, kind in (
            ("41007", ReceiptKind.EXPIRED),
            ("41008", ReceiptKind.EXPIRED),
            ("41010", ReceiptKind.DELIVERED),
            ("41011", ReceiptKind.REVOKED),
            ("41002", ReceiptKind.UNKNOWN),
            ("41009", ReceiptKind.UNKNOWN),
            ("49999", ReceiptKind.FAILED),
        )
    ),
    (
        "file report",
        {"event": "fileStatus", "file": {**STORED, "validity": "2026-11-21T09:30:00.000Z"}},
        [FileReport("f-9", "ready", "https://files.example/f-9", 2048, AT)],
    ),
    ("bare file report, no event", {"file": {"fileId": "f-9", "fileSize": -1}}, [FileReport("f-9", "")]),
    *(
        (
            f"tapped {kind}, event {name}",
            heard(name, **tap(kind, "Yes", "yes")),
            said(IncomingKind.SUGGESTION, text="Yes", postback="yes", fields={"suggestion_type": kind}),
        )
        for kind in ("reply", "action")
        for name in ("response", None)
    ),
    (
        "tapped without postback",
        heard("response", **tap("reply", "Yes", None)),
        said(IncomingKind.SUGGESTION, text="Yes", fields={"suggestion_type": "reply"}),
    ),
    (
        "device",
        heard(
            "response", sharedData={"deviceSpecifics": {**DEVICE, "odd": [1], "root": True, "nothing": None}}
        ),
        said(IncomingKind.DEVICE, fields={"device": {**DEVICE, "root": True}}),
    ),
    (
        "device, no event",
        heard(None, sharedData={"deviceSpecifics": {}}),
        said(IncomingKind.DEVICE, fields={"device": {}}),
    ),
    (
        "response of an unknown form",
        heard("response", sharedData={"moodSpecifics": {}}),
        said(IncomingKind.UNKNOWN, fields={"event": "response"}),
    ),
    (
        "alias",
        {**heard("alias", BOTH)},
        [Linked(PHONE, ("tk-7Q2mZ9",), id="mo-1", at=AT)],
    ),
    ("alias, no event", heard(None, BOTH), [Linked(PHONE, ("tk-7Q2mZ9",), id="mo-1", at=AT)]),
    *(
        (
            f"new user, event {name}, {data}",
            heard(name, ANONYMOUS, **tap("reply", "Start Chat", data)),
            said(
                IncomingKind.SUGGESTION,
                "tk-7Q2mZ9",
                text="Start Chat",
                postback=data,
                fields={"event": "newUser"},
            ),
        )
        for name in ("newUser", None)
        for data in ("new_bot_user_initiation", "new_bot_user_initiation_zh")
    ),
    (
        "unknown event of a person",
        heard("waved", ANONYMOUS),
        said(IncomingKind.UNKNOWN, "tk-7Q2mZ9", fields={"event": "waved"}),
    ),
    ("unknown event of a person without a name", heard(None), said(IncomingKind.UNKNOWN)),
    ("unknown event of nobody", {"event": "launched", "RCSMessage": {"msgId": "x"}}, []),
]


@pytest.mark.parametrize(("body", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_heard(body: dict[str, Any], expected: list[Parsed]) -> None:
    backend, webhook = gsma(), posted(body)
    assert backend.handshake(webhook) is None
    backend.verify(webhook)
    assert backend.parse(webhook) == expected
    json.dumps([getattr(item, "fields", None) for item in expected], allow_nan=False)


NONSENSE: list[Any] = [
    [],
    "text",
    7,
    None,
    {},
    heard("message", {}, textMessage="from nobody"),
    heard("message", {"messageContact": "+37255501234"}, textMessage="from a string"),
    heard("message", {"messageContact": {"userContact": "", "chatId": " "}}, textMessage="x"),
    heard("message", geolocationPushMessage={}),
    *(
        heard("message", geolocationPushMessage={"pos": pos})
        for pos in ("26.118 1289 - 80.1283921", "north 2", "91 0", "0 181", "nan 0", "1e1 0", "1", 7, "٣ 4")
    ),
    told(""),
    {"event": "messageStatus", "RCSMessage": {"status": "sent"}},
    {"event": "messageStatus", "RCSMessage": "sent"},
    {"event": "fileStatus", "file": {"status": "ready"}},
    heard("alias", CONTACT),
    heard("alias", ANONYMOUS),
    b"not JSON",
    b"\xff\xfe",
    b'{"event": "message", "n": NaN}',
    b'{"a":' * 100_000,
]


@pytest.mark.parametrize("body", NONSENSE)
def test_nonsense_is_verified_and_cannot_be_parsed(body: Any) -> None:
    backend, webhook = gsma(), posted(body)
    backend.verify(webhook)
    backend.dedupe_key(webhook)
    with pytest.raises(ValueError):
        backend.parse(webhook)


NAMES = [
    "event",
    "RCSMessage",
    "messageContact",
    "file",
    "msgId",
    "status",
    "timestamp",
    "isTyping",
    "reason",
]
NAMES += ["textMessage", "fileMessage", "audioMessage", "geolocationPushMessage", "pos", "suggestedResponse"]
NAMES += ["response", "reply", "postback", "data", "sharedData", "deviceSpecifics", "userContact", "chatId"]
NAMES += ["fileId", "fileSize", "validity", "error", "code", "text", "radius", "playingLength"]
WORDS = [
    "message",
    "messageStatus",
    "fileStatus",
    "alias",
    "newUser",
    "isTyping",
    "failed",
    "1 2",
    "+3725550",
]
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner),
    max_leaves=20,
)
objects = st.dictionaries(st.sampled_from(NAMES), values)
bodies = st.builds(
    lambda event, said, contact, file, more: {
        **more,
        "event": event,
        "RCSMessage": said,
        "messageContact": contact,
        "file": file,
    },
    st.sampled_from([*WORDS, "response", None]) | st.text(),
    objects,
    objects,
    objects,
    objects,
)


@given(values | bodies)
@example(
    {"event": "messageStatus", "RCSMessage": {"msgId": "x", "status": "failed", "reason": {"code": 1e308}}}
)
@example({"file": {"fileId": "f", "fileSize": 10**4000, "validity": "0001-01-01T00:00:00+14:00"}})
def test_any_json_is_parsed_or_makes_no_sense(body: Any) -> None:
    backend, webhook = gsma(), posted(json.dumps(body).encode())
    backend.verify(webhook)
    key = backend.dedupe_key(webhook)
    assert key is None or 0 < len(key) <= 100
    try:
        parsed = backend.parse(webhook)
    except ValueError:
        return
    for item in parsed:
        json.dumps(getattr(item, "fields", None), allow_nan=False).encode()
        assert all("\0" not in str(value) for value in vars_of(item))


def vars_of(item: Parsed) -> list[Any]:
    return [getattr(item, name) for name in item.__slots__]


@given(st.binary(max_size=300))
def test_any_bytes_are_parsed_or_make_no_sense(body: bytes) -> None:
    gsma().dedupe_key(posted(body))
    try:
        gsma().parse(posted(body))
    except ValueError:
        return


def test_ignored_event_is_logged_without_what_it_says(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert gsma().parse(posted({"event": "launched", "RCSMessage": {"textMessage": "private"}})) == []
    assert "launched" in caplog.text
    assert "private" not in caplog.text


# Who is believed.

GENUINE = [
    {"authorization": SECRET},
    {"authorization": f"Bearer {SECRET}"},
    {"authorization": f"bearer  {SECRET}"},
]
TEXT = heard("message", textMessage="STOP")


@pytest.mark.parametrize("headers", GENUINE)
def test_header_is_the_secret_with_or_without_a_scheme(headers: dict[str, str]) -> None:
    gsma().verify(posted(TEXT, headers=headers))


def test_platform_that_sends_nothing_has_the_secret_in_our_address() -> None:
    gsma().verify(posted(TEXT, headers={}, query={"secret": SECRET}))
    gsma().verify(posted(TEXT, headers={"authorization": "Basic x"}, query={"secret": SECRET}))


@pytest.mark.parametrize("secret", ["new", "old"])
def test_either_secret_is_good_while_it_is_changed(secret: str) -> None:
    gsma(webhook_secret=("new", "old")).verify(posted(TEXT, headers={"authorization": secret}))


def test_secret_may_be_a_whole_header() -> None:
    backend = gsma(webhook_secret="Basic YTpi")
    backend.verify(posted(TEXT, headers={"authorization": "Basic YTpi"}))
    with pytest.raises(WebhookRefused):
        backend.verify(posted(TEXT, headers={"authorization": "YTpi"}))


FORGED: dict[str, WebhookRequest] = {
    "no header": posted(TEXT, headers={}),
    "empty header": posted(TEXT, headers={"authorization": ""}),
    "another secret": posted(TEXT, headers={"authorization": "portal-secret-2"}),
    "cut secret": posted(TEXT, headers={"authorization": SECRET[:-1]}),
    "longer secret": posted(TEXT, headers={"authorization": SECRET + "1"}),
    "in other letters": posted(TEXT, headers={"authorization": SECRET.upper()}),
    "bare scheme": posted(TEXT, headers={"authorization": "Bearer "}),
    "other scheme": posted(TEXT, headers={"authorization": f"Basic {SECRET}"}),
    "not ASCII": posted(TEXT, headers={"authorization": "é\ud800"}),
    "huge": posted(TEXT, headers={"authorization": "A" * 1_000_000}),
    "empty query": posted(TEXT, headers={}, query={"secret": ""}),
    "wrong query": posted(TEXT, headers={}, query={"secret": "portal"}),
    "in another header": posted(TEXT, headers={"x-authorization": SECRET}),
    "in the body": posted({**TEXT, "secret": SECRET}, headers={}),
}


@pytest.mark.parametrize("webhook", FORGED.values(), ids=FORGED.keys())
def test_forged_request_is_refused(webhook: WebhookRequest) -> None:
    for options in ({}, {"webhook_secret": ("", SECRET)}, {"webhook_secret": ""}):
        with pytest.raises(WebhookRefused) as caught:
            gsma(**options).verify(webhook)
        assert caught.value.status == 401


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
def test_only_a_post_tells_anything(method: str) -> None:
    webhook = WebhookRequest(method, b"", {}, {"authorization": SECRET})
    with pytest.raises(WebhookRefused) as caught:
        gsma().verify(webhook)
    assert caught.value.status == 405


# The portal's check, and the answer.


def test_portal_hears_ok() -> None:
    expected = WebhookAnswer(200, "ok", "text/plain; charset=utf-8")
    for headers in GENUINE:
        assert gsma().handshake(WebhookRequest("GET", headers=headers)) == expected
    assert gsma().handshake(WebhookRequest("GET", query={"secret": SECRET})) == expected
    assert gsma().acknowledge() == expected


@pytest.mark.parametrize("headers", [{}, {"authorization": "wrong"}, {"authorization": ""}])
def test_portal_that_does_not_know_the_secret(headers: dict[str, str]) -> None:
    with pytest.raises(WebhookRefused) as caught:
        gsma().handshake(WebhookRequest("GET", headers=headers))
    assert caught.value.status == 401


# Repeats.


def key(body: Any) -> str | None:
    return gsma().dedupe_key(posted(body))


def test_repeat_has_the_same_key() -> None:
    assert key(told("delivered")) == key({**told("Delivered"), "callbackURL": "h:1"})
    assert key(TEXT) == key(
        {**TEXT, "RCSMessage": {**TEXT["RCSMessage"], "timestamp": "2026-11-21T09:31:00Z"}}
    )
    assert key(b"not JSON") == key(b"not JSON")


DIFFERENT: list[tuple[Any, Any]] = [
    (told("delivered"), told("displayed")),
    (told("delivered"), told("delivered", msgId="m-78")),
    (told("failed", reason={"code": "41002"}), told("failed", reason={"code": "41212"})),
    (heard("isTyping", isTyping="active"), heard("isTyping", isTyping="idle")),
    (heard("message", textMessage="x"), heard("message", textMessage="x", msgId="mo-2")),
    (heard("message", textMessage="x"), heard("isTyping", isTyping="active")),
    (
        {"event": "fileStatus", "file": STORED},
        {"event": "fileStatus", "file": {**STORED, "status": "failed"}},
    ),
    ({"event": "fileStatus", "file": STORED}, {"event": "fileStatus", "file": {**STORED, "fileId": "f-8"}}),
    (b"not JSON", b"not JSON either"),
    (
        heard("isTyping", msgId=None, isTyping="active"),
        heard("isTyping", msgId=None, isTyping="active", timestamp="2026-11-21T09:31:00Z"),
    ),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_events_have_different_keys(one: Any, other: Any) -> None:
    assert key(one)
    assert key(other)
    assert key(one) != key(other)


def test_repeats_of_what_has_neither_id_nor_time_cannot_be_told() -> None:
    assert key({"event": "isTyping", **CONTACT, "RCSMessage": {"isTyping": "active"}}) is None
