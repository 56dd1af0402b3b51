"""What leaves for the agent's webhook: envelope, signature, retries, taps and events, and the dials that spoil them."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from django.test import Client

from rcs_backends.emulator.state import world
from rcs_backends.emulator.webhooks import outbox
from rcs_backends.emulator.wire.google import webhooks as google_webhooks
from tests.emulator.conftest import NUMBER, Phone, Received, Receiver

TOKEN = "emu-client-token-1"
VECTOR = (
    "eyJzZW5kZXJQaG9uZU51bWJlciI6IiszNzI1NTUwMTAwIiwiZXZlbnRUeXBlIjoiREVMSVZFUkVEIiwiZXZlbnRJZCI6ImV2LTAwMDEiLCJtZXNz"
    "YWdlSWQiOiI1ZjFjOWYwZS01YjBhLTRkN2UtOWEzNC0xZjJkM2M0YjVhNjkiLCJzZW5kVGltZSI6IjIwMjYtMTEtMjBUMDk6MzA6MDAuMTIzNDU2"
    "WiIsImFnZW50SWQiOiJhY21lX2RlbW9fYWdlbnRAcmJtLmdvb2cifQ=="
)
SIGNATURE = "/Tm/Rgath+pJxw8LxznvIXdL+UxY1Du2EcYP68aMlO/XSYTpcQThNX4Mx3DhM4/FCYiFUa1EErPNL15SG3fTAA=="
CHIPS = {
    "messageTrafficType": "TRANSACTION",
    "contentMessage": {
        "text": "Where?",
        "suggestions": [
            {"reply": {"text": "Here", "postbackData": "here"}},
            {"action": {"text": "Call", "postbackData": "call", "dialAction": {"phoneNumber": "112"}}},
            {"action": {"text": "Send place", "postbackData": "place", "shareLocationAction": {}}},
        ],
    },
}


def signature(data: bytes, token: str = TOKEN) -> str:
    """Computed here once more, without the emulator's code."""
    return base64.b64encode(hmac.new(token.encode(), data, hashlib.sha512).digest()).decode()


def signed(request: Received) -> bool:
    return request.headers.get("X-Goog-Signature") == signature(request.data)


def test_the_published_vector_verifies():
    data = base64.b64decode(VECTOR)
    assert google_webhooks.sign(TOKEN, data) == SIGNATURE
    again = json.dumps(json.loads(data), indent=2).encode()
    assert google_webhooks.sign(TOKEN, again).startswith("LjY1LmfQ")


def test_an_envelope_is_complete_signed_and_not_reproducible_by_dumping_again(send, acme: Receiver):
    send()
    request = acme.wait(1)[0]
    body = json.loads(request.body)
    assert signed(request)
    assert request.data != json.dumps(request.payload).encode()
    assert request.headers["X-Goog-Webhook-Type"] == "message_callback"
    assert request.headers["Content-Type"] == "application/json"
    assert body["message"]["messageId"] == body["message"]["message_id"] != request.payload["messageId"]
    assert body["message"]["publishTime"] == body["message"]["publish_time"]
    assert body["message"]["attributes"]["business_id"] == "acme@rbm.goog"
    assert body["subscription"].startswith("projects/")
    payload = request.payload
    assert payload.pop("eventId")
    assert payload.pop("sendTime").endswith("Z")
    assert payload == {
        "senderPhoneNumber": NUMBER,
        "eventType": "DELIVERED",
        "messageId": "m1",
        "agentId": "acme@rbm.goog",
    }


def test_words_beyond_ascii_are_signed_as_utf8(acme: Receiver, phone: Phone):
    phone.do("text", text="Öö 🐘", to="acme")
    request = acme.wait(1)[0]
    assert (signed(request), request.payload["text"]) == (True, "Öö 🐘")
    assert "Öö".encode() in request.data


@pytest.mark.parametrize("status", [204, 201, 302, 400, 401, 500, 503])
def test_only_200_counts_and_the_same_bytes_come_again(send, acme: Receiver, status):
    acme.statuses = [status, status]
    send()
    first, second, third = acme.wait(3)
    assert first.body == second.body == third.body
    assert world.wait_for(lambda: outbox.waiting == 0)
    entry = outbox.as_json()[0]
    assert (entry["tries"], entry["status"], entry["state"]) == (3, 200, "delivered")


def test_a_client_that_is_not_there_is_tried_again(send, phone: Phone):
    agent = {"webhook": "http://127.0.0.1:9/", "client_token": TOKEN}
    world.configure({"google": {"agents": {"acme": agent}}})
    send()
    assert world.wait_for(lambda: any(entry["tries"] >= 3 for entry in outbox.as_json()))
    assert outbox.as_json()[0]["status"] is None
    assert outbox.waiting == 1


def test_retries_grow_to_ten_minutes_and_end_after_seven_days():
    delays = [google_webhooks.retry_delay(failures) for failures in range(1, 1020)]
    assert delays[:12] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]
    tried = [delay for delay in delays if delay is not None]
    assert 7 * 86400 - 600 <= sum(tried) <= 7 * 86400
    assert delays[len(tried)] is None


