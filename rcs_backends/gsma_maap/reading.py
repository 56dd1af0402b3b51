"""Values as only MaaP platforms write them → values that can be kept: objects, numbers, positions, identities."""

import re
from collections.abc import Mapping
from typing import Any

from rcs_backends.reading import text

MOST = 2**53  # beyond it JSON numbers are not exact, and no size or time of ours is that large
_DEGREES = re.compile(r"[+-]?\d{1,3}(?:\.\d*)?", re.ASCII)


def members(value: Any) -> Mapping[str, Any]:
    """An object without its nulls, which mean "absent"; empty for anything else."""
    if not isinstance(value, Mapping):
        return {}
    return {name: inner for name, inner in value.items() if inner is not None}


def number(value: Any) -> int | float | None:
    """A number, also written as a string; None for what is none, or too large to be one of ours."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,15}(\.\d{1,9})?", value, re.ASCII):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if -MOST < value < MOST else None


def position(value: Any) -> tuple[float, float]:
    """`pos`: latitude and longitude in degrees with a blank between. Raises ValueError for anything else."""
    parts = re.split(r"[\s,]+", value.strip()) if isinstance(value, str) else []
    if len(parts) != 2 or not all(map(_DEGREES.fullmatch, parts)):
        raise ValueError("a location whose pos is not two numbers")
    latitude, longitude = map(float, parts)
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise ValueError("the location is out of range")
    return latitude, longitude


def phone(value: Any) -> str:
    """A userContact with its plus sign, which a query parser may have turned into a blank."""
    digits = text(value).strip()
    return f"+{digits}" if digits.isascii() and digits.isdecimal() else digits


def flat(value: Any) -> dict[str, Any]:
    """An object's simple members as JSON values, for `fields`."""
    kept = {text(name): _simple(inner) for name, inner in members(value).items()}
    return {name: inner for name, inner in kept.items() if inner is not None}


def _simple(value: Any) -> str | int | float | bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text(value)
    return number(value)
