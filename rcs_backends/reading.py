"""Read untrusted JSON, texts, ids, times and angles into values that any database can store.

Formats that only one provider uses (seconds since 1970, phone numbers without a plus, nulls in an object) are read by
that provider's modules.
"""

import hashlib
import hmac
import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID


def decoded(data: bytes) -> Any:
    """Return the JSON value, or None for bytes that are not JSON (RFC 8259, which excludes NaN)."""
    try:
        return json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def text(value: Any) -> str:
    """Return a string without NULs and lone surrogates. A number becomes its digits, anything else an empty string."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return ""
    return str(value).replace("\0", "").encode("utf-8", "replace").decode()


def member(value: Any, *path: str) -> Any:
    """Return the value at `path` in nested JSON objects, or None if there is none."""
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def storable(value: Any, depth: int = 20) -> Any:
    """Return a JSON value whose strings any database can store, without the values nested deeper than `depth`."""
    if depth <= 0:
        return None
    if isinstance(value, Mapping):
        return {text(name): storable(inner, depth - 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [storable(inner, depth - 1) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return text(value) if isinstance(value, str) else value


def uuid(value: str) -> UUID | None:
    """Return a UUID, which may be our id, or None for an id that a provider chose."""
    try:
        return UUID(value)
    except ValueError:
        return None


def time(value: Any) -> datetime | None:
    """Parse an ISO 8601 (or RFC 3339) time as UTC, which is also assumed without an offset; nanoseconds are dropped.

    None when it cannot be parsed: no decision depends on a provider's time.
    """
    try:
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def degrees(value: Any, limit: float) -> float:
    """Return an angle from -limit to limit, given as a number or a string. Raises ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("the location is not a number")
    try:
        angle = float(value)
    except (ValueError, OverflowError):  # their texts would quote the value
        raise ValueError("the location is not a number") from None
    if not math.isfinite(angle) or abs(angle) > limit:
        raise ValueError("the location is out of range")
    return angle


def is_bearer(value: Any) -> bool:
    """Return whether a token can be sent in a header: printable ASCII without blanks (RFC 6750, section 2.1)."""
    return isinstance(value, str) and bool(re.fullmatch(r"[!-~]+", value))


def digest(*parts: str) -> str:
    """Return one key for several parts, separated so that they cannot run together: a SHA-256 in hexadecimal digits."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def is_one_of(given: str, known: Iterable[str]) -> bool:
    """Return whether `given` is one of the known secrets or signatures, in constant time. Empty ones never match."""
    candidate = given.encode("utf-8", "replace")
    return any(hmac.compare_digest(candidate, one.encode("utf-8", "replace")) for one in known if one)
