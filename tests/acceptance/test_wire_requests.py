"""What a backend is asked to send passes its strict provider, or is refused before it leaves."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest

from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.gsma.store import GsmaStore
from rcs_backends.google_rbm import GoogleRBM
from rcs_router.content import (
    Audio,
    CalendarEvent,
    Card,
    Carousel,
    ComposeText,
    Content,
    Dial,
    File,
    Form,
    FormField,
    Location,
    Media,
    OpenUrl,
    Reply,
    ShowLocation,
    Suggestion,
    Text,
    dump,
)
from rcs_router.contract import Outbound, SendResult, Status, Traffic
from rcs_router.errors import ContentError, SendError
from tests.acceptance.contents import (
    CHIPS,
    FINER,
    PICTURE,
    PICTURES,
    PLAIN,
    SMALL,
    START,
    TWO_HOURS,
    WEB,
    every_kind_with,
    in_a_card,
)
from tests.acceptance.lines import DEADLINE, SERVICE, SIDES, Json, Line, line, providers


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    with providers() as url:
        yield url


@pytest.fixture(scope="module", params=SIDES)
def wire(request: pytest.FixtureRequest, web: str) -> Iterator[Line]:
    with line(web, request.param) as made:
        yield made


def only(*names: str) -> Any:
    """For these backends."""
    return pytest.mark.parametrize("wire", names, indirect=True)


def refusals(wire: Line, contents: list[Content]) -> list[str]:
    """What went wrong with which content: by us before it left, or by the provider."""
    found = []
    for content in contents:
        try:
            wire.send(content)
        except (SendError, AssertionError, ValueError) as error:
            found.append(f"{dump(content)}: {type(error).__name__} {error} {getattr(error, 'detail', '')}")
    return found


@pytest.mark.parametrize("chip", CHIPS, ids=lambda chip: f"{chip.type}-{CHIPS.index(chip)}")
def test_every_chip_below_a_text_and_in_a_card(wire: Line, chip: Suggestion) -> None:
    """The other kinds of content, and any mixture: the tests with every option, and of everything that shows."""
    assert refusals(wire, [replace(PLAIN["text"], suggestions=(chip,)), in_a_card(chip)]) == []


@pytest.mark.services
@pytest.mark.parametrize("chip", CHIPS, ids=lambda chip: f"{chip.type}-{CHIPS.index(chip)}")
def test_every_content_with_every_chip(wire: Line, chip: Suggestion) -> None:
    assert refusals(wire, list(every_kind_with(chip))) == []


def test_every_content_with_every_option(wire: Line) -> None:
    assert refusals(wire, [*PLAIN.values(), *FINER, *every_kind_with(CHIPS[0])]) == []


def most(wire: Line, name: str) -> int:
    return wire.backend.limits.most[name]


def replies(count: int) -> tuple[Suggestion, ...]:
    return tuple(Reply(f"Chip {n}", f"{n}") for n in range(count))


def cards(count: int) -> tuple[Card, ...]:
    return tuple(Card(f"Card {n}", media=PICTURES[n % 3]) for n in range(count))


def chip(made: Suggestion) -> Text:
    return Text("x", (made,))


def fallback(url: str) -> Text:
    return chip(ShowLocation("x", query="y", fallback_url=url))


def event(**more: Any) -> Text:
    return chip(CalendarEvent("x", **{"start": START, "end": START + TWO_HOURS, "title": "x", **more}))


def address(length: int, start: str = WEB) -> str:
    return start + "x" * (length - len(start))


WIDE = "👟"
LIMITS: dict[str, list[Callable[[int], Content]]] = {
    "text": [lambda n: Text("x" * n), lambda n: Text(WIDE * n)],
    "label": [lambda n: chip(Reply("x" * n)), lambda n: chip(Dial(WIDE * n, phone="+3726000000"))],
    "postback": [lambda n: chip(Reply("x", "x" * n)), lambda n: chip(OpenUrl("x", WIDE * n, url=WEB))],
    "url": [lambda n: chip(OpenUrl("x", url=address(n)))],
    "title": [lambda n: Card("x" * n), lambda n: Carousel((Card(WIDE * n), Card("x")))],
    "description": [lambda n: Card("x", "x" * n), lambda n: Carousel((Card("x", WIDE * n), Card("x")))],
    "alt": [lambda n: Card("x", media=Media(PICTURE, alt=WIDE * n))],
    "suggestions": [
        lambda n: Text("x", replies(n)),
        lambda n: Card("x", chips=replies(n)),
        lambda n: Carousel(cards(2), replies(n)),
        lambda n: File(PICTURE, suggestions=replies(n)),
    ],
    "card suggestions": [
        lambda n: Card("x", suggestions=replies(n)),
        lambda n: Carousel((Card("x"), Card("y", suggestions=replies(n)))),
    ],
    "cards": [lambda n: Carousel(cards(n))],
    "subject": [lambda n: chip(Dial("x", phone="+3726000000", mode="enriched", subject=WIDE * n))],
    "place": [lambda n: chip(ShowLocation("x", latitude=1, longitude=2, place=WIDE * n))],
    "map query": [lambda n: chip(ShowLocation("x", query=WIDE * n))],
    "event title": [lambda n: event(title=WIDE * n)],
    "event description": [lambda n: event(description=WIDE * n)],
    "compose text": [lambda n: chip(ComposeText("x", phone="+3726000000", text=WIDE * n))],
    "location label": [lambda n: Location(1, 2, WIDE * n)],
}
# The message as a whole has a test of its own.
ROWS = [
    pytest.param(name, limit, make, id=f"{name}-{limit}-{index}")
    for name, side in SIDES.items()
    for limit in (side.backend.limits.most if side.backend.limits else ())
    if limit != "message"
    for index, make in enumerate(LIMITS[limit])
]
ROWS += [
    pytest.param(name, "url", lambda n: fallback(address(n)), id=f"{name}-fallback")
    for name, side in SIDES.items()
    if ShowLocation in side.backend.capabilities.fallback_urls and "url" in side.backend.limits.most
]


@pytest.mark.parametrize(("wire", "limit", "make"), ROWS, indirect=["wire"])
def test_both_sides_draw_the_same_line(wire: Line, limit: str, make: Callable[[int], Content]) -> None:
    wire.send(make(most(wire, limit)))
    before = wire.requests()
    _, too_much = wire.outbound(make(most(wire, limit) + 1))
    assert wire.backend.check(too_much.content)
    assert wire.requests() == before
    assert refused(wire, too_much), "the provider would have taken it"


MUCH = 4000  # characters
SILENT = [
    pytest.param(name, make, id=f"{name}-{limit}-{index}")
    for name, side in SIDES.items()
    if side.backend.limits
    for limit in sorted(set(LIMITS) - set(side.backend.limits.most))
    for index, make in enumerate(LIMITS[limit])
]


@pytest.mark.parametrize(("wire", "make"), SILENT, indirect=["wire"])
def test_what_no_table_limits_has_no_limit(wire: Line, make: Callable[[int], Content]) -> None:
    _, much = wire.outbound(make(MUCH))
    assert wire.backend.check(much.content) or not refused(wire, much)


def refused(wire: Line, outbound: Outbound) -> bool:
    try:
        wire.backend.send(outbound)
    except SendError:
        return True
    return False


@only("google", "gsma")
def test_the_same_number_of_bytes(wire: Line) -> None:
    """The longest message that `check` lets pass is the longest that the provider takes."""

    def made(size: int) -> Content:
        cut = [2048] * (size // 2048) + [size % 2048]
        full = [Reply(f"{n}", WIDE * part) for n, part in enumerate(cut)]
        buttons = [tuple(full[n : n + 4]) for n in range(0, 40, 4)]
        return Carousel(tuple(Card(f"{n}", suggestions=some) for n, some in enumerate(buttons)))

    fits, does_not = 0, 40 * 2048 - 1
    while does_not - fits > 1:
        middle = (fits + does_not) // 2
        fits, does_not = (fits, middle) if wire.backend.check(made(middle)) else (middle, does_not)
    wire.send(made(fits))
    assert "bytes" in wire.backend.check(made(does_not))[0]


@only("kannel")
@pytest.mark.parametrize("text", ["x" * 153, "[" * 76, "õ" * 67, WIDE * 33])
def test_not_a_part_more_than_kannel_sends(wire: Line, text: str) -> None:
    """Kannel would cut it without a word, so that the phone must show the last character."""
    full = text * 20
    assert wire.send(Text(full))[1]["text"] == full
    assert wire.backend.check(Text(full + text))


@pytest.mark.parametrize(
    "content",
    [
        File("https://shop.example/%zz?[a|b]=^"),
        Card("x", media=Media("https://[::1]:8080/ä.png", thumbnail_url="HTTPS://Shop.Example:443/a.png")),
        chip(OpenUrl("x", url="https://user:pä@müller.example/")),
        File("https://shop.example/x", media_type="a/b-c.d+e"),
        Card("x", media=Media("https://shop.example/x", media_type="image/svg+xml")),
        Location(1, 2, " "),
        Location(1, 2, radius=1e7),
        Audio("https://shop.example/x", 10**9, name=" ", size=10**15),
        Form(" x", (FormField("x", " x "),), "\n"),
    ],
    ids=lambda content: content.type,
)
def test_a_content_at_the_edge_passes_both_sides_or_ours_refuses_it(wire: Line, content: Content) -> None:
    _, outbound = wire.outbound(content)
    if not wire.backend.check(outbound.content):
        assert wire.backend.send(outbound).code == ""


EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))
NO_CONTENT: list[Callable[[], Content]] = [
    lambda: File("https://[x"),
    lambda: File("https://[x]/ä"),
    lambda: File("https://:443/"),
    lambda: File("https://user@/"),
    lambda: File("https://?x"),
    lambda: File("\x01https://shop.example/"),
    lambda: File("https://shop.example/x", media_type="image/ü"),
    lambda: event(start=datetime(1, 1, 1, tzinfo=EAST)),
    lambda: event(end=datetime(9999, 12, 31, 23, tzinfo=WEST)),
    lambda: Location(1, 2, at=datetime(1, 1, 1, tzinfo=EAST)),
    lambda: Location(1, 2, expires_at=datetime(9999, 12, 31, 23, tzinfo=WEST)),
]


@pytest.mark.parametrize("make", NO_CONTENT)
def test_what_no_provider_takes_is_no_content(make: Callable[[], Content]) -> None:
    with pytest.raises(ContentError):
        make()


@pytest.mark.parametrize("at", [datetime(2, 1, 1, tzinfo=EAST), datetime(9998, 12, 31, 22, tzinfo=WEST)])
def test_the_first_and_the_last_year(wire: Line, at: datetime) -> None:
    end = at + timedelta(hours=1)
    assert refusals(wire, [event(start=at, end=end), Location(1, 2, at=at, expires_at=end)]) == []


SHORT: list[Content] = [
    chip(Dial("x", phone="100")),
    Card("x", suggestions=(Dial("x", phone="*100#"),)),
    Carousel((Card("x"), Card("y", suggestions=(Dial("x", phone="112"),)))),
]


def test_short_codes(wire: Line) -> None:
    """Messente's page says E.164 and no more of it: whether it takes them is left to its answer."""
    refused_ones = [refused(wire, wire.outbound(content)[1]) for content in SHORT]
    assert refused_ones == [wire.name == "messente"] * len(SHORT)


