"""Render an Outbound as the JSON of Messente's omnimessage, with one message for each channel of the chain.

Source: the models Omnimessage, Rcs, Sms, Viber and WhatsApp of Messente's Python client 2.7.0. Where they leave the
format open (calendar times), this uses that of RCS.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from rcs_backends.messente.options import MessenteOptions, Step
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
from rcs_router.contract import Outbound, sorted_extra

EXTRA = frozenset({"time_to_send", "text_store", "priority"})  # what a message's `extra` may set


def omnimessage(
    outbound: Outbound, options: MessenteOptions, webhook_url: str, now: datetime
) -> dict[str, Any]:
    """Return the request body. `outbound.extra`, limited to EXTRA, is merged in last (RFC 7396: null removes)."""
    message = {
        "to": outbound.to,
        "messages": messages(outbound, options, now),
        "dlr_url": f"{webhook_url}?id={outbound.id}" if webhook_url else "",
        "text_store": options.text_store,
        "priority": options.priority.get(outbound.traffic, ""),
    }
    extra, _ = sorted_extra(outbound.extra, EXTRA)
    return merged({name: value for name, value in message.items() if value}, extra)


def messages(outbound: Outbound, options: MessenteOptions, now: datetime) -> list[dict[str, Any]]:
    """Return each channel's message, in the order in which Messente tries them."""
    left = None if outbound.expires_at is None else int((outbound.expires_at - now).total_seconds())
    times = _times([step.validity for step in options.steps], left)
    return [_message(step, outbound) | time for step, time in zip(options.steps, times, strict=True)]


def _times(minutes: list[int | None], left: int | None) -> list[dict[str, int]]:
    """Return each channel's time: its own minutes, or its part of the `left` seconds until the message expires.

    No channel may start after the message has expired. A channel without minutes of its own gets an equal share of what
    the channels before it leave.
    """
    if left is None:
        return [{"validity": own} if own else {} for own in minutes]
    times: list[dict[str, int]] = []
    for position, own in enumerate(minutes):
        behind = len(minutes) - position - 1
        seconds = max(min(own * 60, left - behind) if own else left // (behind + 1), 1)
        times.append({"ttl": seconds})
        left -= seconds
    return times


def _message(step: Step, outbound: Outbound) -> dict[str, Any]:
    common = {"channel": step.channel, **({"sender": step.sender} if step.sender else {})}
    match step.channel:
        case "rcs":
            return common | content(outbound.content)
        case "whatsapp":
            return common | {"text": {"body": outbound.text}}
    options = {"autoconvert": step.autoconvert, "udh": step.udh}
    return common | {"text": outbound.text} | {name: value for name, value in options.items() if value}


def content(given: Content) -> dict[str, Any]:
    """Return the content as text, content_info or rich_card, with the suggestions below the message."""
    chips = given.chips if isinstance(given, Card) else given.suggestions
    message: dict[str, Any]
    match given:
        case Text():
            message = {"text": given.text}
        case File():
            message = {"content_info": _source(given)}
        case Card():
            message = {"rich_card": {"standalone_card": _standalone(given)}}
        case Carousel():
            cards = [_card(card) for card in given.cards]
            carousel = {"card_width": given.width.upper(), "card_contents": cards}
            message = {"rich_card": {"carousel_card": carousel}}
        case _:
            raise ValueError(
                f"Messente cannot carry {type(given).__name__}: it must be fitted before rendering"
            )
    return message | _suggestions(chips)


def _standalone(card: Card) -> dict[str, Any]:
    """Render a single card. Messente requires the alignment even where it has no effect."""
    return {
        "card_orientation": card.orientation.upper(),
        "thumbnail_image_alignment": card.alignment.upper(),
        "card_content": _card(card),
    }


def _card(card: Card) -> dict[str, Any]:
    parts = {"title": card.title, "description": card.description, "media": _media(card.media)}
    return {name: part for name, part in parts.items() if part} | _suggestions(card.suggestions)


def _media(media: Media | None) -> dict[str, Any]:
    return {"height": media.height.upper(), "content_info": _source(media)} if media else {}


def _source(media: File | Media) -> dict[str, Any]:
    thumbnail = {"thumbnail_url": media.thumbnail_url} if media.thumbnail_url else {}
    return {"file_url": media.url, **thumbnail, "force_refresh": media.force_refresh}


def _suggestions(chips: Iterable[Suggestion]) -> dict[str, Any]:
    rendered = [_suggestion(chip) for chip in chips]
    return {"suggestions": rendered} if rendered else {}


def _suggestion(chip: Suggestion) -> dict[str, Any]:
    common = {"text": chip.label, "postback_data": postback_of(chip)}
    if isinstance(chip, Reply):
        return {"reply": common}
    action = _action(chip)
    url = getattr(chip, "fallback_url", None)
    return {"action": {**common, **({"fallback_url": url} if url else {}), **action}}


def _action(chip: Suggestion) -> dict[str, Any]:
    match chip:
        case OpenUrl():
            return {"open_url_action": _open_url(chip)}
        case Dial():
            return {"dial_action": {"phone_number": chip.phone}}
        case ShowLocation():
            return {"view_location_action": _location(chip)}
        case RequestLocation():
            return {"share_location_action": {}}
        case CalendarEvent():
            return {"create_calendar_event_action": _event(chip)}
    raise ValueError(f"Messente has no {type(chip).__name__}: it must be fitted before rendering")


def _open_url(chip: OpenUrl) -> dict[str, Any]:
    view = {"webview_view_mode": chip.webview_size.upper()} if chip.application == "webview" else {}
    description = {"description": chip.description} if chip.description else {}
    return {"url": chip.url, "application": chip.application.upper(), **view, **description}


def _location(chip: ShowLocation) -> dict[str, Any]:
    if chip.query:
        return {"query": chip.query}
    label = {"label": chip.place} if chip.place else {}
    return {"lat_long": {"latitude": chip.latitude, "longitude": chip.longitude}, **label}


def _event(chip: CalendarEvent) -> dict[str, Any]:
    """Render a calendar event. Messente requires a description, so the title replaces a missing one."""
    return {
        "start_time": _time(chip.start),
        "end_time": _time(chip.end),
        "title": chip.title,
        "description": chip.description or chip.title,
    }


def _time(at: datetime) -> str:
    """Format a time as RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
