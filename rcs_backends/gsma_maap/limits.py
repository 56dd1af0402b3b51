"""The limits of a MaaP platform, by which content is checked before it is sent.

Sources, read in November 2026: GSMA RCC.07 v10 (table 67 and section 3.6.10), RCC.71 v2.2 (section 15). They define
neither the length of a text nor what newer platforms allow; two options set those limits.
"""

import mimetypes
from collections.abc import Iterator
from functools import cache
from urllib.parse import urlsplit

from rcs_router.content import Card, Carousel, Content, Media
from rcs_router.content.limits import Limits

LIMITS = Limits(
    provider="GSMA MaaP",
    as_of="2026-11",
    source="GSMA RCC.07 v10 (table 67, 3.6.10) and RCC.71 v2.2 (section 15)",
    most={
        "text": 2500,  # of one vendor; GSMA defines none. Option max_text
        "label": 25,
        "postback": 2048,
        "title": 200,
        "description": 2000,
        "alt": 200,
        "suggestions": 11,
        "card suggestions": 4,
        "cards": 10,  # 12 in newer schemas. Option max_cards
        "subject": 60,
        "place": 100,
        "map query": 200,
        "event title": 100,
        "event description": 500,
        "compose text": 100,
        "location label": 200,
        "message": 250_000,  # "250 KB" may mean 256,000
    },
)
# Types that Python does not know without the system's list.
_MORE = {".amr": "audio/amr", ".m4a": "audio/mp4", ".webp": "image/webp", ".3gp": "video/3gpp"}


def media_problems(content: Content) -> Iterator[str]:
    """Yield a problem for each card medium whose type is unknown, or is not one that cards show."""
    if isinstance(content, Card) and content.media:
        yield from _media("media.", content.media)
    elif isinstance(content, Carousel):
        for index, card in enumerate(content.cards):
            if card.media:
                yield from _media(f"cards[{index}].media.", card.media)


def _media(path: str, media: Media) -> Iterator[str]:
    yield from _type(
        f"{path}media_type", media_type(media.url, media.media_type), ("image", "video", "audio")
    )
    if media.thumbnail_url:
        yield from _type(
            f"{path}thumbnail_type", media_type(media.thumbnail_url, media.thumbnail_type), ("image",)
        )


def _type(path: str, value: str, kinds: tuple[str, ...]) -> Iterator[str]:
    if not value:
        yield f"{path}: {LIMITS.provider} requires it, and it cannot be guessed from the URL"
    elif value.split("/")[0] not in kinds:
        yield f"{path}: {value}, {LIMITS.provider} shows {', '.join(kinds)}"


def media_type(url: str | None, given: str = "") -> str:
    """Return the given type, or the one that the URL's extension implies, such as image/jpeg, or an empty string."""
    return given or _types().guess_type(urlsplit(url or "").path)[0] or ""


@cache
def _types() -> mimetypes.MimeTypes:
    """Return Python's own list, so that a type does not depend on the system."""
    types = mimetypes.MimeTypes()
    for ending, name in _MORE.items():
        types.add_type(name, ending)
    return types
