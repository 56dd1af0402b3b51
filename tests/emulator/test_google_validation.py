"""Every limit of Google's wire, on both sides of its border."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from rcs_backends.emulator.state import world
from tests.emulator.conftest import HELLO, MESSAGES, NUMBER

URL = "https://shop.example/a"


def content(**members: Any) -> dict[str, Any]:
    return {"messageTrafficType": "TRANSACTION", "contentMessage": members}


def chips(*suggestions: Any) -> dict[str, Any]:
    return content(text="x", suggestions=list(suggestions))


def reply(label: str = "Yes", **more: Any) -> dict[str, Any]:
    return {"reply": {"text": label, "postbackData": "y", **more}}


def action(name: str = "dialAction", fields: Any = None, **more: Any) -> dict[str, Any]:
    return {"action": {"text": "Do", "postbackData": "d", name: fields or {"phoneNumber": "1011"}, **more}}


def card(standalone: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return content(richCard={"standaloneCard": {"cardContent": fields, **(standalone or {})}})


def carousel(*cards: Any, **more: Any) -> dict[str, Any]:
    return content(richCard={"carouselCard": {"cardWidth": "MEDIUM", "cardContents": list(cards), **more}})


def url_of(length: int) -> str:
    return "https://shop.example/" + "a" * (length - 21)


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


MEDIA = {"height": "SHORT", "contentInfo": {"fileUrl": URL}}
CALENDAR = {"startTime": "2026-11-27T17:00:00Z", "endTime": "2026-11-27T19:00:00Z", "title": "Dinner"}
PLACE = {"latLong": {"latitude": 59.4, "longitude": 24.7}}

GOOD: dict[str, dict[str, Any]] = {
    "text at its limit": content(text="ä" * 3072),
    "emoji count as one": content(text="🐘" * 3072),
    "eleven chips": chips(*[reply()] * 11),
    "label at its limit": chips(reply("x" * 25)),
    "postback at its limit": chips(reply(postbackData="p" * 2048)),
    "a reply without postback": chips({"reply": {"text": "Yes"}}),
    "fallback url at its limit": chips(action(fallbackUrl=url_of(2048))),
    "open url at its limit": chips(action("openUrlAction", {"url": url_of(2048)})),
    "a webview": chips(
        action("openUrlAction", {"url": URL, "application": "WEBVIEW", "webviewViewMode": "TALL"})
    ),
    "stars and hashes dialled": chips(action("dialAction", {"phoneNumber": "*#06#+1"})),
    "share location is an empty object": chips({"action": {"text": "Where", "shareLocationAction": {}}}),
    "the poles": chips(action("viewLocationAction", {"latLong": {"latitude": -90, "longitude": 180}})),
    "a place to search": chips(action("viewLocationAction", {"query": "Bistro"})),
    "numeric strings": chips(
        action("viewLocationAction", {"latLong": {"latitude": "59.4", "longitude": "-24"}})
    ),
    "calendar at its limits": chips(
        action("createCalendarEventAction", {**CALENDAR, "title": "t" * 100, "description": "d" * 500})
    ),
    "title at its limit": card(title="t" * 200),
    "description at its limit": card(description="d" * 2000),
    "media alone": card(media=MEDIA),
    "alt text": card(media={**MEDIA, "contentDescription": "boots"}),
    "four buttons": card(title="t", suggestions=[reply()] * 4),
    "horizontal with buttons": card({"cardOrientation": "HORIZONTAL"}, media=MEDIA, suggestions=[reply()]),
    "horizontal without media": card({"cardOrientation": "HORIZONTAL"}, title="t"),
    "a card with chips": {
        **card(title="t"),
        "contentMessage": {**card(title="t")["contentMessage"], "suggestions": [reply()] * 11},
    },
    "two cards": carousel({"title": "a"}, {"title": "b"}),
    "ten cards": carousel(*[{"title": "a"}] * 10),
    "small cards with medium media": carousel(
        {"media": {**MEDIA, "height": "MEDIUM"}}, {"title": "b"}, cardWidth="SMALL"
    ),
    "medium cards with tall media": carousel({"media": {**MEDIA, "height": "TALL"}}, {"title": "b"}),
    "a file": content(contentInfo={"fileUrl": URL, "thumbnailUrl": URL, "forceRefresh": True}),
    "snake case": {
        "message_traffic_type": "TRANSACTION",
        "content_message": {"rich_card": {"standalone_card": {"card_content": {"title": "t"}}}},
    },
    "null is absent": {**HELLO, "ttl": None, "expireTime": None},
    "output fields are ignored": {**HELLO, "name": "x", "sendTime": "whatever"},
    "ttl of 15 days": {**HELLO, "ttl": "1296000s"},
    "fractional ttl": {**HELLO, "ttl": "3.5s"},
    "expiry in just under 15 days": {**HELLO, "expireTime": in_days(14.99)},
}

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no content": ({"messageTrafficType": "TRANSACTION"}, "contentMessage"),
    "unknown field": ({**HELLO, "priority": 1}, "priority"),
    "unknown field inside": (content(text="x", caption="y"), "contentMessage.caption"),
    "wrong enum": ({**HELLO, "messageTrafficType": "MARKETING"}, "messageTrafficType"),
    "no traffic type on a multi-use agent": ({"contentMessage": {"text": "x"}}, "messageTrafficType"),
    "text and file": (content(text="x", contentInfo={"fileUrl": URL}), "contentMessage.contentInfo"),
    "nothing": (content(), "contentMessage"),
    "only chips": (content(suggestions=[reply()]), "contentMessage"),
    "text too long": (content(text="x" * 3073), "contentMessage.text"),
    "empty text": (content(text=""), "contentMessage.text"),
    "text is no string": (content(text=7), "contentMessage.text"),
    "half a surrogate pair": (content(text="\ud83d"), "contentMessage.text"),
    "twelve chips": (chips(*[reply()] * 12), "contentMessage.suggestions"),
    "chips are no list": (content(text="x", suggestions=reply()), "contentMessage.suggestions"),
    "label too long": (chips(reply(), reply("x" * 26)), "contentMessage.suggestions[1].reply.text"),
    "no label": (chips({"reply": {"postbackData": "y"}}), "contentMessage.suggestions[0].reply.text"),
    "postback too long": (
        chips(reply(postbackData="p" * 2049)),
        "contentMessage.suggestions[0].reply.postbackData",
    ),
    "reply and action": (chips({**reply(), **action()}), "contentMessage.suggestions[0].action"),
    "an empty suggestion": (chips({}), "contentMessage.suggestions[0]"),
    "an action that does nothing": (
        chips({"action": {"text": "Do"}}),
        "contentMessage.suggestions[0].action",
    ),
    "two actions in one": (
        chips(action(openUrlAction={"url": URL})),
        "contentMessage.suggestions[0].action.openUrlAction",
    ),
    "withdrawn action": (
        chips(action("composeAction", {"composeTextMessage": {}})),
        "contentMessage.suggestions[0].action.composeAction",
    ),
    "fallback url too long": (
        chips(action(fallbackUrl=url_of(2049))),
        "contentMessage.suggestions[0].action.fallbackUrl",
    ),
    "url too long": (
        chips(action("openUrlAction", {"url": url_of(2049)})),
        "contentMessage.suggestions[0].action.openUrlAction.url",
    ),
    "url with a space": (
        chips(action("openUrlAction", {"url": "https://shop.example/a b"})),
        "contentMessage.suggestions[0].action.openUrlAction.url",
    ),
    "relative url": (
        chips(action("openUrlAction", {"url": "/a"})),
        "contentMessage.suggestions[0].action.openUrlAction.url",
    ),
    "unknown application": (
        chips(action("openUrlAction", {"url": URL, "application": "APP"})),
        "contentMessage.suggestions[0].action.openUrlAction.application",
    ),
    "letters dialled": (
        chips(action("dialAction", {"phoneNumber": "CALLME"})),
        "contentMessage.suggestions[0].action.dialAction.phoneNumber",
    ),
    "beyond the pole": (
        chips(action("viewLocationAction", {"latLong": {"latitude": 90.1, "longitude": 0}})),
        "contentMessage.suggestions[0].action.viewLocationAction.latLong.latitude",
    ),
    "beyond the date line": (
        chips(action("viewLocationAction", {"latLong": {"latitude": 0, "longitude": -180.1}})),
        "contentMessage.suggestions[0].action.viewLocationAction.latLong.longitude",
    ),
    "place and query": (
        chips(action("viewLocationAction", {**PLACE, "query": "Bistro"})),
        "contentMessage.suggestions[0].action.viewLocationAction.query",
    ),
    "calendar title too long": (
        chips(action("createCalendarEventAction", {**CALENDAR, "title": "t" * 101})),
        "contentMessage.suggestions[0].action.createCalendarEventAction.title",
    ),
    "calendar description too long": (
        chips(action("createCalendarEventAction", {**CALENDAR, "description": "d" * 501})),
        "contentMessage.suggestions[0].action.createCalendarEventAction.description",
    ),
    "calendar without zone": (
        chips(action("createCalendarEventAction", {**CALENDAR, "endTime": "2026-11-27T19:00:00"})),
        "contentMessage.suggestions[0].action.createCalendarEventAction.endTime",
    ),
    "title too long": (card(title="t" * 201), "contentMessage.richCard.standaloneCard.cardContent.title"),
    "description too long": (
        card(description="d" * 2001),
        "contentMessage.richCard.standaloneCard.cardContent.description",
    ),
    "an empty card": (card(), "contentMessage.richCard.standaloneCard.cardContent"),
    "a card of buttons": (card(suggestions=[reply()]), "contentMessage.richCard.standaloneCard.cardContent"),
    "five buttons": (
        card(title="t", suggestions=[reply()] * 5),
        "contentMessage.richCard.standaloneCard.cardContent.suggestions",
    ),
    "horizontal media alone": (
        card({"cardOrientation": "HORIZONTAL"}, media=MEDIA),
        "contentMessage.richCard.standaloneCard.cardContent",
    ),
    "wrong orientation": (
        card({"cardOrientation": "DIAGONAL"}, title="t"),
        "contentMessage.richCard.standaloneCard.cardOrientation",
    ),
    "media without a source": (
        card(media={"height": "SHORT"}),
        "contentMessage.richCard.standaloneCard.cardContent.media",
    ),
    "media with two sources": (
        card(media={**MEDIA, "fileName": "files/a"}),
        "contentMessage.richCard.standaloneCard.cardContent.media.fileName",
    ),
    "wrong height": (
        card(media={**MEDIA, "height": "HUGE"}),
        "contentMessage.richCard.standaloneCard.cardContent.media.height",
    ),
    "both kinds of card": (
        content(
            richCard={**card(title="t")["contentMessage"]["richCard"], "carouselCard": {"cardContents": []}}
        ),
        "contentMessage.richCard.carouselCard.cardContents",
    ),
    "one card": (carousel({"title": "a"}), "contentMessage.richCard.carouselCard.cardContents"),
    "eleven cards": (carousel(*[{"title": "a"}] * 11), "contentMessage.richCard.carouselCard.cardContents"),
    "small cards with tall media": (
        carousel({"title": "a"}, {"media": {**MEDIA, "height": "TALL"}}, cardWidth="SMALL"),
        "contentMessage.richCard.carouselCard.cardContents[1].media.height",
    ),
    "a card in the carousel is broken": (
        carousel({"title": "a"}, {"title": "b", "suggestions": [reply("x" * 26)]}),
        "contentMessage.richCard.carouselCard.cardContents[1].suggestions[0].reply.text",
    ),
    "a file without an address": (
        content(contentInfo={"forceRefresh": True}),
        "contentMessage.contentInfo.fileUrl",
    ),
    "a file from nowhere": (
        content(contentInfo={"fileUrl": "file:///etc"}),
        "contentMessage.contentInfo.fileUrl",
    ),
    "a switch that is a word": (
        content(contentInfo={"fileUrl": URL, "forceRefresh": "yes"}),
        "contentMessage.contentInfo.forceRefresh",
    ),
    "an upload nobody made": (content(uploadedRbmFile={"fileName": "files/none"}), "contentMessage"),
    "an upload's name without files/": (
        content(uploadedRbmFile={"fileName": "none"}),
        "contentMessage.uploadedRbmFile.fileName",
    ),
    "ttl and expiry": ({**HELLO, "ttl": "60s", "expireTime": in_days(1)}, "ttl"),
    "ttl over 15 days": ({**HELLO, "ttl": "1296001s"}, "ttl"),
    "ttl of nothing": ({**HELLO, "ttl": "0s"}, "ttl"),
    "ttl as a number": ({**HELLO, "ttl": 600}, "ttl"),
    "ttl without its s": ({**HELLO, "ttl": "600"}, "ttl"),
    "endless ttl": ({**HELLO, "ttl": "999999999999s"}, "ttl"),
    "expiry over 15 days": ({**HELLO, "expireTime": in_days(15.01)}, "expireTime"),
    "expired before it was sent": ({**HELLO, "expireTime": in_days(-0.01)}, "expireTime"),
    "no such day": ({**HELLO, "expireTime": "2026-13-01T00:00:00Z"}, "expireTime"),
    "year zero": ({**HELLO, "expireTime": "0001-01-01T00:00:00+14:00"}, "expireTime"),
    "both spellings": ({**HELLO, "message_traffic_type": "TRANSACTION"}, "messageTrafficType"),
}


@pytest.mark.parametrize("body", GOOD.values(), ids=GOOD.keys())
def test_google_takes_what_the_pages_allow(send, body):
    answer = send(body=body)
    assert answer.status_code == 200, answer.json()
    assert answer.json()["name"] == f"phones/{NUMBER}/agentMessages/m1"
    assert "ttl" not in answer.json()


@pytest.mark.parametrize(("body", "field"), BAD.values(), ids=BAD.keys())
def test_google_refuses_and_names_the_field(send, body, field):
    answer = send(body=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    violated = [violation["field"] for violation in error["details"][0]["fieldViolations"]]
    wanted = ["expireTime", "ttl"] if field == "ttl" and "expireTime" in body else [field]
    assert violated[0] in wanted
    assert not world.ledger.accepted


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b'"x"', b"{", b"\xff", b'{"contentMessage": {"text": NaN}}', b"[" * 100_000, b"9" * 5000],
)
def test_what_is_no_json_object_is_refused(client: Client, raw):
    answer = client.post(f"{MESSAGES}?messageId=m1&agentId=acme", raw, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_a_message_ends_at_250_kilobytes(client: Client):
    bare = json.dumps(HELLO).encode()
    for size, status in ((250_000, 200), (250_001, 400), (3_000_000, 400)):
        padded = bare[:-1] + b" " * (size - len(bare)) + b"}"
        path = f"{MESSAGES}?messageId=m{size}&agentId=acme"
        assert client.post(path, padded, content_type="application/json").status_code == status


def test_the_body_must_say_that_it_is_json(client: Client):
    path = f"{MESSAGES}?messageId=m1&agentId=acme"
    assert client.post(path, json.dumps(HELLO), content_type="text/plain").status_code == 400


@pytest.mark.parametrize(
    ("number", "status"),
    [
        ("+37255501234", 200),
        ("%2B37255501234", 200),
        ("+1234567", 200),
        ("+123456789012345", 200),
        ("+1234567890123456", 400),
        ("+123456", 400),
        ("+0234567890", 400),
        ("37255501234", 400),
        (" 37255501234", 400),
        ("+٣٧٢٥٥٥٠١٢٣٤", 400),
    ],
)
def test_a_number_is_e164_with_a_literal_or_escaped_plus(send, number, status):
    assert send(to=number).status_code == status


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("messageId=m1&agentId=acme", 200),
        ("message_id=m1&agent_id=acme&prettyPrint=false&alt=json", 200),
        ("agentId=acme", 400),
        ("messageId=&agentId=acme", 400),
        ("messageId=a%2Fb&agentId=acme", 400),
        ("messageId=a+b&agentId=acme", 400),
        ("messageId=m1&agentId=acme&eventId=e1", 400),
        ("messageId=m1", 403),
    ],
)
def test_the_query_names_message_and_agent_and_nothing_else(client: Client, query, status):
    assert client.post(f"{MESSAGES}?{query}", HELLO, content_type="application/json").status_code == status


@pytest.mark.parametrize(
    ("message_id", "status"), [("m1", 400), ("5f1c9f0e-5b0a-4d7e-9a34-1f2d3c4b5a69", 200)]
)
def test_ids_must_be_uuids_if_the_dial_says_so(send, message_id, status):
    world.configure({"google": {"strict_uuids": True}})
    assert send(message_id).status_code == status


@pytest.mark.parametrize(
    ("use_case", "traffic", "status"),
    [
        ("multi", None, 400),
        ("multi", "MESSAGE_TRAFFIC_TYPE_UNSPECIFIED", 400),
        ("otp", None, 200),
        ("otp", "AUTHENTICATION", 200),
        ("otp", "PROMOTION", 400),
        ("transactional", "PROMOTION", 400),
        ("transactional", "ACKNOWLEDGEMENT", 200),
        ("promotional", "TRANSACTION", 400),
        ("multi", "SERVICEREQUEST", 200),
    ],
)
def test_the_use_case_limits_the_traffic(send, use_case, traffic, status):
    world.configure({"google": {"agents": {"acme": {"use_case": use_case}}, "strict_traffic": True}})
    body = {"contentMessage": {"text": "x"}} | ({"messageTrafficType": traffic} if traffic else {})
    assert send(body=body).status_code == status


@pytest.mark.parametrize("path", ["v1/phones", "v1/phones/+37255501234/agentMessages", "v2/x", ""])
def test_other_addresses_are_not_found_in_googles_words(client: Client, path):
    answer = client.get(f"/emulator/google/{path}")
    assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")
