"""The chips of a message: built by the caller, rendered by a backend, or turned into numbered options and links."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from rcs_router.content.base import CONFIG, Label, Latitude, Longitude, Postback, Url, raises_content_error


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class Reply:
    """A suggested answer: tapping it sends `label` as text and `postback` as data (default: the label)."""

    label: Label
    postback: Postback = ""
    type: Literal["reply"] = Field(default="reply", kw_only=True, repr=False)


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class OpenUrl:
    """Opens `url` in the phone's browser, or in a webview of size full, half or tall where the phone can."""

    label: Label
    postback: Postback = ""
    url: Url = Field(kw_only=True)
    application: Literal["browser", "webview"] = Field(default="browser", kw_only=True)
    webview_size: Literal["full", "half", "tall"] = Field(default="full", kw_only=True)
    description: str = Field(default="", kw_only=True)  # what a screen reader says of the webview
    fallback_url: Url | None = Field(default=None, kw_only=True)
    type: Literal["open_url"] = Field(default="open_url", kw_only=True, repr=False)


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class Dial:
    """Opens the dialler with `phone`: digits, `+`, `*` and `#`, so that short codes work too."""

    label: Label
    postback: Postback = ""
    phone: Annotated[str, Field(pattern=r"^\+?[0-9*#]+$", max_length=40)] = Field(kw_only=True)
    fallback_url: Url | None = Field(default=None, kw_only=True)
    type: Literal["dial"] = Field(default="dial", kw_only=True, repr=False)


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class ShowLocation:
    """Shows a place on the phone's map: `latitude` and `longitude` in degrees, with an optional `place` name."""

    label: Label
    postback: Postback = ""
    latitude: Latitude = Field(kw_only=True)
    longitude: Longitude = Field(kw_only=True)
    place: str = Field(default="", kw_only=True)
    fallback_url: Url | None = Field(default=None, kw_only=True)
    type: Literal["show_location"] = Field(default="show_location", kw_only=True, repr=False)


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
    """Adds an event to the phone's calendar. Times must know their time zone; the end lies after the start."""

    label: Label
    postback: Postback = ""
    start: datetime = Field(kw_only=True)
    end: datetime = Field(kw_only=True)
    title: Annotated[str, Field(min_length=1)] = Field(kw_only=True)
    description: str = Field(default="", kw_only=True)
    fallback_url: Url | None = Field(default=None, kw_only=True)
    type: Literal["calendar_event"] = Field(default="calendar_event", kw_only=True, repr=False)

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("start and end need a time zone")
        if self.end <= self.start:
            raise ValueError("end must lie after start")


Suggestion = Annotated[
    Reply | OpenUrl | Dial | ShowLocation | RequestLocation | CalendarEvent, Field(discriminator="type")
]
Suggestions = tuple[Suggestion, ...]


def postback_of(suggestion: Suggestion) -> str:
    """The data that comes back when this chip is tapped: its postback, else its label."""
    return suggestion.postback or suggestion.label
