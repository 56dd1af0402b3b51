"""What the platform remembers: messages with their status, what people said, who hides behind a chatId, and files."""

from dataclasses import dataclass, field
from datetime import datetime

from rcs_backends.emulator.phones import Json, Message, now, stamp


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
    said: dict[tuple[str, str], Message] = field(
        default_factory=dict
    )  # by message id, what people wrote and tapped
    copies: dict[str, int] = field(default_factory=dict)  # how often the same message was asked for
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)  # (bot, number) → chatId
    numbers: dict[tuple[str, str], str] = field(default_factory=dict)  # (bot, chatId) → number
    wants_displayed: set[tuple[str, str]] = field(
        default_factory=set
    )  # (bot, number), by enableDisplayedNotifications
    files: dict[str, StoredFile] = field(default_factory=dict)  # by file id


def time(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and Z."""
    return stamp(at.replace(microsecond=0)).removesuffix("Z") + f".{at.microsecond // 1000:03d}Z"
