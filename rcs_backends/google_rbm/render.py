"""Render an Outbound as the JSON of Google's AgentMessage.

Source: reference/rest/v1/phones.agentMessages (AgentMessage, AgentContentMessage, RichCard, Suggestion).
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from rcs_backends.payload import merged
from rcs_router.content import (
    CalendarEvent,
    Card,
    Carousel,
    Content,
    Dial,
    File,
    Media,
    OpenUrl,
    Reply,
    RequestLocation,
    ShowLocation,
    Suggestion,
    Text,
    postback_of,
)
from rcs_router.contract import Outbound, Traffic, sorted_extra

EXTRA = frozenset({"contentMessage", "messageTrafficType"})  # what a message's `extra` may set
MAX_TTL = 15 * 24 * 3600  # seconds
TRAFFIC = {
    Traffic.AUTHENTICATION: "AUTHENTICATION",
    Traffic.TRANSACTION: "TRANSACTION",
    Traffic.PROMOTION: "PROMOTION",
    Traffic.SERVICE_REQUEST: "SERVICEREQUEST",
    Traffic.ACKNOWLEDGEMENT: "ACKNOWLEDGEMENT",
}


def agent_message(outbound: Outbound, now: datetime) -> dict[str, Any]:
    """Return the request body. `outbound.extra`, limited to EXTRA, is merged in last (RFC 7396: null removes)."""
    message: dict[str, Any] = {
        "messageTrafficType": TRAFFIC[outbound.traffic],
        "contentMessage": content_message(outbound.content),
    }
    if outbound.expires_at:
        left = int((outbound.expires_at - now).total_seconds())
        message["ttl"] = f"{min(max(left, 1), MAX_TTL)}s"
    return merged(message, sorted_extra(outbound.extra, EXTRA)[0])


def content_message(content: Content) -> dict[str, Any]:
    """Return the content's member of the union, with the suggestions below the message."""
    chips = content.chips if isinstance(content, Card) else content.suggestions
    message: dict[str, Any]
    match content:
        case Text():
            message = {"text": content.text}
        case File():
            message = _source(content)
        case Card():
            message = {"richCard": {"standaloneCard": _standalone(content)}}
        case Carousel():
            cards = [_card(card) for card in content.cards]
            message = {
                "richCard": {"carouselCard": {"cardWidth": content.width.upper(), "cardContents": cards}}
            }
        case _:
            raise ValueError(
                f"Google RBM cannot carry {type(content).__name__}: it must be fitted before rendering"
            )
    return message | _suggestions(chips)


def _standalone(card: Card) -> dict[str, Any]:
    standalone = {"cardOrientation": card.orientation.upper(), "cardContent": _card(card)}
    if card.orientation == "horizontal":  # only then is the picture beside the text
        standalone["thumbnailImageAlignment"] = card.alignment.upper()
    return standalone


def _card(card: Card) -> dict[str, Any]:
    parts = {"title": card.title, "description": card.description, "media": _media(card.media)}
    return {name: part for name, part in parts.items() if part} | _suggestions(card.suggestions)


def _media(media: Media | None) -> dict[str, Any]:
    if media is None:
        return {}
    alt = {"contentDescription": media.alt} if media.alt else {}
    return {"height": media.height.upper(), **alt, **_source(media)}


def _source(media: File | Media) -> dict[str, Any]:
    if media.uploaded:
        thumbnail = {"thumbnailName": media.uploaded_thumbnail} if media.uploaded_thumbnail else {}
        return {"uploadedRbmFile": {"fileName": media.uploaded, **thumbnail}}
    info: dict[str, Any] = {"fileUrl": media.url}
    if media.thumbnail_url:
        info["thumbnailUrl"] = media.thumbnail_url
    if media.force_refresh:
        info["forceRefresh"] = True
    return {"contentInfo": info}


def _suggestions(chips: Iterable[Suggestion]) -> dict[str, Any]:
    rendered = [_suggestion(chip) for chip in chips]
    return {"suggestions": rendered} if rendered else {}


def _suggestion(chip: Suggestion) -> dict[str, Any]:
    """Render a suggestion. Postback data is not encoded: the reference says base64, every example shows plain text."""
    common = {"text": chip.label, "postbackData": postback_of(chip)}
    if isinstance(chip, Reply):
        return {"reply": common}
    address = getattr(chip, "fallback_url", None)
    fallback = {"fallbackUrl": address} if address else {}
    return {"action": {**common, **fallback, **_action(chip)}}


def _action(chip: Suggestion) -> dict[str, Any]:
    match chip:
        case OpenUrl():
            return {"openUrlAction": _open_url(chip)}
        case Dial():
            return {"dialAction": {"phoneNumber": chip.phone}}
        case ShowLocation():
            return {"viewLocationAction": _location(chip)}
        case RequestLocation():
            return {"shareLocationAction": {}}
        case CalendarEvent():
            return {"createCalendarEventAction": _event(chip)}
    raise ValueError(f"Google RBM has no {type(chip).__name__}: it must be fitted before rendering")


def _location(chip: ShowLocation) -> dict[str, Any]:
    if chip.query:
        return {"query": chip.query}
    label = {"label": chip.place} if chip.place else {}
    return {"latLong": {"latitude": chip.latitude, "longitude": chip.longitude}, **label}


def _open_url(chip: OpenUrl) -> dict[str, Any]:
    description = {"description": chip.description} if chip.description else {}
    view = {"webviewViewMode": chip.webview_size.upper()} if chip.application == "webview" else {}
    return {"url": chip.url, "application": chip.application.upper(), **view, **description}


def _event(chip: CalendarEvent) -> dict[str, Any]:
    description = {"description": chip.description} if chip.description else {}
    return {"startTime": _time(chip.start), "endTime": _time(chip.end), "title": chip.title, **description}


def _time(at: datetime) -> str:
    """Format a time as RFC 3339 in UTC, as proto-JSON writes a Timestamp."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
