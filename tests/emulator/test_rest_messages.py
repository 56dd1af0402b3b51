"""The REST platform over its life: answers, ids, phones with and without RCS, pace, renamed fields."""

import json
from typing import Any

import pytest
import requests
from django.test import Client

from rcs_backends.emulator.state import world
from rcs_backends.emulator.webhooks import hex_sha256
from rcs_backends.emulator.wire.rest import webhooks
from tests.emulator.conftest import NUMBER, Phone, Receiver
from tests.emulator.test_rest_validation import CARD, FORM, MESSAGES, TOKEN, card, chip, form, post, wrapped

SECRET = "rcs-secret"


@pytest.fixture
def client_side(receiver: Receiver) -> Receiver:
    world.configure({"rest": {"webhook": f"{receiver.url}/webhooks/rcs", "webhook_secret": SECRET}})
    return receiver


def told(receiver: Receiver, count: int) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in receiver.wait(count)]


def statuses(receiver: Receiver, count: int) -> list[str]:
    return [event["messageStatus"] for event in told(receiver, count)]


# Answers


def test_the_answer_names_the_message(client: Client, phone: Phone):
    answer = post(client, wrapped({"text": "Your order has shipped"}, fallbackText=None))
    assert answer.status_code == 200
    body = answer.json()
    assert body.pop("createTime").endswith("Z")
    assert body == {
        "name": f"conversations/{NUMBER}/messages/m1",
        "state": "QUEUED",
        "fallbackText": "Your order has shipped",
    }
    assert phone.wait("delivered")["text"] == "Your order has shipped"


def test_a_conversation_may_have_a_name(client: Client, phone: Phone, client_side: Receiver):
    body = wrapped({"text": "Hi"}, conversationId="user_123")
    unknown = post(client, body)
    assert (unknown.status_code, unknown.json()["error"]["status"]) == (404, "NOT_FOUND")
    world.configure({"rest": {"conversations": {"user_123": NUMBER}}})
    assert post(client, body).json()["name"] == "conversations/user_123/messages/m1"
    phone.wait("delivered")
    phone.do("text", text="Thanks")
    assert {event["conversationId"] for event in told(client_side, 3)} == {"user_123"}


@pytest.mark.parametrize("number", ["+", "+0", "+12", "+372555x", "+" + "1" * 16])
def test_a_number_must_be_one(client: Client, number):
    answer = post(client, wrapped({"text": "Hi"}, conversationId=number))
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_PHONE_NUMBER")
    assert not world.ledger.accepted


@pytest.mark.parametrize("state", ["QUEUED", "FALLBACK", "FAILED"])
def test_a_repeated_id_is_answered_as_the_first_time(client: Client, phone: Phone, state):
    world.configure({"rest": {"own_fallback": state != "FAILED"}})
    phone.set(rcs=state == "QUEUED")
    first = post(client, wrapped({"text": "Hi"})).json()
    phone.set(rcs=True)
    assert post(client, wrapped({"text": "Hi"})).json() == first
    assert first["state"] == state
    assert len(phone.messages()) == (state != "FAILED")


@pytest.mark.parametrize(
    "other",
    [
        wrapped({"text": "Bye"}),
        wrapped({"text": "Hi"}, fallbackText="Other"),
        wrapped({"text": "Hi"}, conversationId="+37255501235"),
    ],
)
def test_an_id_is_not_used_for_something_else(client: Client, phone: Phone, other):
    post(client, wrapped({"text": "Hi"}))
    answer = post(client, other)
    assert (answer.status_code, answer.json()["error"]["status"]) == (409, "ALREADY_EXISTS")
    assert len(world.ledger.accepted) == 1


def test_the_ledger_counts_repeated_requests(client: Client):
    for _ in range(3):
        post(client, wrapped({"text": "Hi"}))
    ledger = client.get("/emulator/ledger/").json()
    assert (ledger["totals"]["accepted"], ledger["accepted"][0]["id"]) == (1, "m1")
    assert ledger["accepted"][0]["copies"] == 3


# What the phone shows


def test_a_card_with_text_beside_it(client: Client, phone: Phone):
    post(client, wrapped({"text": "See our new boots", **card()}))
    shown = phone.wait("delivered")
    assert (shown["kind"], shown["text"]) == ("card", "See our new boots")
    assert shown["cards"][0]["title"] == CARD["title"]
    assert shown["cards"][0]["media"]["url"] == CARD["media"]["contentUrl"]
    assert shown["cards"][0]["media"]["height"] == "medium"
    assert shown["cards"][0]["suggestions"][0]["postback"] == "product_123"


