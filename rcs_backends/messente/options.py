"""The OPTIONS of a Messente backend: credentials, and the channels that Messente tries one after the other."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict

from rcs_router.contract import Options, Traffic, secret, several

Channel = Literal["rcs", "sms", "viber", "whatsapp"]
Priority = Literal["low", "regular", "high"]
Autoconvert = Literal["", "on", "off", "full"]


@dataclass(frozen=True)
class Step:
    """One channel of a chain. `sender`: empty for the account's default.

    `validity`: minutes after which the next channel is tried; None: Messente decides. `autoconvert` (what happens to
    characters outside the GSM alphabet) and `udh` (hexadecimal) are for SMS.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    channel: Channel
    sender: str = ""
    validity: int | None = None
    autoconvert: Autoconvert = ""
    udh: str = ""


@dataclass(frozen=True)
class MessenteOptions(Options):
    """`password`, `inbound_secret`: several values during a rotation; the first one is used to send."""

    username: str
    password: str | tuple[str, ...] = secret()  # of the HTTP API; it also signs delivery reports
    sender: str = ""  # name of the RCS agent, or an SMS sender; may be empty only for SMS
    inbound_secret: str | tuple[str, ...] = secret(default="")  # “Shared Secret” of the inbound numbers
    channel: Literal["rcs", "sms"] = "rcs"
    chain: tuple[Step, ...] = ()  # channels that Messente itself falls back to, in this order
    validity: int | None = None  # minutes, of the first channel
    priority: dict[Traffic, Priority] = field(
        default_factory=lambda: {Traffic.AUTHENTICATION: "high", Traffic.PROMOTION: "low"}
    )
    text_store: Literal["", "nostore", "plaintext", "sha256"] = ""  # how Messente stores the text
    autoconvert: Autoconvert = ""
    udh: str = ""
    base_url: str = "https://api.messente.com/v1"

    @property
    def passwords(self) -> tuple[str, ...]:
        return several(self.password)

    @property
    def inbound_secrets(self) -> tuple[str, ...]:
        return several(self.inbound_secret)

    @property
    def base(self) -> str:
        return self.base_url.rstrip("/")

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every channel, the backend's own first."""
        first = Step(self.channel, self.sender, self.validity, self.autoconvert, self.udh)
        return (first, *self.chain)

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(step.channel for step in self.steps)


def problems(options: MessenteOptions) -> Iterator[str]:
    """Yield one sentence for each problem other than a wrong type."""
    if not options.username:
        yield "username is empty"
    if not options.passwords or not all(options.passwords):
        yield "password is empty: nothing can be sent, and no delivery report can be verified"
    if options.channel == "rcs" and not options.sender:
        yield "sender is empty: an RCS message needs the name of its agent"
    if not _is_safe(options.base_url):
        yield "base_url must begin with https://, since every request carries the password"
    yield from _chain_problems(options)


def _chain_problems(options: MessenteOptions) -> Iterator[str]:
    channels = options.channels
    if "rcs" in channels[1:]:
        yield "chain: rcs can only be the first channel"
    for channel in dict.fromkeys(channels):
        if channels.count(channel) > 1:
            yield f"chain: {channel} is used twice, and Messente takes each channel once"
    for step in options.steps:
        if step.validity is not None and step.validity < 1:
            yield f"validity of {step.channel} must be at least 1 minute"
        if step.channel != "sms" and (step.autoconvert or step.udh):
            yield f"autoconvert and udh are for sms, not for {step.channel}"
        if not re.fullmatch(r"([0-9A-Fa-f]{2})*", step.udh):
            yield "udh must be hexadecimal digits, two for each byte"


def _is_safe(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    local = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
    return local or (parts.scheme == "https" and bool(parts.hostname))
