"""Tables that a backend's tests are made of, and how one is run. No database, no provider: a socket stub."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from rcs_router.content import Content
from rcs_router.contract import BaseBackend, Incoming, Outbound, Receipt, WebhookRequest

ID = UUID("5f1c9f0e-5b0a-4d7e-9a34-1f2d3c4b5a69")
PHONE = "+37255501234"


@dataclass(frozen=True)
class Outgoing:
    """A content, and the part of the request's JSON that must come of it."""

    name: str
    content: Content
    expected: Mapping[str, Any]


@dataclass(frozen=True)
class Heard:
    """A payload as the provider writes it, and what the backend must understand."""

    name: str
    payload: Mapping[str, Any]
    expected: list[Receipt | Incoming] = field(default_factory=list)


@dataclass(frozen=True)
class Provider:
    """What the suites need of a backend: itself, a genuine request, and ways to spoil one."""

    name: str
    backend: BaseBackend
    genuine: WebhookRequest
    forged: Mapping[str, WebhookRequest]  # each must be refused
    odd: Callable[[bytes], WebhookRequest]  # any bytes where the provider's payload stands, validly signed


def outbound(content: Content, **kwargs: Any) -> Outbound:
    from rcs_router.content.plain import render

    return Outbound(**{"id": ID, "to": PHONE, "content": content, "text": render(content).text, **kwargs})