def test_forgetting_everything_ends_the_retries(send, client: Client, acme: Receiver):
    world.configure({"retry_scale": 1000})
    acme.statuses = [500]
    send()
    assert world.wait_for(lambda: outbox.as_json() and outbox.as_json()[0]["tries"] == 1)
    client.delete("/emulator/ledger/")
    assert (outbox.waiting, outbox.as_json()) == (0, [])


def test_the_partners_webhook_serves_agents_without_one(send, receiver: Receiver):
    own = {"webhook": f"{receiver.url}/own", "client_token": "own"}
    google = {
        "webhook": f"{receiver.url}/partner",
        "client_token": "partner",
        "agents": {"acme": own, "other": {}},
    }
    world.configure({"google": google})
    send("m1", agent="acme")
    send("m2", agent="other")
    requests = {request.path: request for request in receiver.wait(2)}
    for name in ("own", "partner"):
        assert requests[f"/{name}"].headers["X-Goog-Signature"] == signature(requests[f"/{name}"].data, name)


def test_without_agents_nothing_is_sent(send, phone: Phone):
    assert send().status_code == 200
    phone.wait("delivered")
    assert outbox.as_json() == []


# The handshake


def verify(client: Client, agent: str = "acme") -> dict[str, Any]:
    answer = client.post("/emulator/config/", {"verify": agent}, content_type="application/json")
    return answer.json()["verification"]


def test_the_handshake_wants_the_bare_secret(client: Client, acme: Receiver):
    acme.body = lambda body: json.loads(body)["secret"].encode()
    assert verify(client)["verified"] is True
    request = acme.requests[0]
    assert request.headers["X-Goog-Webhook-Type"] == "verification"
    assert json.loads(request.body)["clientToken"] == TOKEN
    assert "X-Goog-Signature" not in request.headers


@pytest.mark.parametrize(
    ("status", "body"), [(200, b""), (200, b'{"secret": "1"}'), (403, None), (204, None)]
)
def test_any_other_answer_fails_the_handshake(client: Client, acme: Receiver, status, body):
    acme.statuses = [status]
    acme.body = lambda sent: (
        json.loads(sent)["secret"].encode() if body is None and status == 403 else body or b""
    )
    assert verify(client)["verified"] is False


def test_a_handshake_without_a_webhook_fails(client: Client):
    assert verify(client, "nobody")["verified"] is False


# What people do


def shown_chips(send: Any, phone: Phone, acme: Receiver) -> None:
    send(body=CHIPS)
    phone.wait("delivered")
    acme.wait(1)


def test_a_tapped_reply_brings_postback_text_and_type(send, acme: Receiver, phone: Phone):
    shown_chips(send, phone, acme)
    bubble = phone.do("tap", suggestion="Here")
    assert bubble is not None
    assert (bubble["direction"], bubble["text"]) == ("out", "Here")
    payload = acme.wait(2)[1].payload
    assert payload["suggestionResponse"] == {"postbackData": "here", "text": "Here", "type": "REPLY"}
    assert payload["messageId"] == bubble["id"]
    assert [one["tapped"] for one in phone.messages()[0]["suggestions"]] == [True, False, False]
    phone.wait("delivered")


@pytest.mark.parametrize(
    ("style", "id_field", "response"),
    [
        ("full", "messageId", {"postbackData": "call", "text": "Call", "type": "ACTION"}),
        ("event", "eventId", {"postbackData": "call", "type": "ACTION"}),
        ("bare", "eventId", {"postbackData": "call"}),
    ],
)
def test_a_tapped_action_comes_in_the_shape_of_the_dial(
    send, acme: Receiver, phone: Phone, style, id_field, response
):
    world.configure({"google": {"action_tap_style": style}})
    shown_chips(send, phone, acme)
    assert phone.do("tap", suggestion=1) is None
    payload = acme.wait(2)[1].payload
    assert payload["suggestionResponse"] == response
    assert {"messageId", "eventId"} & set(payload) == {id_field}


def test_sharing_the_place_brings_the_tap_and_then_the_location(send, acme: Receiver, phone: Phone):
    shown_chips(send, phone, acme)
    phone.do("tap", suggestion="place", latitude=59.5, longitude=24.5)
    tap, place = (request.payload for request in acme.wait(3)[1:])
    assert tap["suggestionResponse"]["postbackData"] == "place"
    assert place["location"] == {"latitude": 59.5, "longitude": 24.5}


def test_a_file_comes_with_name_type_and_address(acme: Receiver, phone: Phone):
    phone.do("file", url="https://a.example/receipt.jpg", to="acme")
    assert acme.wait(1)[0].payload["userFile"]["payload"] == {
        "mimeType": "image/jpeg",
        "fileSizeBytes": 248113,
        "fileName": "receipt.jpg",
        "fileUri": "https://a.example/receipt.jpg",
    }


