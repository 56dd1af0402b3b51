"""What leaves for a MaaP bot's webhook: statuses, what people do, who they are, retries, and dials that spoil it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from rcs_backends.emulator.state import world
from rcs_backends.emulator.webhooks import outbox
from rcs_backends.emulator.wire.gsma import webhooks
from tests.emulator.conftest import NUMBER, Phone, Receiver
from tests.emulator.gsma_bot import (
    ID,
    REPLY,
    SECRET,
    TEXT,
    TO,
    Bot,
    action,
    card,
    chips,
    connected,
    dial,
    events,
    reason,
    reply,
)


@pytest.fixture
def bot(client: Client, receiver: Receiver) -> Bot:
    return connected(client, receiver)


def delivered(bot: Bot, phone: Phone, receiver: Receiver, message: Any = None, to: Any = None) -> str:
    """Send a message, wait until its two statuses are told, and forget them."""
    message_id = bot.sent(message, to)
    found = events(receiver, 2)
    assert [event["RCSMessage"]["status"] for event in found] == ["sent", "delivered"]
    receiver.requests.clear()
    return message_id


def timed(event: dict[str, Any]) -> dict[str, Any]:
    """RCSMessage without its time, which is checked here."""
    message = dict(event["RCSMessage"])
    assert datetime.strptime(message.pop("timestamp"), "%Y-%m-%dT%H:%M:%S.%fZ")
    return message


# Statuses


def test_a_message_is_sent_delivered_and_displayed(bot: Bot, phone: Phone, receiver: Receiver):
    message_id = bot.sent()
    phone.wait("delivered")
    phone.do("read")
    found = events(receiver, 3)
    assert [timed(event) for event in found] == [
        {"msgId": message_id, "status": status} for status in ("sent", "delivered", "displayed")
    ]
    assert {event["event"] for event in found} == {"messageStatus"}
    assert all(event["messageContact"] == TO for event in found)
    assert all(set(event) == {"event", "RCSMessage", "messageContact"} for event in found)
    assert receiver.requests[0].headers["Content-Type"] == "application/json"
    assert receiver.requests[0].path == "/maap"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (TEXT, "41210"),
        ({"fileMessage": {"fileUrl": "https://a.example/x"}}, "41211"),
        ({"audioMessage": {"fileUrl": "https://a.example/x"}}, "41211"),
        ({"geolocationPushMessage": {"pos": "1 2"}}, "41210"),
        (card(title="t"), "41212"),
    ],
)
def test_a_phone_without_rcs_is_a_failure_with_a_reason(
    bot: Bot, phone: Phone, receiver: Receiver, message, code
):
    phone.set(rcs=False)
    message_id = bot.sent(message)
    failed = timed(events(receiver, 1)[0])
    assert failed.pop("reason")["code"] == code
    assert failed == {"msgId": message_id, "status": "failed"}
    assert world.wait_for(lambda: outbox.waiting == 0)
    assert len(receiver.requests) == 1


def test_an_expired_message_is_a_failure(bot: Bot, phone: Phone, receiver: Receiver):
    phone.set(online=False)
    bot.sent({**TEXT, "expiry": (datetime.now(UTC) + timedelta(seconds=1)).isoformat()})
    sent, failed = events(receiver, 2)
    assert (sent["RCSMessage"]["status"], failed["RCSMessage"]["status"]) == ("sent", "failed")
    assert failed["RCSMessage"]["reason"]["code"] == "41007"


def test_the_dial_outcome_is_a_failure(bot: Bot, phone: Phone, receiver: Receiver):
    dial(outcome="failed")
    bot.sent()
    assert events(receiver, 1)[0]["RCSMessage"]["reason"]["code"] == "41201"


def test_a_revoked_message_is_told_of_once(bot: Bot, phone: Phone, receiver: Receiver):
    phone.set(online=False)
    message_id = bot.sent()
    events(receiver, 1)
    bot.set_status(message_id, "cancelled")
    bot.set_status(message_id, "cancelled")
    phone.set(online=True)
    bot.sent()
    assert [event["RCSMessage"]["status"] for event in events(receiver, 4)] == [
        "sent",
        "cancelled",
        "sent",
        "delivered",
    ]


def test_typing_has_no_status(bot: Bot, phone: Phone, receiver: Receiver):
    bot.sent({"isTyping": "active"})
    assert delivered(bot, phone, receiver)


def test_displayed_can_be_asked_for(bot: Bot, phone: Phone, receiver: Receiver):
    dial(displayed_notifications="asked")
    delivered(bot, phone, receiver, chips(action("settingsAction", "enableDisplayedNotifications")))
    phone.do("read")
    assert phone.do("tap", suggestion="Do") is None
    assert timed(events(receiver, 1)[0])["suggestedResponse"]["response"]["action"]
    receiver.requests.clear()
    message_id = delivered(bot, phone, receiver)
    phone.do("read")
    assert timed(events(receiver, 1)[0]) == {"msgId": message_id, "status": "displayed"}


# What people say


SAID: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("text", {"text": "Öö 🐘"}, {"textMessage": "Öö 🐘"}),
    (
        "file",
        {"url": "https://a.example/p.png", "size": 7},
        {
            "fileMessage": {
                "fileUrl": "https://a.example/p.png",
                "fileName": "p.png",
                "fileMIMEType": "image/png",
                "fileSize": 7,
            }
        },
    ),
    (
        "file",
        {"url": "https://a.example/p", "name": "hi.amr", "audio": True, "media_type": "audio/amr"},
        {
            "audioMessage": {
                "fileUrl": "https://a.example/p",
                "fileName": "hi.amr",
                "fileMIMEType": "audio/amr",
            }
        },
    ),
    (
        "file",
        {"url": "https://a.example/p.mp3", "size": 9, "seconds": 4},
        {
            "audioMessage": {
                "fileUrl": "https://a.example/p.mp3",
                "fileName": "p.mp3",
                "fileMIMEType": "audio/mpeg",
                "fileSize": 9,
                "playingLength": 4,
            }
        },
    ),
]


@pytest.mark.parametrize(("name", "details", "members"), SAID)
def test_what_a_person_says(bot: Bot, phone: Phone, receiver: Receiver, name, details, members):
    bubble = phone.do(name, to=ID, via="gsma", **details)
    assert bubble is not None
    event = events(receiver, 1)[0]
    assert (event["event"], event["messageContact"]) == ("message", TO)
    assert timed(event) == {"msgId": bubble["id"], **members}
    phone.wait("delivered")


def test_where_a_person_is(bot: Bot, phone: Phone, receiver: Receiver):
    phone.do("location", to=ID, via="gsma", latitude=59.437, longitude=-24.5, label="Here")
    place = timed(events(receiver, 1)[0])["geolocationPushMessage"]
    assert place.pop("timestamp").endswith("Z")
    assert place == {"pos": "59.437000 -24.500000", "label": "Here"}


@pytest.mark.parametrize(("active", "word"), [(True, "active"), (False, "idle")])
def test_a_person_types(bot: Bot, phone: Phone, receiver: Receiver, active, word):
    phone.do("type", to=ID, via="gsma", active=active)
    event = events(receiver, 1)[0]
    assert (event["event"], timed(event)["isTyping"]) == ("isTyping", word)


def test_a_reply_is_a_response_and_a_bubble(bot: Bot, phone: Phone, receiver: Receiver):
    delivered(bot, phone, receiver, chips(reply("No"), REPLY))
    bubble = phone.do("tap", suggestion="Yes")
    assert bubble is not None
    event = events(receiver, 1)[0]
    assert event["event"] == "response"
    tapped = {"reply": {"displayText": "Yes", "postback": {"data": "yes"}}}
    assert timed(event) == {"msgId": bubble["id"], "suggestedResponse": {"response": tapped}}


def test_a_reply_without_postback_says_only_its_label(bot: Bot, phone: Phone, receiver: Receiver):
    delivered(bot, phone, receiver, chips(reply("No")))
    phone.do("tap", suggestion="No")
    assert timed(events(receiver, 1)[0])["suggestedResponse"] == {
        "response": {"reply": {"displayText": "No"}}
    }


def test_an_action_is_a_response_without_a_bubble(bot: Bot, phone: Phone, receiver: Receiver):
    delivered(bot, phone, receiver, chips(action("urlAction", "openUrl", {"url": "https://a.example/"})))
    assert phone.do("tap", suggestion="Do") is None
    event = events(receiver, 1)[0]
    response = timed(event)["suggestedResponse"]["response"]
    assert response == {"action": {"displayText": "Do", "postback": {"data": "d"}}}
    assert event["event"] == "response"


def test_an_action_without_postback_sends_nothing(bot: Bot, phone: Phone, receiver: Receiver):
    chip = action("urlAction", "openUrl", {"url": "https://a.example/"}, data=None)
    delivered(bot, phone, receiver, chips(chip, REPLY))
    phone.do("tap", suggestion="Do")
    phone.do("tap", suggestion="Yes")
    assert "reply" in timed(events(receiver, 1)[0])["suggestedResponse"]["response"]


def test_a_request_for_the_place_brings_it(bot: Bot, phone: Phone, receiver: Receiver):
    delivered(bot, phone, receiver, chips(action("mapAction", "requestLocationPush")))
    phone.do("tap", suggestion="Do", latitude=1, longitude=2)
    tapped, place = events(receiver, 2)
    assert (tapped["event"], place["event"]) == ("response", "message")
    assert timed(place)["geolocationPushMessage"]["pos"] == "1.000000 2.000000"


def test_a_request_for_device_data_brings_them(bot: Bot, phone: Phone, receiver: Receiver):
    delivered(bot, phone, receiver, chips(action("deviceAction", "requestDeviceSpecifics")))
    assert phone.do("tap", suggestion="Do") is None
    tapped, device = events(receiver, 2)
    assert "suggestedResponse" in timed(tapped)
    assert device["event"] == "response"
    assert timed(device)["sharedData"]["deviceSpecifics"]["batteryRemainingMinutes"] == 517


# Who people are


def started(phone: Phone, receiver: Receiver) -> dict[str, str]:
    """Start anonymously: the contact as which the person appears."""
    phone.do("start", to=ID, anonymous=True)
    event = events(receiver, 1)[0]
    receiver.requests.clear()
    assert event["event"] == "newUser"
    tapped = timed(event)["suggestedResponse"]["response"]["reply"]
    assert tapped["postback"] == {"data": "new_bot_user_initiation"}
    return event["messageContact"]


def test_a_start_is_a_new_user(bot: Bot, phone: Phone, receiver: Receiver):
    bubble = phone.do("start", to=ID)
    event = events(receiver, 1)[0]
    assert bubble is not None
    assert (timed(event)["msgId"], bubble["text"]) == (bubble["id"], "Start Chat")
    phone.wait("delivered")
    assert (event["event"], event["messageContact"]) == ("newUser", TO)


def test_an_anonymous_person_is_a_token_everywhere(bot: Bot, phone: Phone, receiver: Receiver):
    contact = started(phone, receiver)
    assert set(contact) == {"chatId"}
    assert NUMBER not in contact["chatId"]
    bot.sent(chips(REPLY), contact)
    phone.wait("delivered")
    phone.do("read")
    phone.do("tap", suggestion="Yes")
    phone.do("text", text="Hello")
    phone.do("type", via="gsma")
    found = events(receiver, 6)
    assert [event["event"] for event in found[3:]] == ["response", "message", "isTyping"]
    assert all(event["messageContact"] == contact for event in found)
    assert all(NUMBER.encode() not in request.body for request in receiver.requests)


def test_a_token_is_the_same_for_a_bot_and_another_one_for_another(
    bot: Bot, phone: Phone, receiver: Receiver
):
    contact = started(phone, receiver)
    assert started(phone, receiver) == contact
    world.configure({"gsma": {"webhook": f"{receiver.url}/all"}})
    phone.do("start", to="other")
    assert events(receiver, 1)[0]["messageContact"] != contact
    other = Bot(bot.client, "other", "tok-other")
    assert reason(other.send(to=contact)) == (404, "41110")


def test_a_token_has_capabilities(bot: Bot, phone: Phone, receiver: Receiver):
    contact = started(phone, receiver)
    assert bot.call("GET", f"contactCapabilities?chatId={contact['chatId']}").status_code == 200


def test_a_public_conversation_goes_on_beside_the_anonymous_one(bot: Bot, phone: Phone, receiver: Receiver):
    started(phone, receiver)
    delivered(bot, phone, receiver, chips(REPLY))
    phone.do("tap", suggestion="Yes")
    assert events(receiver, 1)[0]["messageContact"] == TO


def test_an_alias_links_both_and_kills_the_token(bot: Bot, phone: Phone, receiver: Receiver):
    contact = started(phone, receiver)
    phone.do("alias")
    event = events(receiver, 1)[0]
    assert (event["event"], event["messageContact"]) == ("alias", {**TO, **contact})
    assert set(timed(event)) == {"msgId"}
    assert phone.set()["anonymous"] is False
    assert reason(bot.send(to=contact)) == (404, "41110")
    assert bot.send(to=TO).status_code == 202


def test_an_alias_needs_a_token(bot: Bot, phone: Phone):
    assert "chatId" in phone.refused("alias", to=ID)


def test_statuses_after_an_alias_name_the_number(bot: Bot, phone: Phone, receiver: Receiver):
    contact = started(phone, receiver)
    delivered(bot, phone, receiver, to=contact)
    phone.do("alias")
    phone.do("read")
    assert events(receiver, 2)[1]["messageContact"] == TO


@pytest.mark.parametrize("data", ["a11", None])
def test_a_tap_on_disable_anonymization_links(bot: Bot, phone: Phone, receiver: Receiver, data):
    contact = started(phone, receiver)
    chip = action("settingsAction", "disableAnonymization", data=data)
    delivered(bot, phone, receiver, chips(chip), contact)
    phone.do("tap", suggestion="Do")
    *response, alias = events(receiver, 1 if data is None else 2)
    assert [event["messageContact"] for event in response] == ([] if data is None else [contact])
    assert (alias["event"], alias["messageContact"]) == ("alias", {**TO, **contact})


def test_a_tap_on_disable_anonymization_of_a_public_phone_is_a_response(
    bot: Bot, phone: Phone, receiver: Receiver
):
    delivered(bot, phone, receiver, chips(action("settingsAction", "disableAnonymization"), REPLY))
    phone.do("tap", suggestion="Do")
    phone.do("tap", suggestion="Yes")
    assert [event["event"] for event in events(receiver, 2)] == ["response", "response"]


def test_a_reset_makes_a_new_user(bot: Bot, phone: Phone, receiver: Receiver):
    contact = started(phone, receiver)
    phone.do("reset", to=ID)
    assert reason(bot.send(to=contact)) == (404, "41110")
    phone.do("text", text="Hello", to=ID, via="gsma")
    again = events(receiver, 1)[0]["messageContact"]
    assert set(again) == {"chatId"}
    assert again != contact


def test_what_waits_for_a_dead_token_fails(bot: Bot, phone: Phone, receiver: Receiver):
    contact = started(phone, receiver)
    world.configure({"delivery_delay": 60})
    message_id = bot.sent(to=contact)
    public = bot.sent()
    phone.do("reset", to=ID)
    failed = events(receiver, 1)[0]
    assert (failed["messageContact"], failed["RCSMessage"]["msgId"]) == (contact, message_id)
    assert failed["RCSMessage"]["reason"]["code"] == "41110"
    assert (bot.status(message_id), bot.status(public)) == ("failed", "pending")


def test_a_start_that_makes_no_sense(bot: Bot, phone: Phone):
    assert "anonymous" in phone.refused("start", to=ID, anonymous="yes")


# The way


def test_the_secret_is_the_whole_header(bot: Bot, phone: Phone, receiver: Receiver):
    bot.sent()
    assert receiver.wait(1)[0].headers["Authorization"] == SECRET


def test_without_a_secret_there_is_no_header(client: Client, phone: Phone, receiver: Receiver):
    bot = connected(client, receiver, webhook_secret="")
    bot.sent()
    assert "Authorization" not in receiver.wait(1)[0].headers


def test_all_bots_can_share_a_webhook(client: Client, phone: Phone, receiver: Receiver):
    dial(webhook=f"{receiver.url}/all", webhook_secret="shared")
    Bot(client, "sip:any@bots.example").sent()
    request = receiver.wait(1)[0]
    assert (request.path, request.headers["Authorization"]) == ("/all", "shared")


def test_without_a_webhook_nothing_leaves(client: Client, phone: Phone):
    connected(client).sent()
    phone.wait("delivered")
    assert outbox.as_json() == []


@pytest.mark.parametrize("statuses", [[500], [404, 302], [401, 503, 429]])
def test_what_is_not_taken_comes_again(bot: Bot, phone: Phone, receiver: Receiver, statuses):
    world.configure({"retry_scale": 0})
    receiver.statuses = list(statuses)
    bot.sent()
    assert world.wait_for(lambda: outbox.waiting == 0 and len(outbox.as_json()) == 2)
    first = outbox.as_json()[0]
    assert (first["state"], first["status"], first["event"]) == ("delivered", 200, "sent")
    assert sum(entry["tries"] for entry in outbox.as_json()) == len(statuses) + 2


def test_204_is_taken(bot: Bot, phone: Phone, receiver: Receiver):
    receiver.statuses = [204, 202]
    bot.sent()
    assert world.wait_for(lambda: [one["tries"] for one in outbox.as_json()] == [1, 1])


def test_retries_grow_to_ten_minutes_and_end_after_a_day():
    delays = [webhooks.retry_delay(failures) for failures in range(1, 200)]
    assert delays[:12] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]
    tried = [delay for delay in delays if delay is not None]
    assert 86400 - 600 <= sum(tried) <= 86400


@pytest.mark.parametrize(
    ("kind", "header", "tampered"),
    [("unsigned", None, False), ("bad_signature", f"{SECRET}x", False), ("tampered", SECRET, True)],
)
def test_dials_that_spoil_a_webhook(bot: Bot, phone: Phone, receiver: Receiver, kind, header, tampered):
    strike = {"on": "webhook", "kind": kind, "provider": "gsma", "times": 1}
    bot.client.post("/emulator/faults/", strike, content_type="application/json")
    bot.sent()
    first, second = receiver.wait(2)
    assert (first.headers.get("Authorization"), b"tampered" in first.body) == (header, tampered)
    assert (second.headers.get("Authorization"), b"tampered" in second.body) == (SECRET, False)


def test_a_ready_file_is_told_of(bot: Bot, receiver: Receiver):
    headers = {"Authorization": f"Bearer {bot.token}"}
    form = {"fileType": "image/png", "fileUrl": "https://a.example/x.png", "until": "2036-12-21T10:00:00Z"}
    answer = bot.client.post(f"/emulator/gsma/rcs/bot/v1/{ID}/files", form, headers=headers)
    assert events(receiver, 1)[0] == {
        "event": "fileStatus",
        "file": {
            "fileId": answer.json()["file"]["fileId"],
            "fileUrl": "https://a.example/x.png",
            "status": "ready",
            "validity": "2036-12-21T10:00:00.000Z",
        },
    }


def test_a_deleted_file_never_becomes_ready(bot: Bot, receiver: Receiver):
    world.configure({"delivery_delay": 0.05})
    headers = {"Authorization": f"Bearer {bot.token}"}
    form = {"fileType": "image/png", "fileUrl": "https://a.example/x.png"}
    with world.change():  # no timer runs between the two requests
        answer = bot.client.post(f"/emulator/gsma/rcs/bot/v1/{ID}/files", form, headers=headers)
        bot.call("DELETE", f"files/{answer.json()['file']['fileId']}")
    ready = world.wait_for(lambda: outbox.as_json(), timeout=0.2)
    assert not ready


# The portal's try-out


@pytest.mark.parametrize(("status", "verified"), [(200, True), (401, False), (302, False)])
def test_the_portal_tries_out_a_webhook(
    bot: Bot, client: Client, receiver: Receiver, status: int, verified: bool
):
    receiver.statuses = [status]
    answer = client.post("/emulator/config/", {"verify": ID}, content_type="application/json")
    assert answer.json()["verification"]["verified"] is verified
    assert receiver.requests[0].headers["Authorization"] == SECRET
    assert receiver.requests[0].body == b""


def test_a_webhook_that_is_not_there_is_not_verified(client: Client):
    connected(client)
    answer = client.post("/emulator/config/", {"verify": ID}, content_type="application/json")
    assert answer.json()["verification"]["verified"] is False
