"""Any content, fitted and sent: the phone shows each of its facts, or the report of losses names that kind of fact."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings

from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.google.store import GoogleStore, StoredFile
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
    Location,
    OpenUrl,
    Reply,
    RequestDeviceSpecifics,
    RequestLocation,
    SendPostback,
    ShowLocation,
    Suggestion,
    Text,
    postback_of,
)
from tests.acceptance.contents import ANY_CONTENT, SMALL, UPLOAD, UPLOAD_SMALL
from tests.acceptance.lines import RCS, SMS, Json, Line, line, providers

FEW, MANY = 15, 80  # examples for each backend: in `make test`, and in `make services-test`

# What a content says, and how the phone shows it.


@dataclass(frozen=True)
class Fact:
    """One thing that has to arrive. `kind` names the line of EXCUSES that may say that it was lost."""

    kind: str
    value: Any


# A sentence of the report, without how often → the kinds of facts that it admits to have lost, each that often.
EXCUSES: list[tuple[str, set[str]]] = [
    (r"words for screen readers", {"alt"}),
    (r"thumbnails?", {"thumbnail", "thumbnail name"}),
    (r"name of the thumbnail", {"thumbnail name"}),
    (r"file name", {"file name"}),
    (r"uploaded picture left out", {"upload", "uploaded thumbnail", "alt"}),
    (r"uploads? (was|were) lost", {"upload", "uploaded thumbnail"}),
    (r"audio became a file: its playing length is lost", {"seconds"}),
    (r"audios? became (a link|links)", {"seconds"}),
    (r"radius and times of a location", {"position"}),
    (r"fallback links? of (a chip|chips)", {"fallback"}),
    (r"webview became a link: its size and description are lost", {"description"}),
    (r"descriptions? of (a link|links)", {"description"}),
    (r"enriched call became a voice call: its subject is lost", {"subject"}),
    (r"chips? became (a line|lines) of text: (its tap is|their taps are) not reported", {"tap"}),
    (r"form became a web page", {"form"}),
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
            yield Fact("position", content.radius is not None or content.at or content.expires_at)
        case Card():
            yield Fact("words", content.text)
            yield from _card(content)
        case Carousel():
            yield Fact("words", content.text)
            for card in content.cards:
                yield from _card(card)
        case Form():
            yield from _form(content)
    if not isinstance(content, Card):
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
    yield Fact("upload", media.uploaded)
    yield Fact("uploaded thumbnail", getattr(media, "uploaded_thumbnail", "") and SMALL)
    yield Fact("file name", getattr(media, "name", ""))
    yield Fact("thumbnail", getattr(media, "thumbnail_url", ""))
    yield Fact("thumbnail name", getattr(media, "thumbnail_name", ""))
    if (seconds := getattr(media, "seconds", None)) is not None:
        yield Fact("seconds", seconds)


def _form(form: Form) -> Iterator[Fact]:
    yield Fact("words", form.title)
    yield Fact("words", form.text)
    asked = [(one.name, one.label, one.type, one.required, list(one.options)) for one in form.fields]
    yield Fact("form", (form.postback or form.name, form.submit, asked))


def _chip(chip: Suggestion) -> Iterator[Fact]:
    """Its label, what comes back when it is tapped, and what it does."""
    if isinstance(chip, RequestDeviceSpecifics | DisableAnonymization | EnableDisplayedNotifications):
        yield Fact("left out", (chip.label, postback_of(chip)))
        return
    replies = isinstance(chip, Reply | SendPostback | RequestLocation)
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
                return fact.value == _answerable(self.message["form"])
            case "upload":
                return any("/google/files/" in text for text in self.texts)
            case "position":  # phones show where it is, and keep when it was to themselves
                return bool(self.message["kind"] == "location")
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


def _answerable(form: Json | None) -> Any:
    """What a form asks, and what comes back."""
    if not form:
        return None
    names = ("name", "label", "type", "required", "options")
    return form["postback"], form["submit"], [tuple(one[name] for name in names) for one in form["fields"]]


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


HOW_OFTEN = re.compile(
    r"(\d+)? ?(.*?)(?: \((\d+) times\))?", re.DOTALL
)  # "2 thumbnails", "thumbnail (2 times)"


def excused(kind: str, lost: tuple[str, ...]) -> int:
    """How many facts of this kind the report admits to have lost."""
    count = 0
    for said in lost:
        before, sentence, after = HOW_OFTEN.fullmatch(said).groups()  # type: ignore[union-attr]
        if any(kind in kinds and re.match(pattern, sentence) for pattern, kinds in EXCUSES):
            count += int(before or after or 1)
    return count


def named(label: str, lost: tuple[str, ...]) -> bool:
    """Does the report say that the chip with this label was left out?"""
    found = [re.match("chip “(.*)” left out", sentence, re.DOTALL) for sentence in lost]
    return _folded(label) in [_folded(match[1]) for match in found if match]


def missing(content: Content, fitted: Fit, message: Json) -> list[Fact]:
    """Facts that the phone does not show, without those whose kind the report says to have lost as often."""
    screen, lost = Screen(message), fitted.lost
    said = [fact for fact in facts(content) if not _is_nothing(fact.value)]
    gone = [fact for fact in said if not screen.shows(fact, fitted)]
    left_out = [fact for fact in gone if fact.kind == "left out" and named(fact.value[0], lost)]
    alike = Counter(fact.kind for fact in gone)
    return [fact for fact in gone if fact not in left_out and alike[fact.kind] > excused(fact.kind, lost)]


def _is_nothing(value: Any) -> bool:
    return not value or (isinstance(value, str) and not value.strip())


# The property.


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    with providers() as url:
        yield url


@pytest.fixture(scope="module", params=[*RCS, *SMS])
def wire(request: pytest.FixtureRequest, web: str) -> Iterator[Line]:
    with line(web, request.param) as made:
        files = world.store(GoogleStore).files
        files[UPLOAD] = StoredFile("acme", "image/png", b"x")
        files[UPLOAD_SMALL] = StoredFile("acme", "image/jpeg", url=SMALL)
        yield made


def sent(wire: Line, content: Content) -> tuple[Fit, Json]:
    """What became of it, and the phone's bubble. What cannot be said at all, or in no SMS, is not sent."""
    fitted, outbound = wire.outbound(content)
    assume(isinstance(fitted.content, Text) or not fitted.is_plain)
    problems = wire.backend.check(fitted.content)
    assume(not any(problem.startswith("text: ") for problem in problems))
    assert problems == []
    assert wire.backend.send(outbound).code == ""
    return fitted, wire.shown(outbound.to)