# How it travels.


@pytest.mark.parametrize("traffic", Traffic)
@pytest.mark.parametrize("left", [None, timedelta(seconds=-5), timedelta(minutes=10), timedelta(days=59)])
def test_every_traffic_type_and_end(wire: Line, traffic: Traffic, left: timedelta | None) -> None:
    until = left and datetime.now(UTC) + left
    _, outbound = wire.outbound(PLAIN["text"], traffic=traffic, expires_at=until)
    assert wire.backend.send(outbound).code == ""


EXTRA = {
    "google": {"messageTrafficType": "ACKNOWLEDGEMENT", "contentMessage": {"text": "Other"}},
    "gsma": {"RCSMessage": {"trafficType": "premium", "textMessage": "Other"}},
    "messente": {"text_store": "sha256", "priority": "high"},
    "rest": {"message": {"text": "Other"}},
    "kannel": {"priority": 3, "smsc": "x", "mclass": 1, "deferred": 0, "pid": 5},
    "twilio": {"SmartEncoded": True, "MediaUrl": [PICTURE, SMALL], "ProvideFeedback": False, "Attempt": 2},
}


def test_what_the_caller_adds_is_merged_in(wire: Line) -> None:
    extra = EXTRA[wire.name]
    _, shown = wire.send(Text("“Hello”"), extra=extra)
    said = {"kannel": "“Hello”", "messente": "“Hello”"}
    said["twilio"] = f'"Hello"\n{SMALL}'  # the first picture is a picture
    assert shown["text"] == said.get(wire.name, "Other")


