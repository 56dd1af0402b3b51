"""What Google's side remembers: ids that were used, messages that were sent, files that were given to it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rcs_backends.emulator.phones import Json, Message, now

FILE_LIFE = timedelta(days=60)


@dataclass(slots=True)
class StoredFile:
    """A file given to Google: its bytes, or the address where it lies."""

    agent: str
    media_type: str
    content: bytes = b""
    url: str = ""
    thumbnail: str = ""
    at: datetime = field(default_factory=now)

    def expired(self) -> bool:
        """Google keeps a file for 60 days (reference/rest/v1/files/create)."""
        return now() - self.at > FILE_LIFE


@dataclass(slots=True)
class GoogleStore:
    """Get it with `world.store(GoogleStore)`."""

    answers: dict[tuple[str, str], Json] = field(default_factory=dict)  # by agent and message or event id
    messages: dict[tuple[str, str], Message] = field(default_factory=dict)  # likewise
    user_ids: set[tuple[str, str]] = field(default_factory=set)  # (number, id) of what people said
    files: dict[str, StoredFile] = field(default_factory=dict)  # by their names files/…
