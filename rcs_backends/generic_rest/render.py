"""Build the message of a request, in our names of its fields.

Text, card and media are as in the guide "RCS API Integration". It shows no more; the rest follows its pattern.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from rcs_router.content import (
    CalendarEvent,
    Card,
    Carousel,
    Content,
    Dial,
    File,
    Form,
    FormField,
    Media,
    OpenUrl,
    Reply,
    RequestLocation,
    SendPostback,
    ShowLocation,
    Suggestion,
    Text,
    postback_of,
)
from rcs_router.content.forms import postback_of_form


def message(content: Content) -> dict[str, Any]:
    """Return the value of `message`: the content's own object, and the suggestions below it."""
    chips = content.chips if isinstance(content, Card) else content.suggestions
    return _said(content) | _suggestions(chips)


def _said(content: Content) -> dict[str, Any]:
    match content:
        case Text():
            return {"text": content.text}
        case File():
            return {"file": _file(content)}
        case Card():
            return _beside(content.text) | {"richCard": {"standaloneCard": _standalone(content)}}
        case Carousel():
            cards = [_card(card) for card in content.cards]
            carousel = {"cardWidth": content.width.upper(), "cardContents": cards}
            return _beside(content.text) | {"richCard": {"carouselCard": carousel}}
        case Form():
            return _beside(content.text) | {"form": _form(content)}
    raise ValueError(f"the API has no {type(content).__name__}; content must be fitted before it is rendered")


def _beside(text: str) -> dict[str, Any]:
    """Return the text beside a card, which the guide's own example has, too."""
    return {"text": text} if text else {}


def _file(file: File) -> dict[str, Any]:
    described = {
        "thumbnailFileName": file.thumbnail_name,
        "fileName": file.name,
        "mimeType": file.media_type,
    }
    return _source(file) | {name: value for name, value in described.items() if value}


def _source(media: File | Media) -> dict[str, Any]:
    thumbnail = {"thumbnailUrl": media.thumbnail_url} if media.thumbnail_url else {}
    return {"contentUrl": media.url, **thumbnail, "forceRefresh": media.force_refresh}


def _standalone(card: Card) -> dict[str, Any]:
    """Return a single card. A vertical one does not name its orientation, as in the guide's example."""
    if card.orientation == "vertical":
        return {"cardContent": _card(card)}
    turned = {"cardOrientation": "HORIZONTAL", "thumbnailImageAlignment": card.alignment.upper()}
    return {**turned, "cardContent": _card(card)}


def _card(card: Card) -> dict[str, Any]:
    media = {"height": card.media.height.upper(), **_source(card.media)} if card.media else None
    parts = {"media": media, "title": card.title, "description": card.description}
    return {name: part for name, part in parts.items() if part} | _suggestions(card.suggestions)


def _form(form: Form) -> dict[str, Any]:
    return {
        "id": form.name,
        "title": form.title,
        "fields": [_field(field) for field in form.fields],
        "submitText": form.submit,
        "postbackData": postback_of_form(form),
    }


def _field(field: FormField) -> dict[str, Any]:
    options = {"options": list(field.options)} if field.options else {}
    asked = {"name": field.name, "label": field.label, "type": field.type, "required": field.required}
    return {**asked, **options}


def _suggestions(chips: Iterable[Suggestion]) -> dict[str, Any]:
    rendered = [_suggestion(chip) for chip in chips]
    return {"suggestions": rendered} if rendered else {}


def _suggestion(chip: Suggestion) -> dict[str, Any]:
    common = {"text": chip.label, "postbackData": postback_of(chip)}
    return {"reply": common} if isinstance(chip, Reply) else {"action": {**common, **_action(chip)}}


def _action(chip: Suggestion) -> dict[str, Any]:
    match chip:
        case SendPostback():  # the only suggestion that the guide shows
            return {}
        case OpenUrl():
            return {"openUrlAction": _open_url(chip)}
        case Dial():
            return {"dialAction": {"phoneNumber": chip.phone}}
        case ShowLocation():
            return {"viewLocationAction": _place(chip)}
        case RequestLocation():
            return {"shareLocationAction": {}}
        case CalendarEvent():
            return {"createCalendarEventAction": _event(chip)}
    raise ValueError(f"the API has no {type(chip).__name__}; content must be fitted before it is rendered")


def _open_url(chip: OpenUrl) -> dict[str, Any]:
    """Return the action that opens a page; only a webview is named, because a browser is the default."""
    description = {"description": chip.description} if chip.description else {}
    if chip.application == "browser":
        return {"url": chip.url, **description}
    mode = chip.webview_size.upper()
    return {"url": chip.url, "application": "WEBVIEW", "webviewViewMode": mode, **description}


def _place(chip: ShowLocation) -> dict[str, Any]:
    if chip.query:
        return {"query": chip.query}
    label = {"label": chip.place} if chip.place else {}
    return {"latLong": {"latitude": chip.latitude, "longitude": chip.longitude}, **label}


def _event(chip: CalendarEvent) -> dict[str, Any]:
    description = {"description": chip.description} if chip.description else {}
    return {"startTime": _time(chip.start), "endTime": _time(chip.end), "title": chip.title, **description}


def _time(at: datetime) -> str:
    """Return the time as the API writes all times: RFC 3339, in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
