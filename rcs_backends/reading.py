"""What came over the wire in; JSON, texts, ids, times and angles that any database stores out.

Nothing here trusts its input. What providers mean in ways of their own (seconds since 1970, phone numbers without a
plus, an object's nulls) is read by their own modules.
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
    """The JSON value, or None for bytes that are no JSON (RFC 8259: NaN is none)."""
    try:
        return json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def text(value: Any) -> str:
    """A string without NUL and lone surrogates. Numbers become their digits, anything else becomes empty."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return ""
    return str(value).replace("\0", "").encode("utf-8", "replace").decode()


def member(value: Any, *path: str) -> Any:
    """What stands at `path` inside of JSON objects; None where it is not there."""
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def storable(value: Any, depth: int = 20) -> Any:
    """A JSON value whose strings any database stores, without what lies deeper than `depth`."""
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
    """An id that may be ours; None for one that a provider chose."""
    try:
        return UUID(value)
    except ValueError:
        return None


def time(value: Any) -> datetime | None:
    """ISO 8601 (so RFC 3339), in UTC, which is also meant where no zone is given; nanoseconds are dropped.

    None when it cannot be read, since no time that a provider names decides anything.
    """
    try:
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def degrees(value: Any, limit: float) -> float:
    """An angle from -limit to limit: a number, also as a string. Raises ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("a location that is no number")
    try:
        angle = float(value)
    except (ValueError, OverflowError):  # whose text would quote what was said
        raise ValueError("a location that is no number") from None
    if not math.isfinite(angle) or abs(angle) > limit:
        raise ValueError("a location outside the world")
    return angle


def is_bearer(value: Any) -> bool:
    """Whether a token can stand in a header: characters of ASCII, none of them blank (RFC 6750, section 2.1)."""
    return isinstance(value, str) and bool(re.fullmatch(r"[!-~]+", value))


def digest(*parts: str) -> str:
    """One key for several parts, of which none can run into the next: the SHA-256 in hexadecimal digits."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def is_one_of(given: str, known: Iterable[str]) -> bool:
    """Whether `given` is one of the secrets or signatures that we know. Empty ones never count.

    Each comparison takes constant time, whatever somebody sends.
    """
    candidate = given.encode("utf-8", "replace")
    return any(hmac.compare_digest(candidate, one.encode("utf-8", "replace")) for one in known if one)
