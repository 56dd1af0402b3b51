"""Every rule of the MaaP wire that has a code, on both sides of its border."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from rcs_backends.emulator.state import world
from tests.emulator.conftest import NUMBER, Phone
from tests.emulator.gsma_bot import (
    REPLY,
    TEXT,
    TO,
    URL,
    Bot,
    action,
    card,
    carousel,
    chips,
    connected,
    dial,
    reason,
    reply,
)

HORIZONTAL = {"cardOrientation": "HORIZONTAL", "imageAlignment": "LEFT"}
MEDIA = {
    "mediaUrl": URL,
    "mediaContentType": "image/jpeg",
    "mediaFileSize": 90311,
    "height": "MEDIUM_HEIGHT",
}
THUMBNAIL = {"thumbnailUrl": URL, "thumbnailContentType": "image/png", "thumbnailFileSize": 1}
FILE = {
    "fileUrl": URL,
    "fileName": "menu.pdf",
    "fileMIMEType": "application/pdf",
    "fileSize": 48211,
    "thumbnailUrl": URL,
    "thumbnailFileName": "menu.jpg",
    "thumbnailMIMEType": "image/jpeg",
    "thumbnailFileSize": 3120,
}
AUDIO = {
    "fileUrl": URL,
    "fileName": "hi.amr",
    "fileMIMEType": "audio/amr",
    "fileSize": 9120,
    "playingLength": 6,
}
PLACE = {
    "pos": "48.8584 -2.2945",
    "label": "x" * 200,
    "timestamp": "2026-11-21T09:30:00Z",
    "expiry": "2026-11-22T09:30:00+02:00",
    "timeOffset": -300,
    "radius": 2.5,
}
DINNER = {"startTime": "2026-12-01T19:00:00Z", "endTime": "2026-12-01T21:00:00.000+01:00", "title": "x" * 100}
PHONE = {"phoneNumber": "+390612345"}
TITLE = {"title": "t"}


def show(**location: Any) -> Any:
    return action("mapAction", "showLocation", {"location": location})


def ahead(**delta: Any) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


def without(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != name}


GOOD: dict[str, dict[str, Any]] = {
    "text at its limit": {"textMessage": "🐘" * 2500},
    "a file": {"fileMessage": FILE},
    "a file by address alone": {"fileMessage": {"fileUrl": URL}},
    "audio": {"audioMessage": AUDIO},
    "a place": {"geolocationPushMessage": PLACE},
    "a place with the offset as a string": {"geolocationPushMessage": {**PLACE, "timeOffset": "-300"}},
    "the far corner": {"geolocationPushMessage": {"pos": "-90 180"}},
    "eleven chips": chips(*[REPLY] * 11),
    "a label at its limit": chips(reply("x" * 25)),
    "a postback at its limit": chips(reply(postback={"data": "p" * 2048})),
    "an empty postback": chips(reply(postback={"data": ""})),
    "open url": chips(action("urlAction", "openUrl", {"url": URL})),
    "open url in a webview": chips(
        action(
            "urlAction",
            "openUrl",
            {"url": URL, "application": "webview", "viewMode": "tall", "parameters": "x"},
        )
    ),
    "dial": chips(action("dialerAction", "dialPhoneNumber", {**PHONE, "fallbackUrl": URL})),
    "enriched call": chips(action("dialerAction", "dialEnrichedCall", {**PHONE, "subject": "s" * 60})),
    "video call": chips(action("dialerAction", "dialVideoCall", PHONE)),
    "show a point": chips(show(latitude=48.8, longitude=-2.2, label="x" * 100)),
    "show a query": chips(show(query="q" * 200)),
    "ask for the place": chips(action("mapAction", "requestLocationPush")),
    "calendar": chips(action("calendarAction", "createCalendarEvent", {**DINNER, "description": "d" * 500})),
    "compose text": chips(action("composeAction", "composeTextMessage", {**PHONE, "text": "t" * 100})),
    "compose recording": chips(
        action("composeAction", "composeRecordingMessage", {**PHONE, "type": "AUDIO"})
    ),
    "device": chips(action("deviceAction", "requestDeviceSpecifics")),
    "anonymity": chips(action("settingsAction", "disableAnonymization", data=None)),
    "displayed": chips(action("settingsAction", "enableDisplayedNotifications")),
    "a card at its limits": card(title="t" * 200, description="d" * 2000, suggestions=[REPLY] * 4),
    "a card of media": card(HORIZONTAL, media={**MEDIA, **THUMBNAIL, "contentDescription": "c" * 200}),
    "a card with chips": {**card(title="t"), "suggestedChipList": {"suggestions": [REPLY]}},
    "a carousel of two": carousel(TITLE, TITLE),
    "a carousel of ten": carousel(*[TITLE] * 10, width="SMALL_WIDTH"),
    "tall in a medium carousel": carousel(TITLE, {"media": {**MEDIA, "height": "TALL_HEIGHT"}}),
    "typing": {"isTyping": "active"},
    "typing no more": {"isTyping": "idle"},
    "traffic type": {**TEXT, "trafficType": "advertisement"},
    "expiry": {**TEXT, "expiry": ahead(days=1)},
    "fields of other vendors": {**TEXT, "msgId": "m", "timestamp": "x", "reportRequest": ["Delivered"]},
    "nulls": {**TEXT, "fileMessage": None, "trafficType": None, "suggestedChipList": None},
}

BAD: dict[str, tuple[str, Any]] = {  # → the code, and what is sent
    "no content": ("42009", {"trafficType": "payment"}),
    "unknown content": ("42009", {"videoMessage": {}}),
    "two contents": ("42010", {**TEXT, "isTyping": "active"}),
    "an unknown field": ("42002", {**TEXT, "contributionID": "x"}),
    "not an object": ("42002", "hello"),
    "isTyping": ("42012", {"isTyping": "inactive"}),
    "traffic type": ("42013", {**TEXT, "trafficType": "promotion"}),
    "chips alone": ("42014", {"suggestedChipList": {"suggestions": [REPLY]}}),
    "chips and typing": ("42014", {"isTyping": "idle", "suggestedChipList": {"suggestions": [REPLY]}}),
    "empty text": ("42015", {"textMessage": ""}),
    "text too long": ("42002", {"textMessage": "x" * 2501}),
    "text is no string": ("42002", {"textMessage": ["x"]}),
    "half a surrogate pair": ("42002", {"textMessage": "\ud83d"}),
    "expiry format": ("42207", {**TEXT, "expiry": "tomorrow"}),
    "expiry without a zone": ("42207", {**TEXT, "expiry": "2036-11-21T09:30:00"}),
    "expiry is past": ("42208", {**TEXT, "expiry": ahead(minutes=-1)}),
    "no card": ("42031", {"richcardMessage": {"message": {}}}),
    "no message in the card": ("42031", {"richcardMessage": {}}),
    "both cards": (
        "42032",
        {
            "richcardMessage": {
                "message": {
                    **card(title="t")["richcardMessage"]["message"],
                    **carousel(TITLE, TITLE)["richcardMessage"]["message"],
                }
            }
        },
    ),
    "eleven cards": ("42033", carousel(*[TITLE] * 11)),
    "one card in a carousel": ("42002", carousel(TITLE)),
    "no cards": ("42002", carousel()),
    "no layout": ("42034", {"richcardMessage": {"message": {"generalPurposeCard": {"content": TITLE}}}}),
    "no carousel layout": (
        "42034",
        {"richcardMessage": {"message": {"generalPurposeCardCarousel": {"content": [TITLE, TITLE]}}}},
    ),
    "no card content": (
        "42035",
        {"richcardMessage": {"message": {"generalPurposeCard": {"layout": {"cardOrientation": "VERTICAL"}}}}},
    ),
    "orientation": ("42036", card({"cardOrientation": "DIAGONAL"}, **TITLE)),
    "no orientation": ("42036", card({}, **TITLE)),
    "no alignment": ("42037", card({"cardOrientation": "HORIZONTAL"}, **TITLE)),
    "alignment": ("42038", card({**HORIZONTAL, "imageAlignment": "None"}, **TITLE)),
    "alignment of a vertical card": ("42039", card({**HORIZONTAL, "cardOrientation": "VERTICAL"}, **TITLE)),
    "card width": ("42040", carousel(TITLE, TITLE, width="LARGE_WIDTH")),
    "no card width": ("42040", carousel(TITLE, TITLE, width=None)),
    "tall in small": (
        "42041",
        carousel(TITLE, {"media": {**MEDIA, "height": "TALL_HEIGHT"}}, width="SMALL_WIDTH"),
    ),
    "an empty card": ("42042", card(suggestions=[REPLY])),
    "a layout inside a carousel": ("42002", carousel({**TITLE, "layout": HORIZONTAL}, TITLE)),
    "no chips": ("42043", chips()),
    "a chip list without chips": ("42043", {**TEXT, "suggestedChipList": {}}),
    "no buttons": ("42043", card(title="t", suggestions=[])),
    "twelve chips": ("42044", chips(*[REPLY] * 12)),
    "neither reply nor action": ("42045", chips({})),
    "a chip list as an array": ("42002", {**TEXT, "suggestedChipList": [REPLY]}),
    "reply and action": ("42046", chips({**REPLY, **action("mapAction", "requestLocationPush")})),
    "two groups": (
        "42047",
        chips({"action": {"displayText": "x", "mapAction": {}, "deviceAction": {}}}),
    ),
    "five buttons": ("42048", card(title="t", suggestions=[REPLY] * 5)),
    "postback too long": ("42049", chips(reply(postback={"data": "p" * 2049}))),
    "no action": ("42050", chips({"action": {"displayText": "x"}})),
    "unknown group": ("42050", chips(action("payAction", "pay"))),
    "unknown url action": ("42050", chips(action("urlAction", "closeUrl"))),
    "unknown calendar action": ("42050", chips(action("calendarAction", "deleteCalendarEvent"))),
    "unknown device action": ("42050", chips(action("deviceAction", "reboot"))),
    "half a point": ("42051", chips(show(latitude=48.8))),
    "no point": ("42051", chips(show(label="x"))),
    "no location": ("42051", chips(action("mapAction", "showLocation"))),
    "point and query": ("42052", chips(show(latitude=48.8, longitude=2.2, query="x"))),
    "half a point and query": ("42052", chips(show(latitude=48.8, query="x"))),
    "no map action": ("42053", chips(action("mapAction", "hideLocation"))),
    "two map actions": (
        "42054",
        chips({"action": {"displayText": "x", "mapAction": {"showLocation": {}, "requestLocationPush": {}}}}),
    ),
    "no dialer action": ("42055", chips(action("dialerAction", "dialVideoNumber", PHONE))),
    "two dialer actions": (
        "42056",
        chips(
            {
                "action": {
                    "displayText": "x",
                    "dialerAction": {"dialVideoCall": PHONE, "dialPhoneNumber": PHONE},
                }
            }
        ),
    ),
    "no compose action": ("42057", chips(action("composeAction", "composeFax"))),
    "two compose actions": (
        "42058",
        chips(
            {
                "action": {
                    "displayText": "x",
                    "composeAction": {"composeTextMessage": {}, "composeRecordingMessage": {}},
                }
            }
        ),
    ),
    "no settings action": ("42059", chips(action("settingsAction", "enableAnonymization"))),
    "two settings actions": (
        "42060",
        chips(
            {
                "action": {
                    "displayText": "x",
                    "settingsAction": {"disableAnonymization": {}, "enableDisplayedNotifications": {}},
                }
            }
        ),
    ),
    "thumbnail without its type": ("42100", card(media={**MEDIA, "thumbnailUrl": URL})),
    "no file address": ("42101", {"fileMessage": without(FILE, "fileUrl")}),
    "a relative file address": ("42101", {"fileMessage": {"fileUrl": "/menu.pdf"}}),
    "no audio address": ("42102", {"audioMessage": {"fileName": "x"}}),
    "no position": ("42103", {"geolocationPushMessage": {"label": "x"}}),
    "a position with a comma": ("42103", {"geolocationPushMessage": {"pos": "48.8584, 2.2945"}}),
    "a position off the globe": ("42103", {"geolocationPushMessage": {"pos": "91 2"}}),
    "a scanned position": ("42103", {"geolocationPushMessage": {"pos": "26.118 1289 - 80.1283921"}}),
    "no media address": ("42104", card(media=without(MEDIA, "mediaUrl"))),
    "no media type": ("42105", card(media=without(MEDIA, "mediaContentType"))),
    "a document in a card": ("42105", card(media={**MEDIA, "mediaContentType": "application/pdf"})),
    "no media size": ("42106", card(media=without(MEDIA, "mediaFileSize"))),
    "no height": ("42107", card(media=without(MEDIA, "height"))),
    "height": ("42107", card(media={**MEDIA, "height": "MEDIUM"})),
    "postback without data": ("42108", chips(reply(postback={}))),
    "postback of null": ("42108", chips(reply(postback={"data": None}))),
    "label of a place": ("42201", {"geolocationPushMessage": {**PLACE, "label": "x" * 201}}),
    "description of media": ("42202", card(media={**MEDIA, "contentDescription": "x" * 201})),
    "empty description of media": ("42202", card(media={**MEDIA, "contentDescription": ""})),
    "title": ("42203", card(title="t" * 201)),
    "empty title": ("42203", card(title="")),
    "description": ("42204", card(description="d" * 2001)),
    "negative size": ("42206", {"fileMessage": {**FILE, "fileSize": -1}}),
    "negative media size": ("42206", card(media={**MEDIA, "mediaFileSize": -1})),
    "size as a string": ("42206", {"fileMessage": {**FILE, "fileSize": "48211"}}),
    "date of a place": ("42003", {"geolocationPushMessage": {**PLACE, "timestamp": "noon"}}),
    "date of an event": (
        "42003",
        chips(action("calendarAction", "createCalendarEvent", {**DINNER, "endTime": "2026-12-01"})),
    ),
    "no label": ("42002", chips({"reply": {"postback": {"data": "x"}}})),
    "label too long": ("42002", chips(reply("x" * 26))),
    "empty label": ("42002", chips(reply(""))),
    "no address to open": ("42002", chips(action("urlAction", "openUrl"))),
    "no number to dial": ("42002", chips(action("dialerAction", "dialPhoneNumber", {"fallbackUrl": URL}))),
    "subject too long": (
        "42002",
        chips(action("dialerAction", "dialEnrichedCall", {**PHONE, "subject": "s" * 61})),
    ),
    "text to compose too long": (
        "42002",
        chips(action("composeAction", "composeTextMessage", {**PHONE, "text": "t" * 101})),
    ),
    "recording type": (
        "42002",
        chips(action("composeAction", "composeRecordingMessage", {**PHONE, "type": "audio"})),
    ),
    "latitude as a string": ("42002", chips(show(latitude="48.8", longitude=2.2))),
    "query too long": ("42002", chips(show(query="q" * 201))),
    "label of a point too long": ("42002", chips(show(latitude=48.8, longitude=2.2, label="x" * 101))),
    "event title too long": (
        "42002",
        chips(action("calendarAction", "createCalendarEvent", {**DINNER, "title": "x" * 101})),
    ),
    "something in an empty action": (
        "42002",
        chips(action("mapAction", "requestLocationPush", {"label": "x"})),
    ),
    "snake case": ("42009", {"text_message": "x"}),
    "offset": ("42002", {"geolocationPushMessage": {**PLACE, "timeOffset": "an hour"}}),
    "radius": ("42002", {"geolocationPushMessage": {**PLACE, "radius": -1}}),
    "playing length": ("42002", {"audioMessage": {**AUDIO, "playingLength": 2.5}}),
}


@pytest.fixture
def bot(client: Client) -> Bot:
    return connected(client)


@pytest.mark.parametrize("name", GOOD)
def test_what_the_platform_takes(bot: Bot, name):
    answer = bot.send(GOOD[name])
    assert answer.status_code == 202, answer.content
    assert answer.json()["RCSMessage"]["status"] == "pending"


@pytest.mark.parametrize("name", BAD)
def test_what_the_platform_refuses(bot: Bot, phone: Phone, name):
    code, message = BAD[name]
    assert reason(bot.send(message)) == (400, code)
    assert phone.messages() == []


ENVELOPES: dict[str, tuple[str, Any]] = {
    "no message": ("42008", {"messageContact": TO}),
    "no recipient": ("42004", {"RCSMessage": TEXT}),
    "an empty recipient": ("42004", {"RCSMessage": TEXT, "messageContact": {}}),
    "nobody": (
        "42004",
        {"RCSMessage": TEXT, "messageContact": {"userContact": None, "chatId": None}},
    ),
    "a bare string": ("42004", {"RCSMessage": TEXT, "messageContact": NUMBER}),
    "no plus": ("42005", {"RCSMessage": TEXT, "messageContact": {"userContact": NUMBER[1:]}}),
    "sixteen digits": ("42005", {"RCSMessage": TEXT, "messageContact": {"userContact": "+" + "1" * 16}}),
    "a number that is none": ("42005", {"RCSMessage": TEXT, "messageContact": {"userContact": 391701234567}}),
    "another member": ("42002", {"RCSMessage": TEXT, "messageContact": {**TO, "name": "Ann"}}),
    "another envelope": ("42002", {"RCSMessage": TEXT, "messageContact": TO, "conversationID": "x"}),
    "ttl as a number": ("42207", {"RCSMessage": TEXT, "messageContact": TO, "ttl": 10}),
    "ttl of nothing": ("42208", {"RCSMessage": TEXT, "messageContact": TO, "ttl": "0s"}),
    "ttl of ages": ("42208", {"RCSMessage": TEXT, "messageContact": TO, "ttl": "999999999999s"}),
    "a list": ("42002", [{"RCSMessage": TEXT, "messageContact": TO}]),
}


@pytest.mark.parametrize("name", ENVELOPES)
def test_an_envelope_that_is_refused(bot: Bot, name):
    code, body = ENVELOPES[name]
    assert reason(bot.call("POST", "messages", body)) == (400, code)


def test_limits_that_are_dials(bot: Bot):
    twelve, long, special = (
        carousel(*[TITLE] * 12),
        {"textMessage": "x" * 2501},
        {**TEXT, "trafficType": "otp"},
    )
    assert {bot.send(one).status_code for one in (twelve, long, special)} == {400}
    dial(carousel_limit=12, text_limit=3000, traffic_types=["otp"])
    assert {bot.send(one).status_code for one in (twelve, long, special)} == {202}
    dial(text_limit=10)
    assert bot.send(TEXT).status_code == 400


def test_a_thirteenth_card_is_too_many_even_then(bot: Bot):
    dial(carousel_limit=12)
    assert reason(bot.send(carousel(*[TITLE] * 13))) == (400, "42033")


# What the old SDK for Python sends, with its nulls, and what must become of it

MEDIA_WITH_NULLS = {
    **MEDIA,
    "thumbnailUrl": None,
    "thumbnailContentType": None,
    "thumbnailFileSize": None,
    "contentDescription": None,
}
OLD_SDK_GOOD: dict[str, Any] = {
    "url": chips(action("urlAction", "openUrl", {"url": URL})),
    "location push": chips(action("mapAction", "requestLocationPush")),
    "a point": chips(
        action(
            "mapAction",
            "showLocation",
            {
                "location": {"latitude": 48.8, "longitude": 2.3, "label": "Shop", "query": None},
                "fallbackUrl": None,
            },
        )
    ),
    "a query": chips(
        action(
            "mapAction",
            "showLocation",
            {
                "location": {"latitude": None, "longitude": None, "label": None, "query": "pizza"},
                "fallbackUrl": URL,
            },
        )
    ),
    "calendar": chips(
        action("calendarAction", "createCalendarEvent", {**DINNER, "description": None, "fallbackUrl": None})
    ),
    "a file": {"fileMessage": {**dict.fromkeys(FILE), "fileUrl": URL}},
    "audio": {"audioMessage": {**dict.fromkeys(AUDIO), "fileUrl": URL}},
    "a place": {"geolocationPushMessage": {**dict.fromkeys(PLACE), "pos": "48.8584 2.2945"}},
    "a card": card(title="t", media=MEDIA_WITH_NULLS, suggestions=[REPLY]),
    "a carousel": carousel(TITLE, {"media": MEDIA_WITH_NULLS}, width="SMALL_WIDTH"),
}
OLD_SDK_BAD: dict[str, tuple[str, Any]] = {
    "no text": ("42015", {"textMessage": ""}),
    "no suggestions": ("42043", chips()),
    "dialer beside the action": (
        "42002",
        chips(
            {
                "action": {"dialerAction": {}, "displayText": "Call", "postback": {"data": "c"}},
                "dialerAction": {"dialPhoneNumber": {"phoneNumber": "+39", "fallbackUrl": None}},
            }
        ),
    ),
    "settings beside the action": (
        "42002",
        chips(
            {
                "action": {"settingsAction": {}, "displayText": "Share", "postback": {"data": "c"}},
                "settingsAction": {"disableAnonymization": {}},
            }
        ),
    ),
    "an empty card": ("42042", card()),
    "alignment None": ("42038", card({**HORIZONTAL, "imageAlignment": "None"}, **TITLE)),
    "alignment dropped": ("42037", card({"cardOrientation": "HORIZONTAL"}, **TITLE)),
    "thirteen cards": ("42033", carousel(*[TITLE] * 13, width="SMALL_WIDTH")),
}
OLD_SDK_TO = {"userContact": NUMBER, "chatId": None}


@pytest.mark.parametrize("name", OLD_SDK_GOOD)
def test_the_nulls_of_the_old_sdk_are_absent(bot: Bot, name):
    answer = bot.send(OLD_SDK_GOOD[name], OLD_SDK_TO)
    assert answer.status_code == 202, answer.content


@pytest.mark.parametrize("name", OLD_SDK_BAD)
def test_the_mistakes_of_the_old_sdk_are_refused(bot: Bot, name):
    code, message = OLD_SDK_BAD[name]
    assert reason(bot.send(message, OLD_SDK_TO)) == (400, code)


def test_a_null_in_a_list_is_not_absent(bot: Bot):
    assert reason(bot.send(chips(REPLY, None))) == (400, "42002")


def test_a_broken_rule_names_the_field(bot: Bot):
    answer = bot.send(chips(REPLY, reply("x" * 26)))
    assert "RCSMessage.suggestedChipList.suggestions[1].reply.displayText" in answer.json()["reason"]["text"]


def test_nothing_that_was_refused_is_in_the_ledger(bot: Bot):
    bot.send({"textMessage": ""})
    assert (world.ledger.requests, world.ledger.accepted) == (1, {})
