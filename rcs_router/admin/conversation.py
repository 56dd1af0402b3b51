"""Somebody's connections in, the latest that was said to and by them out, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.safestring import SafeString

from rcs_router.admin import look
from rcs_router.models import Connection, Message, Transmission

LIMIT = 20


@dataclass(frozen=True)
class Said:
    """One line of a conversation."""

    at: datetime
    outgoing: bool
    text: str
    url: str
    identity: str
    backend: str
    word: SafeString | str


def latest(connections: Sequence[Connection]) -> list[Said]:
    """Two indexed queries, cut off by the database."""
    sent = Transmission.objects.filter(connection__in=connections).select_related("message", "connection")
    heard = Message.objects.filter(connection__in=connections, direction=Message.Direction.IN)
    said = [_sent(row) for row in sent.order_by("-created_at")[:LIMIT]]
    said += [_heard(row) for row in heard.select_related("connection").order_by("-created_at")[:LIMIT]]
    return sorted(said, key=lambda line: line.at, reverse=True)[:LIMIT]


def _sent(row: Transmission) -> Said:
    where = (row.connection.identity, row.backend_id)
    text, word = look.excerpt(row.message.text), look.status_word(row.status)
    return Said(row.created_at, True, text, look.page(row.message), *where, word)


def _heard(row: Message) -> Said:
    assert row.connection is not None, "an incoming message has a connection"
    text = look.excerpt(row.text) or f"({row.kind})"
    url = look.page(row)
    return Said(row.created_at, False, text, url, row.connection.identity, row.connection.backend_id, "")
