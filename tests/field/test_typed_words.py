"""Keywords and patterns are for what a person types: how it may be typed, and what only looks like it."""

from typing import Any

import pytest

from rcs_router import lookup_connections, receive, send
from rcs_router.content import Form, FormField, Reply, Text
from rcs_router.contract import Incoming, IncomingKind
from rcs_router.handlers import BaseHandler, KeywordHandler, PatternHandler, PostbackHandler
from rcs_router.inbox import intake
from rcs_router.inbox.brake import brake
from rcs_router.inbox.incoming import as_row
from rcs_router.models import Message
from tests.core import ALICE, drain

from .sites import RCS, SMS, site
from .wires import outgoing

pytestmark = pytest.mark.django_db


class Track(KeywordHandler):
    keyword = "track"

    def handle(self, text: str) -> None:
        self.respond(f"keyword {text}")

    def help(self) -> None:
        self.respond("keyword alone")


class Anything(PatternHandler):
    pattern = r"(.*)"

    def handle(self, *groups: str) -> None:
        self.respond(f"pattern {groups[0]}")


class Tapped(PostbackHandler):
    prefix = "track_"

    def handle(self, key: str) -> None:
        self.respond(f"tap {key}")


@pytest.fixture(autouse=True)
def shop(settings: Any) -> None:
    brake.forget()
    apps = [f"{__name__}.{name}" for name in ("Track", "Anything", "Tapped")]
    site(settings, {"rcs": RCS, "sms": SMS}, APPS=apps)


def hears(incoming: Incoming, alias: str = "rcs") -> list[str]:
    """What the shop answers to an incoming message of any kind."""
    as_row(lookup_connections(alias, [ALICE])[0], incoming).save()
    intake.digest()
    return outgoing()


@pytest.mark.parametrize(
    ("text", "answer"),
    [("track 7", "keyword 7"), ("TRACK", "keyword alone"), ("where is it?", "pattern where is it?")],
)
def test_typed_words_come_to_them(text: str, answer: str) -> None:
    assert hears(Incoming(IncomingKind.TEXT, ALICE, text=text)) == [answer]


@pytest.mark.parametrize(
    ("kind", "said", "answers"),
    [
        (IncomingKind.SUGGESTION, {"text": "Track", "postback": "track_7"}, ["tap 7"]),
        (IncomingKind.SUGGESTION, {"text": "Track my order", "postback": "other"}, []),
        (IncomingKind.SUGGESTION, {"text": "Track"}, []),
        (IncomingKind.FORM, {"text": "Track an order", "fields": {"form": {"n": "7"}}}, []),
        (IncomingKind.FILE, {"text": "track.pdf", "url": "https://files.example/1"}, []),
        (IncomingKind.LOCATION, {"text": "Track 7, Tallinn", "latitude": 59.4, "longitude": 24.7}, []),
        (IncomingKind.DEVICE, {"text": "track"}, []),
        (IncomingKind.UNKNOWN, {"text": "track"}, []),
    ],
)
def test_nothing_else_does(kind: IncomingKind, said: dict[str, Any], answers: list[str]) -> None:
    assert hears(Incoming(kind, ALICE, **said)) == answers


@pytest.mark.parametrize("typed", ["1", "Track"])
def test_an_option_chosen_by_sms_is_a_tap(typed: str) -> None:
    to = lookup_connections("sms", [ALICE])[0]
    send(Text("Boots", (Reply("Track", "track_7"),)), to)
    drain("sms")
    receive(typed, to)
    intake.digest()
    assert outgoing()[1:] == ["tap 7"]


def test_a_form_that_was_asked_for_is_no_text() -> None:
    to = lookup_connections("rcs", [ALICE])[0]
    send(Form("Track an order", (FormField("n", "Number"),), postback="track_7"), to)
    drain("rcs")
    assert hears(Incoming(IncomingKind.FORM, ALICE, text="Track an order", postback="track_7"))[1:] == [
        "tap 7"
    ]


