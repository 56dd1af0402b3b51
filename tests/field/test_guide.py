"""What the guide "RCS API Integration" shows in a message: sent as it writes it, and carried by every other wire.

Kinds: a text beside a card or a carousel, a button that has only a postback, and the name of a thumbnail.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from rcs_backends.generic_rest.render import message as rendered
from rcs_router import lookup_connections, send
from rcs_router.backends import backends
from rcs_router.capabilities import fit
from rcs_router.content import Card, Carousel, Content, File, Media, Reply, SendPostback, Text, dump, load
from rcs_router.content.plain import render
from rcs_router.errors import ContentError
from rcs_router.models import Message
from tests.acceptance.lines import RCS, SMS, Line, line, providers
from tests.core import ALICE

from .sites import RCS as MEMORY
from .sites import REST, site

BOOTS = Media("https://example.com/boots.jpg")
DETAILS = SendPostback("See details", "product_123")
GUIDE = Card("Boots", "Warm and dry", BOOTS, (DETAILS,), text="See our new boots")
PAIR = Carousel((Card("Boots", "Warm"), Card("Hat")), text="See our new boots")
TOUR = File(
    "https://example.com/tour.mp4", thumbnail_url="https://example.com/t/1", thumbnail_name="tour.jpg"
)
SOURCE = {"contentUrl": "https://example.com/boots.jpg", "forceRefresh": False}
BODIES: dict[str, tuple[Content, dict[str, Any]]] = {
    "the guide's own example": (
        GUIDE,
        {
            "text": "See our new boots",
            "richCard": {
                "standaloneCard": {
                    "cardContent": {
                        "media": {"height": "MEDIUM", **SOURCE},
                        "title": "Boots",
                        "description": "Warm and dry",
                        "suggestions": [{"action": {"text": "See details", "postbackData": "product_123"}}],
                    }
                }
            },
        },
    ),
    "a text beside a carousel": (
        PAIR,
        {
            "text": "See our new boots",
            "richCard": {
                "carouselCard": {
                    "cardWidth": "MEDIUM",
                    "cardContents": [{"title": "Boots", "description": "Warm"}, {"title": "Hat"}],
                }
            },
        },
    ),
    "a button below a text, whose postback is its label": (
        Text("Look", (SendPostback("Details"), Reply("No"))),
        {
            "text": "Look",
            "suggestions": [
                {"action": {"text": "Details", "postbackData": "Details"}},
                {"reply": {"text": "No", "postbackData": "No"}},
            ],
        },
    ),
    "the name of a thumbnail": (
        TOUR,
        {
            "file": {
                "contentUrl": "https://example.com/tour.mp4",
                "thumbnailUrl": "https://example.com/t/1",
                "forceRefresh": False,
                "thumbnailFileName": "tour.jpg",
            }
        },
    ),
}
EACH = pytest.mark.parametrize("content", [content for content, _ in BODIES.values()], ids=list(BODIES))


@pytest.mark.parametrize(("content", "body"), list(BODIES.values()), ids=list(BODIES))
def test_the_rest_api_is_written_as_the_guide_writes_it(content: Content, body: dict[str, Any]) -> None:
    assert rendered(content) == body


@EACH
def test_it_is_stored_and_read_again(content: Content) -> None:
    stored = json.loads(json.dumps(dump(content)))
    assert load(stored, strict=True) == content


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (lambda: Card(text="See our new boots"), "a card needs a title, a description or media"),
        (lambda: SendPostback(" "), "label: may not be blank"),
        (lambda: SendPostback("x", 7), "postback: "),  # type: ignore[arg-type]
        (lambda: Card("x", text=7), "text: "),  # type: ignore[arg-type]
        (lambda: File("https://example.com/a", thumbnail_name="t.jpg"), "thumbnail_name is the name of"),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_built(wrong: Any, problem: str) -> None:
    with pytest.raises(ContentError, match=problem):
        wrong()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "path"),
    [
        (Card("x", text="a" * 3073), "text"),
        (Carousel((Card("x"), Card("y")), text="a" * 3073), "text"),
        (Carousel((Card("x"), Card("y", text="beside it"))), r"cards\[1\].text"),
        (Text("x", (SendPostback("a" * 26),)), r"suggestions\[0\].label"),
    ],
)
def test_a_limit_is_told_with_its_path(settings: Any, content: Content, path: str) -> None:
    site(settings, {"acme": REST})
    with pytest.raises(ContentError, match=f"^{path}: "):
        send(content, lookup_connections("acme", [ALICE]))


# The phones of every provider.


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    with providers() as url:
        yield url


@pytest.fixture(scope="module", params=[*RCS, *SMS])
def wire(request: pytest.FixtureRequest, web: str) -> Iterator[Line]:
    with line(web, request.param) as made:
        yield made


MOVED = "text beside a card became part of its description"
REPLY = "button became a reply: its label is said in the conversation"


def test_a_phone_shows_the_text_beside_the_card_and_the_button(wire: Line) -> None:
    how, shown = wire.send(GUIDE)
    if wire.name in SMS:
        assert shown["text"].startswith("See our new boots\n\nBoots\nWarm and dry\n")
        assert shown["text"].endswith("1) See details")
        assert [(choice.label, choice.postback) for choice in how.choices] == [("See details", "product_123")]
        return
    (card,) = shown["cards"]
    (button,) = card["suggestions"]
    assert (button["label"], button["postback"]) == ("See details", "product_123")
    if wire.name == "rest":
        assert (shown["text"], card["description"]) == ("See our new boots", "Warm and dry")
        assert (button["kind"], how.lost) == ("action", ())
    else:
        assert (shown["text"], card["description"]) == ("", "See our new boots\nWarm and dry")
        assert button["kind"] == "reply"
        assert {MOVED, REPLY} <= set(how.lost)


def test_the_button_is_tapped_without_a_word_in_the_conversation(web: str) -> None:
    with line(web, "rest") as rest:
        _, outbound = rest.outbound(GUIDE)
        rest.backend.send(outbound)
        rest.shown(outbound.to)
        tap = {"action": "tap", "suggestion": "See details"}
        answer = rest.emulator.post(f"handsets/{outbound.to}/actions/", tap)
        assert answer["message"] is None
        (said,) = [one for one in rest.emulator.get("ledger/")["webhooks"] if one["event"] == "ACTION_TAPPED"]
        assert said["number"] == outbound.to


def test_a_phone_shows_the_text_beside_a_carousel(wire: Line) -> None:
    how, shown = wire.send(PAIR)
    if wire.name in SMS:
        assert shown["text"].startswith("See our new boots\n\nBoots\nWarm")
    elif wire.name == "rest":
        assert (shown["text"], shown["cards"][0]["description"], how.lost) == (
            "See our new boots",
            "Warm",
            (),
        )
    else:
        assert shown["cards"][0]["description"] == "See our new boots\nWarm"
        assert "text beside a carousel became part of its first card" in how.lost


def test_the_name_of_a_thumbnail_is_carried_or_named_as_lost(wire: Line) -> None:
    how, shown = wire.send(TOUR)
    if wire.name in SMS:
        assert "1 thumbnail" in how.lost
    elif wire.name in {"rest", "gsma"}:
        assert (shown["media"]["thumbnail_name"], how.lost) == ("tour.jpg", ())
    else:
        assert "name of the thumbnail" in how.lost


def test_a_fallback_text_keeps_the_button_as_an_option() -> None:
    assert render(GUIDE, fallback_text="New boots!").text == "New boots!\n1) See details"


def test_strict_refuses_what_would_be_lost(settings: Any, db: None) -> None:
    site(settings, {"rest": REST, "sms": {"BACKEND": "rcs_router.testing.MemorySMS"}})
    assert fit(backends["rest"], GUIDE).lost == ()
    with pytest.raises(ContentError, match="cannot carry all of it"):
        send(GUIDE, lookup_connections("sms", [ALICE]), strict=True)


# By our own API and on the admin's page.


@pytest.mark.django_db
@EACH
def test_the_api_takes_it_and_the_admin_shows_it(settings: Any, content: Content) -> None:
    site(settings, {"acme": MEMORY})
    get_user_model().objects.create_superuser("ann", "", "x")
    client = Client()
    client.login(username="ann", password="x")
    body = {"content": dump(content), "recipients": {"backend": "acme", "identities": [ALICE]}}
    answer = client.post("/rcs/api/messages/", json.dumps(body), "application/json")
    assert answer.status_code == 201, answer.content
    assert Message.objects.get().body == content
    page = client.get(f"/admin/rcs_router/message/{answer.json()['id']}/change/").content.decode()
    for word in ("See our new boots", "See details", "product_123", "sends its postback"):
        assert (word in page) is (word in json.dumps(dump(content)) or _is_a_button(word, content)), word


def _is_a_button(word: str, content: Content) -> bool:
    return word == "sends its postback" and "send_postback" in json.dumps(dump(content))


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (Card("Boots"), {"text"}),
        (Carousel((Card("Boots"), Card("Hats"))), {"text"}),
        (File("https://cdn.example/a.jpg"), {"thumbnail_name"}),
    ],
)
def test_workers_of_the_release_before_can_read_what_is_stored(content: Content, names: set[str]) -> None:
    """They refuse names that they do not know."""
    assert not names & dump(content).keys()
    assert load(dump(content)) == content
