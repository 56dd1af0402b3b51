"""Values in, the small pieces of HTML and text that several screens show out; everything through Django's escaping."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from rcs_router.contract import Status

GOOD, BUSY, BAD, QUIET = "good", "busy", "bad", "quiet"
COLOURS = {
    Status.QUEUED: BUSY,
    Status.SENDING: BUSY,
    Status.ACCEPTED: BUSY,
    Status.REVIEW: "review",
    Status.CANCELLED: QUIET,
    Status.EXPIRED: BAD,
    Status.FAILED: BAD,
    Status.DELIVERED: GOOD,
    Status.READ: GOOD,
}
EXCERPT = 80  # characters of a text in a list


def word(text: str, colour: str) -> SafeString:
    """A coloured word; the colour only repeats what the word says."""
    return format_html('<span class="rcs-word rcs-{}">{}</span>', colour, text)


def name(status: int) -> str:
    """A status in words."""
    return "needs review" if status == Status.REVIEW else Status(status).name.lower()


def status_word(status: int) -> SafeString:
    return word(name(status), COLOURS[Status(status)])


def link(row: Model, text: object) -> SafeString | str:
    """To the page of `row`; the bare text where this admin site does not show such rows."""
    url = page(row)
    return format_html('<a href="{}">{}</a>', url, text) if url else str(text)


def page(row: Model) -> str:
    try:
        return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return ""


def excerpt(text: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else f"{line[: EXCERPT - 1].rstrip()}…"


def clock(at: datetime, near: datetime | None = None) -> str:
    """Local time to the second; with the day, unless `near` is on the same one."""
    local = _local(at)
    time = f"{local:%H:%M:%S}"
    same_day = near is not None and _local(near).date() == local.date()
    return time if same_day else f"{formats.date_format(local, 'j M Y')}, {time}"


def _local(at: datetime) -> datetime:
    """As it is where it would fall out of the calendar: providers name the years 1 and 9999, too."""
    try:
        return timezone.localtime(at)
    except OverflowError:
        return at


def moment(name: str, title: str) -> Callable[[Any, Model], str | None]:
    """A method for an admin that shows the time `name` of a row to the second, of today without the day."""

    @admin.display(description=title, ordering=name)
    def shown(site: Any, row: Model) -> str | None:
        at = getattr(row, name)
        return clock(at, timezone.now()) if at else None

    return shown


def pause(seconds: float) -> str:
    """A length of time as people say it: 25 s, 5 min, 3 h, 2 days."""
    for size, unit, limit in ((1, "s", 100), (60, "min", 100), (3600, "h", 48)):
        if seconds < limit * size:
            return f"{max(round(seconds / size), 0)} {unit}"
    return f"{round(seconds / 86400)} days"


def pretty(data: Any) -> SafeString | None:
    """JSON data, indented; None when there is none."""
    if data in ({}, [], None):
        return None
    try:
        text = json.dumps(data, indent=2, ensure_ascii=False, default=str)
    except RecursionError:
        text = "nested too deeply to be shown"
    return format_html('<pre class="rcs-code">{}</pre>', readable(text))


def readable(text: str) -> str:
    """With a question mark for each half of a character, which no page can hold."""
    return text.encode("utf-8", "replace").decode()