# Calls besides sending: each that a backend announces is made by one of these.


def away(wire: Line) -> Outbound:
    """A message to a phone that is switched off."""
    _, outbound = wire.outbound(Text("Hello"))
    wire.emulator.phone(outbound.to, "", online=False)
    return outbound


def said(wire: Line, number: str) -> str:
    """The id of something that a person wrote."""
    body = {"action": "text", "text": "Hi", "via": wire.name, "to": SIDES[wire.name].agent}
    wire.emulator.phone(number, "")
    return str(wire.emulator.post(f"handsets/{number}/actions/", body)["message"]["id"])


def later(name: str) -> Json:
    """What makes a message wait at providers that take back only what is scheduled."""
    at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    scheduled = {"SendAt": at, "ScheduleType": "fixed", "MessagingServiceSid": SERVICE}
    return {"messente": {"time_to_send": at}, "twilio": scheduled}.get(name, {})


def check_revoke(wire: Line) -> None:
    wire.backend.revoke(uuid4(), "+3725550001", "no-such-message")
    _, outbound = wire.outbound(Text("Hello"), extra=later(wire.name))
    wire.emulator.phone(outbound.to, "", online=False)
    result = wire.backend.send(outbound)
    assert wire.backend.revoke(outbound.id, outbound.to, result.provider_id) is not False
    wire.emulator.phone(outbound.to, "", online=True)
    states = [m["state"] for m in wire.emulator.get(f"handsets/{outbound.to}/messages/")["messages"]]
    assert states in ([], ["revoked"], ["canceled"])


