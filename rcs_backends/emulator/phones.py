"""Phones and what they show. The providers' packages fill them, the control API reads them as JSON."""

import mimetypes
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

FEATURES = (  # what a current Android phone reports (developers.google.com, guides/build/capabilities)
    "RICHCARD_STANDALONE",
    "RICHCARD_CAROUSEL",
    "ACTION_CREATE_CALENDAR_EVENT",
    "ACTION_DIAL",
    "ACTION_OPEN_URL",
    "ACTION_SHARE_LOCATION",
    "ACTION_VIEW_LOCATION",
    "ACTION_OPEN_URL_IN_WEBVIEW",
)
UNSEEN = ("number", "location", "ledger_id", "submitted", "report")  # of a message in the control API
TYPING_SECONDS = 20  # how long a phone shows that the agent is typing (guides/build/events/send-events)


def now() -> datetime:
    """Return the time, aware and in UTC. The emulator takes every time it sends from here."""
    return datetime.now(UTC)


def stamp(at: datetime) -> str:
    """Write a time by RFC 3339 in UTC with 0 or 6 fractional digits, as proto-JSON writes it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def guessed_type(url: str) -> str:
    """Return the media type that the name in an address suggests; empty for an unknown one."""
    return mimetypes.guess_type(url.partition("?")[0])[0] or ""


@dataclass(slots=True)
class Suggestion:
    """A chip or a card's button. `kind`, and what its `detail` may hold:

    reply, action (a button that only sends its postback), request_location, request_device_specifics,
    disable_anonymization, enable_displayed_notifications: nothing;
    open_url: url, application (browser, webview), view_mode (full, half, tall), description, fallback_url;
    dial: phone, mode (voice, enriched, video), subject, fallback_url;
    show_location: latitude, longitude and label, or query; fallback_url;
    calendar_event: start, end (RFC 3339), title, description, fallback_url;
    compose_text: phone, text; compose_recording: phone, type (audio, video).
    """

    label: str
    kind: str
    postback: str
    detail: Json
    tapped: bool = False


@dataclass(slots=True)
class Media:
    """A picture, video, sound or document: `height` is short, medium, tall, or empty outside of cards. `size` in bytes
    and playing length in `seconds` are 0 where nobody gave them.
    """

    url: str
    thumbnail: str = ""
    thumbnail_name: str = ""
    height: str = ""
    alt: str = ""
    media_type: str = ""
    name: str = ""
    size: int = 0
    seconds: int = 0


@dataclass(slots=True)
class Card:
    title: str = ""
    description: str = ""
    media: Media | None = None
    orientation: str = "vertical"
    alignment: str = "left"
    suggestions: list[Suggestion] = field(default_factory=list)


@dataclass(slots=True)
class Message:
    """One bubble. `kind`: text, card, carousel, file and audio (`media`), location (`text` is its label) or form.

    `form`: {"id", "title", "text", "submit", "postback", "fields": [{"name", "label", "type", "required", "options"}]}
    with types text, number, email, phone, date, select (`options`: a list of strings) and checkbox; "answer" is added
    when the person has filled it in. `report` tells the provider what became of the message: submitted,
    delivered, read or expired.
    """

    id: str
    provider: str
    agent: str
    number: str
    direction: str = "in"
    channel: str = "rcs"
    kind: str = "text"
    text: str = ""
    cards: list[Card] = field(default_factory=list)
    card_width: str = "medium"
    media: Media | None = None
    suggestions: list[Suggestion] = field(default_factory=list)
    location: tuple[float, float] | None = None
    form: Json | None = None
    state: str = "waiting"
    at: datetime = field(default_factory=now)
    expires_at: datetime | None = None
    traffic: str = ""
    doubles: int = 0
    ledger_id: str = ""  # the same for requests that ask for the same thing
    submitted: bool = False  # the network has it
    report: Callable[["Message", str], None] | None = None

    def all_suggestions(self) -> list[Suggestion]:
        """Return all suggestions in reading order: the cards' buttons, then the chips."""
        return [one for card in self.cards for one in card.suggestions] + self.suggestions

    def taken(self) -> None:
        """Note that the client has taken what the person says."""
        self.state = "delivered" if self.state == "waiting" else self.state

    def tell(self, event: str) -> None:
        if self.report:
            self.report(self, event)

    def as_json(self) -> Json:
        shown = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in UNSEEN}
        latitude, longitude = self.location or (None, None)
        return shown | {
            "cards": [asdict(card) for card in self.cards],
            "media": asdict(self.media) if self.media else None,
            "suggestions": [asdict(suggestion) for suggestion in self.suggestions],
            "latitude": latitude,
            "longitude": longitude,
            "at": stamp(self.at),
            "expires_at": stamp(self.expires_at) if self.expires_at else None,
        }


@dataclass(slots=True)
class Handset:
    """One phone. `waiting` holds, in order, the ids of what reaches it when it is back. `anonymous`: wires that have
    such a thing give the client a token instead of the number.
    """

    number: str
    name: str = ""
    rcs: bool = True
    online: bool = True
    anonymous: bool = False
    features: list[str] = field(default_factory=lambda: list(FEATURES))
    unsubscribed: bool = False
    unread: int = 0
    typing_until: float = 0.0  # by time.monotonic()
    messages: dict[str, Message] = field(default_factory=dict)  # by id, oldest first
    waiting: dict[str, Message] = field(default_factory=dict)

    def reachable(self, channel: str) -> bool:
        """Return whether the phone can get something now: an RCS message needs a phone that is on and has RCS."""
        return self.online and (self.rcs or channel == "sms")

    def show_typing(self) -> None:
        """Show that the agent types. It does not reach an offline phone: this event is not queued."""
        if self.online:
            self.typing_until = time.monotonic() + TYPING_SECONDS

    def newest(self) -> Message | None:
        """Return the newest message that the phone shows."""
        shown = (
            m
            for m in reversed(self.messages.values())
            if m.direction == "out" or m.state in ("delivered", "read")
        )
        return next(shown, None)

    def as_json(self) -> Json:
        shown = ("number", "name", "rcs", "online", "anonymous", "features", "unsubscribed", "unread")
        typing = time.monotonic() < self.typing_until
        return {name: getattr(self, name) for name in shown} | {"agent_typing": typing}
