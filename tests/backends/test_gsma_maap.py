"""A GSMA MaaP bot as the tests need it, and what its options may be: addresses, logins, secrets, limits."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rcs_backends.gsma_maap import GSMAMaaP, GSMAMaaPOptions
from rcs_backends.gsma_maap.limits import LIMITS
from rcs_router.content import Card, Carousel, File, Form, Text
from rcs_router.content.fitting import Feature
from rcs_router.contract import Traffic, WebhookRequest
from rcs_router.errors import ConfigError
from tests.backends.stub import Stub, answer

BOT = "sip:acme@bot.example"
SECRET = "portal-secret-1"
TOKEN = "fixed-token-1"
ACCEPTED = {"RCSMessage": {"msgId": "m-77", "status": "pending", "timestamp": "2026-11-21T09:30:00.000Z"}}
OAUTH = {"token": "", "client_id": "acme", "client_secret": "client-secret-1"}


def gsma(stub: Stub | None = None, **options: Any) -> GSMAMaaP:
    """A backend; with a stub, one whose platform is the stub, which takes every message."""
    if stub:
        stub.default = answer(202, ACCEPTED)
    given = {
        "api_url": (stub.url if stub else "http://127.0.0.1:9") + "/root/rcs/bot/v1",
        "bot_id": BOT,
        "token": TOKEN,
        "webhook_secret": SECRET,
        "timeout": 2.0,
    }
    return GSMAMaaP("acme", GSMAMaaPOptions.read("acme", {**given, **options}))


def posted(body: Any, **kwargs: Any) -> WebhookRequest:
    """A webhook request as a platform sends it, with the agreed Authorization header."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookRequest("POST", data, **{"headers": {"authorization": SECRET}, **kwargs})


# Addresses.

ADDRESSES = [
    ("https://h.example/rcs/bot/v1", "bot77", "https://h.example/rcs/bot/v1/bot77"),
    ("https://h.example/rcs/bot/v1/", "bot77", "https://h.example/rcs/bot/v1/bot77"),
    ("https://h.example/rcs/bot/v1//", "b", "https://h.example/rcs/bot/v1/b"),
    (
        "https://h.example/bot/v1",
        "sip:a@b.example?x=1/#;%20",
        "https://h.example/bot/v1/sip%3Aa%40b.example%3Fx%3D1%2F%23%3B%2520",
    ),
]


@pytest.mark.parametrize(("api_url", "bot_id", "base"), ADDRESSES)
def test_bot_is_one_segment_below_the_api(api_url: str, bot_id: str, base: str) -> None:
    assert gsma(api_url=api_url, bot_id=bot_id).options.base == base


TOKEN_ADDRESSES = [
    ("https://h.example/rcs/bot/v1", "", "https://h.example/oauth2/v1/token"),
    ("https://h.example:8443/root/rcs/bot/v1/", "", "https://h.example:8443/root/oauth2/v1/token"),
    ("https://h.example/bot/v1", "", "https://h.example/oauth2/v1/token"),
    ("https://h.example/api", "", ""),
    ("https://h.example/api", "https://auth.example/t", "https://auth.example/t"),
]


@pytest.mark.parametrize(("api_url", "token_url", "address"), TOKEN_ADDRESSES)
def test_tokens_are_fetched_beside_the_api(api_url: str, token_url: str, address: str) -> None:
    assert gsma(api_url=api_url, token_url=token_url).options.token_address == address


# Problems.

PROBLEMS: list[tuple[dict[str, Any], str]] = [
    ({"bot_id": ""}, "bot_id is empty"),
    ({"webhook_secret": ""}, "webhook_secret is empty"),
    ({"webhook_secret": ()}, "webhook_secret is empty"),
    ({"webhook_secret": ("new", "")}, "webhook_secret is empty"),
    ({"token": ""}, "either token, or client_id and client_secret"),
    ({"token": "", "client_id": "a"}, "either token, or client_id and client_secret"),
    ({"client_id": "a", "client_secret": "b"}, "cannot both be set"),
    ({**OAUTH, "api_url": "https://h.example/api"}, "token_url must be given"),
    ({"api_url": "http://h.example/rcs/bot/v1"}, "api_url must begin with https://"),
    ({"api_url": "h.example/rcs/bot/v1"}, "api_url must begin with https://"),
    ({"api_url": "ftp://localhost/rcs/bot/v1"}, "api_url must begin with https://"),
    ({"api_url": "https://h.example/rcs/bot/v1?a=1"}, "neither a query nor a fragment"),
    ({**OAUTH, "token_url": "http://h.example/t"}, "token_url must begin with https://"),
    ({"expiry_field": "a-b"}, "expiry_field"),
    ({"max_text": 0}, "max_text"),
    ({"max_cards": 1}, "max_cards"),
]


