"""Six backends, each with its provider behind a socket: how a content looks on a phone."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
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
    Content,
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
    own = {"account_sid": ACCOUNT, "auth_token": "t0ken", "sender": "+37258880000", "senders": (SERVICE,)}
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
