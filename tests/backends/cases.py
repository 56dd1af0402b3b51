"""Tables that a backend's own tests are made of, besides the conformance suite: no database, no provider."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rcs_router.content import Content
from rcs_router.testing.conformance import ID, PHONE, Heard, outbound

__all__ = ["ID", "PHONE", "Heard", "Outgoing", "outbound"]


@dataclass(frozen=True)
class Outgoing:
    """A content, and the part of the request's JSON that must come of it."""

    name: str
    content: Content
    expected: Mapping[str, Any]
