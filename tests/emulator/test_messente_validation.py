"""What Messente refuses, and in which words: log-in, JSON, every field of every channel."""

import base64
import json
from typing import Any

import pytest
from django.test import Client

from rcs_backends.emulator.state import world
from tests.emulator.conftest import NUMBER

API = "/emulator/messente/v1/"
SEND = API + "omnimessage"
BASIC = "Basic " + base64.b64encode(b"tester:emu-pass").decode()
RCS = {"channel": "rcs", "sender": "Acme", "text": "Hello"}
SMS = {"channel": "sms", "sender": "ACME", "text": "Hello"}
REPLY = {"reply": {"text": "Yes", "postback_data": "yes"}}
INFO = {"file_url": "https://a.example/boots.jpg", "force_refresh": False}
MEDIA = {"height": "TALL", "content_info": INFO}
CARD = {"title": "Boots", "description": "Warm", "media": MEDIA, "suggestions": [REPLY]}
URL = "https://a.example/"


def call(client: Client, verb: str, path: str, body: Any = None, **headers: str) -> Any:
    """Call the API as the default account."""
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return client.generic(
        verb,
        path if path.startswith("/") else API + path,
        data=data,
        content_type="application/json",
        headers={"Authorization": BASIC, **headers},
    )


def omnimessage(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"to": NUMBER, "messages": list(messages) or [RCS], **fields}


def rcs(**fields: Any) -> dict[str, Any]:
    return {"channel": "rcs", "sender": "Acme", **fields}


def action(**fields: Any) -> dict[str, Any]:
    suggestion = {"action": {"text": "Go", "postback_data": "go", **fields}}
    return rcs(text="Hello", suggestions=[suggestion])


def standalone(card: Any = CARD, **fields: Any) -> dict[str, Any]:
    look = {"card_orientation": "VERTICAL", "thumbnail_image_alignment": "LEFT"}
    return rcs(rich_card={"standalone_card": {**look, "card_content": card, **fields}})


def carousel(*cards: Any, **fields: Any) -> dict[str, Any]:
    return rcs(rich_card={"carousel_card": {"card_width": "MEDIUM", "card_contents": list(cards), **fields}})


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


def error(answer: Any, status: int = 400) -> dict[str, Any]:
    """The one error of an answer with this status."""
    assert answer.status_code == status, answer.content
    (found,) = answer.json()["errors"]
    return found


# Log-in


def basic(words: bytes) -> str:
    return "Basic " + base64.b64encode(words).decode()


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !!",
        "Bearer abc",
        basic(b"\xff:\xff"),
        basic(b"tester"),
        basic(b"tester:"),
        basic(b"tester:wrong"),
        basic(b"nobody:emu-pass"),
        basic(b":"),
    ],
)
@pytest.mark.parametrize(
    ("verb", "path"), [("POST", "omnimessage"), ("GET", "omnimessage"), ("GET", "nothing")]
)
def test_without_a_log_in_nothing_else_is_looked_at(client: Client, header: str, verb: str, path: str):
    found = error(call(client, verb, path, b"{", Authorization=header), 401)
    assert (found["code"], found["title"], found["source"]) == ("103", "Unauthorized", None)


def test_every_account_has_its_password(client: Client):
    world.configure({"messente": {"accounts": {"acme": {"password": "a:b"}, "tester": None}}})
    assert call(client, "POST", SEND, omnimessage()).status_code == 401
    assert call(client, "POST", SEND, omnimessage(), Authorization=basic(b"acme:a:b")).status_code == 201


