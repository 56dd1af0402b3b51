"""The providers of this emulator: their addresses, dials and faults, and how they tell what a person does."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Protocol, runtime_checkable

from django.urls import URLPattern, URLResolver

from rcs_backends.emulator.phones import Handset, Json, Message, Suggestion

Delivered = Callable[[], None]
Act = Callable[[Handset, Json], Message | None]


class Problem(ValueError):
    """What the control API or the settings ask for cannot be; the message is one sentence."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        self.status = status
        super().__init__(sentence)


@dataclass(frozen=True, slots=True)
class Said:
    """What a person says with a phone. `kind`: text, reply, action, file, audio, location, form or device.

    reply and action: a tapped suggestion, with `label` and `postback`; `about` is the message that showed it, or whose
    form was filled in (`data`: field → value). device: what the phone tells of itself (`data`: deviceModel,
    platformVersion, clientVendor, clientVersion, batteryRemainingMinutes).
    """

    kind: str
    text: str = ""
    label: str = ""
    postback: str = ""
    url: str = ""
    name: str = ""
    media_type: str = ""
    size: int = 0  # bytes
    seconds: int = 0  # playing length of audio
    latitude: float = 0.0
    longitude: float = 0.0
    data: Mapping[str, object] = field(default_factory=dict)
    about: Message | None = None

    def tapped(self) -> Suggestion | None:
        """Return the suggestion of `about` that this tap is of."""
        shown = self.about.all_suggestions() if self.about else []
        wanted = (self.label, self.postback)
        return next((one for one in shown if (one.label, one.postback) == wanted), None)


class Wire:
    """One provider. Subclass it, set what differs, and name the module in WIRES. Everything is called with the lock."""

    provider = ""  # in faults, the ledger, messages and the control API
    channel = "rcs"  # or "sms"
    methods: tuple[str, ...] = ()  # what a fault's `method` may name, besides "token"
    dials: Json = {}  # its section of the configuration, with the defaults
    open_dials: tuple[str, ...] = ()  # those of them whose keys are names (agents, users), not dials
    entries: Mapping[str, Mapping[str, type]] = {}  # open dial → what each of its entries may hold
    choices: Mapping[str, tuple[str, ...]] = {}  # dial → the values it may have
    actions: Mapping[str, Act] = {}  # what only phones of this provider can do, by the control API's `action`
    addresses: Mapping[str, str] = {}  # what `manage.py emulator` prints: what it is → path below the prefix
    urlpatterns: tuple[URLPattern | URLResolver, ...] = ()  # below the emulator's prefix, without CSRF tokens

    def check(self, dials: Json) -> None:
        """Raise Problem for what the types of the defaults do not say."""

    def agents(self) -> list[str]:
        """Return whom a phone can write to: agents, bots, short codes."""
        raise NotImplementedError

    def is_up(self) -> bool:
        """Return whether the provider's network delivers now."""
        return True

    def new_id(self) -> str:
        """Return an id for what a person says, as this provider writes them."""
        return str(uuid.uuid4())

    def say(self, message: Message, said: Said, delivered: Delivered) -> None:
        """Tell the client. `message` is the bubble on the phone (its `agent`, `number`, `id`, and `channel`: sms
        where an SMS is answered that this provider sent in the place of RCS; a tapped action and what a phone tells of
        itself leave no bubble). Call `delivered` when the client has taken the webhook. Raises Problem where
        the provider has nothing like it, and then there is no bubble.
        """
        raise NotImplementedError

    def typing(self, agent: str, number: str, active: bool) -> None:
        """Tell that the person types, or stops."""
        raise Problem(f"{self.provider} does not tell that a person types.")

    def subscription(self, agent: str, number: str, subscribed: bool) -> None:
        """Tell that the person used the phone's menu. Nothing is told where the keyword message does it."""

    def subscription_comes_first(self) -> bool:
        """Return whether `subscription` leaves before the keyword message. Both are sent."""
        return False


@runtime_checkable
class Verifies(Protocol):
    """A provider with a button that tries out an agent's webhook."""

    def verify(self, agent: str) -> Json:
        """Press it, and say what came back. Calls out: not with the lock held."""


# By provider, in the order in which the addresses are looked up.
WIRES = (
    "rcs_backends.emulator.wire.google",
    "rcs_backends.emulator.wire.kannel",
    "rcs_backends.emulator.wire.gsma",
    "rcs_backends.emulator.wire.messente",
    "rcs_backends.emulator.wire.rest",
    "rcs_backends.emulator.wire.twilio",
)


def wire(provider: str) -> Wire:
    return wires()[provider]


@cache
def wires() -> dict[str, Wire]:
    """Return every wire by its provider. Each module of WIRES has it as `WIRE`."""
    found: list[Wire] = [import_module(module).WIRE for module in WIRES]
    return {one.provider: one for one in found}
