"""`receive()` stores what a person wrote; `route()` takes one stored message through the router apps."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from typing import Any

from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone

from rcs_router import arguments, database, database_errors, logs, signals, wake
from rcs_router.content import translated
from rcs_router.contract import Incoming, IncomingKind
from rcs_router.errors import IdentityError
from rcs_router.inbox import consent_words, incoming
from rcs_router.inbox.brake import brake
from rcs_router.inbox.transactions import Lazy, lazily
from rcs_router.models import Connection, Message
from rcs_router.people.recipients import listed
from rcs_router.phases import Asking, IncomingMessage, Response, problem, run_incoming
from rcs_router.router import send
from rcs_router.router_apps import router_apps


def receive(
    text: str,
    connection: Connection,
    *,
    external_id: str = "",
    postback: str = "",
    fields: dict[str, Any] | None = None,
    said_at: datetime | None = None,
) -> Message:
    """Store what a person said; router apps see it after the commit. The same `external_id` is stored once.

    `external_id`: the provider's id of it; it may also be given in `fields`, as in RapidSMS. `postback`: makes it a
    tap. `said_at`: the provider's time of it (aware). A NUL or half of a surrogate pair in `text` or `postback` becomes
    U+FFFD: what a person said may not be lost over one.

    Raises IdentityError (no connection, or one that is not saved), TypeError, ValueError (a naive `said_at`, an
    `external_id` of more than 200 characters, fields that cannot be stored).
    """
    text, postback, fields = translated((text, postback, fields))
    arguments.check_fields(fields)
    if external_id == "" and fields:
        external_id = fields.get("external_id", "")
    arguments.check_receiving(text, connection, external_id, postback, said_at)
    kind = IncomingKind.SUGGESTION if postback else IncomingKind.TEXT
    said = Incoming(
        kind,
        connection.identity,
        id=external_id,
        text=text,
        postback=postback,
        at=said_at,
        fields=fields or {},
    )
    [connection] = database.read_here([connection])
    row = incoming.as_row(connection, said)
    in_transaction = database.connection().in_atomic_block
    try:
        with database.atomic() if in_transaction else nullcontext():
            row.save(force_insert=True, using=database.alias())
    except IntegrityError:
        if not (earlier := _heard_before(connection, external_id)):
            raise
        return earlier
    wake.digest()
    return row


def _heard_before(connection: Connection, external_id: str) -> Message | None:
    if not external_id:
        return None
    rows = Message.objects.filter(direction=Message.Direction.IN, backend_id=connection.backend_id)
    return rows.filter(external_id=external_id).first()


def route(
    row: Message, asking: Callable[[Lazy], Asking] | None = None, *, ask: bool = True
) -> IncomingMessage | None:
    """Take one stored incoming message, which `row.claim` holds, through the router apps; None when the claim is lost.

    Marking it as routed, what the apps write, and the responses are one transaction: all of it, once, or nothing. It
    begins with the first statement, so that no transaction is open while an app that uses no database is at work.
    `asking` says how apps are asked; without `ask` none is.
    """
    assert row.connection is not None, "an incoming message has a connection"
    incoming.link(row)
    message, own = IncomingMessage(row, row.connection), consent_words.handler_of(row)
    try:
        with lazily(database.connection()) as lazy:
            if own:
                own()
                row.handled, row.handled_by = True, "consent"
            elif ask:
                run_incoming(router_apps(), message, (asking or _unlimited)(lazy))
            _finish(row, message)
    except _ClaimLost:
        return None
    return message


class _ClaimLost(Exception):
    """Somebody else has taken the message over, or has routed it."""


def _unlimited(lazy: Lazy) -> Asking:
    return Asking(lazy.savepoint)


def _finish(row: Message, message: IncomingMessage) -> None:
    """Mark it as routed, if it is still ours, and enqueue the responses."""
    changes = {name: getattr(row, name) for name in ("handled", "handled_by", "errors", "in_response_to_id")}
    changes |= {"routed_at": timezone.now(), "claim": None, "lease_until": None}
    if not Message.objects.filter(pk=row.pk, claim=row.claim, routed_at=None).update(**changes):
        raise _ClaimLost
    known = len(row.errors)
    for response in message.responses:
        _respond(row, response)
    if len(row.errors) > known:
        Message.objects.filter(pk=row.pk).update(errors=row.errors)
    signals.after_commit(signals.incoming_received, Message, message=row)
    if row.answers_id and row.kind in {IncomingKind.SUGGESTION, IncomingKind.FORM}:
        signals.after_commit(signals.interaction_received, Message, message=row)


def _respond(row: Message, response: Response) -> None:
    """One response that cannot be sent is recorded, under the name of its app; the others go out."""
    try:
        with database.atomic():
            if not brake.allows(row.connection_id):
                raise ValueError("too many answers to this person in a minute: are two machines talking?")
            send(**_arguments(row, response))
    except Exception as error:
        if database_errors.database_trouble(error):
            raise
        record = problem(response.app or row.handled_by, "respond", error, response.at)
        if record not in row.errors:
            row.errors = [*row.errors, record]
            logs.answer_failed(row.backend_id or "", row.pk, record["app"], type(error).__name__)


def _arguments(row: Message, response: Response) -> dict[str, Any]:
    """Return what `send()` is given. Raises IdentityError or ValueError where a recipient or the answered one is gone.

    PostgreSQL looks at foreign keys at the end: then all answers would be lost.
    """
    given = dict(response)
    people, answered = given["connections"], arguments.answered(given["in_response_to"])
    if people != [row.connection] and not isinstance(people, QuerySet):
        keys = {connection.pk: connection for connection in listed(people)}
        found = set(Connection.objects.filter(pk__in=keys).values_list("pk", flat=True))
        if gone := [str(connection) for key, connection in keys.items() if key not in found]:
            raise IdentityError(f"there is no connection {', '.join(gone)}")
        given["connections"] = list(keys.values())
    if answered not in (None, row) and not Message.objects.filter(pk=answered.pk).exists():
        raise ValueError("in_response_to does not exist any more")
    return given