@pytest.mark.parametrize(
    ("verb", "path", "status", "code"),
    [
        ("GET", "omnimessage", 405, "107"),
        ("GET", "omnimessages", 405, "107"),
        ("POST", "omnimessage/x/status", 405, "107"),
        ("GET", "omnimessage/x", 405, "107"),
        ("DELETE", "omnimessage/x", 404, "101"),
        ("GET", "omnimessage/x/status", 404, "101"),
        ("GET", "whatever", 404, "101"),
        ("PATCH", "/emulator/messente/v2/omnimessage", 404, "101"),
    ],
)
def test_wrong_verbs_and_addresses(client: Client, verb: str, path: str, status: int, code: str):
    found = error(call(client, verb, path), status)
    assert (found["code"], found["source"]) == (code, None)


# JSON


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"[" * 100_000, b'{"to": NaN}', b'{"to": ' + b"9" * 5000 + b"}"],
)
def test_what_is_not_json(client: Client, body: bytes):
    assert error(call(client, "POST", SEND, body))["code"] == "105"


def test_the_content_type_is_needed(client: Client):
    answer = client.post(SEND, b"{}", content_type="text/plain", headers={"Authorization": BASIC})
    assert error(answer)["code"] == "105"


@pytest.mark.parametrize("body", [[], "x", 1, None, True])
def test_an_object_is_needed(client: Client, body: Any):
    assert error(call(client, "POST", SEND, json.dumps(body).encode()))["code"] == "105"


# Fields: body, code, source

