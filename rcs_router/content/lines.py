"""Describe chips, places and times as lines of plain text. Our own words use the GSM alphabet."""

from datetime import datetime, timedelta, timezone
from urllib.parse import quote

from rcs_router.content.suggestions import (
    CalendarEvent,
    ComposeRecording,
    ComposeText,
    Dial,
    OpenUrl,
    RequestLocation,
    ShowLocation,
    Suggestion,
)

MAP = "https://maps.google.com/?q="  # every phone opens it in its map application


def label_of(chip: Suggestion) -> str:
    """Return the label on one line."""
    return " ".join(chip.label.split())


def lines_of(chip: Suggestion) -> list[str]:
    """Return `label: what it does`, and the fallback of a chip that text cannot replace."""
    lines = [f"{label_of(chip)}: {action_of(chip)}"]
    if isinstance(chip, RequestLocation | CalendarEvent) and chip.fallback_url:
        lines.append(f"{label_of(chip)}: {chip.fallback_url}")
    return lines


def action_of(chip: Suggestion) -> str:
    """Return what a chip does, with every address, number, date and place; empty if only a phone can do it."""
    match chip:
        case OpenUrl():
            return chip.url
        case Dial():
            return f"{chip.phone} ({chip.subject})" if chip.subject else chip.phone
        case ShowLocation():
            return (
                map_link(chip) if chip.query else place(chip.place, chip.latitude or 0, chip.longitude or 0)
            )
        case CalendarEvent():
            what = f"{chip.title}, {span(chip.start, chip.end)}"
            return f"{what}\n{chip.description}" if chip.description.strip() else what
        case ComposeText():
            return f'{chip.phone} "{chip.text}"'
        case ComposeRecording():
            return f"{chip.phone} ({chip.media})"
    return ""


def place(name: str, latitude: float, longitude: float) -> str:
    """Return the name, the degrees, and a link that opens the map."""
    position = f"{degrees(latitude)},{degrees(longitude)}"
    return f"{name} {position} {MAP}{position}".strip()


def map_link(chip: ShowLocation) -> str:
    """Return the address of a map that shows what the chip shows."""
    if chip.query:
        return MAP + quote(chip.query)
    return f"{MAP}{degrees(chip.latitude or 0)},{degrees(chip.longitude or 0)}"


def degrees(value: float) -> str:
    """Format degrees with six decimals (0.1 m), never with an exponent, which map applications do not read."""
    return f"{round(value, 6) + 0.0:.6f}".rstrip("0").rstrip(".")  # + 0.0 turns -0 into 0


def span(start: datetime, end: datetime) -> str:
    """Return both times in the zone of `start`, with its offset from UTC."""
    zone = timezone(start.utcoffset() or timedelta())
    end = end.astimezone(zone)
    day = "" if end.date() == start.date() else f"{end:%Y-%m-%d} "
    return f"{start:%Y-%m-%d %H:%M} - {day}{end:%H:%M} {zone}"
