"""Lazily translated texts (`gettext_lazy`) in every text of a content, and in what is said around it."""

from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy, override

from rcs_router import content as contents
from rcs_router import receive, send
from rcs_router.content import (
    Audio,
    CalendarEvent,
    Card,
    Carousel,
    ComposeRecording,
    ComposeText,
    Dial,
    DisableAnonymization,
    EnableDisplayedNotifications,
    File,
    Form,
    FormField,
    Location,
    Media,
    OpenUrl,
    Reply,
    RequestDeviceSpecifics,
    RequestLocation,
    SendPostback,
    ShowLocation,
    Text,
    as_content,
    dump,
    load,
)
from rcs_router.errors import ContentError
from rcs_router.inbox import intake
from rcs_router.models import Message
from rcs_router.phases import IncomingMessage, RouterApp
from tests.core import connection, drain, memory, sent_to

URL = "https://shop.example/a.jpg"
START, END = datetime(2026, 11, 28, 7, tzinfo=UTC), datetime(2026, 11, 28, 8, tzinfo=UTC)
REPLY = Reply("Keep", "keep_7")

ONLY_LABELS = (
    SendPostback,
    RequestLocation,
    RequestDeviceSpecifics,
    DisableAnonymization,
    EnableDisplayedNotifications,
)

# Class, arguments that it needs, and the texts that people see or that come back.
TEXTS: list[tuple[type[Any], dict[str, Any], list[str]]] = [
    (Text, {"text": "Hello"}, ["text"]),
    (Card, {"title": "Boots", "media": Media(URL)}, ["title", "description", "text"]),
    (Media, {"url": URL}, ["alt", "url"]),
    (File, {"url": URL}, ["name", "url"]),
    (Audio, {"url": URL}, ["name", "url"]),
    (Location, {"latitude": 59.4, "longitude": 24.7}, ["label"]),
    (
        Form,
        {"title": "Where?", "fields": (FormField("a", "A"),)},
        ["title", "text", "button", "submit", "postback"],
    ),
    (FormField, {"name": "a", "label": "A"}, ["name", "label"]),
    (Reply, {"label": "Keep"}, ["label", "postback"]),
    (
        OpenUrl,
        {"label": "Track", "url": "https://shop.example/"},
        ["label", "postback", "url", "description"],
    ),
    (
        Dial,
        {"label": "Call", "phone": "+37255501234", "mode": "enriched"},
        ["label", "postback", "phone", "subject"],
    ),
    (ShowLocation, {"label": "Map", "latitude": 1.0, "longitude": 2.0}, ["label", "postback", "place"]),
    (ShowLocation, {"label": "Map", "query": "shops"}, ["label", "query"]),
    (
        CalendarEvent,
        {"label": "Add", "start": START, "end": END, "title": "Sale"},
        ["label", "title", "description"],
    ),
    (ComposeText, {"label": "Write", "phone": "12345", "text": "Hi"}, ["label", "text", "phone"]),
    *((chip, {"label": "Go"}, ["label", "postback"]) for chip in ONLY_LABELS),
    (ComposeRecording, {"label": "Go", "phone": "12345"}, ["label", "postback", "phone"]),
]
EVERY = set(get_args(contents.Content)) | set(get_args(get_args(contents.Suggestion)[0]))
CASES = [(cls, needs, name) for cls, needs, names in TEXTS for name in names]
WORDS = {"url": "https://shop.example/lazy.jpg", "phone": "+37255501235", "name": "lazy"}


@pytest.mark.parametrize(
    ("cls", "needs", "name"), CASES, ids=lambda value: getattr(value, "__name__", str(value)[:20])
)
def test_a_text_may_be_lazy(cls: type[Any], needs: dict[str, Any], name: str) -> None:
    word = WORDS.get(name, "Lazy words")
    lazy, plain = cls(**{**needs, name: lazystr(word)}), cls(**{**needs, name: word})
    assert lazy == plain
    assert type(getattr(lazy, name)) is str


