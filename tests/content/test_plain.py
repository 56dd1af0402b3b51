"""Plain text of every content: what is said, what can be answered, what is lost, and that no more is."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcs_router.content import (
    CalendarEvent,
    Card,
    Carousel,
    Content,
    Dial,
    File,
    Location,
    Media,
    OpenUrl,
    Reply,
    RequestLocation,
    ShowLocation,
    Suggestion,
    Text,
)
from rcs_router.content.plain import Choice, match, render
from rcs_router.content.segments import encoding

KEEP, RETURN = Reply("Keep", "keep_7"), Reply("Return", "return_7")
TALLINN = timezone(timedelta(hours=2))
DINNER = CalendarEvent(
    "Add to calendar",
    "cal",
    start=datetime(2026, 11, 27, 19, tzinfo=TALLINN),
    end=datetime(2026, 11, 27, 21, 30, tzinfo=TALLINN),
    title="Dinner",
    description="Table for two",
    fallback_url="https://bistro.example/ics/77",
)
TEXTS: list[tuple[Content, str]] = [
    (Text("Hello"), "Hello"),
    (Text("Boots?", (KEEP, RETURN)), "Boots?\n1) Keep\n2) Return"),
    (
        Text("Boots?", (KEEP, OpenUrl("Track", url="https://shop.example/t"), RETURN)),
        "Boots?\n1) Keep\nTrack: https://shop.example/t\n2) Return",
    ),
    (Text("Help?", (Dial("Call us", phone="+37255509999"),)), "Help?\nCall us: +37255509999"),
    (
        Text("Where", (ShowLocation("Map", latitude=59.437, longitude=-0.00001, place="Bistro"),)),
        "Where\nMap: Bistro 59.437,-0.00001 https://maps.google.com/?q=59.437,-0.00001",
    ),
    (
        Text("Where are you?", (RequestLocation("Send my location", "loc"),)),
        "Where are you?\n1) Send my location",
    ),
    (
        Text("Booked", (DINNER,)),
        "Booked\nAdd to calendar: Dinner, 2026-11-27 19:00 - 21:30 UTC+02:00\nTable for two\n"
        "Add to calendar: https://bistro.example/ics/77",
    ),
    (File("https://cdn.example/menu.pdf"), "https://cdn.example/menu.pdf"),
    (Location(59.43, 24.0, label="Your parcel"), "Your parcel 59.43,24 https://maps.google.com/?q=59.43,24"),
    (Location(0, 0), "0,0 https://maps.google.com/?q=0,0"),
    (
        Card("Boots", "New", Media("https://cdn.example/b.jpg", alt="Boots"), (KEEP,), chips=(RETURN,)),
        "Boots\nNew\nBoots: https://cdn.example/b.jpg\n1) Keep\n\n2) Return",
    ),
    (
        Carousel(
            (Card("A", suggestions=(Reply("Book A", "a"),)), Card("B", suggestions=(Reply("Book B", "b"),))),
            (KEEP,),
        ),
        "A\n1) Book A\n\nB\n2) Book B\n\n3) Keep",
    ),
]


@pytest.mark.parametrize(("content", "text"), TEXTS)
def test_text(content: Content, text: str) -> None:
    assert render(content).text == text


def test_an_event_over_midnight_and_zones_names_both_days() -> None:
    event = CalendarEvent(
        "Add",
        start=datetime(2026, 3, 28, 23, tzinfo=UTC),
        end=datetime(2026, 3, 29, 3, tzinfo=TALLINN),
        title="Party",
    )
    assert "2026-03-28 23:00 - 2026-03-29 01:00 UTC" in render(Text("x", (event,))).text


def test_choices_carry_postbacks_and_a_reply_without_one_stands_for_its_label() -> None:
    plain = render(Text("?", (KEEP, Reply("No\n thanks"))))
    assert plain.choices == (Choice(1, "Keep", "keep_7"), Choice(2, "No thanks", "No\n thanks"))
    assert plain.text.endswith("2) No thanks")


LOSSES: list[tuple[Content, set[str]]] = [
    (Text("x"), set()),
    (Text("x", (KEEP, RETURN)), {"2 chips became numbered options"}),
    (
        Text("x", (RequestLocation("Here"),)),
        {"1 chip became a numbered option", "1 request for the position: the answer carries none"},
    ),
    (File("https://cdn.example/a.pdf"), {"1 file became a link"}),
    (File(uploaded="files/1"), {"1 upload was lost: it has no public link"}),
    (
        Card("x", media=Media("https://cdn.example/a.jpg"), orientation="horizontal"),
        {"1 picture became a link", "alignment lost"},
    ),
    (
        Text("x", (OpenUrl("Form", url="https://shop.example", application="webview"),)),
        {
            "1 chip became a line of text: its tap is not reported",
            "1 webview became a link: its size is lost",
        },
    ),
    (Carousel((Card("a"), Card("b"))), {"carousel became a list of texts"}),
]


@pytest.mark.parametrize(("content", "lost"), LOSSES)
def test_losses_are_named(content: Content, lost: set[str]) -> None:
    assert set(render(content).lost) == lost


FALLBACKS = [
    ("Shipped.", "Shipped.\n1) Keep\n2) Return"),
    ("Shipped. 1) keep  2) RETURN", "Shipped. 1) keep  2) RETURN"),
    ("Shipped. 1) Keep", "Shipped. 1) Keep\n2) Return"),
    ("11) Keep 2) Returned", "11) Keep 2) Returned\n1) Keep\n2) Return"),
]


@pytest.mark.parametrize(("fallback", "text"), FALLBACKS)
def test_fallback_text_replaces_the_body_and_keeps_the_options(fallback: str, text: str) -> None:
    plain = render(Card("Boots", suggestions=(KEEP,), chips=(RETURN,)), fallback_text=fallback)
    assert plain.text == text
    assert [choice.postback for choice in plain.choices] == ["keep_7", "return_7"]
    assert "message: its text was replaced by fallback_text" in plain.lost


def test_our_own_words_do_not_make_an_sms_dearer() -> None:
    content = Text("x", (DINNER, KEEP, ShowLocation("Map", latitude=1, longitude=2)))
    assert encoding(render(content).text) == "gsm7"


CHOICES = (Choice(1, "Keep", "k"), Choice(2, "Return", "r"), Choice(3, "Same", "s"), Choice(4, "SAME", "t"))
ANSWERS = [
    ("2", 2),
    ("2)", 2),
    (" 2.", 2),
    ("Return", 2),
    ("return ", 2),
    ("  KEEP\n", 1),
    ("٢", 2),  # the digit as an Arabic phone types it
    ("02", 2),
    ("same", None),
    ("5", None),
    ("0", None),
    ("-2", None),
    ("2 please", None),
    ("Return it", None),
    ("2) Return", 2),  # copied, number and label
    ("2) Keep", None),
    ("", None),
    ("9" * 5000, None),
    ("²", None),
]


@pytest.mark.parametrize(("answer", "number"), ANSWERS)
def test_match(answer: str, number: int | None) -> None:
    found = match(answer, CHOICES)
    assert (found and found.number) == number


def test_a_number_wins_over_a_label_that_looks_like_one() -> None:
    choices = render(Text("How many?", (Reply("2", "two"), Reply("3", "three")))).choices
    assert match("2", choices) == Choice(2, "3", "three")
    assert match("3", choices) == Choice(2, "3", "three")


words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)
urls = st.builds(
    "https://{}.example/{}".format, st.from_regex("[a-z]{1,9}", fullmatch=True), st.integers(0, 10**9)
)
degrees = st.floats(-90, 90, allow_nan=False)
times = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(TALLINN))
suggestions: st.SearchStrategy[Suggestion] = st.one_of(
    st.builds(Reply, words, words),
    st.builds(RequestLocation, words, words, fallback_url=st.none() | urls),
    st.builds(OpenUrl, words, url=urls),
    st.builds(Dial, words, phone=st.from_regex(r"\+?[0-9]{3,14}", fullmatch=True)),
    st.builds(ShowLocation, words, latitude=degrees, longitude=degrees, place=words),
    st.builds(
        lambda label, at: CalendarEvent(label, start=at, end=at + timedelta(hours=1), title=label),
        words,
        times,
    ),
)
chips = st.lists(suggestions, max_size=5).map(tuple)
media = st.builds(Media, urls)
cards = st.builds(Card, words, words, media, chips, chips=chips)
contents: st.SearchStrategy[Content] = st.one_of(
    st.builds(Text, words, chips),
    st.builds(File, urls, suggestions=chips),
    st.builds(Location, degrees, degrees, label=words, suggestions=chips),
    cards,
    st.builds(Carousel, st.lists(cards, min_size=2, max_size=4).map(tuple), chips),
)


def reachable(value: object) -> list[str]:
    """Every string that must be found in the text, gathered without knowing how the text is built."""
    if isinstance(value, tuple):
        return [s for item in value for s in reachable(item)]
    if isinstance(value, CalendarEvent):
        return [value.title, f"{value.start:%Y-%m-%d %H:%M}", f"{value.end:%H:%M}", "UTC+02:00"]
    names = ("text", "title", "description", "url", "phone", "place", "label", "fallback_url")
    found = [s for name in names if (s := getattr(value, name, ""))]
    nested = [getattr(value, name, None) for name in ("media", "suggestions", "chips", "cards")]
    return found + [s for item in nested if item for s in reachable(item)]


@given(contents)
def test_nothing_reachable_is_lost(content: Content) -> None:
    text = render(content).text
    missing = [wanted for wanted in reachable(content) if wanted not in text]
    assert not missing


@given(contents, st.sampled_from(["", "Short text"]))
def test_every_option_is_numbered_in_the_text_and_its_number_brings_the_postback(
    content: Content, short: str
) -> None:
    plain = render(content, fallback_text=short)
    assert [choice.number for choice in plain.choices] == list(range(1, len(plain.choices) + 1))
    for choice in plain.choices:
        assert re.search(rf"^{choice.number}\) {re.escape(choice.label)}$", plain.text, re.MULTILINE)
        assert match(str(choice.number), plain.choices) is choice


@given(st.text(), st.lists(st.builds(Choice, st.integers(1, 9), words, words), max_size=4))
def test_match_never_fails(answer: str, choices: list[Choice]) -> None:
    assert match(answer, choices) in [None, *choices]
