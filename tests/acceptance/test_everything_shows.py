"""Any content, fitted and sent: the phone shows each of its facts, or the report of losses names that kind of fact."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rcs_router.capabilities import Fit
from rcs_router.content import (
    Audio,
    CalendarEvent,
    Card,
    Carousel,
    ComposeRecording,
    ComposeText,
    Content,
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
    ShowLocation,
    Suggestion,
    Text,
    postback_of,
)
from tests.acceptance.contents import RCS, RTL, SMS, Json, Line, line, providers

EXAMPLES = 80  # of each backend

# What is generated.

LETTERS = st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t") | st.sampled_from(
    "aB1 .,\"'`«»<>&%{}\\|[]()/:;=?#@!$*+~^_-\u200d\u2066\u2069\u00a0👟🇪é€" + RTL
)


def words(most: int = 25) -> st.SearchStrategy[str]:
    return st.text(LETTERS, min_size=1, max_size=most).filter(str.strip)


def maybe(strategy: st.SearchStrategy[Any], nothing: Any = "") -> st.SearchStrategy[Any]:
    return st.just(nothing) | strategy


URLS = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["https", "http", "HTTPS"]),
    st.sampled_from(["shop.example", "müller.example:8443", "日本.example", "[::1]", "u:p@shop.example"]),
    st.text(LETTERS, max_size=10).map(lambda path: "/" + "".join(path.replace("#", "").split())),
    maybe(
        st.text(LETTERS, max_size=10).map(lambda query: "?q=1&x=" + "".join(query.replace("#", "").split()))
    ),
    st.sampled_from(["", "#", "#ä"]),
)
PICTURES = st.sampled_from(["a.png", "ä.jpg?x=1&y=2", "b.mp4"]).map("https://shop.example/{}".format)
PHONES = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)
LATITUDES, LONGITUDES = st.floats(-90, 90), st.floats(-180, 180)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=ZONES).map(
    lambda at: at.replace(second=0, microsecond=0)
)


@st.composite
def events(draw: st.DrawFn) -> CalendarEvent:
    start = draw(TIMES)
    end = (start + timedelta(minutes=draw(st.integers(1, 5000)))).astimezone(draw(ZONES))
    texts = {"title": draw(words(40)), "description": draw(maybe(words(40)))}
    return CalendarEvent(
        draw(words()),
        draw(maybe(words())),
        start=start,
        end=end,
        fallback_url=draw(maybe(URLS, None)),
        **texts,
    )


def chip_of(kind: type, **fields: Any) -> st.SearchStrategy[Any]:
    return st.builds(kind, words(), maybe(words(60)), **fields)


INSTEAD = {"fallback_url": maybe(URLS, None)}
WEBVIEW = {"application": st.just("webview"), "webview_size": st.sampled_from(["full", "half", "tall"])}
CHIPS: st.SearchStrategy[Suggestion] = st.one_of(
    chip_of(Reply),
    chip_of(OpenUrl, url=URLS, description=maybe(words()), **INSTEAD),
    chip_of(OpenUrl, url=URLS, description=maybe(words()), **WEBVIEW, **INSTEAD),
    chip_of(Dial, phone=PHONES, mode=st.sampled_from(["voice", "enriched", "video"]), **INSTEAD),
    chip_of(Dial, phone=PHONES, mode=st.just("enriched"), subject=words(), **INSTEAD),
    chip_of(ShowLocation, latitude=LATITUDES, longitude=LONGITUDES, place=maybe(words()), **INSTEAD),
    chip_of(ShowLocation, query=words(), **INSTEAD),
    chip_of(RequestLocation, **INSTEAD),
    events(),
    chip_of(ComposeText, phone=PHONES, text=words()),
    chip_of(ComposeRecording, phone=PHONES, media=st.sampled_from(["audio", "video"])),
    st.sampled_from([RequestDeviceSpecifics, DisableAnonymization, EnableDisplayedNotifications]).flatmap(
        chip_of
    ),
)
ROWS = st.lists(CHIPS, max_size=3).map(tuple)
MEDIA = st.builds(
    Media,
    PICTURES,
    st.sampled_from(["short", "medium"]),
    maybe(words()),
    thumbnail_url=maybe(st.just("https://shop.example/small.png"), None),
)
CARDS = st.builds(Card, words(40), maybe(words(60)), maybe(MEDIA, None), ROWS) | st.builds(
    Card, st.just(""), words(60), maybe(MEDIA, None), ROWS
)
QUESTIONS = st.builds(
    FormField,
    st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True),
    words(),
    st.sampled_from(["text", "number", "email", "phone", "date", "checkbox"]),
    required=st.booleans(),
) | st.builds(
    FormField,
    st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True),
    words(),
    st.just("select"),
    options=st.lists(words(), min_size=1, max_size=3, unique=True).map(tuple),
)
CONTENTS: st.SearchStrategy[Content] = st.one_of(
    st.builds(Text, words(200), ROWS),
    st.builds(File, URLS, name=maybe(words()), thumbnail_url=maybe(PICTURES, None), suggestions=ROWS),
    st.builds(Audio, URLS, maybe(st.integers(0, 9999), None), name=maybe(words()), suggestions=ROWS),
    st.builds(Location, LATITUDES, LONGITUDES, maybe(words()), suggestions=ROWS),
    st.builds(
        Card,
        words(40),
        maybe(words(60)),
        maybe(MEDIA, None),
        ROWS,
        chips=ROWS,
        orientation=st.sampled_from(["vertical", "horizontal"]),
    ),
    st.builds(Card, media=MEDIA, suggestions=ROWS),
    st.builds(
        Carousel,
        st.lists(CARDS, min_size=2, max_size=3).map(tuple),
        ROWS,
        width=st.sampled_from(["small", "medium"]),
    ),
    st.builds(
        Form,
        words(60),
        st.lists(QUESTIONS, min_size=1, max_size=3, unique_by=lambda field: field.name).map(tuple),
        maybe(words(60)),
        postback=maybe(words()),
        button=words(),
        submit=words(),
        suggestions=ROWS,
    ),
)

# What a content says, and how the phone shows it.


@dataclass(frozen=True)
class Fact:
    """One thing that has to arrive. `kind` names the line of EXCUSES that may say that it was lost."""

    kind: str
    value: Any


# A sentence of the report, as it begins → the kinds of facts that it admits to have lost.
EXCUSES: list[tuple[str, set[str]]] = [
    ("words for screen readers", {"alt"}),
    (r"\d* ?thumbnails?", {"thumbnail"}),
    ("file name", {"file name"}),
    ("audio became a file: its playing length is lost", {"seconds"}),
    (r"\d* ?audios? became (a link|links)", {"seconds"}),
    ("fallback link of a chip", {"fallback"}),
    (r"\d* ?fallback links? of (a chip|chips)", {"fallback"}),
    ("webview became a link: its size and description are lost", {"description"}),
    (r"\d* ?descriptions? of (a link|links)", {"description"}),
    ("enriched call became a voice call: its subject is lost", {"subject"}),
    (r"\d* ?chips? became (a line|lines) of text: (its|their) taps? (is|are) not reported", {"tap"}),
    ("form became a web page", {"question", "form"}),
    (r"chip “(.*)” left out", {"left out"}),
]


def facts(content: Content) -> Iterator[Fact]:
    match content:
        case Text():
            yield Fact("words", content.text)
        case File() | Audio():
            yield from _media(content)
        case Location():
            yield Fact("name", content.label)
            yield Fact("place", (content.latitude, content.longitude))
        case Card():
            yield from _card(content)
        case Carousel():
            for card in content.cards:
                yield from _card(card)
        case Form():
            yield from _form(content)
    for chip in content.suggestions:
        yield from _chip(chip)


def _card(card: Card) -> Iterator[Fact]:
    yield Fact("words", card.title)
    yield Fact("words", card.description)
    if card.media:
        yield from _media(card.media)
        yield Fact("alt", card.media.alt)
    for chip in (*card.suggestions, *card.chips):
        yield from _chip(chip)


def _media(media: Any) -> Iterator[Fact]:
    yield Fact("url", media.url)
    yield Fact("file name", getattr(media, "name", ""))
    yield Fact("thumbnail", getattr(media, "thumbnail_url", ""))
    if (seconds := getattr(media, "seconds", None)) is not None:
        yield Fact("seconds", seconds)


def _form(form: Form) -> Iterator[Fact]:
    yield Fact("words", form.title)
    yield Fact("words", form.text)
    yield Fact("form", (form.postback or form.name, form.submit, len(form.fields)))
    for asked in form.fields:
        for text in (asked.label, *asked.options):
            yield Fact("question", text)


def _chip(chip: Suggestion) -> Iterator[Fact]:
    """Its label, what comes back when it is tapped, and what it does."""
    if isinstance(chip, RequestDeviceSpecifics | DisableAnonymization | EnableDisplayedNotifications):
        yield Fact("left out", (chip.label, postback_of(chip)))
        return
    replies = isinstance(chip, Reply | RequestLocation)
    yield Fact("reply" if replies else "tap", (chip.label, postback_of(chip)))
    yield Fact("name", chip.label)
    yield Fact("fallback", getattr(chip, "fallback_url", ""))
    match chip:
        case OpenUrl():
            yield Fact("url", chip.url)
            yield Fact("description", chip.description)
        case Dial():
            yield Fact("phone", chip.phone)
            yield Fact("subject", chip.subject)
        case ShowLocation(query=""):
            yield Fact("place", (chip.latitude, chip.longitude))
            yield Fact("name", chip.place)
        case ShowLocation():
            yield Fact("query", chip.query)
        case CalendarEvent():
            yield Fact("words", chip.title)
            yield Fact("words", chip.description)
            yield Fact("date", chip.start)
            yield Fact("date", chip.end)
        case ComposeText():
            yield Fact("phone", chip.phone)
            yield Fact("words", chip.text)
        case ComposeRecording():
            yield Fact("phone", chip.phone)


SPAN = re.compile(
    r"(\d{4}-\d\d-\d\d) (\d\d:\d\d) - (?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d) UTC([+-]\d\d:\d\d)?", re.ASCII
)
PLACE = re.compile(r"(?=(?<![\d.])(-?\d+(?:\.\d+)?), ?(-?\d+(?:\.\d+)?))", re.ASCII)


class Screen:
    """All that a phone shows of one message."""

    def __init__(self, message: Json) -> None:
        self.message = message
        self.values = list(_values(message))
        self.texts = [value for value in self.values if isinstance(value, str)]
        self.taps = {
            (one["label"], one["postback"]) for holder in _holders(message) for one in holder["suggestions"]
        }

    def shows(self, fact: Fact, fitted: Fit) -> bool:
        match fact.kind:
            case "name":
                return any(_folded(fact.value) in _folded(text) for text in self.texts)
            case "place":
                return _rounded(fact.value) in set(self.places())
            case "date":
                return fact.value in set(self.dates())
            case "tap" | "left out":
                return fact.value in self.taps
            case "reply":
                return fact.value in self.taps or self.offers(fact, fitted)
            case "query":
                return any(fact.value in text or quote(fact.value) in text for text in self.texts)
            case "form":
                form = self.message["form"]
                return bool(form) and fact.value == (form["postback"], form["submit"], len(form["fields"]))
            case "seconds":
                return fact.value == (self.message["media"] or {}).get("seconds")
        return any(fact.value in text for text in self.texts)

    def offers(self, fact: Fact, fitted: Fit) -> bool:
        """As a numbered option, whose answer stands for the same."""
        label, postback = fact.value
        label = " ".join(label.split())
        lines = [f"{c.number}) {label}" for c in fitted.choices if (c.label, c.postback) == (label, postback)]
        return any(line in text for line in lines for text in self.texts)

    def places(self) -> Iterator[tuple[float, float]]:
        """Every pair of degrees, as numbers or within a text."""
        for holder in _holders(self.message):
            for one in [holder, *(chip["detail"] for chip in holder.get("suggestions", ()))]:
                if one.get("latitude") is not None:
                    yield _rounded((one["latitude"], one["longitude"]))
        for text in self.texts:
            for found in PLACE.finditer(text):
                yield _rounded((float(found[1]), float(found[2])))

    def dates(self) -> Iterator[datetime]:
        """Every time, in RFC 3339 or as the span of an event within a text."""
        for text in self.texts:
            if re.match(r"\d{4}-\d\d-\d\dT", text):
                yield datetime.fromisoformat(text)
            for day, start, other_day, end, offset in SPAN.findall(text):
                for at in (f"{day}T{start}", f"{other_day or day}T{end}"):
                    yield datetime.fromisoformat(at + (offset or "+00:00"))


def _holders(message: Json) -> Iterator[Json]:
    """What has chips: cards, then the message."""
    yield from message["cards"]
    yield message


def _values(value: Any) -> Iterator[Any]:
    """Every string and number in JSON."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        yield value
        return
    for one in value:
        yield from _values(one)