def test_a_carousel(client: Client, phone: Phone):
    cards = [{"title": "A"}, {"title": "B", "suggestions": [{"reply": {"text": "B"}}]}]
    post(client, wrapped({"richCard": {"carouselCard": {"cardWidth": "SMALL", "cardContents": cards}}}))
    shown = phone.wait("delivered")
    assert (shown["kind"], shown["card_width"]) == ("carousel", "small")
    assert [one["title"] for one in shown["cards"]] == ["A", "B"]


@pytest.mark.parametrize(
    ("name", "kind", "media_type"),
    [("a.pdf", "file", "application/pdf"), ("a.mp3", "audio", "audio/mpeg"), ("a", "file", "")],
)
def test_a_file_is_shown_by_its_type(client: Client, phone: Phone, name, kind, media_type):
    post(client, wrapped({"file": {"contentUrl": f"https://example.com/{name}", "fileName": name}}))
    shown = phone.wait("delivered")
    assert (shown["kind"], shown["media"]["media_type"], shown["media"]["name"]) == (kind, media_type, name)


@pytest.mark.parametrize(
    ("action", "kind", "detail"),
    [
        ({}, "action", {}),
        ({"shareLocationAction": {}}, "request_location", {}),
        ({"dialAction": {"phoneNumber": "112"}}, "dial", {"phone": "112", "mode": "voice"}),
        (
            {"openUrlAction": {"url": "https://a.example/"}},
            "open_url",
            {"url": "https://a.example/", "application": "browser"},
        ),
        (
            {
                "openUrlAction": {
                    "url": "https://a.example/",
                    "application": "WEBVIEW",
                    "webviewViewMode": "HALF",
                }
            },
            "open_url",
            {"url": "https://a.example/", "application": "webview", "view_mode": "half"},
        ),
        ({"viewLocationAction": {"query": "shoes"}}, "show_location", {"query": "shoes"}),
        (
            {"viewLocationAction": {"latLong": {"latitude": 59.5, "longitude": 24}, "label": "Shop"}},
            "show_location",
            {"latitude": 59.5, "longitude": 24.0, "label": "Shop"},
        ),
        (
            {
                "createCalendarEventAction": {
                    "startTime": "2026-12-01T12:00:00+02:00",
                    "endTime": "2026-12-01T11:00:00Z",
                    "title": "Fitting",
                }
            },
            "calendar_event",
            {
                "start": "2026-12-01T10:00:00Z",
                "end": "2026-12-01T11:00:00Z",
                "title": "Fitting",
                "description": "",
            },
        ),
    ],
)
def test_an_action_is_shown_with_what_it_does(client: Client, phone: Phone, action, kind, detail):
    post(client, wrapped(chip(**action)))
    shown = phone.wait("delivered")["suggestions"][0]
    assert (shown["label"], shown["postback"], shown["kind"]) == ("Go", "go", kind)
    assert shown["detail"] == detail


# Phones without RCS


def test_a_phone_without_rcs_gets_the_fallback_text(client: Client, phone: Phone, client_side: Receiver):
    phone.set(rcs=False)
    answer = post(client, wrapped(card(), fallbackText="Boots: https://example.com/b"))
    assert (answer.status_code, answer.json()["state"]) == (200, "FALLBACK")
    shown = phone.wait("delivered")
    assert (shown["channel"], shown["kind"], shown["text"]) == ("sms", "text", "Boots: https://example.com/b")
    phone.do("read")
    assert statuses(client_side, 1) == ["FALLBACK"]
    assert world.wait_for(lambda: not client.get("/emulator/ledger/").json()["totals"]["webhooks_waiting"])
    assert len(client_side.requests) == 1


def test_without_a_fallback_of_its_own_the_message_fails(client: Client, phone: Phone, client_side: Receiver):
    world.configure({"rest": {"own_fallback": False}})
    phone.set(rcs=False)
    answer = post(client, wrapped({"text": "Hi"})).json()
    assert (answer["state"], answer["error"]["code"]) == ("FAILED", "DEVICE_NOT_SUPPORTED")
    event = told(client_side, 1)[0]
    assert (event["messageId"], event["messageStatus"]) == ("m1", "FAILED")
    assert event["error"]["code"] == "DEVICE_NOT_SUPPORTED"
    assert phone.messages() == []
    assert not world.ledger.accepted


