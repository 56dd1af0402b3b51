"""Read objects, numbers, positions and identities as only MaaP platforms write them."""

import re
from collections.abc import Mapping
from typing import Any

from rcs_backends.reading import text

MOST = 2**53  # above it JSON numbers are not exact, and no real size or time is that large
_DEGREES = re.compile(r"[+-]?\d{1,3}(?:\.\d*)?", re.ASCII)


def members(value: Any) -> Mapping[str, Any]:
    """Return an object without its nulls, which mean "absent"; an empty one for anything else."""
    if not isinstance(value, Mapping):
        return {}
    return {name: inner for name, inner in value.items() if inner is not None}


def number(value: Any) -> int | float | None:
    """Return a number, also from a string; None for anything else, or if it is too large."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,15}(\.\d{1,9})?", value, re.ASCII):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if -MOST < value < MOST else None


def position(value: Any) -> tuple[float, float]:
    """Parse `pos`: latitude and longitude in degrees, separated by a blank. Raises ValueError for anything else."""
    parts = re.split(r"[\s,]+", value.strip()) if isinstance(value, str) else []
    if len(parts) != 2 or not all(map(_DEGREES.fullmatch, parts)):
        raise ValueError("a location whose pos is not two numbers")
    latitude, longitude = map(float, parts)
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise ValueError("the location is out of range")
    return latitude, longitude


def phone(value: Any) -> str:
    """Return a userContact with its plus sign, which a query parser may have turned into a blank."""
    digits = text(value).strip()
    return f"+{digits}" if digits.isascii() and digits.isdecimal() else digits


def flat(value: Any) -> dict[str, Any]:
    """Return an object's scalar members as JSON values, for `fields`."""
    kept = {text(name): _simple(inner) for name, inner in members(value).items()}
    return {name: inner for name, inner in kept.items() if inner is not None}


def _simple(value: Any) -> str | int | float | bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text(value)
    return number(value)