@pytest.mark.parametrize(("options", "problem"), PROBLEMS)
def test_problem_is_one_sentence(options: dict[str, Any], problem: str) -> None:
    [found] = gsma(**options).problems()
    assert problem in found


@pytest.mark.parametrize("options", [{}, OAUTH, {"webhook_secret": ("new", "old")}, {"expiry_field": ""}])
def test_good_options_have_no_problems(options: dict[str, Any]) -> None:
    assert gsma(**options).problems() == []


def test_traffic_types_are_ours() -> None:
    assert gsma().options.traffic_types == {Traffic.PROMOTION: "advertisement"}
    assert gsma(traffic_types={"transaction": "payment"}).options.traffic_types == {"transaction": "payment"}
    with pytest.raises(ConfigError):
        gsma(traffic_types={"shouting": "payment"})


def test_secrets_are_known_and_never_shown() -> None:
    backend = gsma(**OAUTH, webhook_secret=("s-new", "s-old"))
    assert {"client-secret-1", "s-new", "s-old"} <= set(backend.options.secrets())
    assert "s-new" not in repr(backend.options)
    assert "client-secret-1" not in repr(backend.options)
    assert TOKEN not in repr(gsma().options)


# What it carries.


def test_forms_and_uploads_are_left_to_the_router() -> None:
    assert Form not in GSMAMaaP.capabilities.content
    assert not {Feature.UPLOAD, Feature.WEBVIEW} & GSMAMaaP.capabilities.features
    assert GSMAMaaP.capabilities.tokens


def test_limits_follow_the_options() -> None:
    cards = Carousel(tuple(Card(str(number)) for number in range(12)))
    assert gsma().check(Text("x" * 2501)) == ["text: 2501 characters, GSMA MaaP allows 2500"]
    assert gsma(max_text=2600).check(Text("x" * 2501)) == []
    assert gsma().check(cards) == ["cards: 12 cards, GSMA MaaP allows 10"]
    assert gsma(max_cards=12).check(cards) == []
    assert LIMITS.most["cards"] == 10


def test_message_as_a_whole_is_limited() -> None:
    address = "https://cdn.example/" + "a" * 250_000
    [problem] = gsma().check(File(address))
    assert problem.startswith("message: 250")


# The documentation.

DOCS = (Path(__file__).parents[2] / "docs" / "backends" / "gsma_maap.md").read_text()
PYTHON_NAMES = """MainException RequestFailed CardOrientation CardWidth MediaHeight ImageAlignment EventType DialType
SettingsType MessageStatus MessageContact Suggestions addReply addUrlAction addDialerAction
addRequestLocationPushMapAction addShowLocationMapAction addCalendarAction addTextComposeAction
addRecordingComposeAction addDeviceAction addSettingsAction FileMessage setFileName setFileMIMEType setFileSize
setThumbnailUrl setThumbnailFileName setThumbnailMIMEType setThumbnailFileSize AudioMessage setPlayingLength
GeolocationPushMessage setLabel setTimestamp setExpiry setTimeOffset setRadius Richcard setCardOrientation
setImageAlignment setMedia setTitle setDescription setSuggestions generateContent RichcardCarousel setCardWidth
addRichcard Chatbot eventHandlers registerEventHandler processEvent sendMessage startTyping stopTyping
getMessageStatus updateMessageStatus getContactCapabilities uploadFile deleteFile getFile generate"""
NODE_NAMES = """MESSAGE_STATUS_CANCELLED MESSAGE_STATUS_DISPLAYED CALL_TYPE_PHONE CALL_TYPE_ENRICHED CALL_TYPE_VIDEO
ORIENTATION_VERTICAL ORIENTATION_HORIZONTAL ALIGNMENT_LEFT ALIGNMENT_RIGHT MEDIA_SHORT_HEIGHT MEDIA_MEDIUM_HEIGHT
MEDIA_TALL_HEIGHT CARD_WIDTH_SMALL CARD_WIDTH_MEDIUM SETTINGS_DISABLEANONYMIZATION
SETTINGS_ENABLEDISPLAYEDNOTIFICATIONS RECORDING_TYPE_AUDIO RECORDING_TYPE_VIDEO Bot handleWebhook handleRequest
sendRequest isTyping messageStatus fileStatus response alias newUser"""


@pytest.mark.parametrize("name", [*PYTHON_NAMES.split(), *NODE_NAMES.split()])
def test_every_name_of_the_older_libraries_has_a_line(name: str) -> None:
    assert re.search(rf"\b{name}\b", DOCS.partition("## From an older library")[2])


@pytest.mark.parametrize(("name", "most"), LIMITS.most.items())
def test_every_limit_is_documented(name: str, most: int) -> None:
    assert f"| {name} | {most:,} |" in DOCS
