"""What came over the wire in; strings, times and ids that any database stores out."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID


def read(data: bytes) -> Any:
    """The value, or None for bytes that are no JSON (RFC 8259: NaN is none)."""
    try:
        return json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None


def text(value: Any) -> str:
    """A string without NUL and lone surrogates. Numbers become their digits, anything else becomes empty."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return ""
    return str(value).replace("\0", "").encode("utf-8", "replace").decode()


def time(value: Any) -> datetime | None:
    """ISO 8601; UTC where no zone is given. None when it cannot be read, since no time decides anything here."""
    try:
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None


def digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
