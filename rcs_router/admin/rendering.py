"""Render values as the small pieces of HTML and text that several pages use; Django escapes all of them."""

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
STATUS_COLOURS = {
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
EXCERPT_LENGTH = 80  # characters


def badge(text: str, colour: str) -> SafeString:
    """Return a coloured word; the colour repeats what the word says."""
    return format_html('<span class="rcs-badge rcs-{}">{}</span>', colour, text)


def status_name(status: int) -> str:
    """Return a status in words."""
    return "needs review" if status == Status.REVIEW else Status(status).name.lower()


def status_badge(status: int) -> SafeString:
    """Return the badge of a status."""
    return badge(status_name(status), STATUS_COLOURS[Status(status)])


def link(row: Model, text: object) -> SafeString | str:
    """Return a link to the page of `row`; only the text if this admin site has no such page."""
    url = change_url(row)
    return format_html('<a href="{}">{}</a>', url, text) if url else str(text)


def change_url(row: Model) -> str:
    """Return the address of the page of `row`; empty if this admin site has no such page."""
    try:
        return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return ""


def excerpt(text: str) -> str:
    """Return the beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT_LENGTH else f"{line[: EXCERPT_LENGTH - 1].rstrip()}…"


def local_time(at: datetime, near: datetime | None = None) -> str:
    """Return the local time to the second, with the date unless `near` is on the same day."""
    local = _local(at)
    time = f"{local:%H:%M:%S}"
    same_day = near is not None and _local(near).date() == local.date()
    return time if same_day else f"{formats.date_format(local, 'j M Y')}, {time}"


def _local(at: datetime) -> datetime:
    """Return the local time, or `at` if that is outside the calendar: providers send the years 1 and 9999."""
    try:
        return timezone.localtime(at)
    except OverflowError:
        return at


def time_column(field: str, title: str) -> Callable[[Any, Model], str | None]:
    """Return a column for the time `field` of a row, to the second; times of today have no date."""

    @admin.display(description=title, ordering=field)
    def column(site: Any, row: Model) -> str | None:
        at = getattr(row, field)
        return local_time(at, timezone.now()) if at else None

    return column


def duration(seconds: float) -> str:
    """Return a length of time as people say it: 25 s, 5 min, 3 h, 2 days."""
    for size, unit, limit in ((1, "s", 100), (60, "min", 100), (3600, "h", 48)):
        if seconds < limit * size:
            return f"{max(round(seconds / size), 0)} {unit}"
    return f"{round(seconds / 86400)} days"


def json_block(data: Any) -> SafeString | None:
    """Return indented JSON; None for empty data."""
    if data in ({}, [], None):
        return None
    try:
        text = json.dumps(data, indent=2, ensure_ascii=False, default=str)
    except RecursionError:
        text = "nested too deeply to show"
    return format_html('<pre class="rcs-code">{}</pre>', replace_surrogates(text))


def replace_surrogates(text: str) -> str:
    """Return `text` with a question mark in place of each lone surrogate, which cannot be encoded."""
    return text.encode("utf-8", "replace").decode()
