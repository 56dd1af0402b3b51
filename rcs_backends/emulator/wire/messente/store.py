"""What Messente's side remembers: omnimessages with the fate of each of their channels, and the blacklist."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from rcs_backends.emulator.phones import Json, Message


@dataclass(slots=True, eq=False)
class Leg:
    """One channel of an omnimessage. `status` is None until something is known of it."""

    channel: str
    sender: str
    content: Json  # as checked
    limit: float | None  # seconds after which the next channel is tried
    message_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    ledger_id: str = ""  # the same for requests that ask for the same thing
    bubble: Message | None = None  # once it is tried
    status: str | None = None
    err: int | None = None
    at: datetime | None = None


@dataclass(slots=True, eq=False)
class Omnimessage:
    """A chain of channels. `state`: scheduled, started or cancelled."""

    to: str
    account: str
    legs: list[Leg]
    dlr_url: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: str = "scheduled"
    tried: int = -1  # index of the newest leg that was tried


@dataclass(slots=True)
class MessenteStore:
    """Get it with `world.store(MessenteStore)`."""

    omnimessages: dict[str, Omnimessage] = field(default_factory=dict)  # by id, oldest first
    # (sender, number) → account that wrote last
    talks: dict[tuple[str, str], str] = field(default_factory=dict)
    blacklist: list[str] = field(default_factory=list)
    contacts: dict[str, Json] = field(default_factory=dict)  # by number
    groups: dict[str, Json] = field(default_factory=dict)  # by id
    members: dict[str, list[str]] = field(default_factory=dict)  # group id → numbers