ENVELOPE = [
    (without(omnimessage(), "to"), "106", "payload[to]"),
    (omnimessage(to=None), "106", "payload[to]"),
    (omnimessage(to=""), "105", "payload[to]"),
    (omnimessage(to=NUMBER[1:]), "105", "payload[to]"),
    (omnimessage(to="+0123456789"), "105", "payload[to]"),
    (omnimessage(to="+3725550123456789"), "105", "payload[to]"),
    (omnimessage(to=37255501234), "105", "payload[to]"),
    ({"to": NUMBER}, "106", "payload[messages]"),
    ({"to": NUMBER, "messages": []}, "105", "payload[messages]"),
    ({"to": NUMBER, "messages": {}}, "105", "payload[messages]"),
    (omnimessage("x"), "105", "payload[messages]"),  # type: ignore[arg-type]
    (omnimessage(RCS, RCS), "105", "payload[messages]"),
    (omnimessage(RCS, SMS, SMS), "105", "payload[messages]"),
    (omnimessage(without(RCS, "channel")), "106", "payload[messages]"),
    (omnimessage({**RCS, "channel": "telegram"}), "105", "payload[messages]"),
    (omnimessage({**RCS, "channel": ["rcs"]}), "105", "payload[messages]"),
    (omnimessage({**RCS, "channel": "RCS"}), "105", "payload[messages]"),
    (omnimessage(dlr_url="nowhere"), "105", "payload[dlr_url]"),
    (omnimessage(dlr_url="ftp://a.example/"), "105", "payload[dlr_url]"),
    (omnimessage(text_store="maybe"), "105", "payload[text_store]"),
    (omnimessage(priority="urgent"), "105", "payload[priority]"),
    (omnimessage(time_to_send="tomorrow"), "105", "payload[time_to_send]"),
    (omnimessage(time_to_send="2030-13-01T00:00"), "105", "payload[time_to_send]"),
    (omnimessage(time_to_send="2030-01-01"), "105", "payload[time_to_send]"),
    (omnimessage(time_to_send=1893456000), "105", "payload[time_to_send]"),
]
ANY_CHANNEL = [
    ({"ttl": 60, "validity": 1}, "105", "ttl"),
    ({"ttl": 0}, "105", "ttl"),
    ({"ttl": -1}, "105", "ttl"),
    ({"ttl": "60"}, "105", "ttl"),
    ({"ttl": 1.5}, "105", "ttl"),
    ({"ttl": True}, "105", "ttl"),
    ({"ttl": 10**400}, "105", "ttl"),
    ({"validity": 0}, "105", "validity"),
    ({"validity": "5"}, "105", "validity"),
    ({"sender": 5}, "105", "sender"),
    ({"sender": ""}, "105", "sender"),
]
RCS_MESSAGES = [
    (without(RCS, "sender"), "106", "sender"),
    (rcs(), "105", "text"),
    (rcs(text="Hello", content_info=INFO), "105", "content_info"),
    (rcs(text="Hello", rich_card=standalone()["rich_card"]), "105", "rich_card"),
    (rcs(text=""), "105", "text"),
    (rcs(text=5), "105", "text"),
    (rcs(text="\ud800"), "105", "text"),
    (rcs(text="x" * 3073), "105", "text"),
    (rcs(text="Hello", suggestions=REPLY), "105", "suggestions"),
    (rcs(text="Hello", suggestions=[REPLY] * 12), "105", "suggestions"),
    (rcs(text="Hello", suggestions=[{}]), "105", "suggestions"),
    (rcs(text="Hello", suggestions=[{**REPLY, **action()["suggestions"][0]}]), "105", "suggestions"),
    (rcs(text="Hello", suggestions=[{"reply": {"text": "Yes"}}]), "106", "suggestions"),
    (rcs(text="Hello", suggestions=[{"reply": {"postback_data": "yes"}}]), "106", "suggestions"),
    (
        rcs(text="Hello", suggestions=[{"reply": {"text": "x" * 26, "postback_data": ""}}]),
        "105",
        "suggestions",
    ),
    (
        rcs(text="Hello", suggestions=[{"reply": {"text": "Yes", "postback_data": "x" * 2049}}]),
        "105",
        "suggestions",
    ),
    (rcs(content_info={"file_url": URL}), "106", "content_info"),
    (rcs(content_info={"force_refresh": True}), "106", "content_info"),
    (rcs(content_info={**INFO, "force_refresh": "no"}), "105", "content_info"),
    (rcs(content_info={**INFO, "file_url": "boots.jpg"}), "105", "content_info"),
    (rcs(content_info={**INFO, "thumbnail_url": "boots.jpg"}), "105", "content_info"),
]
ACTIONS = [
    (action(), "105"),
    (action(share_location_action={}, dial_action={"phone_number": NUMBER}), "105"),
    (action(share_location_action=[]), "105"),
    (action(share_location_action={}, fallback_url="x" * 2049), "105"),
    (action(share_location_action={}, text="x" * 26), "105"),
    (action(share_location_action={}, text=None), "106"),
    (action(share_location_action={}, postback_data=None), "106"),
    (action(dial_action={}), "106"),
    (action(dial_action={"phone_number": "112"}), "105"),
    (action(open_url_action={"url": URL}), "106"),
    (action(open_url_action={"application": "BROWSER"}), "106"),
    (action(open_url_action={"url": URL, "application": "browser"}), "105"),
    (action(open_url_action={"url": "nowhere", "application": "BROWSER"}), "105"),
    (action(open_url_action={"url": URL + "x" * 2048, "application": "BROWSER"}), "105"),
    (action(open_url_action={"url": URL, "application": "WEBVIEW", "webview_view_mode": "BIG"}), "105"),
    (action(open_url_action={"url": URL, "application": "WEBVIEW", "description": 5}), "105"),
    (action(view_location_action={}), "105"),
    (action(view_location_action={"label": "Here"}), "105"),
    (action(view_location_action={"lat_long": {"latitude": 1}}), "106"),
    (action(view_location_action={"lat_long": {"latitude": 91, "longitude": 0}}), "105"),
    (action(view_location_action={"lat_long": {"latitude": 0, "longitude": -181}}), "105"),
    (action(view_location_action={"lat_long": {"latitude": "1", "longitude": 0}}), "105"),
    (action(view_location_action={"lat_long": {"latitude": 10**400, "longitude": 0}}), "105"),
    (action(create_calendar_event_action={"title": "A", "description": "B"}), "106"),
    *(
        (action(create_calendar_event_action={**event, **wrong}), "105")
        for event in [
            {
                "start_time": "2030-01-01T10:00:00Z",
                "end_time": "2030-01-01T11:00:00Z",
                "title": "A",
                "description": "B",
            }
        ]
        for wrong in (
            {"start_time": "2030-01-01"},
            {"end_time": "2030-01-01T11:00:00"},
            {"title": "x" * 101},
            {"description": "x" * 501},
        )
    ),
]
CARDS = [
    (rcs(rich_card={}), "105"),
    (rcs(rich_card={**standalone()["rich_card"], **carousel(CARD, CARD)["rich_card"]}), "105"),
    (standalone(card_orientation=None), "106"),
    (standalone(thumbnail_image_alignment=None), "106"),
    (standalone(card_orientation="DIAGONAL"), "105"),
    (standalone(thumbnail_image_alignment="TOP"), "105"),
    (standalone(None), "106"),
    (standalone({}), "105"),
    (standalone({"suggestions": [REPLY]}), "105"),
    (standalone({"title": "x" * 201}), "105"),
    (standalone({"description": "x" * 2001}), "105"),
    (standalone({"title": "A", "suggestions": [REPLY] * 5}), "105"),
    (standalone({"media": {"content_info": INFO}}), "106"),
    (standalone({"media": {"height": "TALL"}}), "106"),
    (standalone({"media": {"height": "HUGE", "content_info": INFO}}), "105"),
    (carousel(CARD), "105"),
    (carousel(*[CARD] * 11), "105"),
    (carousel(CARD, CARD, card_width=None), "106"),
    (carousel(CARD, CARD, card_width="LARGE"), "105"),
    (carousel(CARD, CARD, card_contents=None), "106"),
]
BUTTON = {"label": "Buy", "action_url": URL}
ITEM = {"title": "Boots", "image_url": URL, "primary_button": BUTTON}
VIDEO = {"url": URL, "thumbnail": URL, "file_size": 1000, "duration": 10}
OTHERS = [
    (without(SMS, "text"), "106", "payload[sms][text]"),
    ({**SMS, "text": ""}, "105", "payload[sms][text]"),
    ({**SMS, "autoconvert": "yes"}, "105", "payload[sms][autoconvert]"),
    ({**SMS, "udh": "0G"}, "105", "payload[sms][udh]"),
    ({**SMS, "udh": "050"}, "105", "payload[sms][udh]"),
    ({"channel": "viber"}, "105", "payload[viber][text]"),
    ({"channel": "viber", "button_text": "Buy", "button_url": URL}, "105", "payload[viber][text]"),
    ({"channel": "viber", "text": "A", "video": VIDEO, "image_url": URL}, "105", "payload[viber][text]"),
    ({"channel": "viber", "text": "x" * 1001}, "105", "payload[viber][text]"),
    ({"channel": "viber", "video": without(VIDEO, "duration")}, "106", "payload[viber][video]"),
    ({"channel": "viber", "video": {**VIDEO, "duration": 601}}, "105", "payload[viber][video]"),
    (
        {"channel": "viber", "video": {**VIDEO, "file_size": 300 * 1024 * 1024}},
        "105",
        "payload[viber][video]",
    ),
    ({"channel": "viber", "text": "A", "carousel": {"items": [ITEM]}}, "105", "payload[viber][carousel]"),
    (
        {"channel": "viber", "text": "A", "carousel": {"items": [ITEM, without(ITEM, "primary_button")]}},
        "106",
        "payload[viber][carousel]",
    ),
    ({"channel": "viber", "template": {"id": "t"}}, "106", "payload[viber][template]"),
    ({"channel": "whatsapp"}, "105", "payload[whatsapp][text]"),
    ({"channel": "whatsapp", "text": "A"}, "105", "payload[whatsapp][text]"),
    ({"channel": "whatsapp", "text": {}}, "106", "payload[whatsapp][text]"),
    ({"channel": "whatsapp", "image": {}}, "105", "payload[whatsapp][image]"),
    ({"channel": "whatsapp", "image": {"id": "1", "link": URL}}, "105", "payload[whatsapp][image]"),
    ({"channel": "whatsapp", "template": {"name": "t"}}, "106", "payload[whatsapp][template]"),
    (
        {"channel": "whatsapp", "text": {"body": "A"}, "audio": {"link": URL}},
        "105",
        "payload[whatsapp][audio]",
    ),
]
REFUSED = [
    *ENVELOPE,
    *(
        (omnimessage({**one, **fields}), code, f"payload[{one['channel']}][{name}]")
        for fields, code, name in ANY_CHANNEL
        for one in (RCS, SMS)
    ),
    *((omnimessage(one), code, f"payload[rcs][{name}]") for one, code, name in RCS_MESSAGES),
    *((omnimessage(one), code, "payload[rcs][suggestions]") for one, code in ACTIONS),
    *((omnimessage(one), code, "payload[rcs][rich_card]") for one, code in CARDS),
    *((omnimessage(one), code, source) for one, code, source in OTHERS),
]


