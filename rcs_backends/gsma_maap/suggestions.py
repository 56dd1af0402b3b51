"""Render suggestions as members of a chip list or a card, as defined by RCC.07 (table 67).

Every chip carries its postback: without one, a tapped action would not be reported to us.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from rcs_router.content import (
    CalendarEvent,
    ComposeRecording,
    ComposeText,
    Dial,
    DisableAnonymization,
    EnableDisplayedNotifications,
    OpenUrl,
    Reply,
    RequestDeviceSpecifics,
    RequestLocation,
    ShowLocation,
    Suggestion,
    postback_of,
)

ACTIONS: frozenset[type] = frozenset(
    {
        *(OpenUrl, Dial, ShowLocation, RequestLocation, CalendarEvent, ComposeText, ComposeRecording),
        *(RequestDeviceSpecifics, DisableAnonymization, EnableDisplayedNotifications),
    }
)
WITH_FALLBACK: frozenset[type] = frozenset({Dial, ShowLocation, CalendarEvent})
CALLS = {"voice": "dialPhoneNumber", "enriched": "dialEnrichedCall", "video": "dialVideoCall"}


def suggestions(chips: Iterable[Suggestion]) -> dict[str, Any]:
    """Return `{"suggestions": […]}`, or an empty dict without chips, because platforms refuse an empty list."""
    rendered = [suggestion(chip) for chip in chips]
    return {"suggestions": rendered} if rendered else {}


def suggestion(chip: Suggestion) -> dict[str, Any]:
    common = {"displayText": chip.label, "postback": {"data": postback_of(chip)}}
    if isinstance(chip, Reply):
        return {"reply": common}
    return {"action": {**_action(chip), **common}}


def _action(chip: Suggestion) -> dict[str, Any]:
    """Return one of the seven groups with one of its actions."""
    match chip:
        case OpenUrl():
            return {"urlAction": {"openUrl": {"url": chip.url}}}
        case Dial():
            return {"dialerAction": {CALLS[chip.mode]: _call(chip)}}
        case ShowLocation():
            return {"mapAction": {"showLocation": {"location": _place(chip), **_fallback(chip)}}}
        case RequestLocation():
            return {"mapAction": {"requestLocationPush": {}}}
        case CalendarEvent():
            return {"calendarAction": {"createCalendarEvent": _event(chip)}}
        case ComposeText():
            return {"composeAction": {"composeTextMessage": {"phoneNumber": chip.phone, "text": chip.text}}}
        case ComposeRecording():
            recording = {"phoneNumber": chip.phone, "type": chip.media.upper()}
            return {"composeAction": {"composeRecordingMessage": recording}}
    return _question(chip)


def _question(chip: Suggestion) -> dict[str, Any]:
    """Return an action that asks the phone for something."""
    match chip:
        case RequestDeviceSpecifics():
            return {"deviceAction": {"requestDeviceSpecifics": {}}}
        case DisableAnonymization():
            return {"settingsAction": {"disableAnonymization": {}}}
        case EnableDisplayedNotifications():
            return {"settingsAction": {"enableDisplayedNotifications": {}}}
    raise ValueError(f"GSMA MaaP has no {type(chip).__name__}")


def _call(chip: Dial) -> dict[str, Any]:
    subject = {"subject": chip.subject} if chip.subject else {}
    return {"phoneNumber": chip.phone, **subject, **_fallback(chip)}


def _place(chip: ShowLocation) -> dict[str, Any]:
    if chip.query:
        return {"query": chip.query}
    label = {"label": chip.place} if chip.place else {}
    return {"latitude": chip.latitude, "longitude": chip.longitude, **label}


def _event(chip: CalendarEvent) -> dict[str, Any]:
    description = {"description": chip.description} if chip.description else {}
    times = {"startTime": date_time(chip.start), "endTime": date_time(chip.end)}
    return {**times, "title": chip.title, **description, **_fallback(chip)}


def _fallback(chip: Dial | ShowLocation | CalendarEvent) -> dict[str, Any]:
    return {"fallbackUrl": chip.fallback_url} if chip.fallback_url else {}


def date_time(at: datetime) -> str:
    """Format an aware time as ISO 8601 in UTC with milliseconds, as platforms write it themselves."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
