"""Examples of every content and chip, for the feature table and for tests of backends."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

from rcs_router.content.fitting import Feature
from rcs_router.content.forms import Form, FormField, Kind
from rcs_router.content.media import Audio, File, Media
from rcs_router.content.messages import Card, Carousel, Content, Location, Text
from rcs_router.content.suggestions import (
    CalendarEvent,
    ComposeRecording,
    ComposeText,
    Dial,
    DisableAnonymization,
    EnableDisplayedNotifications,
    OpenUrl,
    Reply,
    RequestDeviceSpecifics,
    RequestLocation,
    SendPostback,
    ShowLocation,
    Suggestion,
)

FORM_LINK = "https://shop.example/forms/7f3a"  # the address where an example's form is filled in
PICTURE = Media("https://cdn.example/boots.jpg", "medium")
SEVEN, NINE = datetime(2026, 11, 27, 17, tzinfo=UTC), datetime(2026, 11, 27, 19, tzinfo=UTC)


@dataclass(frozen=True)
class Example:
    """A content, and what it is an example of."""

    name: str
    content: Content


CHIPS: tuple[Suggestion, ...] = (
    Reply("Keep them", "keep_7"),
    SendPostback("See details", "product_123"),
    OpenUrl("Track it", "track_7", url="https://shop.example/track/7?a=b&c=d"),
    Dial("Call us", "call", phone="+3726001234"),
    ShowLocation("Our shop", "shop", latitude=59.437, longitude=24.7536, place="Boots & Co"),
    RequestLocation("Send my place", "where"),
    CalendarEvent("Add it", "calendar", start=SEVEN, end=NINE, title="Dinner", description="For two"),
    ComposeText("Write us", "write", phone="+3726001234", text="About order 7"),
    ComposeRecording("Say it", "say", phone="+3726001234", media="video"),
    RequestDeviceSpecifics("About my phone", "device"),
    DisableAnonymization("Show my number", "number"),
    EnableDisplayedNotifications("Tell when read", "displayed"),
)
CONTENTS: tuple[Content, ...] = (
    Text("Your order é 😀 & <more> has shipped"),
    File("https://cdn.example/manual.pdf"),
    Audio("https://cdn.example/hello.mp3"),
    Location(59.437, 24.7536, "Your parcel"),
    Card("Boots", "Brown, size 42", PICTURE),
    Carousel((Card("Boots", "Brown", PICTURE), Card("Shoes", "Black"))),
    Form(
        "How was it?",
        (
            FormField("stars", "How many stars?", "select", options=("one", "five"), required=True),
            FormField("words", "In your words"),
        ),
        "Two questions",
        name="survey",
        postback="survey_7",
        button="Answer them",
        submit="Done",
    ),
)


def _chip(chip: Suggestion) -> Text:
    return Text("Look", (chip,))


FINER: dict[Feature, Content] = {
    Feature.WEBVIEW: _chip(
        OpenUrl(
            "Edit it",
            "edit",
            url="https://shop.example/edit",
            application="webview",
            webview_size="tall",
            description="The editor",
        )
    ),
    Feature.ENRICHED_CALL: _chip(Dial("Call", "c", phone="112", mode="enriched", subject="Order 7")),
    Feature.VIDEO_CALL: _chip(Dial("See us", "v", phone="+3726001234", mode="video")),
    Feature.MAP_QUERY: _chip(ShowLocation("Nearest shop", "near", query="Boots near me")),
    Feature.ALT: Card("Boots", "", replace(PICTURE, alt="A pair of brown boots")),
    Feature.THUMBNAIL: File(
        "https://cdn.example/tour.mp4",
        media_type="video/mp4",
        size=7_000_000,
        thumbnail_url="https://cdn.example/tour.jpg",
        thumbnail_type="image/jpeg",
        thumbnail_size=9_000,
    ),
    Feature.THUMBNAIL_NAME: File(
        "https://cdn.example/tour.mp4",
        media_type="video/mp4",
        thumbnail_url="https://cdn.example/t/2",
        thumbnail_name="tour.jpg",
        thumbnail_type="image/jpeg",
    ),
    Feature.UPLOAD: File(uploaded="files/7f3a"),
    Feature.FILE_NAME: File("https://cdn.example/m/1", name="manual.pdf", media_type="application/pdf"),
    Feature.CARD_TEXT: Card("Boots", "Brown, size 42", PICTURE, text="See our new boots"),
}


def fallback_urls() -> Iterator[tuple[type, Content]]:
    """Return each type of chip that may have a fallback URL, with a link for phones that do not know the chip."""
    for chip in CHIPS:
        if isinstance(chip, OpenUrl | Dial | ShowLocation | RequestLocation | CalendarEvent):
            yield type(chip), _chip(replace(chip, fallback_url="https://shop.example/instead"))


ODD_WORDS = "“Quoted” 'and' \"so\" \\ {a: 1} %20 + / \u2028 שלום <b>é</b> 😀\nnext line\ttab"
TIMED = datetime(2026, 11, 27, 19, 30, tzinfo=timezone(timedelta(hours=2)))
MORE: dict[str, Content] = {
    "odd characters": Text(
        ODD_WORDS, (Reply("é \"'<&>", ODD_WORDS), OpenUrl("a+b", url="https://é.example/ü?q=ö"))
    ),
    "odd characters of a Card": Card("\"'<&>😀", ODD_WORDS, chips=(Reply("%&=", "a=b&c=%d"),)),
    "link with a description": _chip(OpenUrl("Look", url="https://shop.example/", description="The shop")),
    "webview of half a screen": _chip(
        OpenUrl("Edit", url="https://b.example/", application="webview", webview_size="half")
    ),
    "Dial of a short code": _chip(Dial("Ask", phone="*100#")),
    "enriched call without a subject": _chip(Dial("Call", phone="112", mode="enriched")),
    "ShowLocation without a name": _chip(ShowLocation("There", latitude=-33.8688, longitude=-70.5)),
    "CalendarEvent of another zone": _chip(
        CalendarEvent("Add", start=TIMED, end=TIMED + timedelta(hours=1), title="Tea")
    ),
    "ComposeRecording of audio": _chip(ComposeRecording("Say", phone="112", media="audio")),
    "the chips of every wire": Text("Choose", CHIPS[:6]),
    "every other chip": Text("Choose", CHIPS[6:]),
    "Location with a radius and times": Location(
        -0.5, 0.25, "Here", radius=25, at=TIMED, expires_at=TIMED + timedelta(days=1)
    ),
    "Location without a label": Location(59.437, 24.7536),
    "Audio with all it has": Audio(
        "https://cdn.example/a.mp3", 7, name="hello.mp3", media_type="audio/mpeg", size=70_000
    ),
    "Card of a picture alone": Card(media=PICTURE),
    "Card of words alone": Card(description="Only words"),
    "Form of every kind of field": Form(
        "All",
        tuple(
            FormField(f"f_{kind}", f"A {kind}", kind, options=("a", "b") if kind == "select" else ())
            for kind in get_args(Kind)
        ),
    ),
}


def examples() -> Iterator[Example]:
    """Yield each content alone and with each chip, then each feature, then cases that are easily forgotten."""
    for content in CONTENTS:
        yield Example(type(content).__name__, content)
        for chip in CHIPS:
            yield Example(
                f"{type(content).__name__} with {type(chip).__name__}", replace(content, suggestions=(chip,))
            )
    for feature, content in FINER.items():
        yield Example(f"feature {feature}", content)
    for chip_type, content in fallback_urls():
        yield Example(f"fallback_url of {chip_type.__name__}", content)
    yield from (Example(name, content) for name, content in MORE.items())
    yield Example("Card with a row of chips", Card("Boots", chips=CHIPS[:2]))
    yield Example(
        "horizontal Card", Card("Boots", "Brown", PICTURE, orientation="horizontal", alignment="right")
    )
    cards = tuple(Card(f"Boots {number}", media=PICTURE, suggestions=CHIPS[:1]) for number in range(3))
    yield Example("Carousel of cards with buttons", Carousel(cards, CHIPS[1:2], width="small"))
    yield Example("Carousel with a text beside it", Carousel(cards, text="See our new boots"))