def test_every_class_is_in_the_table() -> None:
    assert {cls for cls, _, _ in TEXTS} | {Carousel} >= EVERY  # which has no text of its own


NESTED = [
    lambda t: Text("a", (Reply(t("b"), t("c")), OpenUrl(t("d"), url="https://shop.example/"))),
    lambda t: Card(t("a"), t("b"), suggestions=[Reply(t("c"))], chips=(Reply(t("d")),)),
    lambda t: Carousel((Card(t("a")), Card(t("b"))), (Reply(t("c")),)),
    lambda t: Form(t("a"), [FormField("b", t("c"), "select", options=[t("d"), t("e")])]),
    lambda t: Location(1.0, 2.0, t("a"), suggestions=[Reply(t("b"))]),
    lambda t: Text(text=t("a"), suggestions=[{"type": "reply", "label": t("b"), "postback": t("c")}]),
]


@pytest.mark.parametrize("make", NESTED)
def test_texts_inside_of_lists_may_be_lazy(make: Any) -> None:
    lazy, plain = make(lazystr), make(str)
    assert lazy == plain
    assert load(dump(lazy)) == plain


def test_a_text_alone_may_be_lazy() -> None:
    assert as_content(lazystr("Hello")) == Text("Hello")


@pytest.mark.parametrize("empty", ["", "  "])
def test_a_lazy_text_is_held_to_the_same_rules(empty: str) -> None:
    with pytest.raises(ContentError, match="text: may not be blank"):
        Text(lazystr(empty))
    with pytest.raises(ContentError, match="label"):
        Reply(lazystr(empty))


def test_a_text_is_translated_when_the_content_is_made() -> None:
    yes = gettext_lazy("Yes")
    with override("de"):
        made = Text(yes, (Reply(yes, "yes"),))
    with override("fr"):
        assert (made.text, made.suggestions[0].label) == ("Ja", "Ja")


@pytest.mark.django_db
def test_what_is_said_around_the_content_may_be_lazy(router: None) -> None:
    yes = gettext_lazy("Yes")
    with override("de"):
        message = send(
            Card(yes), connection(), fallback_text=yes, fields={"campaign": yes, "of": [yes, {"a": yes}]}
        )
        heard = receive(yes, connection(), postback=yes, fields={"campaign": yes})
    message.refresh_from_db()
    heard.refresh_from_db()
    assert (message.content["title"], message.fallback_text, message.text) == ("Ja", "Ja", "Ja")
    assert message.fields == {"campaign": "Ja", "of": ["Ja", {"a": "Ja"}]}
    assert (heard.text, heard.postback, heard.fields) == ("Ja", "Ja", {"campaign": "Ja"})


class Polite(RouterApp):
    """Answers in German, whatever is active when the answer leaves."""

    def handle(self, message: IncomingMessage) -> bool:
        with override("de"):
            message.respond(gettext_lazy("Yes"), fallback_text=gettext_lazy("No"))
            message.error(gettext_lazy("No"))
        return True


@pytest.mark.django_db
def test_an_app_may_answer_with_a_lazy_text(router: None, settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "APPS": ["tests.field.test_translations.Polite"]}
    receive("hello", connection())
    intake.digest()
    answers = Message.objects.filter(direction="out").order_by("created_at")
    assert list(answers.values_list("content__text", "fallback_text")) == [("Ja", "Nein"), ("Nein", "")]


@pytest.mark.django_db
def test_a_lazy_label_comes_back_as_its_postback(router: None) -> None:
    with override("de"):
        sent_to(
            "sms", content=Text("?", (Reply(gettext_lazy("Yes"), "yes"), Reply(gettext_lazy("No"), "no")))
        )
    drain("sms")
    assert "1) Ja" in memory("sms").sent[0].text
    receive("ja", connection(alias="sms"))
    assert Message.objects.get(direction="in").postback == "yes"
