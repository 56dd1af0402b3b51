"""What `send()` is given besides content and recipients in; nothing, or an error that names the argument, out."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from rcs_router.backends import backends
from rcs_router.models import Message

LONGEST_KEY = Message._meta.get_field("idempotency_key").max_length or 0


def check(
    *,
    ttl: timedelta | None,
    send_at: datetime | None,
    fields: Mapping[str, Any] | None,
    idempotency_key: str | None,
    fallback_text: str,
) -> None:
    """Raises TypeError or ValueError, in the caller's stack."""
    _typed("ttl", ttl, timedelta, "a timedelta, such as timedelta(minutes=5)")
    _typed("send_at", send_at, datetime, "a datetime")
    _typed("idempotency_key", idempotency_key, str, "a str")
    _typed("fallback_text", fallback_text, str, "a str")
    if ttl is not None and ttl <= timedelta(0):
        raise ValueError(f"ttl must be positive, not {ttl.total_seconds():g} seconds")
    if send_at is not None and timezone.is_naive(send_at):
        raise ValueError("send_at needs a time zone")
    if idempotency_key and len(idempotency_key) > LONGEST_KEY:
        raise ValueError(f"idempotency_key may have {LONGEST_KEY} characters, not {len(idempotency_key)}")
    if fields is not None:
        _check_fields(fields)


def deadline(after: timedelta | float | None) -> timedelta | None:
    """Return `fall_back_after` as a duration. Raises TypeError or ValueError, in the caller's stack."""
    if after is None or isinstance(after, timedelta):
        length = after
    elif isinstance(after, int | float) and not isinstance(after, bool):
        length = timedelta(seconds=after)
    else:
        kind = type(after).__name__
        raise TypeError(f"fall_back_after must be a timedelta or a number of seconds, not {kind}")
    if length is not None and length <= timedelta(0):
        raise ValueError(f"fall_back_after must be positive, not {length.total_seconds():g} seconds")
    return length


def _check_fields(fields: Any) -> None:
    _typed("fields", fields, dict, "a dict")
    try:
        json.dumps(fields, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"fields must be JSON: {error}") from None
    extra = fields.get("extra", {})
    _typed('fields["extra"]', extra, dict, "a dict of backends' aliases")
    for alias, added in extra.items():
        if alias not in backends:
            raise ValueError(f'fields["extra"] names {alias!r}; RCS_BACKENDS has {", ".join(backends)}')
        where = f'fields["extra"]["{alias}"]'
        _typed(where, added, dict, "a dict that is merged into the request")
        if refused := backends[alias].refused_extra(added or {}):
            raise ValueError(f"{where}: {refused[0]} may not be set; {_allowed(alias)}")


def _allowed(alias: str) -> str:
    known = ", ".join(sorted(backends[alias].extra))
    return f"known are {known}" if known else "this backend takes nothing there"


def _typed(name: str, value: Any, wanted: type, words: str) -> None:
    if value is not None and not isinstance(value, wanted):
        raise TypeError(f"{name} must be {words}, not {type(value).__name__}")