def test_typing_names_no_message(send, acme: Receiver, phone: Phone):
    send()
    phone.wait("delivered")
    phone.do("type")
    payload = acme.wait(2)[1].payload
    assert (payload["eventType"], "messageId" in payload) == ("IS_TYPING", False)


def test_reading_tells_each_message_once(send, acme: Receiver, phone: Phone):
    for name in ("m1", "m2"):
        send(name)
        phone.wait("delivered")
    phone.do("read", message="m2")
    phone.do("read")
    phone.do("read")
    told = [(request.payload["eventType"], request.payload["messageId"]) for request in acme.wait(4)]
    assert sorted(told[2:]) == [("READ", "m1"), ("READ", "m2")]
    assert phone.set()["unread"] == 0
    assert world.wait_for(lambda: outbox.waiting == 0)
    assert len(outbox.as_json()) == 4


def test_auto_read_reads_by_itself(send, acme: Receiver, phone: Phone):
    world.configure({"auto_read": True})
    send()
    assert [request.payload["eventType"] for request in acme.wait(2)] == ["DELIVERED", "READ"]
    phone.wait("read")


@pytest.mark.parametrize(
    ("number", "action", "keyword", "event"),
    [
        ("+37255501234", "unsubscribe", "STOP", "UNSUBSCRIBE"),
        ("+37255501234", "subscribe", "START", "SUBSCRIBE"),
        ("+33612345678", "subscribe", "Démarrer", "SUBSCRIBE"),
        ("+34612345678", "unsubscribe", "BAJA", "UNSUBSCRIBE"),
        ("+5511912345678", "unsubscribe", "parar", "UNSUBSCRIBE"),
    ],
)
@pytest.mark.parametrize("order", ["message_first", "event_first"])
def test_unsubscribing_sends_keyword_and_event(
    client: Client, acme: Receiver, number, action, keyword, event, order
):
    world.configure({"google": {"unsubscribe_order": order}})
    phone = Phone(client, number)
    phone.set()
    phone.do(action, to="acme")
    told = [request.payload.get("text") or request.payload["eventType"] for request in acme.wait(2)]
    assert told == ([keyword, event] if order == "message_first" else [event, keyword])
    assert phone.set()["unsubscribed"] is (action == "unsubscribe")


def test_a_person_in_the_us_brings_carrier_and_class(client: Client, acme: Receiver):
    phone = Phone(client, "+15558675310")
    phone.set()
    phone.do("text", text="hi", to="acme")
    payload = acme.wait(1)[0].payload
    assert payload["carrier"]
    assert payload["richMessageClassification"]["classificationType"] == "RICH_MESSAGE"


# Webhooks gone wrong


def fault(client: Client, kind: str, **more: Any) -> None:
    body = {"provider": "google", "on": "webhook", "kind": kind, **more}
    assert client.post("/emulator/faults/", body, content_type="application/json").status_code == 200


def test_a_duplicate_says_exactly_the_same_twice(send, client: Client, acme: Receiver):
    fault(client, "duplicate", times=1)
    send()
    first, second = acme.wait(2)
    assert first.body == second.body
    assert signed(second)


def test_a_late_webhook_comes_after_its_time(send, client: Client, acme: Receiver, phone: Phone):
    fault(client, "late", times=1, seconds=0.15)
    send("m1")
    phone.wait("delivered")
    phone.do("read")
    assert [request.payload["eventType"] for request in acme.wait(2)] == ["READ", "DELIVERED"]


def test_reordered_is_overtaken_by_the_next_of_the_same_message(
    send, client: Client, acme: Receiver, phone: Phone
):
    fault(client, "reorder", times=1)
    send("m1")
    phone.wait("delivered")
    send("m2")
    assert [request.payload["messageId"] for request in acme.wait(1)] == ["m2"]
    assert outbox.waiting >= 1
    phone.do("read", message="m1")
    told = [(request.payload["eventType"], request.payload["messageId"]) for request in acme.wait(3)[1:]]
    assert told == [("READ", "m1"), ("DELIVERED", "m1")]


def test_a_lost_webhook_never_comes(send, client: Client, acme: Receiver, phone: Phone):
    fault(client, "lost", times=1)
    send("m1")
    phone.wait("delivered")
    phone.do("read")
    assert [request.payload["eventType"] for request in acme.wait(1)] == ["READ"]
    assert world.wait_for(lambda: outbox.waiting == 0)
    assert [entry["state"] for entry in outbox.as_json()] == ["lost", "delivered"]


@pytest.mark.parametrize("kind", ["unsigned", "bad_signature", "tampered"])
def test_a_forged_webhook_does_not_verify_however_often_it_comes(send, client: Client, acme: Receiver, kind):
    fault(client, kind, times=1)
    acme.statuses = [401]
    send("m1")
    first, second = acme.wait(2)
    assert not signed(first)
    assert not signed(second)
    assert first.payload["messageId"] == "m1"
    assert ("X-Goog-Signature" in first.headers) == (kind != "unsigned")
    send("m2")
    assert signed(acme.wait(3)[2])
