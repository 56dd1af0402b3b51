"""Everything that the Google backend can ask for passes the strict emulator, and the phone shows what was sent."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from rcs_backends.emulator.state import world
from rcs_backends.google_rbm import GoogleRBM
from rcs_router.backends import backends
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
    Text,
)
from rcs_router.content.lines import degrees
from rcs_router.contract import Status, Traffic
from rcs_router.errors import ContentError, Misconfigured
from rcs_router.inbox import intake
from tests.acceptance.stage import DEADLINE, Json, Stage, fallback, status
from tests.core import ALICE, BOB

START = datetime(2027, 1, 4, 9, tzinfo=UTC)
WEB = "https://shop.example/boots?size=42"
PICTURE = "https://shop.example/boots.png"
CHIPS = [
    Reply("Keep"),
    Reply("Return ↩", "return_7"),
    OpenUrl("Open", "open", url=WEB, fallback_url="https://shop.example/"),
    OpenUrl("Full", "full", url=WEB, application="webview", description="Boots"),
    OpenUrl("Half", "half", url=WEB, application="webview", webview_size="half"),
    OpenUrl("Tall", "tall", url=WEB, application="webview", webview_size="tall"),
    Dial("Call", "call", phone="+3726000000"),
    Dial("Short code", "short", phone="*100#", fallback_url=WEB),
    ShowLocation("Shop", "shop", latitude=59.4372, longitude=-24.7454, place="Acme, Tallinn"),
    RequestLocation("Where?", "where"),
    CalendarEvent(
        "Fair", "fair", start=START, end=START + timedelta(hours=2), title="Fair", description="Come"
    ),
]
PICTURES = [Media(PICTURE, height, "Boots") for height in ("short", "medium", "tall")]
CONTENTS: list[Content] = [
    Text("Õhtust! 👟 “quotes” & <b>"),
    Text("Choose", tuple(CHIPS)),
    File(PICTURE, thumbnail_url="https://shop.example/small.png", force_refresh=True),
    File("https://shop.example/terms.pdf", suggestions=tuple(CHIPS)),
    Location(59.4285, 24.7615, "Your parcel"),
    Location(-0.0000001, 180, suggestions=tuple(CHIPS[:10])),
    *[Card("Boots", "129 EUR", picture, tuple(CHIPS[:4]), chips=tuple(CHIPS)) for picture in PICTURES],
    *[Card("Boots", suggestions=tuple(CHIPS[start : start + 4])) for start in (0, 4, 7)],
    *[
        Card("Boots", media=PICTURES[0], orientation="horizontal", alignment=side)
        for side in ("left", "right")
    ],
    Card(description="Only words"),
    Card(media=Media(PICTURE, thumbnail_url="https://shop.example/small.png", force_refresh=True)),
    Carousel(tuple(Card(f"Card {n}", media=PICTURES[n % 2]) for n in range(10)), tuple(CHIPS), width="small"),
    Carousel((Card("One", suggestions=(CHIPS[0],)), Card("Two", "2", PICTURES[2])), width="medium"),
]


def address(url: str | None) -> Json:
    return {"fallback_url": url} if url else {}


def chip(one: Any) -> Json:
    """A suggestion as the phone has to show it."""
    detail: Json = {}
    match one:
        case OpenUrl(application="browser"):
            detail = {"url": one.url, "application": "browser"}
        case OpenUrl():
            detail = {"url": one.url, "application": "webview", "view_mode": one.webview_size}
            detail |= {"description": one.description} if one.description else {}
        case Dial():
            detail = {"phone": one.phone}
        case ShowLocation():
            detail = {"latitude": one.latitude, "longitude": one.longitude}
            detail |= {"label": one.place} if one.place else {}
        case CalendarEvent():
            detail = {
                "start": "2027-01-04T09:00:00Z",
                "end": "2027-01-04T11:00:00Z",
                "title": one.title,
                "description": one.description,
            }
    if not isinstance(one, Reply):
        detail |= address(one.fallback_url)
    return {
        "label": one.label,
        "kind": one.type,
        "postback": one.postback or one.label,
        "detail": detail,
        "tapped": False,
    }


def media(one: Media | File | None, height: str = "", alt: str = "") -> Json | None:
    if one is None:
        return None
    kind = {"png": "image/png", "pdf": "application/pdf"}[str(one.url)[-3:]]
    thumbnail = one.thumbnail_url or ""
    untold = {"name": "", "size": 0, "seconds": 0}  # Google's API has no place for them
    return {
        "url": one.url,
        "thumbnail": thumbnail,
        "thumbnail_name": "",
        "height": height,
        "alt": alt,
        "media_type": kind,
        **untold,
    }


def card(one: Card) -> Json:
    return {
        "title": one.title,
        "description": one.description,
        "media": media(one.media, one.media.height, one.media.alt) if one.media else None,
        "orientation": one.orientation,
        "alignment": one.alignment if one.orientation == "horizontal" else "left",
        "suggestions": [chip(button) for button in one.suggestions],
    }


def bubble(content: Content) -> Json:
    """A message as the phone has to show it."""
    empty: Json = {"kind": content.type, "text": "", "cards": [], "media": None}
    match content:
        case Text():
            return empty | {"text": content.text, "suggestions": [chip(c) for c in content.suggestions]}
        case File():
            return empty | {"media": media(content), "suggestions": [chip(c) for c in content.suggestions]}
        case Location():  # Google knows none: words, and a chip with the map
            words = content.label or f"{degrees(content.latitude)}, {degrees(content.longitude)}"
            map_ = ShowLocation(
                "View location", latitude=content.latitude, longitude=content.longitude, place=content.label
            )
            chips = [chip(c) for c in (map_, *content.suggestions)]
            return empty | {"kind": "text", "text": words, "suggestions": chips}
        case Card():
            return empty | {"cards": [card(content)], "suggestions": [chip(c) for c in content.chips]}
    cards = [card(one) for one in content.cards]
    chips = [chip(c) for c in content.suggestions]
    return empty | {"cards": cards, "card_width": content.width, "suggestions": chips}


@pytest.mark.parametrize("content", CONTENTS, ids=lambda c: f"{c.type}")
def test_the_phone_shows_what_was_sent(content: Content, stage: Stage) -> None:
    t = stage.send(content, "solo")
    stage.work()
    assert (status(t), t.detail) == (Status.DELIVERED, "")
    (shown,) = stage.shown()
    expected = bubble(content)
    assert {name: shown[name] for name in expected} == expected
    assert (shown["id"], shown["channel"], shown["traffic"]) == (str(t.pk), "rcs", "transaction")


@pytest.mark.parametrize("traffic", Traffic)
def test_every_traffic_type_arrives_as_such(traffic: Traffic, stage: Stage) -> None:
    t = stage.send(traffic=traffic)
    stage.work()
    wire = {"service_request": "servicerequest"}
    assert [m["traffic"] for m in stage.shown()] == [wire.get(traffic, traffic)]
    assert status(t) == Status.DELIVERED


@pytest.mark.parametrize(("ttl", "lives"), [(timedelta(minutes=10), 600), (timedelta(days=40), 15 * 86400)])
def test_the_time_to_live_is_the_providers_too(ttl: timedelta, lives: int, stage: Stage) -> None:
    stage.send(ttl=ttl)
    stage.drain()
    (shown,) = stage.shown()
    until = datetime.fromisoformat(shown["expires_at"]) - datetime.fromisoformat(shown["at"])
    assert lives - 60 < until.total_seconds() <= lives + 1


def test_what_the_caller_adds_is_merged_in(stage: Stage) -> None:
    stage.send(fields={"extra": {"acme": {"messageTrafficType": "ACKNOWLEDGEMENT"}}})
    stage.drain()
    assert stage.shown()[0]["traffic"] == "acknowledgement"


LIMITS: list[tuple[str, Any, Any]] = [
    ("text", Text("x" * 3072), Text("x" * 3073)),
    ("text of wide characters", Text("👟" * 3072), Text("👟" * 3073)),
    ("label", Text("x", (Reply("x" * 25),)), Text("x", (Reply("x" * 26),))),
    ("wide label", Text("x", (Reply("👟" * 25),)), Text("x", (Reply("👟" * 26),))),
    ("postback", Text("x", (Reply("x", "x" * 2048),)), Text("x", (Reply("x", "x" * 2049),))),
    (
        "chips",
        Text("x", tuple(Reply(f"{n}") for n in range(11))),
        Text("x", tuple(Reply(f"{n}") for n in range(12))),
    ),
    ("title", Card("x" * 200), Card("x" * 201)),
    ("description", Card("x", "x" * 2000), Card("x", "x" * 2001)),
    ("buttons", Card("x", suggestions=tuple(CHIPS[:4])), Card("x", suggestions=tuple(CHIPS[:5]))),
    (
        "cards",
        Carousel(tuple(Card(f"{n}") for n in range(10))),
        Carousel(tuple(Card(f"{n}") for n in range(11))),
    ),
    (
        "address",
        Text("x", (OpenUrl("x", url=WEB + "x" * (2048 - len(WEB))),)),
        Text("x", (OpenUrl("x", url=WEB + "x" * (2049 - len(WEB))),)),
    ),
    (
        "event",
        Text("x", (CalendarEvent("x", start=START, end=START + timedelta(1), title="x" * 100),)),
        Text("x", (CalendarEvent("x", start=START, end=START + timedelta(1), title="x" * 101),)),
    ),
    ("places", Location(1, 2, "x" * 3072), Location(1, 2, "x" * 3073)),
]


@pytest.mark.parametrize(("fits", "does_not"), [row[1:] for row in LIMITS], ids=[row[0] for row in LIMITS])
def test_both_sides_draw_the_same_line(fits: Content, does_not: Content, stage: Stage) -> None:
    t = stage.send(fits, "solo")
    stage.drain("solo")
    assert (status(t), t.detail) == (Status.ACCEPTED, "")
    with pytest.raises(ContentError):
        stage.send(does_not, "solo")


@pytest.mark.parametrize(
    "content",
    [
        File("https://shop.example/ä.png"),
        Text("x", (OpenUrl("x", url="https://müller.example/Größe?q=ä#ü"),)),
        Text("x", (OpenUrl("x", url='https://shop.example/?q="{a|b}"'),)),
        Card("x", media=Media("https://shop.example/日本.png", thumbnail_url="https://shop.example/日.png")),
        Text("x", (Dial("x", phone="100", fallback_url="https://shop.example/täht"),)),
    ],
)
def test_an_address_that_send_takes_is_not_refused_by_the_provider(content: Content, stage: Stage) -> None:
    t = stage.send(content, "solo")
    stage.drain("solo")
    assert (status(t), t.detail) == (Status.ACCEPTED, "")


def google(alias: str = "acme") -> GoogleRBM:
    backend = backends[alias]
    assert isinstance(backend, GoogleRBM)
    return backend


PNG = b"\x89PNG\r\n\x1a\n" + bytes(3_000_000)  # more than Django's own limit for a request in memory


def test_uploads_are_sent_by_their_names(stage: Stage) -> None:
    name, small = google().upload(PNG, "image/png"), google().upload_url(PICTURE)
    stage.send(File(uploaded=name, uploaded_thumbnail=small), fallback_text="Boots")
    stage.send(Card("Boots", media=Media(uploaded=name, height="tall", alt="Boots")))
    stage.work()
    file, shown = (m["media"] or m["cards"][0]["media"] for m in stage.shown())
    assert file["url"].startswith(stage.emulator.url)
    assert (file["thumbnail"], file["media_type"]) == (PICTURE, "image/png")
    assert (shown["url"], shown["height"], shown["alt"]) == (file["url"], "tall", "Boots")


def test_a_name_that_the_provider_does_not_know_goes_by_sms(stage: Stage) -> None:
    t = stage.send(File(uploaded="files/gone"), fallback_text="Boots")
    stage.work()
    assert (status(t), t.reason, stage.counts()) == (Status.FAILED, "refused", (0, 1))


@pytest.fixture
def away(stage: Stage) -> Stage:
    stage.phone(online=False)
    return stage


def test_a_message_that_waits_can_be_taken_back(away: Stage) -> None:
    t = away.send()
    away.drain()
    assert google().revoke(t.pk, ALICE)
    assert google().revoke(t.pk, ALICE), "twice is harmless"
    away.phone(online=True)
    away.quiet()
    assert away.counts() == (0, 0)


def test_a_message_that_was_shown_or_never_sent_cannot(stage: Stage) -> None:
    t = stage.send()
    stage.drain()
    assert not google().revoke(t.pk, ALICE)
    assert not google().revoke(uuid4(), ALICE)


def test_typing_and_read_marks_reach_the_phone(stage: Stage, settings: Any) -> None:
    apps = ["tests.inbox.apps.Typing", "tests.inbox.apps.Read"]
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"APPS": apps}
    phone = stage.phone()
    phone.does("text", text="Hi", via="rcs", to="acme")
    stage.quiet()
    intake.digest()
    handset = world.handsets[ALICE]
    assert world.wait_for(lambda: handset.as_json()["agent_typing"], DEADLINE)
    assert world.wait_for(lambda: [m.state for m in handset.messages.values()] == ["read"], DEADLINE)


def test_the_mark_for_a_tap_that_has_only_an_event_id(stage: Stage, settings: Any) -> None:
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"APPS": ["tests.inbox.apps.Read"]}
    stage.dial(google={"action_tap_style": "bare"})
    stage.send(Text("x", (Dial("Call", "call", phone="100"),)))
    stage.work()
    before = stage.totals()["requests"]
    stage.phone().does("tap", suggestion="Call")
    stage.work()
    assert world.wait_for(lambda: world.ledger.requests > before, DEADLINE)


def test_what_each_phone_can(stage: Stage) -> None:
    stage.phone(features=["RICHCARD_STANDALONE"])
    stage.phone(BOB, rcs=False)
    assert google().check_capabilities([ALICE, BOB]) == {ALICE: frozenset({"RICHCARD_STANDALONE"}), BOB: None}


@pytest.mark.parametrize("count", [499, 500, 10_001])
def test_what_many_phones_can(count: int, stage: Stage, settings: Any) -> None:
    """From 500 on in one request, which the emulator takes only so, and only for the agent's region."""
    stage.dial(google={"region": "europe"})
    settings.RCS_BACKENDS = {"acme": stage.google("acme", region="europe")}
    numbers = [f"+37255{n:06}" for n in range(count)]
    stage.phone(numbers[7], rcs=False)
    if count == 499:  # one by one is many requests: a few are enough
        numbers = numbers[5:10]
    before = stage.totals()["requests"]
    found = google().check_capabilities(numbers)
    assert list(found) == numbers
    assert [number for number, can in found.items() if can is None] == [f"+37255{7:06}"]
    assert stage.totals()["requests"] - before == {499: 5, 500: 1, 10_001: 2}[count]


def test_an_unknown_agent_is_our_own_mistake(stage: Stage, settings: Any) -> None:
    settings.RCS_BACKENDS = {"acme": stage.google("another")}
    with pytest.raises(Misconfigured):
        google().check_capabilities([ALICE])


def test_a_phone_that_lacks_the_card_gets_the_sms(stage: Stage) -> None:
    stage.phone(features=[])
    t = stage.send(Card("Boots", suggestions=(Reply("Keep", "keep_7"),)))
    stage.work()
    child = fallback(t)
    assert child is not None
    assert (status(t), t.reason, status(child)) == (Status.FAILED, "refused", Status.DELIVERED)
    assert "RICHCARD_STANDALONE" in t.detail
    assert stage.shown()[0]["text"] == "Boots\n1) Keep"
