"""Store a message and one queued transmission per connection, in one transaction; called by `send()`."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db.models import QuerySet

from rcs_router import database, sql, wake
from rcs_router.backends import backends, brand_of, fallbacks_after
from rcs_router.capabilities import Fit, fit
from rcs_router.content import Content
from rcs_router.content.links import form_link
from rcs_router.contract import Status, Traffic
from rcs_router.models import PRIORITY, TAKEN_OUT, Connection, Message, Transmission
from rcs_router.people import consent

Times = dict[str, datetime]  # due_at and expires_at, unless the database sets them
CHUNK = 1000  # recipients written at once, so that memory stays flat for any number


def enqueue(
    message: Message,
    content: Content,
    recipients: Iterable[Connection],
    *,
    due_at: datetime | None = None,
    cancelled: str = "",
    vetoed: Iterable[Connection] = (),
) -> None:
    """Store the message and its transmissions in one transaction, and wake the drains after the commit.

    `cancelled`: the reason why nobody gets it; `vetoed`: recipients that a router app removed. Both are stored as
    cancelled, so that people can see them.
    """
    with database.atomic():
        message.save(force_insert=True, using=database.alias())
        times = _times(message, due_at)
        aliases = _add(message, content, recipients, times, cancelled)
        _add(message, content, vetoed, times, TAKEN_OUT)
        if not cancelled:
            for alias in aliases:
                wake.drain(alias)


def _add(
    message: Message,
    content: Content,
    recipients: Iterable[Connection],
    times: Times,
    cancelled: str,
) -> set[str]:
    """Store the transmissions; return the aliases used."""
    fits: dict[str, Fit] = {}
    for chunk in _chunks(recipients):
        for alias in {connection.backend_id for connection in chunk} - set(fits):
            fits[alias] = fit(backends[alias], content, message.fallback_text, form_link())
            if deadline_of(message, alias, alias):
                times.setdefault("due_at", sql.now(Transmission))
        refused = _refused(message, chunk)
        sql.insert_all(
            [
                _transmission(message, connection, fits, times, cancelled or refused.get(connection.pk, ""))
                for connection in chunk
            ]
        )
    return set(fits)


def _transmission(
    message: Message, connection: Connection, fits: dict[str, Fit], times: Times, cancelled: str
) -> Transmission:
    carried, after = fits[connection.backend_id], deadline_of(message, *[connection.backend_id] * 2)
    return Transmission(
        message=message,
        connection=connection,
        backend_id=connection.backend_id,
        fall_back_at=times["due_at"] + after if after else None,
        priority=PRIORITY[Traffic(message.traffic)],
        choices=[asdict(choice) for choice in carried.choices],
        lost=list(carried.lost),
        status=Status.CANCELLED if cancelled else Status.QUEUED,
        reason=cancelled,
        **times,
    )


def deadline_of(message: Message, alias: str, root: str) -> timedelta | None:
    """Return how long after its due time the next backend takes over; None without a deadline or a next backend."""
    if not fallbacks_after(alias, root):
        return None
    if message.fall_back_after:
        return message.fall_back_after
    seconds = backends.config(alias).fallback_after.get(message.traffic)
    return timedelta(seconds=seconds) if seconds else None


def _times(message: Message, due_at: datetime | None) -> Times:
    """Return the times by the database's clock, asking for the clock only where something depends on it.

    SQLite's own default has milliseconds only, so a row written by it would sort before the time that is asked for
    here.
    """
    if message.ttl is None and due_at is None and database.connection().vendor == "postgresql":
        return {}
    due = due_at or sql.now(Transmission)
    return {"due_at": due, **({"expires_at": due + message.ttl} if message.ttl else {})}


def _refused(message: Message, chunk: list[Connection]) -> dict[Any, str]:
    """Return the reason for each connection whose person refuses promotions of the connection's brand."""
    if not consent.needs_consent(message.traffic):
        return {}
    brands: dict[str, list[Connection]] = {}
    for connection in chunk:
        brands.setdefault(brand_of(connection.backend_id), []).append(connection)
    refused = {
        brand: consent.refused((connection.identity for connection in theirs), brand)
        for brand, theirs in brands.items()
    }
    return {
        connection.pk: "opted_out"
        for brand, theirs in brands.items()
        for connection in theirs
        if connection.identity in refused[brand]
    }


def _chunks(recipients: Iterable[Connection]) -> Iterator[list[Connection]]:
    rest = recipients.iterator(chunk_size=CHUNK) if isinstance(recipients, QuerySet) else iter(recipients)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def fallback_transmission(
    parent: Transmission, connection: Connection, root: str, due_at: datetime, ttl: timedelta | None
) -> Transmission:
    """Return the child of `parent` for another backend; the caller stores it. Its ttl starts again."""
    message = parent.message
    content = message.body
    assert content is not None, "an outgoing message has content"
    carried = fit(backends[connection.backend_id], content, message.fallback_text, form_link())
    after = deadline_of(message, connection.backend_id, root)
    return Transmission(
        message=message,
        connection=connection,
        backend_id=connection.backend_id,
        fallback_of=parent,
        root_backend=root,
        priority=PRIORITY[Traffic(message.traffic)],
        due_at=due_at,
        fall_back_at=due_at + after if after else None,
        expires_at=due_at + ttl if ttl else None,
        choices=[asdict(choice) for choice in carried.choices],
        lost=list(carried.lost),
    )
