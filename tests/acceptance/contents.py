"""Six backends, each with its provider at the other end of a socket, and all that a message can say to them."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from example_project.phones import Emulator
from rcs_backends.emulator import server
from rcs_backends.emulator.state import world
from rcs_backends.generic_rest import GenericREST
from rcs_backends.google_rbm import GoogleRBM
from rcs_backends.gsma_maap import GSMAMaaP
from rcs_backends.kannel import Kannel
from rcs_backends.messente import Messente
from rcs_backends.twilio_sms import TwilioSMS
from rcs_router.capabilities import Fit, fit
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
)
from rcs_router.content.examples import FORM_LINK
from rcs_router.content.plain import render
from rcs_router.contract import BaseBackend, Outbound, SendResult

Json = dict[str, Any]
DEADLINE = 20.0  # seconds, for what takes milliseconds on a machine that is not busy
ACCOUNT, SERVICE = "AC" + "1" * 32, "MG" + "1" * 32
PARTS = 20  # of an SMS, for both sides


# Backends and providers.


@dataclass(frozen=True)
class Side:
    """A backend's class, its OPTIONS by the address of the emulator, and the dials of its provider.

    In dials, `{sink}` is an address that takes every webhook.
    """

    backend: type[BaseBackend]
    options: Callable[[str], Json]
    dials: Json
    agent: str  # whom phones write to


def _google(url: str) -> Json:
    return {"agent_id": "acme", "client_token": "token", "base_url": f"{url}google"}


def _gsma(url: str) -> Json:
    return {
        "api_url": f"{url}gsma/rcs/bot/v1",
        "bot_id": "sip:acme@bots.example",
        "client_id": "acme",
        "client_secret": "s3cret",
        "webhook_secret": "hook",
    }


def _messente(url: str) -> Json:
    return {"username": "acme", "password": "pa55word", "sender": "Acme", "base_url": f"{url}messente/v1"}


def _rest(url: str) -> Json:
    return {"url": f"{url}rest/v1/messages", "token": "t0ken", "webhook_secret": "hook"}


def _kannel(url: str) -> Json:
    own = {"username": "acme", "password": "pa55word", "webhook_secret": "hook", "sender": "12345"}
    return {"url": f"{url}kannel/cgi-bin/sendsms", "max_parts": PARTS, **own}


def _twilio(url: str) -> Json:
    own = {"account_sid": ACCOUNT, "auth_token": "t0ken", "sender": "+37258880000"}
    return {**own, "base_url": f"{url}twilio", "max_parts": 3 * PARTS}


BOT = {"client_id": "acme", "client_secret": "s3cret", "webhook": "{sink}", "webhook_secret": "hook"}
SIDES: dict[str, Side] = {
    "google": Side(
        GoogleRBM,
        _google,
        {"agents": {"acme": {"webhook": "{sink}", "client_token": "token"}}, "strict_uuids": True},
        "acme",
    ),
    "gsma": Side(GSMAMaaP, _gsma, {"bots": {"sip:acme@bots.example": BOT}}, "sip:acme@bots.example"),
    "messente": Side(
        Messente,
        _messente,
        {"accounts": {"acme": {"password": "pa55word", "senders": ["Acme"], "shared_secret": "s"}}},
        "Acme",
    ),
    "rest": Side(
        GenericREST, _rest, {"tokens": ["t0ken"], "webhook": "{sink}", "own_fallback": False}, "shop"
    ),
    "kannel": Side(Kannel, _kannel, {"users": {"acme": "pa55word"}, "max_messages": PARTS}, "12345"),
    "twilio": Side(
        TwilioSMS,
        _twilio,
        {"accounts": {ACCOUNT: {"auth_token": "t0ken", "messaging_services": {SERVICE: ["+37258880000"]}}}},
        "+37258880000",
    ),
}
RCS = ["google", "gsma", "messente", "rest"]
SMS = ["kannel", "twilio"]
_numbers = (f"+37255{n:06}" for n in itertools.count(1))


@dataclass
class Line:
    """One backend, and phones that its provider reaches. Every number is a new phone."""

    name: str
    backend: Any  # a BaseBackend, with what only this one has
    emulator: Emulator
    numbers: Iterator[str] = field(default_factory=lambda: _numbers)

    def outbound(self, content: Content, **more: Any) -> tuple[Fit, Outbound]:
        """The content as the router hands it over."""
        fitted = fit(self.backend, content, form_link=FORM_LINK)
        text = render(content, form_link=FORM_LINK).text
        to = more.pop("to", "") or next(self.numbers)
        return fitted, Outbound(uuid4(), to, fitted.content, text, **more)

    def send(self, content: Content, **more: Any) -> tuple[Fit, Json]:
        """Send it to a new phone: what became of it on the way, and the one bubble that the phone shows."""
        fitted, outbound = self.outbound(content, **more)
        assert self.backend.check(fitted.content) == []
        result: SendResult = self.backend.send(outbound)
        assert result.code == ""
        return fitted, self.shown(outbound.to)

    def shown(self, number: str) -> Json:
        """The one message on this phone, when it is there."""

        def is_there() -> bool:
            messages = world.handsets[number].messages.values() if number in world.handsets else ()
            return [message.state for message in messages] == ["delivered"]

        assert world.wait_for(is_there, DEADLINE), f"{number} shows nothing"
        (message,) = self.emulator.get(f"handsets/{number}/messages/")["messages"]
        return dict(message)

    def requests(self) -> int:
        """How many the providers have had."""
        return int(world.ledger.requests)


@contextmanager
def providers() -> Iterator[str]:
    """A server with the emulator, and a place that takes every webhook: its address without a slash."""
    application = server.EmulatorOnly()

    def serve(environ: Json, start_response: Callable[..., Any]) -> Any:
        if not environ["PATH_INFO"].startswith("/sink"):
            return application(environ, start_response)
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]

    with server.start(application=serve) as running:
        yield running.url


@contextmanager
def line(url: str, name: str) -> Iterator[Line]:
    """The backend `name` and a provider without memory, without pauses and without mercy."""
    side, emulator = SIDES[name], Emulator(f"{url}/emulator/")
    sink = f"{url}/sink"
    world.forget(config=True)
    emulator.post("config/", {"delivery_delay": 0, "retry_scale": 0.001, name: _filled(side.dials, sink)})
    options = side.options(emulator.url)
    if name == "google":
        options["service_account"] = emulator.get("google/service-account.json")
    yield Line(name, side.backend(name, side.backend.Options.read(name, options), webhook_url=sink), emulator)
    world.forget(config=True)


def _filled(dials: Any, sink: str) -> Any:
    if isinstance(dials, Mapping):
        return {key: _filled(value, sink) for key, value in dials.items()}
    return sink if dials == "{sink}" else dials


# What can be said.

START = datetime(2027, 1, 4, 9, tzinfo=UTC)
TWO_HOURS = timedelta(hours=2)
WEB = "https://shop.example/boots?size=42&colour=br%C3%BCn#top"
PICTURE = "https://shop.example/boots.png"
SMALL = "https://shop.example/small.jpg"
PHONE = "+3726000000"
CHIPS: list[Suggestion] = [
    Reply("Keep"),
    Reply("Return ↩ “x” 👟", "return_7 {\"a\": '&'}\n"),
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
    yield Card("Boots", "129 EUR", PICTURES[1], (chip,))
    yield Carousel((Card("One", suggestions=(chip,)), Card("Two", "2", PICTURES[0], (chip, CHIPS[0]))))
