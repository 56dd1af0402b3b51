"""The chips of a message: built by the caller, rendered by a backend, or turned into numbered options and links."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from rcs_router.content.base import (
    CONFIG,
    Label,
    Latitude,
    Longitude,
    Phone,
    Postback,
    Several,
    Time,
    Url,
    raises_content_error,
)


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class Reply:
    """A suggested answer: tapping it sends `label` as text and `postback` as data (default: the label)."""

    label: Label
    postback: Postback = ""
    type: Literal["reply"] = Field(default="reply", kw_only=True, repr=False)


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class SendPostback:
    """A button that sends only its `postback` (default: the label): the conversation shows no answer.

    It becomes a Reply for providers without such a button.
    """

    label: Label
    postback: Postback = ""
    type: Literal["send_postback"] = Field(default="send_postback", kw_only=True, repr=False)


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class OpenUrl:
    """Opens `url` in the phone's browser, or in a webview of size full, half or tall where the phone can."""

    label: Label
    postback: Postback = ""
    url: Url = Field(kw_only=True)
    application: Literal["browser", "webview"] = Field(default="browser", kw_only=True)
    webview_size: Literal["full", "half", "tall"] = Field(default="full", kw_only=True)
    description: str = Field(default="", kw_only=True)  # the screen reader's text for the webview
    fallback_url: Url | None = Field(default=None, kw_only=True)
    type: Literal["open_url"] = Field(default="open_url", kw_only=True, repr=False)


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class Dial:
    """Opens the dialler with `phone`: digits, `+`, `*` and `#`, so that short codes work too.

    `mode`: a voice call; an enriched call, which shows its `subject` while the phone rings; or a video call.
    """

    label: Label
    postback: Postback = ""
    phone: Phone = Field(kw_only=True)
    mode: Literal["voice", "enriched", "video"] = Field(default="voice", kw_only=True)
    subject: str = Field(default="", kw_only=True)
    fallback_url: Url | None = Field(default=None, kw_only=True)
    type: Literal["dial"] = Field(default="dial", kw_only=True, repr=False)

    def __post_init__(self) -> None:
        if self.subject and self.mode != "enriched":
            raise ValueError("only an enriched call has a subject")


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class ShowLocation:
    """Shows a place on the phone's map.

    `latitude` and `longitude` in degrees with an optional `place` name, or a search text (`query`), which finds the
    nearest match.
    """

    label: Label
    postback: Postback = ""
    latitude: Latitude | None = Field(default=None, kw_only=True)
    longitude: Longitude | None = Field(default=None, kw_only=True)
    place: str = Field(default="", kw_only=True)
    query: str = Field(default="", kw_only=True)
    fallback_url: Url | None = Field(default=None, kw_only=True)
    type: Literal["show_location"] = Field(default="show_location", kw_only=True, repr=False)

    def __post_init__(self) -> None:
        given = [self.latitude is not None, self.longitude is not None]
        if any(given) != all(given) or all(given) == bool(self.query.strip()):
            raise ValueError("needs either latitude and longitude, or query")
        if self.query and self.place:
            raise ValueError("place names a position, not a query")


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class RequestLocation:
    """Asks for the phone's position; the answer is an incoming location."""

    label: Label
    postback: Postback = ""
    fallback_url: Url | None = Field(default=None, kw_only=True)
    type: Literal["request_location"] = Field(default="request_location", kw_only=True, repr=False)


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class CalendarEvent:
    """Adds an event to the phone's calendar. Times must be aware, and the end must be after the start."""

    label: Label
    postback: Postback = ""
    start: Time = Field(kw_only=True)
    end: Time = Field(kw_only=True)
    title: Annotated[str, Field(min_length=1)] = Field(kw_only=True)
    description: str = Field(default="", kw_only=True)
    fallback_url: Url | None = Field(default=None, kw_only=True)
    type: Literal["calendar_event"] = Field(default="calendar_event", kw_only=True, repr=False)

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("start and end need a time zone")
        if self.end <= self.start:
            raise ValueError("end must lie after start")


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class ComposeText:
    """Opens a message to `phone` with `text` in it, ready to be sent."""

    label: Label
    postback: Postback = ""
    phone: Phone = Field(kw_only=True)
    text: str = Field(kw_only=True)
    type: Literal["compose_text"] = Field(default="compose_text", kw_only=True, repr=False)


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class ComposeRecording:
    """Opens a message to `phone` and records: `media` is audio or video."""

    label: Label
    postback: Postback = ""
    phone: Phone = Field(kw_only=True)
    media: Literal["audio", "video"] = Field(default="audio", kw_only=True)
    type: Literal["compose_recording"] = Field(default="compose_recording", kw_only=True, repr=False)


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class RequestDeviceSpecifics:
    """Asks for the phone's model, platform and battery; the answer is an incoming message of kind `device`."""

    label: Label
    postback: Postback = ""
    type: Literal["request_device_specifics"] = Field(
        default="request_device_specifics", kw_only=True, repr=False
    )


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class DisableAnonymization:
    """Asks a person with an anonymous token for their number; the answer links both to one contact."""

    label: Label
    postback: Postback = ""
    type: Literal["disable_anonymization"] = Field(default="disable_anonymization", kw_only=True, repr=False)


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class EnableDisplayedNotifications:
    """Asks to be told when messages are read."""

    label: Label
    postback: Postback = ""
    type: Literal["enable_displayed_notifications"] = Field(
        default="enable_displayed_notifications", kw_only=True, repr=False
    )


Suggestion = Annotated[
    Reply
    | SendPostback
    | OpenUrl
    | Dial
    | ShowLocation
    | RequestLocation
    | CalendarEvent
    | ComposeText
    | ComposeRecording
    | RequestDeviceSpecifics
    | DisableAnonymization
    | EnableDisplayedNotifications,
    Field(discriminator="type"),
]
Suggestions = Several[Suggestion]


def postback_of(suggestion: Suggestion) -> str:
    """Return the data that comes back when this chip is tapped: its postback, else its label."""
    return suggestion.postback or suggestion.label