@pytest.mark.parametrize(("body", "code", "source"), REFUSED)
def test_what_is_refused(client: Client, body: Any, code: str, source: str):
    found = error(call(client, "POST", SEND, body))
    title = {"105": "Invalid data", "106": "Missing data"}[code]
    assert (found["code"], found["title"], found["source"]) == (code, title, source), found
    assert found["detail"]
    assert not world.handsets, "nothing was sent"


@pytest.mark.parametrize(
    "message",
    [
        rcs(text="x" * 3072, suggestions=[REPLY] * 11, ttl=1),
        rcs(content_info={**INFO, "thumbnail_url": URL}, validity=360),
        rcs(text="Hello", dlr_text="no such field", unknown={"a": [1]}),
        rcs(text="Hello", ttl=None, validity=5, rich_card=None),
        standalone({"title": "x" * 200, "description": "x" * 2000, "suggestions": [REPLY] * 4}),
        standalone({"media": MEDIA}, card_orientation="HORIZONTAL", thumbnail_image_alignment="RIGHT"),
        carousel(CARD, CARD, card_width="SMALL"),
        carousel(*[CARD] * 10),
        action(share_location_action={"extra": 1}, fallback_url="app:maps"),
        action(open_url_action={"url": "tel:112", "application": "BROWSER"}),
        action(view_location_action={"query": "post office"}),
        *({**SMS, "autoconvert": value} for value in ("on", "off", "full", "true", "false")),
        {**SMS, "udh": "050003CC0201"},
        {"channel": "sms", "text": "The account has a sender"},
        {"channel": "viber", "image_url": URL},
        {"channel": "viber", "text": "A", "button_text": "Buy", "button_url": URL, "image_url": URL},
        {"channel": "viber", "text": "A", "video": VIDEO, "button_text": "Buy"},
        {"channel": "viber", "text": "A", "carousel": {"items": [ITEM] * 5}},
        {"channel": "viber", "template": {"id": "t", "lang": "en", "params": {"name": "Ann"}}},
        {"channel": "whatsapp", "text": {"body": "A", "preview_url": False}},
        {"channel": "whatsapp", "document": {"link": URL, "caption": "A", "file_name": "a.pdf"}},
        {"channel": "whatsapp", "sticker": {"id": "7", "animated": True}},
        {
            "channel": "whatsapp",
            "template": {
                "name": "t",
                "language": {"code": "en"},
                "components": [{"type": "body", "parameters": [{"type": "text", "text": "Ann"}]}],
            },
        },
    ],
)
def test_what_is_taken(client: Client, message: dict[str, Any]):
    answer = call(client, "POST", SEND, omnimessage(message))
    assert answer.status_code == 201, answer.content


