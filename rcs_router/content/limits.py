"""Check a content against a provider's dated table of limits, before anything is sent."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rcs_router.content.forms import Form
from rcs_router.content.media import Audio, File, Media
from rcs_router.content.messages import Card, Carousel, Content, Location, Text
from rcs_router.content.suggestions import (
    CalendarEvent,
    ComposeText,
    Dial,
    OpenUrl,
    Reply,
    ShowLocation,
    Suggestion,
)

# What a table may limit. Characters are code points.
NAMES = {
    "text": "characters of a text",
    "label": "characters of a chip's label",
    "postback": "characters of a chip's postback",
    "url": "characters of a chip's address and its fallback",
    "title": "characters of a card's title",
    "description": "characters of a card's description",
    "alt": "characters that describe a picture to a screen reader",
    "suggestions": "chips below a message",
    "card suggestions": "buttons of a card",
    "cards": "cards of a carousel",
    "subject": "characters of an enriched call's subject",
    "place": "characters of a place's name on a chip",
    "map query": "characters of a search on the map",
    "event title": "characters of a calendar event's title",
    "event description": "characters of a calendar event's description",
    "compose text": "characters of a prepared text",
    "location label": "characters of a location's label",
    "message": "bytes of the whole message as JSON",
}


@dataclass(frozen=True)
class Limits:
    """The limits of `provider` as of a month (2026-11), with their source. `most` leaves out what has no limit."""

    provider: str
    as_of: str
    source: str
    most: Mapping[str, int]

    def __post_init__(self) -> None:
        if strange := set(self.most) - set(NAMES):
            raise ValueError(f"no such limit: {', '.join(sorted(strange))}")

    def problems(self, content: Content) -> Iterator[str]:
        """Return what breaks a limit, as `path: problem` lines. The renderer checks the size of the whole message."""
        match content:
            case Text():
                yield from self._many("text", len(content.text), "text", "characters")
            case Location():
                yield from self._many("label", len(content.label), "location label", "characters")
            case Card():
                yield from self._long("text", content.text, "text")
                yield from self._card("", content)
                yield from self._chips("chips", content.chips, "suggestions")
            case Carousel():
                yield from self._carousel(content)
            case File():
                yield from _thumbnail("", content)
            case Form():
                yield from self._form(content)
            case Audio():
                pass
        if not isinstance(content, Card):
            yield from self._chips("suggestions", content.suggestions, "suggestions")

    def too_big(self, size: int) -> Iterator[str]:
        """Return the problem if the message's JSON has more bytes than allowed. `size`: bytes."""
        if size > self.most.get("message", size):
            yield f"message: {size} bytes of JSON, {self.provider} allows {self.most['message']}"

    def _carousel(self, content: Carousel) -> Iterator[str]:
        yield from self._long("text", content.text, "text")
        yield from self._many("cards", len(content.cards), "cards", "cards")
        for index, card in enumerate(content.cards):
            yield from self._card(f"cards[{index}].", card)
            if card.chips:
                yield f"cards[{index}].chips: a carousel has one row of chips: its own suggestions"
            if card.text:
                yield f"cards[{index}].text: a carousel has one text: its own"
            if card.orientation == "horizontal":
                yield f"cards[{index}].orientation: cards of a carousel are vertical"
            if content.width == "small" and card.media and card.media.height == "tall":
                yield f"cards[{index}].media.height: tall does not fit in a carousel of small cards"

    def _card(self, path: str, card: Card) -> Iterator[str]:
        yield from self._long(f"{path}title", card.title, "title")
        yield from self._long(f"{path}description", card.description, "description")
        if card.media:
            yield from _thumbnail(f"{path}media.", card.media)
            yield from self._long(f"{path}media.alt", card.media.alt, "alt")
        yield from self._chips(f"{path}suggestions", card.suggestions, "card suggestions")

    def _form(self, form: Form) -> Iterator[str]:
        yield from self._long("title", form.title, "title")
        yield from self._long("text", form.text, "description")
        yield from self._long("submit", form.submit, "label")
        yield from self._long("postback", form.postback, "postback")

    def _chips(self, path: str, chips: Sequence[Suggestion], limit: str) -> Iterator[str]:
        yield from self._many(path, len(chips), limit, "suggestions")
        for index, chip in enumerate(chips):
            yield from self._chip(f"{path}[{index}].", chip)

    def _chip(self, path: str, chip: Suggestion) -> Iterator[str]:
        for name, limit in (("label", "label"), ("postback", "postback"), *_OF_CHIP.get(type(chip), ())):
            yield from self._long(path + name, getattr(chip, name) or "", limit)
        yield from self._long(f"{path}fallback_url", getattr(chip, "fallback_url", "") or "", "url")

    def _long(self, path: str, value: str, limit: str) -> Iterator[str]:
        yield from self._many(path, len(value), limit, "characters")

    def _many(self, path: str, count: int, limit: str, unit: str) -> Iterator[str]:
        if count > self.most.get(limit, count):
            yield f"{path}: {count} {unit}, {self.provider} allows {self.most[limit]}"


# The fields of a chip that have limits of their own: field, limit.
_OF_CHIP: dict[type, tuple[tuple[str, str], ...]] = {
    Reply: (),
    OpenUrl: (("url", "url"),),
    Dial: (("subject", "subject"),),
    ShowLocation: (("place", "place"), ("query", "map query")),
    CalendarEvent: (("title", "event title"), ("description", "event description")),
    ComposeText: (("text", "compose text"),),
}


def _thumbnail(path: str, media: File | Media) -> Iterator[str]:
    if media.uploaded and media.thumbnail_url:
        yield f"{path}thumbnail_url: an uploaded file takes an uploaded_thumbnail"
    if media.url and media.uploaded_thumbnail:
        yield f"{path}uploaded_thumbnail: a file by url takes a thumbnail_url"
