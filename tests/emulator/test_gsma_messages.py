"""The endpoints of the MaaP API: what a sent message becomes, its status, capabilities, files, and every refusal."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from rcs_backends.emulator.phones import FEATURES
from rcs_backends.emulator.state import world
from tests.emulator.conftest import NUMBER, Phone
from tests.emulator.gsma_bot import (
    REPLY,
    ROOT,
    TEXT,
    TO,
    TOKEN,
    URL,
    Bot,
    action,
    card,
    carousel,
    chips,
    connected,
    dial,
    reason,
)


@pytest.fixture
def bot(client: Client) -> Bot:
    return connected(client)


def settled(bot: Bot, message_id: str, status: str) -> None:
    """Wait until the message has this status."""

    def there() -> bool:
        return bot.status(message_id) == status

    assert world.wait_for(there), bot.status(message_id)


# Sending


def test_a_message_is_taken_with_an_id_and_reaches_the_phone(bot: Bot, phone: Phone):
    answer = bot.send({**TEXT, "trafficType": "payment"})
    assert answer.status_code == 202
    taken = answer.json()["RCSMessage"]
    assert taken["status"] == "pending"
    assert datetime.strptime(taken["timestamp"], "%Y-%m-%dT%H:%M:%S.%fZ")
    shown = phone.wait("delivered")
    assert (shown["id"], shown["provider"], shown["agent"]) == (taken["msgId"], "gsma", "bot77")
    assert (shown["text"], shown["traffic"]) == (TEXT["textMessage"], "payment")
    settled(bot, taken["msgId"], "delivered")


def test_the_client_ids_of_a_request_are_ignored(bot: Bot):
    ids = {bot.sent({**TEXT, "msgId": "mine"}) for _ in range(2)}
    assert len(ids) == 2
    assert "mine" not in ids


def test_a_dial_takes_the_ids_of_the_bot_once(bot: Bot):
    dial(client_ids=True)
    assert bot.sent({**TEXT, "msgId": "mine"}) == "mine"
    assert reason(bot.send({**TEXT, "msgId": "mine"})) == (409, "42514")
    assert bot.sent(TEXT).startswith("m-")
    other = Bot(bot.client, "other", "tok-other")
    assert other.sent({**TEXT, "msgId": "mine"}) == "mine"


def test_the_ledger_sees_a_repeated_request(bot: Bot, phone: Phone):
    bot.sent()
    bot.sent()
    bot.sent({"textMessage": "another"})
    phone.wait("delivered", 2)
    assert sorted(entry.copies for entry in world.ledger.accepted.values()) == [1, 2]
    assert world.ledger.doubles == 1


def test_every_kind_of_bubble(bot: Bot, phone: Phone):
    media = {
        "mediaUrl": URL,
        "mediaContentType": "video/mp4",
        "mediaFileSize": 9,
        "height": "TALL_HEIGHT",
        "thumbnailUrl": f"{URL}t",
        "thumbnailContentType": "image/png",
        "thumbnailFileSize": 1,
        "contentDescription": "Boots",
    }
    layout = {"cardOrientation": "HORIZONTAL", "imageAlignment": "RIGHT"}
    file = {"fileUrl": URL, "fileName": "menu.pdf", "fileMIMEType": "application/pdf", "fileSize": 3}
    for message in (
        {"fileMessage": {**file, "thumbnailUrl": f"{URL}t"}},
        {"audioMessage": {**file, "playingLength": 6}},
        {"geolocationPushMessage": {"pos": "48.8584 -2.2945", "label": "Tower"}},
        card(layout, title="T", description="D", media=media, suggestions=[REPLY]),
        carousel({"title": "1"}, {"title": "2"}, width="SMALL_WIDTH"),
    ):
        bot.sent(message)
    phone.wait("delivered", 4)
    a_file, audio, place, a_card, cards = phone.messages()
    assert (a_file["kind"], audio["kind"], place["kind"]) == ("file", "audio", "location")
    assert (a_file["media"]["name"], a_file["media"]["size"]) == ("menu.pdf", 3)
    assert a_file["media"]["thumbnail"] == f"{URL}t"
    assert (audio["media"]["seconds"], audio["media"]["media_type"]) == (6, "application/pdf")
    assert (place["latitude"], place["longitude"], place["text"]) == (48.8584, -2.2945, "Tower")
    shown = a_card["cards"][0]
    assert (shown["orientation"], shown["alignment"], shown["title"]) == ("horizontal", "right", "T")
    assert (shown["media"]["height"], shown["media"]["alt"]) == ("tall", "Boots")
    assert shown["suggestions"][0]["postback"] == "yes"
    assert (cards["kind"], cards["card_width"], len(cards["cards"])) == ("carousel", "small", 2)


PHONE = {"phoneNumber": "+390612345"}
START, END = "2026-12-01T19:00:00Z", "2026-12-01T21:00:00Z"
CHIPS: list[tuple[Any, str, dict[str, Any]]] = [
    (REPLY, "reply", {}),
    (action("urlAction", "openUrl", {"url": URL}), "open_url", {"url": URL}),
    (
        action("urlAction", "openUrl", {"url": URL, "application": "webview", "viewMode": "half"}),
        "open_url",
        {"url": URL, "application": "webview", "view_mode": "half"},
    ),
    (
        action("dialerAction", "dialPhoneNumber", {**PHONE, "fallbackUrl": URL}),
        "dial",
        {"phone": "+390612345", "mode": "voice", "fallback_url": URL},
    ),
    (
        action("dialerAction", "dialEnrichedCall", {**PHONE, "subject": "Order 7"}),
        "dial",
        {"phone": "+390612345", "mode": "enriched", "subject": "Order 7"},
    ),
    (action("dialerAction", "dialVideoCall", PHONE), "dial", {"phone": "+390612345", "mode": "video"}),
    (
        action("mapAction", "showLocation", {"location": {"latitude": 1, "longitude": 2, "label": "Shop"}}),
        "show_location",
        {"latitude": 1, "longitude": 2, "label": "Shop"},
    ),
    (action("mapAction", "showLocation", {"location": {"query": "q"}}), "show_location", {"query": "q"}),
    (action("mapAction", "requestLocationPush"), "request_location", {}),
    (
        action("calendarAction", "createCalendarEvent", {"startTime": START, "endTime": END, "title": "T"}),
        "calendar_event",
        {"start": START, "end": END, "title": "T"},
    ),
    (
        action("composeAction", "composeTextMessage", {**PHONE, "text": "Late"}),
        "compose_text",
        {"phone": "+390612345", "text": "Late"},
    ),
    (
        action("composeAction", "composeRecordingMessage", {**PHONE, "type": "VIDEO"}),
        "compose_recording",
        {"phone": "+390612345", "type": "video"},
    ),
    (action("deviceAction", "requestDeviceSpecifics"), "request_device_specifics", {}),
    (action("settingsAction", "disableAnonymization"), "disable_anonymization", {}),
    (action("settingsAction", "enableDisplayedNotifications"), "enable_displayed_notifications", {}),
]


@pytest.mark.parametrize(("chip", "kind", "detail"), CHIPS)
def test_every_suggestion_in_the_words_of_the_control_api(bot: Bot, phone: Phone, chip, kind, detail):
    bot.sent(chips(chip))
    shown = phone.wait("delivered")["suggestions"][0]
    assert (shown["kind"], shown["detail"]) == (kind, detail)


def test_typing_shows_and_has_no_status(bot: Bot, phone: Phone):
    message_id = bot.sent({"isTyping": "active"})
    assert phone.set()["agent_typing"] is True
    bot.sent({"isTyping": "idle"})
    assert phone.set()["agent_typing"] is False
    assert phone.messages() == []
    assert reason(bot.call("GET", f"messages/{message_id}/status")) == (404, "42011")


def test_both_identities_mean_the_number_unless_a_dial_refuses(bot: Bot, phone: Phone):
    both = {**TO, "chatId": "tk-nobody"}
    bot.sent(to=both)
    phone.wait("delivered")
    dial(both_identities="refuse")
    assert reason(bot.send(to=both)) == (400, "42002")


def test_an_unknown_token_is_an_unknown_user(bot: Bot):
    assert reason(bot.send(to={"chatId": "tk-nobody"})) == (404, "41110")


# Phones that cannot


def test_a_phone_without_rcs_fails_later(bot: Bot, phone: Phone):
    phone.set(rcs=False)
    message_id = bot.sent()
    settled(bot, message_id, "failed")
    assert phone.messages()[0]["state"] == "expired"
    assert world.ledger.shown == {}


def test_a_phone_without_rcs_is_404_by_a_dial(bot: Bot, phone: Phone):
    dial(unreachable="404")
    phone.set(rcs=False)
    assert reason(bot.send()) == (404, "41200")
    assert reason(bot.send({"isTyping": "active"})) == (404, "41200")
    assert phone.messages() == []
    world.configure({"default_rcs": False})
    assert reason(bot.send(to={"userContact": "+37255509999"})) == (404, "41200")


def test_an_offline_phone_waits(bot: Bot, phone: Phone):
    phone.set(online=False)
    message_id = bot.sent()
    settled(bot, message_id, "sent")
    phone.set(online=True)
    settled(bot, message_id, "delivered")


@pytest.mark.parametrize("where", ["expiry", "ttl", "both"])
def test_an_offline_phone_waits_until_the_expiry(bot: Bot, phone: Phone, where):
    phone.set(online=False)
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    expiry = {"expiry": {"expiry": soon}, "ttl": {}, "both": {"expiry": later}}[where]
    ttl = {} if where == "expiry" else {"ttl": "0.15s"}
    message_id = bot.sent({**TEXT, **expiry}, **ttl)
    settled(bot, message_id, "failed")
    phone.set(online=True)
    assert phone.messages()[0]["state"] == "expired"


def test_a_dial_fails_everything(bot: Bot, phone: Phone):
    dial(outcome="failed")
    settled(bot, bot.sent(), "failed")


def test_a_bot_that_is_not_launched_reaches_its_testers(client: Client, phone: Phone):
    bot = connected(client, launched=False)
    assert reason(bot.send()) == (403, "42001")
    bot = connected(client, launched=False, testers=[NUMBER])
    assert bot.send().status_code == 202
    assert reason(bot.send(to={"userContact": "+37255509999"})) == (400, "42007")


# Status


def test_a_status_of_no_message(bot: Bot):
    assert reason(bot.call("GET", "messages/m-0/status")) == (404, "42011")
    assert reason(bot.set_status("m-0", "cancelled")) == (404, "42011")
    assert reason(bot.set_status("m-0", "displayed")) == (404, "42011")


def test_a_message_of_another_bot_is_none(bot: Bot):
    other = Bot(bot.client, "other", "tok-other")
    assert reason(other.call("GET", f"messages/{bot.sent()}/status")) == (404, "42011")


@pytest.mark.parametrize("word", ["cancelled", "canceled"])
def test_a_message_can_be_taken_back_before_it_is_delivered(bot: Bot, phone: Phone, word):
    phone.set(online=False)
    message_id = bot.sent()
    answer = bot.set_status(message_id, word)
    assert (answer.status_code, answer.content) == (204, b"")
    assert bot.status(message_id) == "cancelled"
    phone.set(online=True)
    assert phone.messages()[0]["state"] == "revoked"
    assert reason(bot.set_status(message_id, word)) == (400, "41011")


def test_a_message_cannot_be_taken_back_later(bot: Bot, phone: Phone):
    message_id = bot.sent()
    settled(bot, message_id, "delivered")
    assert reason(bot.set_status(message_id, "cancelled")) == (400, "42011")
    phone.do("read")
    settled(bot, message_id, "displayed")
    assert reason(bot.set_status(message_id, "cancelled")) == (400, "42011")


def test_a_failed_message_cannot_be_taken_back(bot: Bot, phone: Phone):
    dial(outcome="failed")
    message_id = bot.sent()
    settled(bot, message_id, "failed")
    assert reason(bot.set_status(message_id, "cancelled")) == (400, "42011")


@pytest.mark.parametrize("word", ["displayed", "read"])
def test_a_bot_has_read_what_a_person_wrote(bot: Bot, phone: Phone, word):
    bubble = phone.do("text", text="Hello", to="bot77", via="gsma")
    assert bubble is not None
    assert bot.set_status(bubble["id"], word).status_code == 204
    assert phone.messages()[-1]["state"] == "read"


def test_each_side_has_its_own_changes(bot: Bot, phone: Phone):
    bubble = phone.do("text", text="Hello", to="bot77", via="gsma")
    assert bubble is not None
    assert reason(bot.set_status(bubble["id"], "cancelled")) == (400, "42011")
    assert reason(bot.set_status(bot.sent(), "displayed")) == (400, "42011")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"RCSMessage": {"status": "delivered"}}, "42011"),
        ({"RCSMessage": {"status": 1}}, "42011"),
        ({"RCSMessage": {}}, "42011"),
        ({"status": "cancelled"}, "42008"),
        ({}, "42008"),
        ({"RCSMessage": {"status": "cancelled"}, "x": 1}, "42002"),
    ],
)
def test_a_change_that_is_none(bot: Bot, body, code):
    assert reason(bot.call("PUT", f"messages/{bot.sent()}/status", body)) == (400, code)


def test_the_answer_to_a_change_is_a_dial(bot: Bot, phone: Phone):
    dial(put_status_answer="200")
    phone.set(online=False)
    message_id = bot.sent()
    answer = bot.set_status(message_id, "cancelled")
    assert answer.status_code == 200
    assert answer.json() == {"RCSMessage": {"msgId": message_id, "status": "cancelled"}}


# Capabilities

ALL = ["chat", "fileTransfer", "videoCall", "geolocationPush", "callComposer", "chatBotCommunication"]
ENCODED = "%2B" + NUMBER[1:]


def test_a_phone_can_everything(bot: Bot, phone: Phone):
    phone.set(online=False)
    for query in (ENCODED, NUMBER, f"%20{NUMBER[1:]}"):
        answer = bot.call("GET", f"contactCapabilities?userContact={query}")
        assert (answer.status_code, answer.json()) == (200, {"capabilities": ALL})


def test_a_phone_that_can_less(bot: Bot, phone: Phone):
    phone.set(features=[one for one in FEATURES if "LOCATION" not in one and "RICHCARD" not in one])
    answer = bot.call("GET", f"contactCapabilities?userContact={ENCODED}").json()
    assert answer == {"capabilities": ["chat", "fileTransfer", "videoCall", "callComposer"]}


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 400, "42002"),
        (f"?userContact={ENCODED}&chatId=tk-1", 400, "42002"),
        (f"?userContact={ENCODED}&botName=x", 400, "42002"),
        ("?userContact=", 400, "42002"),
        ("?userContact=37255501234", 400, "42005"),
        ("?chatId=tk-nobody", 404, "41110"),
    ],
)
def test_capabilities_of_nobody(bot: Bot, query, status, code):
    assert reason(bot.call("GET", f"contactCapabilities{query}")) == (status, code)


def test_no_capabilities_without_rcs(bot: Bot, phone: Phone):
    phone.set(rcs=False)
    assert reason(bot.call("GET", f"contactCapabilities?userContact={ENCODED}")) == (404, "41200")


def test_asking_makes_no_phone(bot: Bot):
    bot.call("GET", "contactCapabilities?userContact=%2B37255509999")
    assert world.handsets == {}


LACKS = [  # a feature, what cannot be sent without it, the code of the failure
    ("RICHCARD_STANDALONE", card(title="t"), "41212"),
    ("RICHCARD_CAROUSEL", carousel({"title": "1"}, {"title": "2"}), "41212"),
    ("ACTION_SHARE_LOCATION", chips(action("mapAction", "requestLocationPush")), "41240"),
]


@pytest.mark.parametrize(("feature", "message", "code"), LACKS)
def test_a_phone_that_lacks_what_a_message_needs(bot: Bot, phone: Phone, feature, message, code):
    phone.set(features=[one for one in FEATURES if one != feature])
    settled(bot, bot.sent(message), "failed")
    settled(bot, bot.sent(TEXT), "delivered")
    phone.set(features=list(FEATURES))
    settled(bot, bot.sent(message), "delivered")


# Files


def upload(bot: Bot, **parts: Any) -> Any:
    headers = {"Authorization": f"Bearer {bot.token}"}
    return bot.client.post(f"{ROOT}/{bot.id}/files", parts, headers=headers)


def png(content: bytes = b"\x89PNG") -> SimpleUploadedFile:
    return SimpleUploadedFile("up.png", content, "image/png")


UNTIL = "2036-12-21T10:00:00.000Z"


def test_a_file_is_taken_becomes_ready_and_can_be_deleted(bot: Bot):
    answer = upload(bot, fileType="image/png", until=UNTIL, fileContent=png())
    assert answer.status_code == 202
    taken = answer.json()["file"]
    path = f"files/{taken['fileId']}"
    assert (taken["status"], taken["validity"], taken["fileSize"]) == ("pending", UNTIL, 4)
    assert world.wait_for(lambda: bot.call("GET", path).json()["file"]["status"] == "ready")
    found = bot.call("GET", path).json()["file"]
    bytes_at = bot.client.get(found["fileUrl"])
    assert (bytes_at.content, bytes_at.headers["Content-Type"]) == (b"\x89PNG", "image/png")
    assert bytes_at.headers["X-Content-Type-Options"] == "nosniff"
    deleted = bot.call("DELETE", path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert reason(bot.call("DELETE", path))[0] == 404
    assert reason(bot.call("GET", path))[0] == 404
    assert bot.client.get(found["fileUrl"]).status_code == 404


def test_a_file_by_its_address_keeps_it(bot: Bot):
    path = f"files/{upload(bot, fileType='image/png', fileUrl=URL).json()['file']['fileId']}"
    assert world.wait_for(lambda: bot.call("GET", path).json()["file"].get("fileUrl") == URL)
    assert "fileSize" not in bot.call("GET", path).json()["file"]


def test_a_file_is_valid_for_thirty_days_or_as_long_as_it_is_told(bot: Bot):
    taken = upload(bot, fileType="image/png", fileContent=png()).json()["file"]
    days = datetime.fromisoformat(taken["validity"]) - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < days <= timedelta(days=30)
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    short = upload(bot, fileType="image/png", until=soon, fileContent=png()).json()["file"]
    path = f"files/{short['fileId']}"
    late = datetime.now(UTC) + timedelta(seconds=2)
    with mock.patch("rcs_backends.emulator.wire.gsma.store.now", return_value=late):
        assert reason(bot.call("GET", path))[0] == 404


def test_a_file_belongs_to_its_bot(bot: Bot):
    file_id = upload(bot, fileType="image/png", fileContent=png()).json()["file"]["fileId"]
    other = Bot(bot.client, "other", "tok-other")
    assert reason(other.call("GET", f"files/{file_id}"))[0] == 404
    assert reason(other.call("DELETE", f"files/{file_id}"))[0] == 404


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"fileContent": b"x"}, "42002"),
        ({"fileType": "image/png"}, "42002"),
        ({"fileType": "image/png", "fileUrl": URL, "fileContent": b"x"}, "42002"),
        ({"fileType": "image/png", "fileContent": b""}, "42002"),
        ({"fileType": "image/png", "picture": b"x"}, "42002"),
        ({"fileType": "image/png", "fileUrl": URL, "name": "x"}, "42002"),
        ({"fileType": "picture", "fileUrl": URL}, "42401"),
        ({"fileType": "chemical/x-pdb", "fileUrl": URL}, "42401"),
        ({"fileType": "image/png", "fileUrl": "ftp://shop.example/a"}, "42402"),
        ({"fileType": "image/png", "fileUrl": URL, "until": "tomorrow"}, "42003"),
        ({"fileType": "image/png", "fileUrl": URL, "until": "2020-12-21T10:00:00Z"}, "42208"),
    ],
)
def test_a_file_that_is_refused(bot: Bot, parts, code):
    parts = {name: png(value) if isinstance(value, bytes) else value for name, value in parts.items()}
    assert reason(upload(bot, **parts)) == (400, code)


def test_a_file_that_is_no_multipart(bot: Bot):
    assert reason(bot.call("POST", "files", {"fileUrl": URL}))[0] == 415
    broken = bot.call("POST", "files", "x", content_type="multipart/form-data")
    assert reason(broken) == (400, "42002")


def test_a_file_that_is_too_large(bot: Bot, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rcs_backends.emulator.wire.gsma.files.MAX_BYTES", 3)
    assert reason(upload(bot, fileType="image/png", fileContent=png(b"1234")))[0] == 413
    assert upload(bot, fileType="image/png", fileContent=png(b"123")).status_code == 202


# Addresses and refusals


@pytest.mark.parametrize(
    "path",
    [
        "/emulator/gsma/rcs/bot/v1/{}/messages",
        "/emulator/gsma/bot/v1/{}/messages",
        "/emulator/gsma/rcs/bot/v1//{}/messages",
        "/emulator/gsma//rcs//bot/v1/{}//messages",
        "/emulator/gsma/rcs/bot/v1/{}/messages/async",
    ],
)
@pytest.mark.parametrize(
    ("segment", "bot_id"),
    [
        ("bot77", "bot77"),
        ("sip:bot77@maap.example", "sip:bot77@maap.example"),
        ("sip%3Abot77%40maap.example", "sip:bot77@maap.example"),
        ("sip%3Ab%2F7%3Fx%23%26%2541@maap.example", "sip:b/7?x#&%41@maap.example"),
    ],
)
def test_every_spelling_of_an_address(client: Client, path, segment, bot_id):
    world.configure({"gsma": {"bots": {bot_id: {"token": TOKEN}}}})
    body = json.dumps({"RCSMessage": TEXT, "messageContact": TO})
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = client.post(path.format(segment), body, content_type="application/json", headers=headers)
    assert answer.status_code == 202, answer.content


@pytest.mark.parametrize(
    "path",
    [
        "gsma/",
        "gsma/rcs/bot/v1",
        "gsma/rcs/bot/v1/bot77",
        "gsma/rcs/bot/v1/bot77/messages/",
        "gsma/rcs/bot/v2/bot77/messages",
        "gsma/rcs/bot/v1/messages",
        "gsma/rcs/bot/v1/bot77/messages/m-1",
        "gsma/oauth2/v1/token/",
    ],
)
def test_an_address_that_is_none(bot: Bot, path):
    answer = bot.client.post(f"/emulator/{path}", {}, headers={"Authorization": f"Bearer {TOKEN}"})
    assert reason(answer)[0] == 404


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "messages"),
        ("POST", "messages/m-1/status"),
        ("DELETE", "messages/m-1/status"),
        ("POST", "contactCapabilities"),
        ("GET", "files"),
        ("PUT", "files/f-1"),
        ("OPTIONS", "messages"),
    ],
)
def test_a_verb_that_is_none(bot: Bot, verb, path):
    assert reason(bot.call(verb, path))[0] == 405


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("{", "application/json", 400),
        (" ", "application/json", 400),
        ("NaN", "application/json", 400),
        ("[" * 100_000, "application/json", 400),
        ("{}", "text/plain", 415),
        ("{}", "application/x-www-form-urlencoded", 415),
    ],
)
def test_a_body_that_is_none(bot: Bot, body, content_type, status):
    answer = bot.call("POST", "messages", body, content_type=content_type)
    assert reason(answer) == (status, "42002")


def test_a_body_of_250_kb_is_the_limit(bot: Bot):
    dial(text_limit=10**7)
    frame = len(json.dumps({"RCSMessage": {"textMessage": ""}, "messageContact": TO}))
    assert bot.send({"textMessage": "x" * (250_000 - frame)}).status_code == 202
    assert reason(bot.send({"textMessage": "x" * (250_001 - frame)}))[0] == 413
    assert reason(bot.send({"textMessage": "x" * 3_000_000}))[0] == 413


@pytest.mark.parametrize("kind", ["429", "500", "503", "401", "403", "404"])
@pytest.mark.parametrize(
    ("method", "verb", "path"),
    [
        ("messages", "POST", "messages"),
        ("status", "GET", "messages/m-1/status"),
        ("contactCapabilities", "GET", f"contactCapabilities?userContact={ENCODED}"),
        ("files", "GET", "files/f-1"),
    ],
)
def test_every_fault_has_a_reason(bot: Bot, kind, method, verb, path):
    strike = {"on": "request", "kind": kind, "provider": "gsma", "method": method, "retry_after": 7}
    assert bot.client.post("/emulator/faults/", strike, content_type="application/json").status_code == 200
    answer = bot.call(verb, path)
    assert reason(answer)[0] == int(kind)
    assert answer.headers["Retry-After"] == "7"


def test_a_fault_for_one_phone_spares_the_others(bot: Bot):
    strike = {"on": "request", "kind": "429", "provider": "gsma", "number": NUMBER}
    bot.client.post("/emulator/faults/", strike, content_type="application/json")
    assert reason(bot.send()) == (429, "42601")
    assert reason(bot.call("GET", f"contactCapabilities?userContact={ENCODED}")) == (429, "42601")
    assert bot.send(to={"userContact": "+37255509999"}).status_code == 202


def test_a_lost_answer_is_a_message_taken(bot: Bot, phone: Phone):
    strike = {"on": "request", "kind": "empty", "provider": "gsma", "method": "messages"}
    bot.client.post("/emulator/faults/", strike, content_type="application/json")
    assert bot.send().content == b""
    phone.wait("delivered")


@pytest.mark.parametrize(
    "changes",
    [
        {"bots": {"b": "x"}},
        {"bots": {"b": {"token": 1}}},
        {"bots": {"b": {"secret": "x"}}},
        {"unreachable": "never"},
        {"put_status_answer": 204},
        {"traffic_types": [1]},
        {"client_ids": "yes"},
    ],
)
def test_a_dial_that_cannot_be_set(client: Client, changes):
    answer = client.post("/emulator/config/", {"gsma": changes}, content_type="application/json")
    assert answer.status_code == 400
    assert "gsma" in answer.json()["error"]
