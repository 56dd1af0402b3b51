"""What a backend carries natively, by a declared rule as something nearer, as plain text, or not at all."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from rcs_router.backends import backends
from rcs_router.capabilities import Fit, fit, require
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
    Text,
)
from rcs_router.content.fitting import Feature
from rcs_router.contract import BaseBackend, Capabilities, Options
from rcs_router.errors import ContentError
from rcs_router.testing import CHIPS, RICH

LINK = "https://shop.example/7"
PAGE = "https://shop.example/rcs/forms/x/"
KEEP, TRACK, CALL = Reply("Keep", "keep_7"), OpenUrl("Track", "t", url=LINK), Dial("Call", "c", phone="112")
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
FEATURES = frozenset(Feature)
FALLBACKS = frozenset(chip for chip in CHIPS if "fallback_url" in chip.__dataclass_fields__)


class Limited(BaseBackend):
    """Carries what it is told to; its `check` knows what it was asked about."""

    problems_found: list[str] = []

    def __init__(self, *without: type | Feature, only: frozenset[type] | None = None) -> None:
        super().__init__("limited", Options())
        types = RICH | CHIPS if only is None else only
        gone = set(without)
        self.capabilities = Capabilities(
            content=frozenset(types & RICH) - gone,
            suggestions=frozenset(types & CHIPS) - gone,
            features=FEATURES - gone,
            fallback_urls=FALLBACKS,
        )
        self.asked: list[Content] = []

    def check(self, content: Content) -> list[str]:
        self.asked.append(content)
        return self.problems_found


SIMPLE = frozenset({Text, Card, Reply})
EVERYTHING: list[Content] = [
    Text("a", (KEEP, TRACK, CALL)),
    File(LINK, name="a.pdf", thumbnail_url=LINK),
    Audio(LINK, 6),
    Location(1, 2, "here", radius=5, at=NOON),
    Card("a", "b", Media(LINK, "tall", "boots", thumbnail_url=LINK), (KEEP,), chips=(TRACK,)),
    Carousel((Card("a"), Card("b", suggestions=(KEEP,))), (TRACK,)),
    Form("a", (FormField("b", "B"),)),
]


@pytest.mark.parametrize("content", EVERYTHING, ids=lambda content: content.type)
def test_what_is_native_travels_as_it_is(content: Content) -> None:
    assert fit(Limited(), content, "other words", PAGE) == Fit(content)


SHOW = ShowLocation("Map", "m", latitude=1.5, longitude=2, place="Shop")
FIND = ShowLocation("Find", "f", query="pizza & pasta")
DAY = CalendarEvent(
    "Save", "s", start=NOON, end=NOON.replace(hour=13), title="Fitting", description="Bring boots"
)
VIEW = OpenUrl("View", "v", url=LINK, application="webview", description="a page")
RULES: list[tuple[str, tuple[type | Feature, ...], Content, Content | None, str]] = [
    ("audio", (Audio,), Audio(LINK, 6, name="a.amr"), File(LINK, name="a.amr"), "audio became a file"),
    ("audio, no file", (Audio, File), Audio(LINK), Text(LINK), "file became a link"),
    ("file", (File,), File(LINK, suggestions=(KEEP,)), Text(LINK, (KEEP,)), "file became a link"),
    (
        "location",
        (Location,),
        Location(1.5, 2, "here", suggestions=(KEEP,)),
        Text("here", (ShowLocation("View location", latitude=1.5, longitude=2, place="here"), KEEP)),
        "location became a text",
    ),
    (
        "location without map chips",
        (Location, ShowLocation),
        Location(1.5, 2),
        Text("1.5, 2", (OpenUrl("View location", url="https://maps.google.com/?q=1.5,2"),)),
        "map chip became a link",
    ),
    (
        "card",
        (Card,),
        Card("a", "b", Media(LINK, alt="boots"), (KEEP,), chips=(TRACK,)),
        Text(f"a\nb\nboots: {LINK}", (KEEP, TRACK)),
        "card became a text with a link",
    ),
    (
        "form",
        (Form,),
        Form("a", (FormField("b", "B"),), "c", suggestions=(KEEP,)),
        Text("a\n\nc", (OpenUrl("Open the form", url=PAGE, application="webview"), KEEP)),
        "form became a web page",
    ),
    (
        "video call",
        (Feature.VIDEO_CALL,),
        Text("a", (replace(CALL, mode="video"),)),
        Text("a", (CALL,)),
        "video call",
    ),
    (
        "enriched call",
        (Feature.ENRICHED_CALL,),
        Text("a", (replace(CALL, mode="enriched", subject="order 7"),)),
        Text("a", (CALL,)),
        "its subject is lost",
    ),
    (
        "webview",
        (Feature.WEBVIEW,),
        Text("a", (VIEW,)),
        Text("a", (OpenUrl("View", "v", url=LINK),)),
        "webview",
    ),
    (
        "map query",
        (Feature.MAP_QUERY,),
        Text("a", (FIND,)),
        Text("a", (OpenUrl("Find", "f", url="https://maps.google.com/?q=pizza%20%26%20pasta"),)),
        "map chip became a link",
    ),
    (
        "request",
        (RequestLocation,),
        Text("a", (RequestLocation("Where?", "w"),)),
        Text("a", (Reply("Where?", "w"),)),
        "request for the position",
    ),
    (
        "calendar",
        (CalendarEvent,),
        Text("a", (DAY, KEEP)),
        Text("a\nSave: Fitting, 2026-12-01 12:00 - 13:00 UTC\nBring boots", (KEEP,)),
        "chip became a line",
    ),
    ("dial", (Dial,), Card("a", suggestions=(CALL,)), Card("a", "Call: 112"), "chip became a line"),
    (
        "open",
        (OpenUrl,),
        Card("a", "b", chips=(TRACK,)),
        Card("a", f"b\nTrack: {LINK}"),
        "chip became a line",
    ),
    (
        "compose",
        (ComposeText,),
        Text("a", (ComposeText("Write", phone="+1", text="I am late"),)),
        Text('a\nWrite: +1 "I am late"'),
        "chip became a line",
    ),
    (
        "record",
        (ComposeRecording,),
        Text("a", (ComposeRecording("Say", phone="+1"),)),
        Text("a\nSay: +1 (audio)"),
        "chip became a line",
    ),
    (
        "lines in the last card",
        (Dial,),
        Carousel((Card("a"), Card("b")), (CALL, KEEP)),
        Carousel((Card("a"), Card("b", "Call: 112")), (KEEP,)),
        "chip became a line",
    ),
    (
        "device",
        (RequestDeviceSpecifics,),
        Text("a", (RequestDeviceSpecifics("Phone?"),)),
        Text("a"),
        "“Phone?” left out",
    ),
    (
        "number",
        (DisableAnonymization,),
        Text("a", (DisableAnonymization("Who?"), KEEP)),
        Text("a", (KEEP,)),
        "“Who?”",
    ),
    (
        "read",
        (EnableDisplayedNotifications,),
        Text("a", (EnableDisplayedNotifications("Tell"),)),
        Text("a"),
        "“Tell”",
    ),
    (
        "alt",
        (Feature.ALT,),
        Card("a", media=Media(LINK, alt="boots")),
        Card("a", media=Media(LINK)),
        "screen readers",
    ),
    ("thumbnail", (Feature.THUMBNAIL,), File(LINK, thumbnail_url=LINK), File(LINK), "thumbnail"),
    ("file name", (Feature.FILE_NAME,), File(LINK, name="a.pdf"), File(LINK), "file name"),
    (
        "another's upload",
        (Feature.UPLOAD,),
        Card("a", media=Media(uploaded="files/1")),
        Card("a"),
        "uploaded picture",
    ),
    (
        "another's file",
        (Feature.UPLOAD,),
        File(uploaded="files/1", suggestions=(KEEP,)),
        None,
        "upload was lost",
    ),
    (
        "another's picture alone",
        (Feature.UPLOAD,),
        Card(media=Media(uploaded="files/1", alt="boots")),
        None,
        "upload",
    ),
    ("no replies", (Reply,), Text("a", (KEEP,)), None, "numbered option"),
    ("no carousel", (Carousel,), Carousel((Card("a"), Card("b"))), None, "carousel became a list"),
    ("no room for a line", (Dial,), File(LINK, suggestions=(CALL,)), None, "chip became a line"),
]


@pytest.mark.parametrize(
    ("name", "without", "content", "wanted", "loss"), RULES, ids=[rule[0] for rule in RULES]
)
def test_each_rule(name: str, without: Any, content: Content, wanted: Content | None, loss: str) -> None:
    how = fit(Limited(*without), content, form_link=PAGE)
    assert how.is_plain is (wanted is None)
    if wanted is not None:
        assert how.content == wanted
    assert any(loss in sentence for sentence in how.lost), how.lost


@pytest.mark.parametrize("kind", sorted(FALLBACKS, key=lambda kind: kind.__name__))
def test_a_fallback_link_that_the_wire_has_not_is_a_loss(kind: type) -> None:
    backend = Limited()
    backend.capabilities = replace(backend.capabilities, fallback_urls=frozenset())
    chip: Any = {
        OpenUrl: TRACK,
        Dial: CALL,
        ShowLocation: SHOW,
        RequestLocation: RequestLocation("W"),
        CalendarEvent: DAY,
    }[kind]
    how = fit(backend, Text("a", (replace(chip, fallback_url=LINK),)))
    assert how == Fit(Text("a", (chip,)), lost=("fallback link of a chip",))


def test_a_loss_that_comes_often_is_counted() -> None:
    how = fit(Limited(Feature.WEBVIEW), Text("a", (VIEW, VIEW, VIEW)))
    assert how.lost == ("webview became a link: its size and description are lost (3 times)",)


def test_what_becomes_plain_text_has_options_and_losses() -> None:
    how = fit(Limited(only=frozenset({Text})), Text("a", (KEEP, TRACK)))
    assert [(c.number, c.label, c.postback) for c in how.choices] == [(1, "Keep", "keep_7")]
    assert how.content == Text(f"a\n1) Keep\nTrack: {LINK}")
    assert how.lost


def test_the_check_sees_what_will_be_sent() -> None:
    backend = Limited(only=SIMPLE)
    for content, words in (
        (Text("a", (KEEP,)), ""),
        (Carousel((Card("a"), Card("b"))), ""),
        (Text("a", (KEEP,)), "b"),
    ):
        require(backend, content, words)
    assert backend.asked == [Text("a", (KEEP,)), Text("a\n\nb"), Text("a", (KEEP,))]


@pytest.mark.parametrize(
    ("content", "fits"), [(Text("a", (KEEP,)), True), (Text("a", (TRACK,)), False), (Audio(LINK), False)]
)
def test_strict_refuses_every_loss(content: Content, fits: bool) -> None:
    backend = Limited(only=SIMPLE)
    require(backend, content)
    if fits:
        require(backend, content, strict=True)
    else:
        with pytest.raises(ContentError, match="cannot carry all of it"):
            require(backend, content, strict=True)


@pytest.mark.parametrize(
    ("problem", "path", "words"),
    [
        ("cards[3].title: 201 characters", "cards[3].title", "201 characters"),
        ("text: a: b", "text", "a: b"),
        ("too much", "", "too much"),
    ],
)
def test_the_first_problem_is_raised_with_its_path(problem: str, path: str, words: str) -> None:
    backend = Limited()
    backend.problems_found = [problem, "second: problem"]
    with pytest.raises(ContentError) as caught:
        require(backend, Text("a"))
    assert (caught.value.path, caught.value.problem) == (path, words)
    assert str(caught.value) == problem


def test_what_a_fallback_cannot_say_names_the_fallback_and_the_cure(router: None) -> None:
    with pytest.raises(ContentError, match=r"as plain text for 'sms': a fallback_text may be shorter"):
        require(backends["sms"], Card("x" * 200, "y" * 2900))
    with pytest.raises(ContentError, match="which 'sms' needs: fallback_text="):
        require(backends["sms"], File(uploaded="files/1"))
    require(backends["sms"], File(uploaded="files/1"), fallback_text="See your mail")
