"""What the platform remembers: messages with their status, what people said, who hides behind a chatId, and files.

Source of what a chatId is: GSMA RCC.71 v2.2, R15-2.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from rcs_backends.emulator.phones import Handset, Json, Message, now, stamp


@dataclass(slots=True)
class Sent:
    """A bot's message: pending, sent, delivered, displayed, cancelled or failed, since `at`; `fate` is the code with
    which it will fail, where that is certain.
    """

    message: Message
    contact: Json  # the identity to which it was sent, in which its statuses are told
    fate: str = ""
    status: str = "pending"
    at: datetime = field(default_factory=now)


@dataclass(slots=True)
class StoredFile:
    """A file given to the platform: its bytes, or the address where it lies. It is `pending`, then `ready`."""

    id: str
    bot: str
    media_type: str
    until: datetime
    content: bytes = b""
    url: str = ""  # the bot's own address, else ours
    status: str = "pending"

    def expired(self) -> bool:
        return now() >= self.until


@dataclass(slots=True)
class GsmaStore:
    """Get it with `world.store(GsmaStore)`. What belongs to a bot is kept by (bot, …)."""

    sent: dict[tuple[str, str], Sent] = field(default_factory=dict)  # by message id
    # what people wrote and tapped, likewise
    said: dict[tuple[str, str], Message] = field(default_factory=dict)
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)  # (bot, number) → chatId
    numbers: dict[tuple[str, str], str] = field(default_factory=dict)  # (bot, chatId) → number
    wants_displayed: set[tuple[str, str]] = field(default_factory=set)  # (bot, number), by a tapped setting
    files: dict[str, StoredFile] = field(default_factory=dict)  # by file id

    def chat_id(self, bot: str, number: str) -> str:
        """Return the person's token for this bot; made at first use, and never that of another bot."""
        found = self.tokens.setdefault((bot, number), f"tk-{secrets.token_urlsafe(9)}")
        self.numbers[bot, found] = number
        return found

    def retire(self, bot: str, number: str) -> None:
        """Let messages to the person's token reach nobody. The next use of `chat_id` makes another one."""
        self.numbers.pop((bot, self.tokens.pop((bot, number), "")), None)

    def number_of(self, bot: str, contact: Json) -> str | None:
        """Return whose contact this is; None for a token that is not, or no longer, known. A number goes first."""
        if "userContact" in contact:
            return str(contact["userContact"])
        return self.numbers.get((bot, contact["chatId"]))

    def contact_of(self, handset: Handset, bot: str, *, like: Json | None = None) -> Json:
        """Return how the phone shows itself to the bot: as in the contact `like`, else as the phone is set."""
        anonymous = handset.anonymous if like is None else "userContact" not in like
        return {"chatId": self.chat_id(bot, handset.number)} if anonymous else {"userContact": handset.number}


def time(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and Z."""
    return stamp(at.replace(microsecond=0)).removesuffix("Z") + f".{at.microsecond // 1000:03d}Z"
