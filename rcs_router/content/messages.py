"""The contents of messages: built by the caller, stored as JSON, rendered by a backend or as plain text."""

import json
from operator import not_
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticSerializationError

from rcs_router.content.base import (
    CONFIG,
    SUGGESTION_TAGS,
    AwareTime,
    Label,
    Latitude,
    Longitude,
    Several,
    raises_content_error,
    translated,
    with_content_error,
)
from rcs_router.content.characters import first_problem
from rcs_router.content.forms import Form
from rcs_router.content.media import Audio, File, Media
from rcs_router.content.suggestions import Suggestions
from rcs_router.errors import ContentError


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class Text:
    """Plain text with a row of chips below it."""

    text: Label
    suggestions: Suggestions = ()
    type: Literal["text"] = Field(default="text", kw_only=True, repr=False)


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class Card:
    """A rich card with at least a title, a description or media. `alignment`: the side of a horizontal card's picture.

    `text` is shown beside the card, in a bubble of its own; without support it becomes part of the description.
    """

    title: str = ""
    description: str = ""
    media: Media | None = None
    suggestions: Suggestions = ()
    orientation: Literal["vertical", "horizontal"] = Field(default="vertical", kw_only=True)
    alignment: Literal["left", "right"] = Field(default="left", kw_only=True)
    chips: Suggestions = Field(
        default=(), kw_only=True
    )  # the row of chips below the card, besides its own buttons
    # not stored where empty: workers of the previous release refuse unknown names
    text: str = Field(default="", kw_only=True, exclude_if=not_)
    type: Literal["card"] = Field(default="card", kw_only=True, repr=False)

    def __post_init__(self) -> None:
        if not (self.title.strip() or self.description.strip() or self.media):
            raise ValueError("a card needs a title, a description or media")
        if (
            self.orientation == "horizontal"
            and self.media
            and not (self.title or self.description or self.suggestions)
        ):
            raise ValueError("a horizontal card with media needs a title, a description or suggestions")


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class Carousel:
    """Cards to swipe through, all with the same `width`, and a row of chips (`suggestions`) below them.

    `text` is shown beside the cards; without support it becomes part of the first card's description.
    """

    cards: Annotated[Several[Card], Field(min_length=2)]
    suggestions: Suggestions = ()
    width: Literal["small", "medium"] = Field(default="medium", kw_only=True)
    text: str = Field(default="", kw_only=True, exclude_if=not_)
    type: Literal["carousel"] = Field(default="carousel", kw_only=True, repr=False)


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class Location:
    """A place: degrees and a `label`. Native where the provider supports it, else text with a map link.

    `radius`: metres, for a circle instead of a point. `at` and `expires_at` (aware): when the position was taken, and
    until when the phone may keep it.
    """

    latitude: Latitude
    longitude: Longitude
    label: str = ""
    radius: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(default=None, kw_only=True)
    at: AwareTime | None = Field(default=None, kw_only=True)
    expires_at: AwareTime | None = Field(default=None, kw_only=True)
    suggestions: Suggestions = Field(default=(), kw_only=True)
    type: Literal["location"] = Field(default="location", kw_only=True, repr=False)


Content = Text | File | Audio | Location | Card | Carousel | Form
_ADAPTER: TypeAdapter[Content] = TypeAdapter(Annotated[Content, Field(discriminator="type")])
_TAGS = SUGGESTION_TAGS | {"text", "file", "audio", "location", "card", "carousel", "form"}


def dump(content: Content) -> dict[str, Any]:
    """Return the content as JSON data for the database and the API; `load` reads it. Raises ContentError."""
    try:
        data: dict[str, Any] = _ADAPTER.dump_python(content, mode="json")
    except PydanticSerializationError:
        found = first_problem(_ADAPTER.dump_python(content))
        raise ContentError(*(found or ("", "a text is broken"))) from None
    if found := first_problem(data):
        raise ContentError(*found)
    return data


def load(data: Any, *, strict: bool = False) -> Content:
    """Return JSON data as content. Raises ContentError with the path. `strict`: "1" is not a number, as in JSON."""

    def read() -> Content:
        if strict:
            return _ADAPTER.validate_json(json.dumps(data), strict=True)
        return _ADAPTER.validate_python(data)

    content: Content = with_content_error(read, tags=_TAGS)
    return content


def as_content(value: "Content | str") -> Content:
    """Return the content that a caller gave to `send()`; a string, also a lazily translated one, becomes a Text."""
    value = translated(value)
    if isinstance(value, str):
        return Text(value)
    if not isinstance(value, Content):
        raise ContentError(
            "", f"content must be a str or one of rcs_router.content, not {type(value).__name__}"
        )
    return value


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of every content, for the REST API and for forms."""
    return _ADAPTER.json_schema()