def check_status(wire: Line) -> None:
    outbound = away(wire)
    result = wire.backend.send(outbound)
    assert wire.backend.status(uuid4(), outbound.to, "no-such-message") == []
    wire.emulator.phone(outbound.to, "", online=True)
    wire.shown(outbound.to)
    found = wire.backend.status(outbound.id, outbound.to, result.provider_id)
    assert [one.kind.name for one in found] == [Status.DELIVERED.name]


def check_check(wire: Line) -> None:
    can, cannot = next(wire.numbers), next(wire.numbers)
    wire.emulator.phone(cannot, "", rcs=False)
    found = wire.backend.check_capabilities([can, cannot])
    assert found[can]
    assert found[cannot] is None


def check_typing(wire: Line) -> None:
    number = next(wire.numbers)
    wire.emulator.phone(number, "")
    wire.backend.typing(number)
    assert world.handsets[number].as_json()["agent_typing"]
    wire.backend.typing(number, active=False)


def check_mark_read(wire: Line) -> None:
    number = next(wire.numbers)
    wire.backend.mark_read(number, said(wire, number))
    assert [m.state for m in world.handsets[number].messages.values()] == ["read"]


def check_upload(wire: Line) -> None:
    data = b"\x89PNG\r\n\x1a\n" + bytes(3_000_000)  # more than Django's own limit for a request in memory
    if isinstance(wire.backend, GoogleRBM):
        name = wire.backend.upload(data, "image/png")
        small = wire.backend.upload_url(PICTURE, SMALL)
        wire.send(File(uploaded=name, uploaded_thumbnail=small))
        wire.send(Carousel((Card(media=Media(uploaded=name, height="tall", alt="x")), Card("x"))))
        return
    stored = wire.backend.upload(data, "image/png", "täna.png")
    kept = world.store(GsmaStore).files[stored.file_id]
    assert world.wait_for(lambda: kept.status == "ready", DEADLINE)
    url = wire.backend.file(stored.file_id).url
    wire.send(Card("x", media=Media(url, media_type="image/png", size=stored.size)))
    wire.backend.upload_url(PICTURE, "image/png", until=datetime.now(UTC) + TWO_HOURS)
    wire.backend.delete_file(stored.file_id)


def check_bulk(wire: Line) -> None:
    many = [wire.outbound(content)[1] for content in (*PLAIN.values(), *FINER)]
    results = wire.backend.send_many(many)
    assert [type(result) for result in results] == [SendResult] * len(many)
    assert [result.code for result in results] == [""] * len(many)
    assert wire.shown(many[0].to)["text"] == many[0].content.text


CALLS = {
    "revoke": check_revoke,
    "status": check_status,
    "check": check_check,
    "typing": check_typing,
    "mark_read": check_mark_read,
    "upload": check_upload,
    "bulk": check_bulk,
}


@pytest.mark.parametrize("call", CALLS)
def test_every_call_that_a_backend_announces(wire: Line, call: str) -> None:
    if getattr(wire.backend.capabilities, call):
        CALLS[call](wire)


@only("messente")
def test_the_blacklist(wire: Line) -> None:
    number = next(wire.numbers)
    assert not wire.backend.is_blocked(number)
    assert [wire.backend.block(number), wire.backend.block(number)] == [True, False]
    assert (wire.backend.blacklist(), wire.backend.is_blocked(number)) == ([number], True)
    assert [wire.backend.unblock(number), wire.backend.unblock(number)] == [True, False]


@only("google", "gsma", "messente", "rest")
def test_what_no_number_of_questions_makes_wrong(wire: Line) -> None:
    many = tuple(FormField(f"f{n}", "👟 " * 100) for n in range(100))
    assert refusals(wire, [Form("x" * 200, many, "x" * 1000, submit="x" * 25, button="y" * 25)]) == []