@pytest.mark.parametrize(
    "fields",
    [
        {"dlr_url": "http://127.0.0.1:9/dlr?id=7", "text_store": "sha256", "priority": "high"},
        {"time_to_send": "2030-06-22T09:05"},
        {"time_to_send": "2030-06-22T09:05:07Z"},
        {"time_to_send": "2030-06-22T09:05:07+04:00"},
        {"time_to_send": "2030-01-02T03:04:05+00:00"},
        {"time_to_send": "2030-01-02T03:04:05.678901"},
        {"external_id": "unknown fields are passed over"},
    ],
)
def test_what_is_taken_of_an_omnimessage(client: Client, fields: dict[str, Any]):
    assert call(client, "POST", SEND, omnimessage(**fields)).status_code == 201


def test_the_answer_names_every_channel_in_order(client: Client):
    answer = call(client, "POST", SEND, omnimessage(RCS, {"channel": "viber", "text": "A"}, SMS))
    body = answer.json()
    assert (answer.status_code, body["to"]) == (201, NUMBER)
    shown = [(one["channel"], one["sender"]) for one in body["messages"]]
    assert shown == [("rcs", "Acme"), ("viber", "Messente"), ("sms", "ACME")]
    assert len({body["omnimessage_id"], *(one["message_id"] for one in body["messages"])}) == 4


