"""GSMA MaaP outwards: each content and chip as its JSON, what travels with it, and what is refused before."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from rcs_backends.gsma_maap.render import request_body
from rcs_router.content import (
    Audio,
    CalendarEvent,
    Card,
    Carousel,
    ComposeRecording,
    ComposeText,
    Content,
    Dial,
    DisableAnonymization,
    EnableDisplayedNotifications,
    File,
    Location,
    Media,
    OpenUrl,
    Reply,
    RequestDeviceSpecifics,
    RequestLocation,
    ShowLocation,
    Suggestion,
    Text,
)
from rcs_router.contract import SendResult, Traffic
from tests.backends.cases import PHONE, Outgoing, outbound
from tests.backends.stub import Stub
from tests.backends.test_gsma_maap import TOKEN, gsma

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
TALLINN = timezone(timedelta(hours=2))
FALLBACK = "https://shop.example/f"


def action(label: str, postback: str, **group: Any) -> dict[str, Any]:
    return {"action": {**group, "displayText": label, "postback": {"data": postback}}}


def dialer(name: str, **members: str) -> dict[str, Any]:
    return action("Call", "c", dialerAction={name: {"phoneNumber": "+390612345", **members}})


START, END = datetime(2026, 12, 1, 19, tzinfo=TALLINN), datetime(2026, 12, 1, 21, tzinfo=TALLINN)
TIMES = {"startTime": "2026-12-01T17:00:00.000Z", "endTime": "2026-12-01T19:00:00.000Z"}
CHIPS: list[tuple[str, Suggestion, dict[str, Any]]] = [
    ("reply", Reply("Yes", "y"), {"reply": {"displayText": "Yes", "postback": {"data": "y"}}}),
    ("reply by label", Reply("Yes"), {"reply": {"displayText": "Yes", "postback": {"data": "Yes"}}}),
    (
        "url",
        OpenUrl("Shop", "s", url="https://shop.example/"),
        action("Shop", "s", urlAction={"openUrl": {"url": "https://shop.example/"}}),
    ),
    ("call", Dial("Call", "c", phone="+390612345"), dialer("dialPhoneNumber")),
    (
        "call with a way out",
        Dial("Call", "c", phone="+390612345", fallback_url=FALLBACK),
        dialer("dialPhoneNumber", fallbackUrl=FALLBACK),
    ),
    (
        "enriched call",
        Dial("Call", "c", phone="+390612345", mode="enriched", subject="Order 7", fallback_url=FALLBACK),
        dialer("dialEnrichedCall", subject="Order 7", fallbackUrl=FALLBACK),
    ),
    (
        "enriched call about nothing",
        Dial("Call", "c", phone="+390612345", mode="enriched"),
        dialer("dialEnrichedCall"),
    ),
    (
        "video call",
        Dial("Call", "c", phone="+390612345", mode="video", fallback_url=FALLBACK),
        dialer("dialVideoCall", fallbackUrl=FALLBACK),
    ),
    (
        "place",
        ShowLocation("Map", "m", latitude=0, longitude=-2.2945, place="Shop", fallback_url=FALLBACK),
        action(
            "Map",
            "m",
            mapAction={
                "showLocation": {
                    "location": {"latitude": 0, "longitude": -2.2945, "label": "Shop"},
                    "fallbackUrl": FALLBACK,
                }
            },
        ),
    ),
    (
        "search on the map",
        ShowLocation("Map", "m", query="pizza"),
        action("Map", "m", mapAction={"showLocation": {"location": {"query": "pizza"}}}),
    ),
    (
        "request for the position",
        RequestLocation("Where?", "w"),
        action("Where?", "w", mapAction={"requestLocationPush": {}}),
    ),
    (
        "calendar",
        CalendarEvent(
            "Add", "a", start=START, end=END, title="Dinner", description="For two", fallback_url=FALLBACK
        ),
        action(
            "Add",
            "a",
            calendarAction={
                "createCalendarEvent": {
                    **TIMES,
                    "title": "Dinner",
                    "description": "For two",
                    "fallbackUrl": FALLBACK,
                }
            },
        ),
    ),
    (
        "calendar without a description",
        CalendarEvent("Add", "a", start=START, end=END, title="Dinner"),
        action("Add", "a", calendarAction={"createCalendarEvent": {**TIMES, "title": "Dinner"}}),
    ),
    (
        "compose a text",
        ComposeText("Write", "t", phone="+390612345", text="I am late"),
        action(
            "Write",
            "t",
            composeAction={"composeTextMessage": {"phoneNumber": "+390612345", "text": "I am late"}},
        ),
    ),
    *(
        (
            f"record {media}",
            ComposeRecording("Record", "r", phone="+390612345", media=media),
            action(
                "Record",
                "r",
                composeAction={"composeRecordingMessage": {"phoneNumber": "+390612345", "type": kind}},
            ),
        )
        for media, kind in (("audio", "AUDIO"), ("video", "VIDEO"))
    ),
    (
        "device",
        RequestDeviceSpecifics("Device", "d"),
        action("Device", "d", deviceAction={"requestDeviceSpecifics": {}}),
    ),
    (
        "number",
        DisableAnonymization("Number", "n"),
        action("Number", "n", settingsAction={"disableAnonymization": {}}),
    ),
    (
        "read reports",
        EnableDisplayedNotifications("Reports", "e"),
        action("Reports", "e", settingsAction={"enableDisplayedNotifications": {}}),
    ),
]


def card(content: dict[str, Any], **layout: str) -> dict[str, Any]:
    whole = {"layout": layout or {"cardOrientation": "VERTICAL"}, "content": content}
    return {"richcardMessage": {"message": {"generalPurposeCard": whole}}}


PICTURE = "https://cdn.example/p.jpg?size=2"
MEDIA = {"mediaUrl": PICTURE, "mediaContentType": "image/jpeg", "mediaFileSize": 0, "height": "MEDIUM_HEIGHT"}
CONTENTS = [
    Outgoing("text", Text("Hi é 😀"), {"textMessage": "Hi é 😀"}),
    Outgoing(
        "bare file",
        File("https://cdn.example/m.PDF"),
        {"fileMessage": {"fileUrl": "https://cdn.example/m.PDF", "fileMIMEType": "application/pdf"}},
    ),
    Outgoing(
        "file of unknown type",
        File("https://cdn.example/m"),
        {"fileMessage": {"fileUrl": "https://cdn.example/m"}},
    ),
    Outgoing(
        "whole file",
        File(
            "https://cdn.example/m",
            name="menu.pdf",
            media_type="application/pdf",
            size=0,
            thumbnail_url="https://cdn.example/t.png",
            thumbnail_size=3120,
        ),
        {
            "fileMessage": {
                "fileUrl": "https://cdn.example/m",
                "fileName": "menu.pdf",
                "fileMIMEType": "application/pdf",
                "fileSize": 0,
                "thumbnailUrl": "https://cdn.example/t.png",
                "thumbnailMIMEType": "image/png",
                "thumbnailFileSize": 3120,
            }
        },
    ),
    Outgoing(
        "bare audio",
        Audio("https://cdn.example/a.amr"),
        {"audioMessage": {"fileUrl": "https://cdn.example/a.amr", "fileMIMEType": "audio/amr"}},
    ),
    Outgoing(
        "whole audio",
        Audio("https://cdn.example/a", 6, name="a.amr", media_type="audio/amr", size=9120),
        {
            "audioMessage": {
                "fileUrl": "https://cdn.example/a",
                "fileName": "a.amr",
                "fileMIMEType": "audio/amr",
                "fileSize": 9120,
                "playingLength": 6,
            }
        },
    ),
    Outgoing("bare location", Location(-48.8584, 0), {"geolocationPushMessage": {"pos": "-48.8584 0"}}),
    Outgoing(
        "whole location",
        Location(
            48.8584,
            2.2945,
            "Tower",
            radius=25,
            at=datetime(2026, 11, 21, 4, 30, tzinfo=timezone(timedelta(hours=-5, minutes=-30))),
            expires_at=datetime(2026, 11, 22, 9, 30, 0, 120_999, tzinfo=UTC),
        ),
        {
            "geolocationPushMessage": {
                "pos": "48.8584 2.2945",
                "label": "Tower",
                "timestamp": "2026-11-21T10:00:00.000Z",
                "timeOffset": -330,
                "expiry": "2026-11-22T09:30:00.120Z",
                "radius": 25,
            }
        },
    ),
    Outgoing("card of a title", Card("Boots"), card({"title": "Boots"})),
    Outgoing("card of a picture", Card(media=Media(PICTURE)), card({"media": MEDIA})),
    Outgoing(
        "whole card",
        Card(
            "Boots",
            "New",
            Media(
                "https://cdn.example/b",
                "tall",
                "Brown boots",
                media_type="video/mp4",
                size=90311,
                thumbnail_url="https://cdn.example/t",
                thumbnail_type="image/jpeg",
                thumbnail_size=4012,
            ),
            orientation="horizontal",
            alignment="right",
        ),
        card(
            {
                "media": {
                    "mediaUrl": "https://cdn.example/b",
                    "mediaContentType": "video/mp4",
                    "mediaFileSize": 90311,
                    "height": "TALL_HEIGHT",
                    "thumbnailUrl": "https://cdn.example/t",
                    "thumbnailContentType": "image/jpeg",
                    "thumbnailFileSize": 4012,
                    "contentDescription": "Brown boots",
                },
                "title": "Boots",
                "description": "New",
            },
            cardOrientation="HORIZONTAL",
            imageAlignment="RIGHT",
        ),
    ),
    *(
        Outgoing(
            f"{width} carousel",
            Carousel((Card("A", media=Media(PICTURE, "short")), Card(description="B")), width=width),
            {
                "richcardMessage": {
                    "message": {
                        "generalPurposeCardCarousel": {
                            "layout": {"cardWidth": name},
                            "content": [
                                {"media": {**MEDIA, "height": "SHORT_HEIGHT"}, "title": "A"},
                                {"description": "B"},
                            ],
                        }
                    }
                }
            },
        )
        for width, name in (("small", "SMALL_WIDTH"), ("medium", "MEDIUM_WIDTH"))
    ),
]


def nulls(value: Any) -> bool:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is None or any(map(nulls, children))


@pytest.mark.parametrize("case", CONTENTS, ids=lambda case: case.name)
def test_content_as_json(stub: Stub, case: Outgoing) -> None:
    backend = gsma(stub)
    assert backend.check(case.content) == []
    assert backend.send(outbound(case.content)) == SendResult("m-77")
    assert stub.last().json == {"RCSMessage": case.expected, "messageContact": {"userContact": PHONE}}
    assert not nulls(stub.last().json)


CARRIERS: list[tuple[str, Any]] = [
    ("text", lambda chips: Text("x", chips)),
    ("file", lambda chips: File("https://cdn.example/m.pdf", suggestions=chips)),
    ("audio", lambda chips: Audio("https://cdn.example/a.amr", suggestions=chips)),
    ("location", lambda chips: Location(1, 2, suggestions=chips)),
    ("card", lambda chips: Card("x", chips=chips)),
    ("carousel", lambda chips: Carousel((Card("A"), Card("B")), chips)),
]


@pytest.mark.parametrize("carrier", [one[1] for one in CARRIERS], ids=[one[0] for one in CARRIERS])
@pytest.mark.parametrize(("chip", "expected"), [one[1:] for one in CHIPS], ids=[one[0] for one in CHIPS])
def test_every_chip_below_every_content(carrier: Any, chip: Suggestion, expected: dict[str, Any]) -> None:
    content = carrier((Reply("First"), chip))
    assert gsma().check(content) == []
    message = request_body(outbound(content), gsma().options, NOW)["RCSMessage"]
    first = {"reply": {"displayText": "First", "postback": {"data": "First"}}}
    assert message["suggestedChipList"] == {"suggestions": [first, expected]}
    assert len(message) == 2
    assert not nulls(message)


@pytest.mark.parametrize(("chip", "expected"), [one[1:] for one in CHIPS], ids=[one[0] for one in CHIPS])
def test_every_chip_in_a_card_and_a_carousel(chip: Suggestion, expected: dict[str, Any]) -> None:
    one, many = Card("x", suggestions=(chip,)), Carousel((Card("A"), Card("B", suggestions=(chip,))))
    for content in (one, many):
        message = request_body(outbound(content), gsma().options, NOW)["RCSMessage"]
        assert "suggestedChipList" not in message
        [kind] = message["richcardMessage"]["message"].values()
        last = kind["content"][-1] if isinstance(kind["content"], list) else kind["content"]
        assert last["suggestions"] == [expected]


def test_every_kind_of_chip_is_in_the_table() -> None:
    assert {type(chip) for _, chip, _ in CHIPS} == gsma().capabilities.suggestions
    assert {type(case.content) for case in CONTENTS} == gsma().capabilities.content


# The envelope.


def test_request_line(stub: Stub) -> None:
    gsma(stub).send(outbound(Text("x")))
    request = stub.last()
    assert request.method == "POST"
    assert request.target == "/root/rcs/bot/v1/sip%3Aacme%40bot.example/messages"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("to", "contact"),
    [
        (PHONE, {"userContact": PHONE}),
        ("tk-7Q", {"chatId": "tk-7Q"}),
        ("37255501234", {"chatId": "37255501234"}),
    ],
)
def test_one_identity(to: str, contact: dict[str, str]) -> None:
    assert request_body(outbound(Text("x"), to=to), gsma().options, NOW)["messageContact"] == contact


TRAFFICS: list[tuple[dict[str, Any], Traffic, str | None]] = [
    ({}, Traffic.PROMOTION, "advertisement"),
    ({}, Traffic.TRANSACTION, None),
    ({"traffic_types": {"transaction": "payment"}}, Traffic.TRANSACTION, "payment"),
    ({"traffic_types": {"transaction": "payment"}}, Traffic.PROMOTION, None),
    ({"traffic_types": {"promotion": ""}}, Traffic.PROMOTION, None),
]


@pytest.mark.parametrize(("options", "traffic", "kind"), TRAFFICS)
def test_traffic_type(options: dict[str, Any], traffic: Traffic, kind: str | None) -> None:
    message = request_body(outbound(Text("x"), traffic=traffic), gsma(**options).options, NOW)["RCSMessage"]
    assert message.get("trafficType") == kind


EXPIRIES: list[tuple[dict[str, Any], timedelta | None, dict[str, str]]] = [
    ({}, None, {}),
    ({}, timedelta(minutes=5), {"expiry": "2026-11-21T09:05:00.000Z"}),
    ({}, timedelta(minutes=-5), {"expiry": "2026-11-21T09:00:01.000Z"}),
    ({"expiry_field": "expireTime"}, timedelta(minutes=5), {"expireTime": "2026-11-21T09:05:00.000Z"}),
    ({"expiry_field": ""}, timedelta(minutes=5), {}),
]


@pytest.mark.parametrize(("options", "left", "expected"), EXPIRIES)
def test_expiry(options: dict[str, Any], left: timedelta | None, expected: dict[str, str]) -> None:
    given = outbound(Text("x"), expires_at=NOW + left if left else None)
    message = request_body(given, gsma(**options).options, NOW)["RCSMessage"]
    assert message == {"textMessage": "x", **expected}


def test_what_is_allowed_of_extra_is_merged_last_and_null_removes() -> None:
    extra = {
        "ttl": "10s",
        "scope": "x",
        "RCSMessage": {"trafficType": None, "reportRequest": ["Delivered"]},
        "messageContact": {"chatId": "tk-1"},
    }
    given = outbound(Text("x"), traffic=Traffic.PROMOTION, extra=extra)
    assert request_body(given, gsma(extra=("ttl",)).options, NOW) == {
        "RCSMessage": {"textMessage": "x", "reportRequest": ["Delivered"]},
        "messageContact": {"userContact": PHONE},
        "ttl": "10s",
    }


# Refused before anything is sent.

JPG = "https://cdn.example/p.jpg"
PROBLEMS: list[tuple[str, Content, str]] = [
    ("label", Text("x", (Reply("x" * 26),)), "suggestions[0].label: 26 characters, GSMA MaaP allows 25"),
    ("postback", Text("x", (Reply("x", "p" * 2049),)), "suggestions[0].postback: 2049 characters"),
    ("chips", Text("x", (Reply("x"),) * 12), "suggestions: 12 suggestions, GSMA MaaP allows 11"),
    ("chips of a card", Card("x", chips=(Reply("x"),) * 12), "chips: 12 suggestions"),
    ("buttons", Card("x", suggestions=(Reply("x"),) * 5), "suggestions: 5 suggestions, GSMA MaaP allows 4"),
    ("title", Card("x" * 201), "title: 201 characters"),
    ("description", Card("x", "x" * 2001), "description: 2001 characters"),
    ("alt", Card(media=Media(JPG, alt="x" * 201)), "media.alt: 201 characters"),
    ("place", Location(1, 2, "x" * 201), "label: 201 characters"),
    (
        "subject",
        Text("x", (Dial("x", phone="1", mode="enriched", subject="s" * 61),)),
        "suggestions[0].subject: 61 characters",
    ),
    ("map query", Text("x", (ShowLocation("x", query="q" * 201),)), "suggestions[0].query: 201"),
    (
        "map label",
        Text("x", (ShowLocation("x", latitude=1, longitude=2, place="p" * 101),)),
        "suggestions[0].place: 101",
    ),
    ("compose", Text("x", (ComposeText("x", phone="1", text="t" * 101),)), "suggestions[0].text: 101"),
    (
        "event title",
        Text("x", (CalendarEvent("x", start=START, end=END, title="t" * 101),)),
        "suggestions[0].title: 101",
    ),
    (
        "tall in small",
        Carousel((Card("x", media=Media(JPG, "tall")), Card("y")), width="small"),
        "cards[0].media.height: tall",
    ),
    ("no type", Card(media=Media("https://cdn.example/p")), "media.media_type: GSMA MaaP requires it"),
    ("odd type", Card(media=Media("https://cdn.example/p.pdf")), "media.media_type: application/pdf"),
    (
        "no thumbnail type",
        Carousel((Card("x"), Card(media=Media(JPG, thumbnail_url="https://cdn.example/t")))),
        "cards[1].media.thumbnail_type: GSMA MaaP requires it",
    ),
    (
        "thumbnail that is a video",
        Card(media=Media(JPG, thumbnail_url="https://cdn.example/t.mp4")),
        "media.thumbnail_type: video/mp4",
    ),
]


@pytest.mark.parametrize(("content", "problem"), [p[1:] for p in PROBLEMS], ids=[p[0] for p in PROBLEMS])
def test_problem_names_its_path(content: Content, problem: str) -> None:
    [found] = gsma().check(content)
    assert found.startswith(problem)


def test_what_no_check_saw_is_sent_all_the_same() -> None:
    content = Card(media=Media("https://cdn.example/p", thumbnail_url="https://cdn.example/t"))
    [kind] = request_body(outbound(content), gsma().options, NOW)["RCSMessage"]["richcardMessage"][
        "message"
    ].values()
    assert kind["content"]["media"]["mediaContentType"] == "application/octet-stream"
