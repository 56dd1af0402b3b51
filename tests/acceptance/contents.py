"""All that a message can say: tables of every kind with every option, and strategies that make up any other."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

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
    SendPostback,
    ShowLocation,
    Suggestion,
    Text,
)

# Tables.

START = datetime(2027, 1, 4, 9, tzinfo=UTC)
TWO_HOURS = timedelta(hours=2)
WEB = "https://shop.example/boots?size=42&colour=br%C3%BCn#top"
PICTURE = "https://shop.example/boots.png"
SMALL = "https://shop.example/small.jpg"
PHONE = "+3726000000"
CHIPS: list[Suggestion] = [
    Reply("Keep"),
    Reply("Return ↩ “x” 👟", "return_7 {\"a\": '&'}\n"),
    SendPostback("Details"),
    SendPostback("Details “x” 👟", "product_123 {\"a\": '&'}"),
    OpenUrl("Open", "open", url=WEB),
    OpenUrl("Open other", "open", url="https://müller.example/Größe?q=ä#ü", fallback_url=WEB),
    *[
        OpenUrl("View", "view", url=WEB, application="webview", webview_size=size, description="Die Größe")
        for size in ("full", "half", "tall")
    ],
    OpenUrl("View", "view", url=WEB, application="webview"),
    Dial("Call", "call", phone=PHONE),
    Dial("Call other", "call", phone=PHONE, fallback_url=WEB),
    Dial("Ring", "ring", phone=PHONE, mode="enriched", subject="Order 7 👟"),
    Dial("Ring", "ring", phone=PHONE, mode="enriched"),
    Dial("See", "see", phone=PHONE, mode="video"),
    ShowLocation("Shop", "shop", latitude=59.4372, longitude=-24.7454, place="Acme, Tallinn"),
    ShowLocation("Pole", "pole", latitude=-90, longitude=180),
    ShowLocation("Zero", "zero", latitude=-0.0000001, longitude=0, fallback_url=WEB),
    ShowLocation("Near", "near", query="Schuhe & mehr, 東京", fallback_url=WEB),
    RequestLocation("Where?", "where"),
    RequestLocation("Where else?", "where", fallback_url=WEB),
    CalendarEvent("Fair", "fair", start=START, end=START + TWO_HOURS, title="Fair", description="Come\nin"),
    CalendarEvent("Day", "day", start=START, end=START + TWO_HOURS, title="Day 👟", fallback_url=WEB),
    ComposeText("Write", "write", phone=PHONE, text='About "7"'),
    ComposeRecording("Say", "say", phone=PHONE),
    ComposeRecording("Film", "film", phone=PHONE, media="video"),
    RequestDeviceSpecifics("Device", "device"),
    DisableAnonymization("Who?", "who"),
    EnableDisplayedNotifications("Read?", "read"),
]
FIELDS = tuple(
    FormField(
        kind,
        f"Your {kind}?",
        kind,
        required=kind == "text",
        options=("a", "ü 👟") if kind == "select" else (),
    )
    for kind in ("text", "number", "email", "phone", "date", "select", "checkbox")
)
RTL = "שלום \u202b\N{ARABIC LETTER MEEM}\N{ARABIC LETTER REH}\u202c עולם"
PICTURES = [
    Media(PICTURE),
    *[Media(PICTURE, height, "Boots “x”") for height in ("short", "medium", "tall")],
    Media(PICTURE, thumbnail_url=SMALL, thumbnail_type="image/jpeg", thumbnail_size=9, force_refresh=True),
    Media("https://shop.example/日本.mp4", media_type="video/mp4", size=12_345, thumbnail_url=SMALL),
]
PLAIN: dict[str, Content] = {  # one of each kind, which takes any chip
    "text": Text("Õhtust! 👟 “quotes” & <b>\n\t\\ '; -- %d {} \N{ZERO WIDTH JOINER} x\u0301 " + RTL),
    "file": File("https://shop.example/terms.pdf"),
    "audio": Audio("https://shop.example/hello.mp3"),
    "location": Location(59.4285, 24.7615, "Your parcel"),
    "card": Card("Boots " + RTL, "129 € 👟", PICTURES[1]),
    "carousel": Carousel((Card("One"), Card("Two", media=PICTURES[2]))),
    "form": Form("How was it?", FIELDS, "Seven questions", name="survey", postback="survey_7", submit="Done"),
}
FINER: list[Content] = [  # the options of each kind
    Text(" \n leading and trailing \u2003 "),
    Text(RTL),
    Text("👩‍👩‍👧‍👦🇪🇪"),
    File(PICTURE, thumbnail_url=SMALL, thumbnail_type="image/jpeg", thumbnail_size=9, force_refresh=True),
    File(
        "https://shop.example/ä?x=%20",
        name="täna “x”.pdf",
        media_type="application/pdf",
        size=7,
        suggestions=(),
    ),
    File(PICTURE, thumbnail_url=SMALL, thumbnail_name="täna “x”.jpg"),
    Audio("https://shop.example/hello.mp3", 17, name="Hello.mp3", media_type="audio/mpeg", size=99),
    Location(-0.0000001, 180),
    Location(
        1, 2.25, "Ring", radius=12.5, at=START, expires_at=START + TWO_HOURS, suggestions=tuple(CHIPS[:10])
    ),
    *[Card("Boots", "129 EUR", picture) for picture in PICTURES],
    *[Card(media=picture) for picture in PICTURES],
    *[Card("Boots", "", PICTURES[0], orientation="horizontal", alignment=side) for side in ("left", "right")],
    *[Card("Only words", orientation="horizontal", alignment=side) for side in ("left", "right")],
    Card(description="Only words"),
    Card("Boots", "129 EUR", PICTURES[0], text="See our new “boots” 👟\n" + RTL),
    Card(media=PICTURES[0], text="See our new boots", suggestions=tuple(CHIPS[:4])),
    Carousel((Card("One"), Card("Two", "2", PICTURES[2])), text="See our new “boots” 👟"),
    Card("Boots", suggestions=tuple(CHIPS[:4]), chips=tuple(CHIPS[4:15])),
    *[Carousel((Card("One"), Card("Two", "2", PICTURES[2])), width=width) for width in ("small", "medium")],
    Carousel((Card("One", "", PICTURES[3]), Card("Two", "2", suggestions=tuple(CHIPS[:4])))),
    Form("One", (FormField("x", "X?"),)),
    Form("One", (FormField("x", "X?"),), " ", suggestions=tuple(CHIPS[:3])),
]


def every_kind_with(chip: Suggestion) -> Iterator[Content]:
    """Each kind of content with this chip below it, and in a card's buttons."""
    for content in PLAIN.values():
        below = "chips" if isinstance(content, Card) else "suggestions"
        yield replace(content, **{below: (chip,)})
    yield in_a_card(chip)
    yield Carousel((Card("One", suggestions=(chip,)), Card("Two", "2", PICTURES[0], (chip, CHIPS[0]))))


