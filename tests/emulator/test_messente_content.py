"""What a phone shows of Messente's messages: every content and suggestion of RCS, and the other channels as text."""

from typing import Any

import pytest
from django.test import Client

from tests.emulator.conftest import NUMBER, Phone
from tests.emulator.test_messente_chain import dials, send
from tests.emulator.test_messente_validation import CARD, INFO, SMS, URL, action, carousel, rcs, standalone

EVENT = {
    "start_time": "2030-01-01T10:00:00+02:00",
    "end_time": "2030-01-01T11:30:00+02:00",
    "title": "Pick-up",
    "description": "Bring the box",
}
MEDIA = {
    "url": "https://a.example/boots.jpg",
    "thumbnail": "",
    "thumbnail_name": "",
    "height": "tall",
    "alt": "",
    "media_type": "image/jpeg",
    "name": "",
    "size": 0,
    "seconds": 0,
}


def shown(client: Client, phone: Phone, message: dict[str, Any]) -> dict[str, Any]:
    send(client, message)
    return phone.wait("delivered")


@pytest.mark.parametrize(
    ("fields", "kind", "detail"),
    [
        ({"dial_action": {"phone_number": NUMBER}}, "dial", {"phone": NUMBER, "mode": "voice"}),
        (
            {"open_url_action": {"url": URL, "application": "BROWSER"}},
            "open_url",
            {"url": URL, "application": "browser"},
        ),
        (
            {
                "open_url_action": {
                    "url": URL,
                    "application": "WEBVIEW",
                    "webview_view_mode": "HALF",
                    "description": "The shop",
                },
                "fallback_url": URL,
            },
            "open_url",
            {
                "url": URL,
                "application": "webview",
                "view_mode": "half",
                "description": "The shop",
                "fallback_url": URL,
            },
        ),
        (
            {"view_location_action": {"lat_long": {"latitude": 59, "longitude": 24.5}, "label": "Here"}},
            "show_location",
            {"latitude": 59.0, "longitude": 24.5, "label": "Here"},
        ),
        ({"view_location_action": {"query": "post"}}, "show_location", {"query": "post"}),
        ({"share_location_action": {}}, "request_location", {}),
        (
            {"create_calendar_event_action": EVENT},
            "calendar_event",
            {
                "start": "2030-01-01T08:00:00Z",
                "end": "2030-01-01T09:30:00Z",
                "title": "Pick-up",
                "description": "Bring the box",
            },
        ),
    ],
)
def test_every_action(
    client: Client, phone: Phone, fields: dict[str, Any], kind: str, detail: dict[str, Any]
):
    (chip,) = shown(client, phone, action(**fields))["suggestions"]
    assert chip == {"label": "Go", "kind": kind, "postback": "go", "detail": detail, "tapped": False}


def test_a_text_with_a_reply(client: Client, phone: Phone):
    suggestions = [{"reply": {"text": "Keep", "postback_data": "keep_7"}}]
    bubble = shown(client, phone, rcs(text="Hello", suggestions=suggestions))
    assert (bubble["kind"], bubble["text"], bubble["agent"]) == ("text", "Hello", "Acme")
    chip = {"label": "Keep", "kind": "reply", "postback": "keep_7", "detail": {}, "tapped": False}
    assert bubble["suggestions"] == [chip]


def test_a_file(client: Client, phone: Phone):
    info = {**INFO, "thumbnail_url": URL}
    bubble = shown(client, phone, rcs(content_info=info))
    assert (bubble["kind"], bubble["media"]) == ("file", {**MEDIA, "height": "", "thumbnail": URL})


def test_a_card(client: Client, phone: Phone):
    message = standalone(card_orientation="HORIZONTAL", thumbnail_image_alignment="RIGHT")
    (card,) = shown(client, phone, message)["cards"]
    assert (card["title"], card["description"], card["media"]) == ("Boots", "Warm", MEDIA)
    assert (card["orientation"], card["alignment"]) == ("horizontal", "right")
    assert [one["postback"] for one in card["suggestions"]] == ["yes"]


def test_a_carousel(client: Client, phone: Phone):
    bubble = shown(client, phone, carousel(CARD, {"title": "Hat"}, card_width="SMALL"))
    assert (bubble["kind"], bubble["card_width"]) == ("carousel", "small")
    assert [card["title"] for card in bubble["cards"]] == ["Boots", "Hat"]
    assert bubble["cards"][1]["media"] is None


VIDEO = {"url": URL, "thumbnail": URL, "file_size": 1, "duration": 1}
ITEMS = [
    {"title": title, "image_url": URL, "primary_button": {"label": "Buy", "action_url": URL + title}}
    for title in ("Boots", "Hat")
]
PARAMETERS = [{"type": "text", "text": "Ann"}, {"type": "payload"}]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({**SMS, "text": "Hello €"}, "Hello €"),
        ({"channel": "viber", "text": "A", "button_text": "Buy", "button_url": URL}, f"A\nBuy: {URL}"),
        ({"channel": "viber", "image_url": URL}, URL),
        ({"channel": "viber", "text": "A", "video": VIDEO, "button_text": "Buy"}, f"A\n{URL}\nBuy"),
        (
            {"channel": "viber", "text": "A", "carousel": {"items": ITEMS}},
            f"A\nBoots: {URL}Boots\nHat: {URL}Hat",
        ),
        ({"channel": "viber", "template": {"id": "t", "lang": "en", "params": {"n": "Ann"}}}, "t\nAnn"),
        ({"channel": "whatsapp", "text": {"body": "A"}}, "A"),
        ({"channel": "whatsapp", "image": {"link": URL, "caption": "Boots"}}, f"Boots\n{URL}"),
        ({"channel": "whatsapp", "audio": {"id": "7"}}, "7"),
        (
            {
                "channel": "whatsapp",
                "template": {
                    "name": "t",
                    "language": {"code": "en"},
                    "components": [{"type": "body", "parameters": PARAMETERS}, {"type": "footer"}],
                },
            },
            "t\nAnn",
        ),
    ],
)
def test_the_other_channels_are_text(client: Client, phone: Phone, message: dict[str, Any], text: str):
    dials(viber_outcome="delivered", whatsapp_outcome="delivered")
    phone.set(rcs=False)
    bubble = shown(client, phone, message)
    assert (bubble["channel"], bubble["kind"], bubble["text"]) == ("sms", "text", text)