# Senders


def test_an_accounts_senders(client: Client):
    world.configure({"messente": {"accounts": {"tester": {"rcs_sender": "Acme", "senders": ["ACME"]}}}})
    taken = call(client, "POST", SEND, omnimessage(without(RCS, "sender"), without(SMS, "sender")))
    assert [one["sender"] for one in taken.json()["messages"]] == ["Acme", "Messente"]
    refused = error(call(client, "POST", SEND, omnimessage({**RCS, "sender": "Somebody"})))
    assert (refused["code"], refused["source"]) == ("105", "payload[rcs][sender]")
    assert refused["detail"] == "Invalid or disallowed sender"


def test_an_sms_without_any_sender(client: Client):
    world.configure({"messente": {"accounts": {"tester": {"sender": ""}}}})
    refused = error(call(client, "POST", SEND, omnimessage(without(SMS, "sender"))))
    assert (refused["code"], refused["source"]) == ("106", "payload[sms][sender]")


# Many at once


def test_in_a_bulk_each_is_taken_or_refused_by_itself(client: Client):
    body = {"messages": [omnimessage(), omnimessage(to="nobody"), {}, "x", omnimessage(SMS)]}
    answer = call(client, "POST", "omnimessages", body)
    assert answer.status_code == 201
    first, *wrong, last = answer.json()["messages"]
    assert first["messages"][0]["channel"] == "rcs"
    assert last["messages"][0]["channel"] == "sms"
    codes = [(one["errors"][0]["code"], one["errors"][0]["source"]) for one in wrong]
    assert codes == [("105", "payload[to]"), ("106", "payload[to]"), ("105", "payload")]


@pytest.mark.parametrize(
    ("body", "code"),
    [({}, "106"), ({"messages": []}, "105"), ({"messages": [omnimessage()] * 1001}, "105"), ([], "105")],
)
def test_a_bulk_that_is_refused_as_a_whole(client: Client, body: Any, code: str):
    assert error(call(client, "POST", "omnimessages", body))["code"] == code


# Dials


@pytest.mark.parametrize(
    "dials",
    [
        {"accounts": {"a": 5}},
        {"accounts": {"a": {"password": 5}}},
        {"accounts": {"a": {"colour": "red"}}},
        {"accounts": {"a": {"senders": [5]}}},
        {"rcs_outcome": "lost"},
        {"err": 11},
        {"late": 1},
        {"time_scale": -1},
        {"nothing": 1},
    ],
)
def test_wrong_dials(client: Client, dials: Any):
    answer = client.post("/emulator/config/", {"messente": dials}, content_type="application/json")
    assert answer.status_code == 400
