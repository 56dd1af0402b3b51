"""A message and its recipients in; one Message row and one queued Transmission per connection out."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from rcs_router import consent, sql, wake
from rcs_router.backends import backends
from rcs_router.capabilities import Fit, fit
from rcs_router.content import Content
from rcs_router.contract import Status, Traffic
from rcs_router.models import PRIORITY, Connection, Message, Transmission

CHUNK = 1000  # recipients written at once: memory stays flat for any number


def enqueue(
    message: Message,
    content: Content,
    recipients: Iterable[Connection],
    *,
    due_at: datetime | None = None,
    cancelled: str = "",
    vetoed: Iterable[Connection] = (),
) -> None:
    """Store all of it in one transaction and ring the drains after the commit.

    `cancelled`: the reason why nobody shall get it; `vetoed`: recipients whom a router app took out. Both are stored
    all the same, for people to see.
    """
    with transaction.atomic():
        message.save(force_insert=True)
        aliases = _add(message, content, recipients, due_at, cancelled)
        _add(message, content, vetoed, due_at, "taken out by a router app")
        if not cancelled:
            for alias in aliases:
                wake.drain(alias)


def _add(
    message: Message,
    content: Content,
    recipients: Iterable[Connection],
    due_at: datetime | None,
    cancelled: str,
) -> set[str]:
    """The transmissions; returns the aliases used."""
    fits: dict[str, Fit] = {}
    for chunk in _chunks(recipients):
        for alias in {connection.backend_id for connection in chunk} - set(fits):
            fits[alias] = fit(backends[alias], content, message.fallback_text)
        refused = _refused(message, chunk)
        sql.insert_all(
            [
                _transmission(
                    message, connection, fits, due_at, cancelled or refused.get(connection.identity, "")
                )
                for connection in chunk
            ]
        )
    return set(fits)


def _transmission(
    message: Message, connection: Connection, fits: dict[str, Fit], due_at: datetime | None, cancelled: str
) -> Transmission:
    carried = fits[connection.backend_id]
    return Transmission(
        message=message,
        connection=connection,
        backend_id=connection.backend_id,
        priority=PRIORITY[Traffic(message.traffic)],
        due_at=due_at or Now(),
        expires_at=_expiry(message, due_at),
        choices=[asdict(choice) for choice in carried.choices],
        lost=list(carried.lost),
        status=Status.CANCELLED if cancelled else Status.QUEUED,
        reason=cancelled,
    )


def _expiry(message: Message, due_at: datetime | None) -> Any:
    """When this way of the message is too late; by the database's clock, like `due_at`."""
    if message.ttl is None:
        return None
    return due_at + message.ttl if due_at else Now() + message.ttl


def _refused(message: Message, chunk: list[Connection]) -> dict[str, str]:
    if not consent.needs_consent(message.traffic):
        return {}
    return dict.fromkeys(consent.refused(connection.identity for connection in chunk), "opted_out")


def _chunks(recipients: Iterable[Connection]) -> Iterator[list[Connection]]:
    rest = recipients.iterator(chunk_size=CHUNK) if isinstance(recipients, QuerySet) else iter(recipients)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def fallback_transmission(
    parent: Transmission, connection: Connection, root: str, due_at: datetime, ttl: timedelta | None
) -> Transmission:
    """The child of `parent`, for another backend; the caller stores it. Its time begins anew."""
    message = parent.message
    content = message.body
    assert content is not None, "an outgoing message has content"
    carried = fit(backends[connection.backend_id], content, message.fallback_text)
    return Transmission(
        message=message,
        connection=connection,
        backend_id=connection.backend_id,
        fallback_of=parent,
        root_backend=root,
        priority=PRIORITY[Traffic(message.traffic)],
        due_at=due_at,
        expires_at=due_at + ttl if ttl else None,
        choices=[asdict(choice) for choice in carried.choices],
        lost=list(carried.lost),
    )
