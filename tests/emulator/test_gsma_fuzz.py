"""Whatever a bot sends, the MaaP platform answers in its own words: no request ends in a 500."""

import json
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rcs_backends.emulator.state import world
from tests.emulator.conftest import NUMBER
from tests.emulator.gsma_bot import TEXT, TO, Bot
from tests.searches import examples

# fmt: off
WORDS = (
    "RCSMessage", "messageContact", "userContact", "chatId", "textMessage", "fileMessage", "audioMessage",
    "geolocationPushMessage", "richcardMessage", "isTyping", "suggestedChipList", "suggestions", "trafficType",
    "expiry", "ttl", "msgId", "status", "message", "generalPurposeCard", "generalPurposeCardCarousel", "layout",
    "cardOrientation", "imageAlignment", "cardWidth", "content", "title", "description", "media", "mediaUrl",
    "mediaContentType", "mediaFileSize", "height", "thumbnailUrl", "reply", "action", "displayText", "postback",
    "data", "urlAction", "openUrl", "url", "dialerAction", "dialPhoneNumber", "phoneNumber", "mapAction",
    "showLocation", "location", "latitude", "longitude", "query", "requestLocationPush", "calendarAction",
    "createCalendarEvent", "startTime", "endTime", "composeAction", "deviceAction", "settingsAction", "fileUrl",
    "pos", "label", "timeOffset", "radius", "fileSize", "playingLength",
)
VALUES = (
    NUMBER, "active", "idle", "advertisement", "2036-11-27T17:00:00Z", "0001-01-01T00:00:00+14:00", "10s",
    "999999999999s", "https://a.example/", "HORIZONTAL", "LEFT", "SMALL_WIDTH", "TALL_HEIGHT", "48.8 2.2",
    "cancelled", "displayed", "image/png", "\ud83d",
)
# fmt: on
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(VALUES)
)
anything = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner)
    ),
    max_leaves=15,
)
quickly = settings(
    max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
bot = Bot(Client(), "any", "any")


@quickly
@given(call=st.sampled_from((("POST", "messages"), ("PUT", "messages/m/status"))), body=anything)
def test_any_json_is_answered(call: tuple[str, str], body: Any):
    answer = bot.call(*call, json.dumps(body))
    assert answer.status_code in (202, 400, 404)
    assert answer.json()


@quickly
@given(message=anything, text=st.none() | st.just("x"))
def test_any_message_is_taken_or_refused(message: Any, text: str | None):
    if isinstance(message, dict) and text:
        message["textMessage"] = text
    assert bot.send(message).status_code in (202, 400)


@quickly
@given(suggestion=anything)
def test_any_suggestion_is_taken_or_refused(suggestion: Any):
    message = {**TEXT, "suggestedChipList": {"suggestions": [suggestion]}}
    assert bot.send(message).status_code in (202, 400)


CARD = {"layout": {"cardOrientation": "VERTICAL"}, "content": {"title": "t"}}


@quickly
@given(part=st.sampled_from(("layout", "content", "media")), value=anything)
def test_any_card_is_taken_or_refused(part: str, value: Any):
    card = {**CARD, part: value} if part != "media" else {**CARD, "content": {"title": "t", "media": value}}
    message = {"richcardMessage": {"message": {"generalPurposeCard": card}}}
    assert bot.send(message).status_code in (202, 400)


@quickly
@given(member=st.sampled_from(("fileMessage", "audioMessage", "geolocationPushMessage")), value=anything)
def test_any_file_or_place_is_taken_or_refused(member: str, value: Any):
    assert bot.send({member: value}).status_code in (202, 400)


@quickly
@given(contact=anything, more=st.dictionaries(st.sampled_from(("ttl", "x")), leaves))
def test_any_contact_is_reached_or_refused(contact: Any, more: dict[str, Any]):
    answer = bot.call("POST", "messages", {"RCSMessage": TEXT, "messageContact": contact, **more})
    assert answer.status_code in (202, 400, 404)


@quickly
@given(
    path=st.text(max_size=12),
    query=st.dictionaries(st.sampled_from(("userContact", "chatId")), st.text(max_size=6)),
)
def test_any_address_is_answered(path: str, query: dict[str, str]):
    for root in ("/emulator/gsma/", "/emulator/gsma/rcs/bot/v1/", "/emulator/gsma/rcs/bot/v1/any/messages/"):
        answer = bot.client.get(
            root + path.replace("?", "").replace("#", ""), headers={"Authorization": "Bearer x"}
        )
        assert answer.json()["reason"]["code"]
    answer = bot.client.get(
        "/emulator/gsma/bot/v1/any/contactCapabilities", query, headers={"Authorization": "Bearer x"}
    )
    assert answer.status_code in (200, 400, 404)


@quickly
@given(header=st.text(st.characters(max_codepoint=255, exclude_categories=("Cc",)), max_size=12))
def test_any_authorization_is_answered(header: str):
    world.configure({"gsma": {"bots": {"b": {"token": "t"}}}})
    headers = {"Authorization": header}
    assert bot.client.post("/emulator/gsma/bot/v1/b/messages", headers=headers).status_code in (401, 415)
    for scheme in ("Basic ", "Bearer "):
        form = {"grant_type": "client_credentials", "scope": "botmessage"}
        answer = bot.client.post(
            "/emulator/gsma/oauth2/v1/token", form, headers={"Authorization": scheme + header}
        )
        assert answer.status_code in (401, 415)


parts = st.dictionaries(
    st.sampled_from(("fileType", "until", "fileUrl", "x")), st.text(max_size=8) | st.sampled_from(VALUES[:-1])
)


@quickly
@given(form=parts)
def test_any_upload_is_answered(form: dict[str, str]):
    headers = {"Authorization": "Bearer x"}
    answer = bot.client.post("/emulator/gsma/bot/v1/any/files", form, headers=headers)
    assert answer.status_code in (202, 400)


def test_the_fuzz_can_reach_a_phone():
    assert bot.send(TEXT, TO).status_code == 202


@pytest.mark.parametrize("depth", [400, 990, 30_000])
def test_a_deep_body_is_answered(depth: int):
    nested = '{"RCSMessage":' * depth + "1" + "}" * depth
    answer = bot.call("POST", "messages", nested[:240_000])
    assert answer.status_code == 400
