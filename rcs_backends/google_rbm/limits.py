"""Content → what Google RBM would refuse in it, found before anything is sent. The table is the documentation's.

Sources, read in November 2026, below developers.google.com/business-communications/rcs-business-messaging/:
guides/build/messages/send, guides/learn/rich-cards, reference/rest/v1/phones.agentMessages.
"""

from collections.abc import Iterator

from rcs_router.content import (
    CalendarEvent,
    Card,
    Carousel,
    Content,
    File,
    Location,
    Media,
    OpenUrl,
    Reply,
    Suggestion,
    Text,
)

AS_OF = "2026-11"
LIMITS = {
    "text": 3072,  # characters; whether code points or UTF-16 units is not documented: code points here
    "label": 25,
    "postback": 2048,
    "url": 2048,  # of an action and its fallback; none is given for media
    "title": 200,
    "description": 2000,
    "event title": 100,
    "event description": 500,
    "suggestions": 11,  # chips below a message
    "card suggestions": 4,  # buttons of a card; an old client library says 10
    "cards": 10,
    "message": 250_000,  # bytes of JSON; "250 KB" may mean 256,000
}


def problems(content: Content) -> Iterator[str]:
    """What breaks a limit, as `path: problem` lines. The size of the whole message is the renderer's to know."""
    match content:
        case Text():
            yield from _long("text", content.text, "text")
            yield from _chips("suggestions", content.suggestions, "suggestions")
        case File():
            yield from _thumbnail("", content)
            yield from _chips("suggestions", content.suggestions, "suggestions")
        case Location():
            yield from _long("label", content.label, "text")
            yield from _chips("suggestions", content.suggestions, "suggestions", taken=1)
        case Card():
            yield from _card("", content)
            yield from _chips("chips", content.chips, "suggestions")
        case Carousel():
            yield from _carousel(content)


def too_big(size: int) -> Iterator[str]:
    """`size`: bytes of the message's JSON."""
    if size > LIMITS["message"]:
        yield f"message: {size} bytes of JSON, Google RBM allows {LIMITS['message']}"


def _carousel(content: Carousel) -> Iterator[str]:
    yield from _many("cards", len(content.cards), "cards", "cards")
    for index, card in enumerate(content.cards):
        yield from _card(f"cards[{index}].", card)
        if card.chips:
            yield f"cards[{index}].chips: a carousel has one row of chips: its own suggestions"
        if card.orientation == "horizontal":
            yield f"cards[{index}].orientation: cards of a carousel are vertical"
        if content.width == "small" and card.media and card.media.height == "tall":
            yield f"cards[{index}].media.height: tall does not fit in a carousel of small cards"
    yield from _chips("suggestions", content.suggestions, "suggestions")


def _card(path: str, card: Card) -> Iterator[str]:
    yield from _long(f"{path}title", card.title, "title")
    yield from _long(f"{path}description", card.description, "description")
    if card.media:
        yield from _thumbnail(f"{path}media.", card.media)
    yield from _chips(f"{path}suggestions", card.suggestions, "card suggestions")


def _thumbnail(path: str, media: File | Media) -> Iterator[str]:
    if media.uploaded and media.thumbnail_url:
        yield f"{path}thumbnail_url: an uploaded file takes an uploaded_thumbnail"
    if media.url and media.uploaded_thumbnail:
        yield f"{path}uploaded_thumbnail: a file by url takes a thumbnail_url"


def _chips(path: str, chips: tuple[Suggestion, ...], limit: str, taken: int = 0) -> Iterator[str]:
    """`taken`: chips that the renderer adds itself."""
    yield from _many(
        path, len(chips) + taken, limit, "suggestions, the map's own included" if taken else "suggestions"
    )
    for index, chip in enumerate(chips):
        yield from _chip(f"{path}[{index}].", chip)


def _chip(path: str, chip: Suggestion) -> Iterator[str]:
    yield from _long(f"{path}label", chip.label, "label")
    yield from _long(f"{path}postback", chip.postback, "postback")
    if not isinstance(chip, Reply):
        yield from _long(f"{path}fallback_url", chip.fallback_url or "", "url")
    if isinstance(chip, OpenUrl):
        yield from _long(f"{path}url", chip.url, "url")
    if isinstance(chip, CalendarEvent):
        yield from _long(f"{path}title", chip.title, "event title")
        yield from _long(f"{path}description", chip.description, "event description")


def _long(path: str, value: str, limit: str) -> Iterator[str]:
    yield from _many(path, len(value), limit, "characters")


def _many(path: str, count: int, limit: str, unit: str) -> Iterator[str]:
    if count > LIMITS[limit]:
        yield f"{path}: {count} {unit}, Google RBM allows {LIMITS[limit]}"