def _folded(text: str) -> str:
    return " ".join(text.split())


def _rounded(place: tuple[float, float]) -> tuple[float, float]:
    return round(place[0], 6) + 0.0, round(place[1], 6) + 0.0


def excused(fact: Fact, lost: tuple[str, ...]) -> bool:
    found = [
        re.match(pattern, said, re.DOTALL)
        for said in lost
        for pattern, kinds in EXCUSES
        if fact.kind in kinds
    ]
    if fact.kind == "left out":  # the sentence says which
        return any(match and _folded(match[1]) == _folded(fact.value[0]) for match in found)
    return any(found)


def missing(content: Content, fitted: Fit, message: Json) -> list[Fact]:
    screen = Screen(message)
    return [
        fact
        for fact in facts(content)
        if fact.value and (not isinstance(fact.value, str) or fact.value.strip())
        if not screen.shows(fact, fitted) and not excused(fact, fitted.lost)
    ]


# The property.


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    with providers() as url:
        yield url


@pytest.fixture(scope="module", params=[*RCS, *SMS])
def wire(request: pytest.FixtureRequest, web: str) -> Iterator[Line]:
    with line(web, request.param) as made:
        yield made


@settings(max_examples=EXAMPLES)
@given(content=CONTENTS)
def test_the_phone_shows_each_fact_or_its_loss_is_named(wire: Line, content: Content) -> None:
    fitted, outbound = wire.outbound(content)
    problems = wire.backend.check(fitted.content)
    assume(not any(problem.startswith("text: ") for problem in problems))  # too long for an SMS
    assert problems == []
    assert wire.backend.send(outbound).code == ""
    message = wire.shown(outbound.to)
    lost = missing(content, fitted, message)
    assert lost == [], (fitted.lost, json.dumps(message, ensure_ascii=False))


@settings(max_examples=EXAMPLES // 2)
@given(content=CONTENTS)
@pytest.mark.parametrize("wire", SMS, indirect=True)
def test_an_sms_offers_everything_by_numbers_and_in_words(wire: Line, content: Content) -> None:
    """Whatever the report says: these kinds of facts are never lost in plain text."""
    never = {
        "words",
        "name",
        "url",
        "phone",
        "date",
        "place",
        "reply",
        "query",
        "alt",
        "subject",
        "file name",
    }
    fitted, outbound = wire.outbound(content)
    assume(not wire.backend.check(fitted.content))
    assert wire.backend.send(outbound).code == ""
    lost = missing(content, replace(fitted, lost=()), wire.shown(outbound.to))
    assert [fact for fact in lost if fact.kind in never] == []
