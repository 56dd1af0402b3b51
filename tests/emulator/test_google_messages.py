"""From accepted to shown on Google's wire: repeats, absent phones, expiry, revoke, features, capabilities, files."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from rcs_backends.emulator.phones import FEATURES, now
from rcs_backends.emulator.state import world
from rcs_backends.emulator.webhooks import outbox
from rcs_backends.emulator.wire.google.store import GoogleStore
from tests.emulator.conftest import HELLO, MESSAGES, NUMBER, Phone, Receiver

GOOGLE = "/emulator/google/"
CARD = {
    "messageTrafficType": "TRANSACTION",
    "contentMessage": {"richCard": {"standaloneCard": {"cardContent": {"title": "t"}}}},
}
CAROUSEL = {
    "messageTrafficType": "TRANSACTION",
    "contentMessage": {"richCard": {"carouselCard": {"cardContents": [{"title": "a"}, {"title": "b"}]}}},
}
PHONE = f"{GOOGLE}v1/phones/{NUMBER}/"


def chip(name: str, fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    suggestion = {"action": {"text": "Do", name: fields, **more}}
    return {"messageTrafficType": "TRANSACTION", "contentMessage": {"text": "x", "suggestions": [suggestion]}}


def totals() -> tuple[int, int, int]:
    return len(world.ledger.accepted), len(world.ledger.shown), world.ledger.doubles


def settle(seconds: float = 0) -> None:
    """Wait until every timer that is due in `seconds` has been called."""
    passed: list[bool] = []
    with world.change():
        world.after(seconds, lambda: passed.append(True))
    assert world.wait_for(lambda: passed)


def events(receiver: Receiver, count: int) -> list[str]:
    return [request.payload.get("eventType", "message") for request in receiver.wait(count)]


# Repeats


def test_a_repeated_id_answers_as_the_first_time_and_is_shown_once(send, phone: Phone):
    first = send("m1").json()
    assert send("m1", {**HELLO, "contentMessage": {"text": "Something else"}}).json() == first
    phone.wait("delivered")
    assert send("m1").json() == first
    assert [message["text"] for message in phone.messages()] == ["Hello"]
    assert totals() == (1, 1, 0)
    assert world.ledger.accepted["google", "acme", "m1"].copies == 3


def test_events_share_the_ids_of_messages(send, client: Client, phone: Phone):
    path = f"{PHONE}agentEvents?eventId=e1&agentId=acme"
    event = client.post(path, {"eventType": "IS_TYPING"}, content_type="application/json").json()
    assert send("e1").json() == event
    assert phone.messages() == []


def test_two_agents_may_use_the_same_id(send):
    assert send("m1", agent="acme").status_code == send("m1", agent="other").status_code == 200
    assert len(world.ledger.accepted) == 2


def test_a_refused_message_does_not_use_up_its_id(send, phone: Phone):
    phone.set(rcs=False)
    assert send("m1").status_code == 404
    phone.set(rcs=True)
    assert send("m1").status_code == 200
    phone.wait("delivered")


def test_a_repeat_is_answered_though_the_phone_lost_rcs(send, phone: Phone):
    send("m1")
    phone.set(rcs=False)
    assert send("m1").status_code == 200


# Phones that are not there


def test_no_rcs_is_404_in_googles_words(send, phone: Phone):
    phone.set(rcs=False)
    error = send().json()["error"]
    assert (error["code"], error["status"]) == (404, "NOT_FOUND")
    assert "cannot be reached by RBM" in error["message"]
    assert totals() == (0, 0, 0)


def test_unknown_numbers_have_rcs_as_the_dial_says(send):
    assert send("m1", to="+37255500001").status_code == 200
    world.configure({"default_rcs": False})
    assert send("m2", to="+37255500002").status_code == 404
    assert send("m3", to="+37255500001").status_code == 200


def test_an_unlaunched_agent_reaches_its_testers_only(send, client: Client):
    world.configure({"google": {"agents": {"acme": {"launched": False, "testers": [NUMBER]}}}})
    assert send("m1").status_code == 200
    refused = send("m2", to="+37255500002")
    assert (refused.status_code, refused.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
    path = f"{GOOGLE}v1/phones/+37255500002/capabilities?requestId=r&agentId=acme"
    assert client.get(path).status_code == 404


def test_an_offline_phone_gets_everything_in_order_when_it_is_back(send, phone: Phone, acme: Receiver):
    phone.set(online=False)
    for name in ("m1", "m2", "m3"):
        assert send(name).status_code == 200
    assert world.wait_for(lambda: len(world.handset(NUMBER).waiting) == 3)
    assert {message["state"] for message in phone.messages()} == {"waiting"}
    phone.set(online=True)
    assert [request.payload["messageId"] for request in acme.wait(3)] == ["m1", "m2", "m3"]
    assert phone.set()["unread"] == 3


def test_rcs_switched_off_holds_what_was_accepted(send, phone: Phone):
    phone.set(online=False)
    send()
    assert world.wait_for(lambda: world.handset(NUMBER).waiting)
    phone.set(online=True, rcs=False)
    settle()
    assert phone.messages()[0]["state"] == "waiting"
    phone.set(rcs=True)
    phone.wait("delivered")


# Expiry and revoke


@pytest.mark.parametrize(
    ("dial", "told", "state"),
    [
        ("revoked", ["TTL_EXPIRATION_REVOKED"], "expired"),
        ("revoke_failed", ["TTL_EXPIRATION_REVOKE_FAILED", "DELIVERED"], "delivered"),
        ("both", ["TTL_EXPIRATION_REVOKED", "DELIVERED"], "delivered"),
        ("neither", [], "expired"),
    ],
)
def test_what_expires_offline_ends_as_the_dial_says(send, phone: Phone, acme: Receiver, dial, told, state):
    world.configure({"google": {"expiry": dial}})
    phone.set(online=False)
    send(body={**HELLO, "ttl": "0.05s"})
    expired = {"revoked": "expired", "neither": "expired"}.get(dial)
    if expired:
        phone.wait(expired)
    else:
        acme.wait(1)
    phone.set(online=True)
    assert events(acme, len(told)) == told
    assert phone.wait(state)["expires_at"]


def test_an_expiry_event_names_the_phone_by_its_own_field(send, phone: Phone, acme: Receiver):
    phone.set(online=False)
    send(body={**HELLO, "ttl": "0.01s"})
    payload = acme.wait(1)[0].payload
    assert (payload["phoneNumber"], payload["messageId"], payload["agentId"]) == (
        NUMBER,
        "m1",
        "acme@rbm.goog",
    )
    assert "senderPhoneNumber" not in payload


def test_delivered_in_time_never_expires(send, phone: Phone, acme: Receiver):
    send(body={**HELLO, "ttl": "0.1s"})
    phone.wait("delivered")
    settle(0.15)
    assert events(acme, 1) == ["DELIVERED"]
    assert world.wait_for(lambda: outbox.waiting == 0)


def revoke(client: Client, message_id: str = "m1", agent: str = "acme", number: str = NUMBER) -> int:
    path = f"{GOOGLE}v1/phones/{number}/agentMessages/{message_id}?agentId={agent}"
    answer = client.delete(path)
    assert answer.json() == {} or answer.json()["error"]["status"] == "NOT_FOUND"
    return int(answer.status_code)


def test_a_waiting_message_is_revoked_for_good_and_without_an_event(
    send, client: Client, phone: Phone, acme: Receiver
):
    phone.set(online=False)
    send("m1")
    send("m2")
    assert revoke(client) == revoke(client) == 200
    phone.set(online=True)
    assert [request.payload["messageId"] for request in acme.wait(1)] == ["m2"]
    assert [message["state"] for message in phone.messages()] == ["revoked", "delivered"]
    assert world.wait_for(lambda: outbox.waiting == 0)


@pytest.mark.parametrize(
    ("message_id", "agent", "number"),
    [("m1", "acme", NUMBER), ("m9", "acme", NUMBER), ("m1", "other", NUMBER), ("m1", "acme", "+37255500009")],
    ids=["delivered", "unknown id", "another agent's", "another number"],
)
def test_what_cannot_be_revoked_is_404(send, client: Client, phone: Phone, message_id, agent, number):
    send("m1")
    phone.wait("delivered")
    assert revoke(client, message_id, agent, number) == 404
    world.configure({"google": {"revoke": "always_200"}})
    assert revoke(client, message_id, agent, number) == 200
    assert phone.messages()[0]["state"] == "delivered"


def test_a_revoke_may_lose_the_race_to_delivery(send, client: Client, phone: Phone, acme: Receiver):
    world.configure({"google": {"revoke": "lost_race"}})
    phone.set(online=False)
    send()
    assert revoke(client) == 200
    phone.set(online=True)
    assert events(acme, 1) == ["DELIVERED"]


# Features


@pytest.mark.parametrize(
    ("body", "feature"),
    [
        (CARD, "RICHCARD_STANDALONE"),
        (CAROUSEL, "RICHCARD_CAROUSEL"),
        (chip("dialAction", {"phoneNumber": "1"}), "ACTION_DIAL"),
        (chip("openUrlAction", {"url": "https://a.example"}), "ACTION_OPEN_URL"),
        (chip("shareLocationAction", {}), "ACTION_SHARE_LOCATION"),
        (chip("viewLocationAction", {"query": "x"}), "ACTION_VIEW_LOCATION"),
        (
            chip(
                "createCalendarEventAction",
                {"startTime": "2026-11-27T17:00:00Z", "endTime": "2026-11-27T18:00:00Z", "title": "t"},
            ),
            "ACTION_CREATE_CALENDAR_EVENT",
        ),
    ],
)
def test_a_phone_without_the_feature_refuses(send, phone: Phone, body, feature):
    phone.set(features=[one for one in FEATURES if one != feature])
    refused = send("m1", body)
    assert (refused.status_code, feature in refused.json()["error"]["message"]) == (400, True)
    phone.set(features=[feature])
    assert send("m1", body).status_code == 200


def test_an_action_with_a_fallback_url_needs_no_feature(send, phone: Phone):
    phone.set(features=[])
    assert (
        send(body=chip("dialAction", {"phoneNumber": "1"}, fallbackUrl="https://a.example")).status_code
        == 200
    )


# What is shown


def test_a_card_arrives_with_everything_it_has(send, phone: Phone):
    media = {
        "height": "TALL",
        "contentDescription": "Boots",
        "contentInfo": {"fileUrl": "https://a.example/b.jpg"},
    }
    buttons = [
        {"reply": {"text": "Keep", "postbackData": "keep"}},
        {
            "action": {
                "text": "Go",
                "postbackData": "go",
                "viewLocationAction": {"latLong": {"latitude": 1, "longitude": 2}},
            }
        },
    ]
    standalone = {
        "cardOrientation": "HORIZONTAL",
        "thumbnailImageAlignment": "RIGHT",
        "cardContent": {"title": "T", "description": "D", "media": media, "suggestions": buttons},
    }
    chips = [
        {"action": {"text": "Shop", "openUrlAction": {"url": "https://a.example", "application": "WEBVIEW"}}}
    ]
    content = {"richCard": {"standaloneCard": standalone}, "suggestions": chips}
    send(body={"messageTrafficType": "PROMOTION", "contentMessage": content})
    shown = phone.wait("delivered")
    card = shown["cards"][0]
    assert (shown["kind"], shown["traffic"]) == ("card", "promotion")
    assert (card["title"], card["description"], card["orientation"], card["alignment"]) == (
        "T",
        "D",
        "horizontal",
        "right",
    )
    assert card["media"] == {
        "url": "https://a.example/b.jpg",
        "thumbnail": "",
        "thumbnail_name": "",
        "height": "tall",
        "alt": "Boots",
        "media_type": "image/jpeg",
        "name": "",
        "size": 0,
        "seconds": 0,
    }
    assert [(one["label"], one["kind"], one["detail"]) for one in card["suggestions"]] == [
        ("Keep", "reply", {}),
        ("Go", "show_location", {"latitude": 1.0, "longitude": 2.0}),
    ]
    assert shown["suggestions"][0]["detail"] == {"url": "https://a.example", "application": "webview"}


def test_a_carousel_keeps_order_and_width(send, phone: Phone):
    send(
        body={
            **CAROUSEL,
            "contentMessage": {
                "richCard": {
                    "carouselCard": {"cardWidth": "SMALL", "cardContents": [{"title": "a"}, {"title": "b"}]}
                }
            },
        }
    )
    shown = phone.wait("delivered")
    assert (shown["kind"], shown["card_width"], [card["title"] for card in shown["cards"]]) == (
        "carousel",
        "small",
        ["a", "b"],
    )


def test_the_us_gets_its_billing_class_and_carrier(send):
    text = "x" * 161
    answer = send(
        to="+15558675310", body={"messageTrafficType": "TRANSACTION", "contentMessage": {"text": text}}
    ).json()
    assert answer["richMessageClassification"] == {"classificationType": "RICH_MESSAGE", "segmentCount": 2}
    assert answer["carrier"]
    rich = send("m2", CARD, to="+15558675310").json()
    assert rich["richMessageClassification"] == {"classificationType": "RICH_MEDIA_MESSAGE"}
    assert "carrier" not in send("m3").json()


def test_the_answer_echoes_what_was_taken_without_ttl_and_without_empty_fields(send):
    content = {
        "text": "x",
        "suggestions": [{"action": {"text": "Where", "postbackData": "", "shareLocationAction": {}}}],
    }
    answer = send(body={"messageTrafficType": "TRANSACTION", "ttl": "600s", "contentMessage": content}).json()
    assert set(answer) == {"name", "sendTime", "contentMessage", "messageTrafficType", "expireTime"}
    assert answer["contentMessage"]["suggestions"] == [
        {"action": {"text": "Where", "shareLocationAction": {}}}
    ]
    assert answer["sendTime"].endswith("Z")


# Agent events


def agent_event(client: Client, body: dict[str, Any], event_id: str = "e1") -> int:
    path = f"{PHONE}agentEvents?eventId={event_id}&agentId=acme"
    return int(client.post(path, body, content_type="application/json").status_code)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"eventType": "IS_TYPING"}, 200),
        ({"event_type": "IS_TYPING"}, 200),
        ({"eventType": "READ"}, 400),
        ({"eventType": "READ", "messageId": "m1"}, 404),
        ({"eventType": "DELIVERED"}, 400),
        ({}, 400),
        ({"eventType": "IS_TYPING", "text": "x"}, 400),
    ],
)
def test_agent_events_are_checked(send, client: Client, phone: Phone, body, status):
    send("m1")
    phone.wait("delivered")
    assert agent_event(client, body) == status


def test_typing_shows_until_the_message_comes(send, client: Client, phone: Phone):
    agent_event(client, {"eventType": "IS_TYPING"})
    assert phone.set()["agent_typing"] is True
    send()
    phone.wait("delivered")
    assert phone.set()["agent_typing"] is False


def test_typing_is_not_queued_for_an_offline_phone(client: Client, phone: Phone):
    phone.set(online=False)
    assert agent_event(client, {"eventType": "IS_TYPING"}) == 200
    assert phone.set(online=True)["agent_typing"] is False


def test_the_agent_reads_what_the_person_wrote(client: Client, phone: Phone):
    said = phone.do("text", text="hi", to="acme")
    assert said is not None
    assert agent_event(client, {"eventType": "READ", "messageId": said["id"]}) == 200
    assert phone.messages()[0]["state"] == "read"


def test_events_to_a_phone_without_rcs_are_404(client: Client, phone: Phone):
    phone.set(rcs=False)
    assert agent_event(client, {"eventType": "IS_TYPING"}) == 404


# Capabilities


def test_capabilities_do_not_ask_whether_the_phone_is_on(client: Client, phone: Phone):
    phone.set(online=False, features=["RICHCARD_STANDALONE"])
    path = f"{PHONE}capabilities?requestId=r1&agentId=acme"
    assert client.get(path).json() == {"features": ["RICHCARD_STANDALONE"]}
    phone.set(features=[])
    assert client.get(path).json() == {}
    phone.set(rcs=False)
    assert client.get(path).status_code == 404
    assert client.get(f"{PHONE}capabilities?agentId=acme").status_code == 400


def batch(client: Client, numbers: list[str], **more: Any) -> Any:
    body = {"users": numbers, "agentId": "acme", **more}
    return client.post(f"{GOOGLE}v1/users:batchGet", body, content_type="application/json")


def numbers(count: int) -> list[str]:
    return [f"+37255{number:06}" for number in range(count)]


def test_batch_get_below_500_has_no_sample(client: Client, phone: Phone):
    phone.set(rcs=False)
    assert batch(client, [NUMBER, "+37255500002", "+37255500002"]).json() == {
        "reachableUsers": ["+37255500002"]
    }
    assert batch(client, [NUMBER]).json() == {}
    world.configure({"google": {"batch_minimum": True}})
    assert batch(client, numbers(499)).status_code == 400
    assert batch(client, numbers(500)).status_code == 200


def test_batch_get_samples_three_quarters(client: Client, phone: Phone):
    Phone(client, "+37255000000").set(rcs=False)
    answer = batch(client, numbers(500)).json()
    assert len(answer["reachableUsers"]) == 499
    assert (answer["totalRandomSampleUserCount"], answer["reachableRandomSampleUserCount"]) == (375, 374)


@pytest.mark.parametrize(
    ("users", "status"),
    [([], 400), (["+372"], 400), (["37255501234"], 400), (numbers(10_000), 200), (numbers(10_001), 400)],
)
def test_batch_get_takes_one_to_ten_thousand_numbers(client: Client, users, status):
    assert batch(client, users).status_code == status


def test_batch_get_needs_the_agent_and_the_region(client: Client):
    answer = client.post(f"{GOOGLE}v1/users:batchGet", {"users": [NUMBER]}, content_type="application/json")
    assert answer.status_code == 403
    world.configure({"google": {"region": "europe"}})
    assert batch(client, [NUMBER]).status_code == 200
    assert batch(client, [NUMBER, "+15558675310"]).status_code == 400


# Files


def upload(
    client: Client, content: bytes = b"\xff\xd8", media_type: str = "image/jpeg", agent: str = "acme"
) -> Any:
    return client.post(f"{GOOGLE}upload/v1/files?agentId={agent}", content, content_type=media_type)


def file_message(name: str) -> dict[str, Any]:
    return {"messageTrafficType": "TRANSACTION", "contentMessage": {"uploadedRbmFile": {"fileName": name}}}


def test_uploaded_bytes_are_shown_from_the_emulators_own_address(send, client: Client, phone: Phone):
    name = upload(client).json()["name"]
    assert send(body=file_message(name)).status_code == 200
    media = phone.wait("delivered")["media"]
    assert media["media_type"] == "image/jpeg"
    shown = client.get(media["url"].removeprefix("http://testserver"))
    assert (shown.content, shown.headers["Content-Type"]) == (b"\xff\xd8", "image/jpeg")


def test_a_file_by_address_is_shown_from_there(send, client: Client, phone: Phone):
    body = {"fileUrl": "https://a.example/b.mp4", "agentId": "acme"}
    name = client.post(f"{GOOGLE}v1/files", body, content_type="application/json").json()["name"]
    send(body=file_message(name))
    assert phone.wait("delivered")["media"]["url"] == "https://a.example/b.mp4"


def test_files_belong_to_one_agent_and_live_for_60_days(send, client: Client):
    name = upload(client).json()["name"]
    assert send("m1", file_message(name), agent="other").status_code == 400
    world.store(GoogleStore).files[name].at = now() - timedelta(days=59, hours=23)
    assert send("m2", file_message(name)).status_code == 200
    world.store(GoogleStore).files[name].at = now() - timedelta(days=60, seconds=1)
    assert send("m3", file_message(name)).status_code == 400


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"x", "image/png", 200),
        (b"x", "text/html", 400),
        (b"x", "application/pdf", 200),
        (b"", "image/png", 400),
    ],
)
def test_uploads_are_checked(client: Client, content, media_type, status):
    assert upload(client, content, media_type).status_code == status


def test_a_file_larger_than_djangos_memory_limit_is_taken(client: Client):
    assert upload(client, b"x" * 3_000_000).status_code == 200


def test_a_multipart_upload_takes_the_media_part(client: Client):
    json_part = b"--b\r\nContent-Type: application/json\r\n\r\n{}\r\n"
    body = json_part + b"--b\r\nContent-Type: image/png\r\n\r\nPNG\x00\r\n--b--\r\n"
    name = upload(client, body, "multipart/related; boundary=b").json()["name"]
    assert (
        world.store(GoogleStore).files[name].content,
        world.store(GoogleStore).files[name].media_type,
    ) == (b"PNG\x00", "image/png")
    assert upload(client, b"nothing", "multipart/related; boundary=b").status_code == 400


@pytest.mark.parametrize("path", ["v1/files", "upload/v1/files"])
def test_files_need_an_agent(client: Client, path):
    body = {"fileUrl": "https://a.example/b.mp4"}
    assert client.post(f"{GOOGLE}{path}", body, content_type="application/json").status_code == 403


def test_a_path_with_another_verb_is_not_found(client: Client):
    assert client.put(MESSAGES).status_code == client.get(MESSAGES).status_code == 404
