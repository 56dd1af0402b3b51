"""Collect the latest messages to and from somebody's connections, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.safestring import SafeString

from rcs_router.admin import rendering
from rcs_router.models import Connection, Message, Transmission

LIMIT = 20


@dataclass(frozen=True)
class Entry:
    """One message of a conversation."""

    at: datetime
    outgoing: bool
    text: str
    url: str
    identity: str
    backend: str
    badge: SafeString | str


def latest_entries(connections: Sequence[Connection]) -> list[Entry]:
    """Return the latest messages by two queries with indexes and limits."""
    sent = Transmission.objects.filter(connection__in=connections).select_related("message", "connection")
    incoming = Message.objects.filter(connection__in=connections, direction=Message.Direction.IN)
    entries = [_outgoing(row) for row in sent.order_by("-created_at")[:LIMIT]]
    entries += [
        _incoming(row) for row in incoming.select_related("connection").order_by("-created_at")[:LIMIT]
    ]
    return sorted(entries, key=lambda line: line.at, reverse=True)[:LIMIT]


def _outgoing(row: Transmission) -> Entry:
    where = (row.connection.identity, row.backend_id)
    text, badge = rendering.excerpt(row.message.text), rendering.status_badge(row.status)
    return Entry(row.created_at, True, text, rendering.change_url(row.message), *where, badge)


def _incoming(row: Message) -> Entry:
    assert row.connection is not None, "an incoming message has a connection"
    text = rendering.excerpt(row.text) or f"({row.kind})"
    url = rendering.change_url(row)
    return Entry(row.created_at, False, text, url, row.connection.identity, row.connection.backend_id, "")