# How a keyword may be written, and typed


class Noted(BaseHandler):
    def handle(self, *parts: str) -> None:
        self.respond("|".join(["handle", *parts]))

    def help(self) -> None:
        self.respond("help")


def answer(base: type[BaseHandler], typed: str, **attributes: Any) -> str | None:
    """What a handler with these attributes does with `typed`; None: it is not for it."""
    answers = type("Handler", (Noted, base), attributes).test(typed)
    return answers[0] if answers else None


@pytest.mark.parametrize(
    ("keyword", "typed", "wanted"),
    [
        ("join|register", "join Asha", "handle|Asha"),
        ("join|register", "REGISTER: Asha", "handle|Asha"),
        ("join|register", "register", "help"),
        ("join|register", "registers", None),
        ("join | register", "register Asha", "handle|Asha"),
        ("reg|register|join", "register Asha", "handle|Asha"),  # the longest that is a whole word
        ("(?:join|reg(?:ister)?)", "reg Asha", "handle|Asha"),
        (r"order\d+", "order12 now", "handle|now"),
        (r"order\d+", "order now", None),
        (r"w(?:ei|ie)gh?t?", "weigh 7", "handle|7"),
        (r"[eé]tat", "ÉTAT 7", "handle|7"),
        ("join|", "leave", None),  # it would match anything
        (".*", "", None),
        ("new order", "new order 7", "handle|7"),
        ("new order", "New   ORDER 7", "handle|7"),
        ("new order", "new\u00a0order", "help"),
        ("new order", "new\norder: 7", "handle|7"),
        ("new order", "neworder 7", None),
        ("new  order", "new order 7", "handle|7"),
        (r"new\ order|ask", "new  order 7", "handle|7"),
        ("new[ ]order|ask", "new  order 7", "handle|7"),
        ("große bitte", "GROSSE   BITTE 7", "handle|7"),
        ("join", "join    Asha   of Moshi", "handle|Asha   of Moshi"),
        ("join", "\t\n  join \t Asha", "handle|Asha"),
        (("yes|ja", "oui"), "ja", "help"),
        (("yes|ja", "oui"), "oui 2", "handle|2"),
        ("*100#", "*100# 7", "handle|7"),  # no regular expression, and a word all the same
        ("c++", "c++ 7", "handle|7"),
        ("what?", "what? now", "handle|now"),
        ("(", "( 7", "handle|7"),
    ],
)
def test_keywords(keyword: Any, typed: str, wanted: str | None) -> None:
    assert answer(KeywordHandler, typed, keyword=keyword) == wanted


@pytest.mark.parametrize(
    ("pattern", "typed", "wanted"),
    [
        (r"^(\w+) (\d+)$", "maize 30", "handle|maize|30"),
        (r"^(\w+) (\d+)$", "maize     30", "handle|maize|30"),
        (r"^(\w+) (\d+)$", "maize\t30", "handle|maize|30"),
        (r"^(\w+) (\d+)$", "maize\u00a030", "handle|maize|30"),
        (r"^(\w+) (\d+)$", "maize\n30", None),
        (r"(\w+)  (\d+)", "maize  30", "handle|maize|30"),  # as it stands comes first
        (r"(maize|beans)\s+(\d+)", "BEANS   7", "handle|BEANS|7"),
        (r"sell (\w+) (\w+)", "sell  two   goats", "handle|two|goats"),
        (r"(.+)", "two   goats", "handle|two   goats"),
        (r"buy", "please buy", None),
    ],
)
def test_patterns(pattern: str, typed: str, wanted: str | None) -> None:
    assert answer(PatternHandler, typed, pattern=pattern) == wanted


def test_who_handled_what_nobody_typed_is_nobody() -> None:
    hears(Incoming(IncomingKind.FILE, ALICE, text="track.pdf"))
    assert Message.objects.get(direction="in").handled_by == ""
