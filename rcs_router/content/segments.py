"""Compute how a text is encoded as SMS and how many parts it takes, so that the cost is known before it is sent.

Source: 3GPP TS 23.038 (GSM 7 bit default alphabet and extension table), TS 23.040 (concatenation).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Encoding = Literal["gsm7", "ucs2"]

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")  # an escape and a code: two septets
_GSM7 = _BASIC | _EXTENDED
_SINGLE: dict[Encoding, int] = {"gsm7": 160, "ucs2": 70}  # units of a message that fits into one part
_PART: dict[Encoding, int] = {"gsm7": 153, "ucs2": 67}  # units of each part of a longer message


@dataclass(frozen=True, slots=True)
class Segments:
    """How a text is sent: `units` are septets (gsm7) or 16-bit code units (ucs2); each part is one SMS."""

    encoding: Encoding
    units: int
    parts: int


def encoding(text: str) -> Encoding:
    """Return "gsm7" if every character is in the GSM alphabet; one other character makes the whole text "ucs2"."""
    return "gsm7" if _GSM7.issuperset(text) else "ucs2"


def segments(text: str) -> Segments:
    """Return encoding, units and number of parts. An empty text is one part, as a gateway sends it."""
    name = encoding(text)
    if name == "gsm7":
        costs = [2 if character in _EXTENDED else 1 for character in text]
    else:
        costs = [2 if ord(character) > 0xFFFF else 1 for character in text]
    units = sum(costs)
    return Segments(name, units, 1 if units <= _SINGLE[name] else _packed(costs, _PART[name]))


def _packed(costs: Sequence[int], room: int) -> int:
    """Return the parts needed when a character of two units (escape or surrogate pair) may not be split."""
    parts, used = 1, 0
    for cost in costs:
        if used + cost > room:
            parts, used = parts + 1, 0
        used += cost
    return parts