def loses_nothing_unsaid(wire: Line, content: Content) -> None:
    """The phone shows each fact, or its loss is named."""
    fitted, message = sent(wire, content)
    lost = missing(content, fitted, message)
    assert lost == [], (fitted.lost, json.dumps(message, ensure_ascii=False))


NEVER_LOST_IN_AN_SMS = {
    *("words", "name", "url", "phone", "date", "place"),
    *("reply", "query", "alt", "subject", "file name"),
}


def offers_everything_in_plain_text(wire: Line, content: Content) -> None:
    """By numbers and in words: whatever the report says, these kinds of facts are never lost."""
    fitted, message = sent(wire, content)
    lost = missing(content, replace(fitted, lost=()), message)
    assert [fact for fact in lost if fact.kind in NEVER_LOST_IN_AN_SMS] == []


@settings(max_examples=FEW)
@given(content=ANY_CONTENT)
def test_the_phone_shows_each_fact_or_its_loss_is_named(wire: Line, content: Content) -> None:
    loses_nothing_unsaid(wire, content)


@settings(max_examples=FEW)
@given(content=ANY_CONTENT)
@pytest.mark.parametrize("wire", SMS, indirect=True)
def test_an_sms_offers_everything_by_numbers_and_in_words(wire: Line, content: Content) -> None:
    offers_everything_in_plain_text(wire, content)


@pytest.mark.services
@settings(max_examples=MANY)
@given(content=ANY_CONTENT)
def test_the_same_in_a_long_search(wire: Line, content: Content) -> None:
    loses_nothing_unsaid(wire, content)
    if wire.name in SMS:
        offers_everything_in_plain_text(wire, content)