def test_an_offline_phone_gets_it_later(client: Client, phone: Phone, client_side: Receiver):
    phone.set(online=False)
    post(client, wrapped({"text": "Hi"}))
    assert statuses(client_side, 1) == ["SENT"]
    assert phone.messages()[0]["state"] == "waiting"
    phone.set(online=True)
    assert statuses(client_side, 2) == ["SENT", "DELIVERED"]


# Pace


def test_more_requests_than_the_rate_are_told_to_wait(client: Client):
    world.configure({"rest": {"rate": 2}})
    answers = [post(client, wrapped({"text": "Hi"}, messageId=f"m{number}")) for number in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert answers[2].headers["Retry-After"] == "1"
    assert answers[2].json()["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert len(world.ledger.accepted) == 2
    world.configure({"rest": {"rate": 0}})
    assert post(client, wrapped({"text": "Hi"}, messageId="m3")).status_code == 200


def test_the_rate_looks_at_one_second_only(client: Client, monkeypatch: pytest.MonkeyPatch):
    at = [100.0]
    monkeypatch.setattr("rcs_backends.emulator.wire.rest.messages.time.monotonic", lambda: at[0])
    world.configure({"rest": {"rate": 1}})
    found = []
    for seconds in (100.0, 100.9, 101.0, 101.5, 102.1):
        at[0] = seconds
        found.append(post(client, wrapped({"text": "Hi"}, messageId=f"m{seconds}")).status_code)
    assert found == [200, 429, 200, 429, 200]


# Other names


def test_fields_may_have_other_names(
    emulator: str, http: requests.Session, phone: Phone, client_side: Receiver
):
    names = {"conversationId": "to", "messageId": "ref", "messageStatus": "event", "fallbackText": "sms"}
    names |= {"text": "body", "state": "status_now", "name": "id"}
    world.configure({"rest": {"renamed": names}})
    body = {"to": NUMBER, "ref": "m1", "message": {"body": "Hi"}, "sms": "Hi by SMS"}
    answer = http.post(f"{emulator}rest/v1/messages", json=body, headers=TOKEN, timeout=5)
    assert {name: answer.json()[name] for name in ("id", "status_now", "sms")} == {
        "id": f"conversations/{NUMBER}/messages/m1",
        "status_now": "QUEUED",
        "sms": "Hi by SMS",
    }
    events = told(client_side, 2)
    assert [set(event) for event in events] == [{"to", "ref", "event", "timestamp"}] * 2
    assert [event["event"] for event in events] == ["SENT", "DELIVERED"]
    phone.do("text", text="Thanks")
    assert (told(client_side, 3)[2]["to"], told(client_side, 3)[2]["body"]) == (NUMBER, "Thanks")


def test_a_renamed_field_is_not_known_under_its_first_name(client: Client):
    world.configure({"rest": {"renamed": {"messageId": "ref"}}})
    assert "messageId" in post(client, wrapped({"text": "Hi"})).json()["error"]["message"]
    world.configure({"rest": {"renamed": {"messageId": None, "text": "body", "message": "says"}}})
    says = {"conversationId": NUMBER, "messageId": "m1", "says": {"text": "Hi"}}
    assert "text" in post(client, says).json()["error"]["says"]
    assert post(client, {**says, "says": {"body": "Hi"}}).status_code == 200


def test_answers_to_a_form_keep_their_names(client: Client, phone: Phone, client_side: Receiver):
    world.configure({"rest": {"renamed": {"size": "width", "postbackData": "payload"}}})
    asked = {name: value for name, value in FORM.items() if name != "postbackData"}
    post(client, wrapped({"form": {**asked, "payload": "sizes_7"}}))
    phone.wait("delivered")
    phone.do("form", data={"size": "42"})
    assert told(client_side, 3)[2]["form"] == {"payload": "sizes_7", "data": {"size": "42"}}


@pytest.mark.parametrize("depth", [100, 400, 900, 5000])
def test_json_that_is_nested_too_deep_is_refused(client: Client, depth):
    world.configure({"rest": {"renamed": {"text": "body"}}})
    body = b'{"message":' + b"[" * depth + b"]" * depth + b"}"
    answer = client.generic("POST", MESSAGES, body, "application/json", headers=TOKEN)
    assert answer.status_code == 400


def test_an_answer_to_the_platforms_sms_reaches_the_client(
    client: Client, phone: Phone, client_side: Receiver
):
    phone.set(rcs=False)
    post(client, wrapped(card(), fallbackText="Boots. 1) Keep 2) Return"))
    phone.wait("delivered")
    bubble = phone.do("text", text="2")
    event = told(client_side, 2)[1]
    assert (event["interactionType"], event["text"], event["messageId"]) == (
        "TEXT_RECEIVED",
        "2",
        bubble["id"],
    )
    assert (bubble["provider"], bubble["channel"]) == ("rest", "sms")


def test_two_names_may_change_places(client: Client, phone: Phone):
    world.configure({"rest": {"renamed": {"messageId": "conversationId", "conversationId": "messageId"}}})
    body = {"messageId": NUMBER, "conversationId": "m1", "message": {"text": "Hi"}}
    assert post(client, body).json()["name"] == f"conversations/{NUMBER}/messages/m1"


# Faults


@pytest.mark.parametrize("code", [429, 500, 503, 401, 403, 404])
def test_a_fault_answers_in_the_platforms_shape(client: Client, code):
    fault = {"on": "request", "kind": str(code), "provider": "rest", "method": "messages", "number": NUMBER}
    assert client.post("/emulator/faults/", fault, content_type="application/json").status_code == 200
    assert post(client, wrapped({"text": "Hi"}, conversationId="+37255501235")).status_code == 200
    answer = post(client, wrapped({"text": "Hi"}))
    assert (answer.status_code, answer.json()["error"]["code"]) == (code, code)


def test_a_fault_finds_the_number_behind_a_name(client: Client):
    names = {"messageId": "ref", "conversationId": "to"}
    world.configure({"rest": {"conversations": {"user_123": NUMBER}, "renamed": names}})
    fault = {"on": "request", "kind": "503", "number": NUMBER, "times": 1}
    client.post("/emulator/faults/", fault, content_type="application/json")
    body = {"to": "user_123", "ref": "m1", "message": {"text": "Hi"}}
    assert [post(client, body).status_code for _ in range(2)] == [503, 200]


# Webhooks


def test_the_signature_is_the_guides():
    body = (
        b'{"conversationId":"user_123","messageId":"msg_456","messageStatus":"DELIVERED",'
        b'"timestamp":"2024-12-27T10:35:00Z"}'
    )
    expected = "f68fb39d57ca8dda652ff580e26bea43ccccba8f3ce03f7230040c0c988fbff0"
    assert hex_sha256(SECRET, body) == expected


def test_a_message_is_sent_delivered_and_read(client: Client, phone: Phone, client_side: Receiver):
    post(client, wrapped({"text": "Hi"}))
    phone.wait("delivered")
    phone.do("read")
    assert statuses(client_side, 3) == ["SENT", "DELIVERED", "READ"]
    for request in client_side.requests:
        event = json.loads(request.body)
        assert (event["conversationId"], event["messageId"]) == (NUMBER, "m1")
        assert set(event) == {"conversationId", "messageId", "messageStatus", "timestamp"}
        assert request.path == "/webhooks/rcs"
        assert request.headers["X-Signature"] == hex_sha256(SECRET, request.body)


@pytest.fixture
def shown(client: Client, phone: Phone, client_side: Receiver) -> Phone:
    """A phone that shows m1, a card with every kind of button, and m2, a form; four webhooks have come."""
    buttons = [
        {"reply": {"text": "Keep", "postbackData": "keep_7"}},
        {"action": {"text": "See", "postbackData": "product_123"}},
        {"action": {"text": "Open", "openUrlAction": {"url": "https://example.com/product/123"}}},
        {"action": {"text": "Where", "postbackData": "where", "shareLocationAction": {}}},
    ]
    post(client, wrapped(card(suggestions=buttons)))
    phone.wait("delivered")
    post(client, wrapped(form(), messageId="m2"))
    phone.wait("delivered")
    client_side.wait(4)
    return phone


@pytest.mark.parametrize(
    ("label", "kind", "action"),
    [
        ("Keep", "REPLY_TAPPED", {"postbackData": "keep_7", "text": "Keep"}),
        ("See", "ACTION_TAPPED", {"postbackData": "product_123", "text": "See"}),
        (
            "Open",
            "ACTION_TAPPED",
            {"postbackData": "", "text": "Open", "uri": "https://example.com/product/123"},
        ),
    ],
)
def test_a_tap_names_the_message_it_belongs_to(shown: Phone, client_side: Receiver, label, kind, action):
    shown.do("tap", suggestion=label)
    event = told(client_side, 5)[4]
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "conversationId": NUMBER,
        "messageId": "m1",
        "messageStatus": "INTERACTED",
        "interactionType": kind,
        "action": action,
    }


def test_a_shared_location_follows_the_tap(shown: Phone, client_side: Receiver):
    shown.do("tap", suggestion="Where", latitude=59.4, longitude=24.7)
    tapped, place = told(client_side, 6)[4:]
    assert (tapped["interactionType"], tapped["messageId"]) == ("ACTION_TAPPED", "m1")
    assert (place["interactionType"], place["location"]) == (
        "LOCATION_RECEIVED",
        {"latitude": 59.4, "longitude": 24.7},
    )
    assert place["messageId"] not in ("m1", "m2")


def test_a_filled_in_form_names_its_message(shown: Phone, client_side: Receiver):
    shown.do("form", data={"size": "42", "mail": "a@b.example"})
    event = told(client_side, 5)[4]
    assert (event["interactionType"], event["messageId"]) == ("FORM_SUBMITTED", "m2")
    data = {"size": "42", "mail": "a@b.example"}
    assert event["form"] == {"postbackData": FORM["postbackData"], "data": data}


@pytest.mark.parametrize(
    ("action", "kind", "field", "value"),
    [
        ({"action": "text", "text": "Tere õhtust"}, "TEXT_RECEIVED", "text", "Tere õhtust"),
        (
            {"action": "location", "latitude": 1, "longitude": 2, "label": "Here"},
            "LOCATION_RECEIVED",
            "location",
            {"latitude": 1.0, "longitude": 2.0, "label": "Here"},
        ),
        (
            {"action": "file", "url": "https://f.example/a.png", "size": 7},
            "FILE_RECEIVED",
            "file",
            {
                "contentUrl": "https://f.example/a.png",
                "mimeType": "image/png",
                "fileName": "a.png",
                "sizeBytes": 7,
            },
        ),
        ({"action": "unsubscribe"}, "TEXT_RECEIVED", "text", "STOP"),
    ],
)
def test_what_a_person_sends_has_an_id_of_the_platforms(
    client: Client, phone: Phone, client_side: Receiver, action, kind, field, value
):
    bubble = phone.do(action.pop("action"), via="rest", **action)
    event = told(client_side, 1)[0]
    assert (event["interactionType"], event["messageStatus"], event[field]) == (kind, "INTERACTED", value)
    assert event["messageId"] == bubble["id"]
    assert phone.wait("delivered")["agent"] == "shop"


def test_nothing_is_told_without_a_webhook(client: Client, phone: Phone):
    post(client, wrapped({"text": "Hi"}))
    phone.wait("delivered")
    phone.do("text", text="Hello?")
    assert client.get("/emulator/ledger/").json()["webhooks"] == []


def test_a_webhook_that_is_refused_comes_again_three_times(
    client: Client, phone: Phone, client_side: Receiver
):
    client_side.statuses = [500, 404, 302, 500]
    phone.do("text", text="Hello", via="rest")
    bodies = {request.body for request in client_side.wait(4)}
    assert len(bodies) == 1
    assert world.wait_for(
        lambda: client.get("/emulator/ledger/").json()["webhooks"][0]["state"] == "given_up"
    )
    assert [webhooks.retry_delay(failures) for failures in range(1, 5)] == [5, 30, 300, None]


@pytest.mark.parametrize(
    ("fault", "count", "good"),
    [
        ("unsigned", 1, None),
        ("bad_signature", 1, False),
        ("tampered", 1, False),
        ("duplicate", 2, True),
    ],
)
def test_faulty_webhooks(client: Client, phone: Phone, client_side: Receiver, fault, count, good):
    dial = {"on": "webhook", "kind": fault, "provider": "rest", "times": 1}
    assert client.post("/emulator/faults/", dial, content_type="application/json").status_code == 200
    phone.do("text", text="Hello", via="rest")
    for request in client_side.wait(count):
        signature = request.headers.get("X-Signature")
        assert (
            (signature is None) if good is None else (signature == hex_sha256(SECRET, request.body)) is good
        )