def in_a_card(chip: Suggestion) -> Content:
    return Card("Boots", "129 EUR", PICTURES[1], (chip,))


# Strategies.

UPLOAD, UPLOAD_SMALL = "files/boots", "files/small"  # what Google keeps
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
PICTURE_URLS = st.sampled_from(["a.png", "ä.jpg?x=1&y=2", "b.mp4"]).map("https://shop.example/{}".format)
NUMBERS = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)
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
ANY_CHIP: st.SearchStrategy[Suggestion] = st.one_of(
    chip_of(Reply),
    chip_of(SendPostback),
    chip_of(OpenUrl, url=URLS, description=maybe(words()), **INSTEAD),
    chip_of(OpenUrl, url=URLS, description=maybe(words()), **WEBVIEW, **INSTEAD),
    chip_of(Dial, phone=NUMBERS, mode=st.sampled_from(["voice", "enriched", "video"]), **INSTEAD),
    chip_of(Dial, phone=NUMBERS, mode=st.just("enriched"), subject=words(), **INSTEAD),
    chip_of(ShowLocation, latitude=LATITUDES, longitude=LONGITUDES, place=maybe(words()), **INSTEAD),
    chip_of(ShowLocation, query=words(), **INSTEAD),
    chip_of(RequestLocation, **INSTEAD),
    events(),
    chip_of(ComposeText, phone=NUMBERS, text=words()),
    chip_of(ComposeRecording, phone=NUMBERS, media=st.sampled_from(["audio", "video"])),
    st.sampled_from([RequestDeviceSpecifics, DisableAnonymization, EnableDisplayedNotifications]).flatmap(
        chip_of
    ),
)
ROWS = st.lists(ANY_CHIP, max_size=3).map(tuple)
MEDIA = st.builds(
    Media,
    PICTURE_URLS,
    st.sampled_from(["short", "medium"]),
    maybe(words()),
    thumbnail_url=maybe(st.just("https://shop.example/small.png"), None),
)
UPLOADED = st.builds(
    Media, uploaded=st.just(UPLOAD), alt=maybe(words()), uploaded_thumbnail=maybe(st.just(UPLOAD_SMALL))
)
MEDIA |= UPLOADED
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
ANY_CONTENT: st.SearchStrategy[Content] = st.one_of(
    st.builds(Text, words(200), ROWS),
    st.builds(File, URLS, name=maybe(words()), thumbnail_url=maybe(PICTURE_URLS, None), suggestions=ROWS),
    st.builds(File, URLS, thumbnail_url=PICTURE_URLS, thumbnail_name=words(), suggestions=ROWS),
    st.builds(File, uploaded=st.just(UPLOAD), name=words(), uploaded_thumbnail=maybe(st.just(UPLOAD_SMALL))),
    st.builds(Audio, uploaded=st.just(UPLOAD), name=words()),
    st.builds(Audio, URLS, maybe(st.integers(0, 9999), None), name=maybe(words()), suggestions=ROWS),
    st.builds(Location, LATITUDES, LONGITUDES, maybe(words()), suggestions=ROWS),
    st.builds(
        Location,
        LATITUDES,
        LONGITUDES,
        radius=maybe(st.floats(0, 1e6), None),
        at=maybe(TIMES, None),
        expires_at=maybe(TIMES, None),
    ),
    st.builds(
        Card,
        words(40),
        maybe(words(60)),
        maybe(MEDIA, None),
        ROWS,
        chips=ROWS,
        text=maybe(words(60)),
        orientation=st.sampled_from(["vertical", "horizontal"]),
    ),
    st.builds(Card, media=MEDIA, suggestions=ROWS),
    st.builds(
        Carousel,
        st.lists(CARDS, min_size=2, max_size=3).map(tuple),
        ROWS,
        text=maybe(words(60)),
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
