"""Store an incoming message with `receive()`, and take a stored message through the router apps with `route()`."""

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
    """Store an incoming message; router apps get it after the commit. The same `external_id` is stored once.

    `external_id` is the provider's id, and may also be given in `fields`, as in RapidSMS. A `postback` makes the
    message a tap. `said_at` is the provider's time (aware). A NUL or half of a surrogate pair in `text` or `postback`
    becomes U+FFFD, because a message must not be lost over it.

    Raises IdentityError (no connection, or an unsaved one), TypeError, and ValueError (a naive `said_at`, an
    `external_id` of more than 200 characters, fields that cannot be stored).
    """
    text, postback, fields = translated((text, postback, fields))
    arguments.check_fields(fields)
    if external_id == "" and fields:
        external_id = fields.get("external_id", "")
    arguments.check_receiving(text, connection, external_id, postback, said_at)
    kind = IncomingKind.SUGGESTION if postback else IncomingKind.TEXT
    parsed = Incoming(
        kind,
        connection.identity,
        id=external_id,
        text=text,
        postback=postback,
        at=said_at,
        fields=fields or {},
    )
    [connection] = database.read_here([connection])
    row = incoming.as_row(connection, parsed)
    in_transaction = database.connection().in_atomic_block
    try:
        with database.atomic() if in_transaction else nullcontext():
            row.save(force_insert=True, using=database.alias())
    except IntegrityError:
        if not (earlier := _stored_before(connection, external_id)):
            raise
        return earlier
    wake.digest()
    return row


def _stored_before(connection: Connection, external_id: str) -> Message | None:
    if not external_id:
        return None
    rows = Message.objects.filter(direction=Message.Direction.IN, backend_id=connection.backend_id)
    return rows.filter(external_id=external_id).first()


def route(
    row: Message, asking: Callable[[Lazy], Asking] | None = None, *, ask: bool = True
) -> IncomingMessage | None:
    """Take a stored message, which `row.claim` holds, through the router apps; return None if the claim is lost.

    The mark "routed", the writes of the apps and the responses are one transaction: all of it once, or nothing. It
    begins with the first statement, so that an app without database access holds no transaction open. `asking` returns
    how apps are called; with `ask=False` no app is called.
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
    """Another process has claimed or routed the message."""


def _unlimited(lazy: Lazy) -> Asking:
    return Asking(lazy.savepoint)


def _finish(row: Message, message: IncomingMessage) -> None:
    """Mark the message as routed, if the claim is still valid, and enqueue the responses."""
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
    """Send one response. A response that cannot be sent is recorded under the name of its app; the others are sent."""
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
    """Return the arguments for `send()`. Raises IdentityError or ValueError if a recipient or answered message is gone.

    This is checked here because PostgreSQL checks foreign keys at the commit: then all responses would be lost.
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
