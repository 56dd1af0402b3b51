"""send() and receive() for views, and route(), which takes one stored incoming message through the router apps."""

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Unpack, overload

from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone

from rcs_router import (
    arguments,
    consent,
    database,
    incoming,
    linking,
    logs,
    numbering,
    sending,
    signals,
    sql,
    trouble,
    wake,
)
from rcs_router.backends import backends, brand_of, reply
from rcs_router.brake import brake
from rcs_router.content import Content, translated
from rcs_router.contract import BaseBackend, Incoming, IncomingKind, Traffic
from rcs_router.errors import IdentityError, RCSError
from rcs_router.identities import normalise
from rcs_router.installed import router_apps
from rcs_router.models import Backend, Connection, Message
from rcs_router.phases import (
    Asking,
    IncomingMessage,
    Response,
    problem,
    run_incoming,
)
from rcs_router.recipients import Recipients, listed
from rcs_router.transactions import Lazy, lazily

logger = logging.getLogger(__name__)
CHUNK = 5000  # connections made by one statement


@overload
def send(
    content: Content | str, connections: Recipients, **options: Unpack[arguments.SendOptions]
) -> Message: ...


@overload
def send(*, text: str, connections: Recipients, **options: Unpack[arguments.SendOptions]) -> Message: ...


def send(
    content: Content | str | None = None,
    connections: Recipients | None = None,
    *,
    text: str | None = None,
    traffic: Traffic | str | None = None,
    ttl: timedelta | None = None,
    fallback_text: str = "",
    send_at: datetime | None = None,
    time_critical: bool = False,
    fall_back_after: timedelta | float | None = None,
    strict: bool = False,
    in_response_to: Message | arguments.Answered | None = None,
    fields: dict[str, Any] | None = None,
    idempotency_key: str | None = None,
    is_error: bool = False,
) -> Message:
    """Store a message for every recipient and have it sent after the commit. No provider is called here.

    `content`: a content, or a string; `text=` is another name for it, as in RapidSMS.
    `connections`: a Connection, a Contact (written to on its first backend), an iterable or a QuerySet of either; each
    is written to once. `traffic`: why (rcs_router.contract.Traffic; default: the backend's). `ttl`: how long it is of
    use; when it has passed, the fallback is tried. `send_at`: not before (aware). `time_critical`: better twice than
    late, for codes. `fall_back_after`: without proof of delivery so long after it was due (a timedelta or seconds), the
    next backend takes over; default: the backend's FALLBACK_AFTER. `fallback_text`: what an SMS says instead of the
    rendered content. `strict`: refuse content of which the recipients' backends would lose anything (their fallbacks
    may). `in_response_to`: the message that it answers. `fields`: anything, as JSON; {"extra": {alias: {...}}} in it is
    merged into that backend's request. `idempotency_key`: a second send() with it returns the first message.

    Raises ContentError (broken, or a backend on the way cannot carry it), IdentityError, ConfigError (unknown backend),
    ValueError (no recipients, a ttl or deadline that is not positive or longer than ten years, a naive send_at, a NUL,
    no traffic where backends differ in it), TypeError.
    """
    options = arguments.SendOptions(
        traffic=traffic,
        ttl=ttl,
        fallback_text=translated(fallback_text),
        send_at=send_at,
        time_critical=time_critical,
        fall_back_after=fall_back_after,
        strict=strict,
        in_response_to=in_response_to,
        fields=translated(fields),
        idempotency_key=idempotency_key,
        is_error=is_error,
    )
    arguments.check_sending(options)
    if idempotency_key and (earlier := Message.objects.filter(idempotency_key=idempotency_key).first()):
        return earlier
    return sending.store(sending.body_of(content, text), connections, options)


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


def lookup_connections(
    backend: Backend | BaseBackend | arguments.Named | str, identities: Iterable[str]
) -> list[Connection]:
    """Connections in the order of `identities`, made where they are new: at most three statements for up to 5,000.

    `backend`: an alias, a Backend row, a configured backend, or anything else with a `name`.

    Raises IdentityError for a bare string and for what is no phone number; ConfigError for an unknown backend;
    TypeError for what names none.
    """
    alias = arguments.alias_of(backend)
    if isinstance(identities, str | bytes) or not isinstance(identities, Iterable):
        raise IdentityError(f"identities must be a list of numbers, not {identities!r}")
    tokens = backends[alias].capabilities.tokens
    return connections_for(alias, [normalise(identity, tokens=tokens) for identity in identities])


def connections_for(alias: str, identities: Sequence[str]) -> list[Connection]:
    """The same for identities that are known to be good, in the form that their numbers have today."""
    held = {form: identity for identity in identities for form in numbering.forms(identity)}
    found = {c.identity: c for c in Connection.objects.filter(backend_id=alias, identity__in=held)}
    for form in found.keys() - set(identities):
        if held[form] not in found:
            found[held[form]] = linking.renumbered(found[form], held[form])
    missing = [identity for identity in dict.fromkeys(identities) if identity not in found]
    if missing and not found:  # where there is a connection, there is its backend's row
        sql.insert(Backend, ["name"], [[alias]], conflict="DO NOTHING")
    for start in range(0, len(missing), CHUNK):
        found.update(_new_connections(alias, missing[start : start + CHUNK]))
    return [found[identity] for identity in identities]


def _new_connections(alias: str, identities: Sequence[str]) -> dict[str, Connection]:
    """Made, or found when somebody else has just made them: the update that changes little returns their keys too."""
    now = timezone.now()
    rows = sql.insert(
        Connection,
        ["backend", "identity", "modified_on"],
        [(alias, identity, now) for identity in identities],
        conflict="(backend_id, identity) DO UPDATE SET modified_on = excluded.modified_on",
        returning=["id", "backend_id", "identity", "contact_id"],
    )
    names, alias_of_rows = ["id", "backend_id", "identity", "contact_id"], database.alias()
    return {row[2]: Connection.from_db(alias_of_rows, names, row) for row in rows}


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
    message, own = IncomingMessage(row, row.connection), _between_us(row)
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


def change_consent(
    connection: Connection,
    *,
    opted_out: bool,
    source: str,
    words: str = "",
    at: Any = None,
    answered: bool = False,
) -> bool:
    """Record that a person wants no promotions, or wants them again; only a change is acknowledged, and True.

    `answered`: the provider has acknowledged it by itself, and would refuse or double ours.
    """
    changed = consent.record(
        connection.identity,
        opted_out=opted_out,
        source=source,
        backend=connection.backend_id,
        words=words,
        said_at=at,
    )
    if changed and not answered:
        _acknowledge(
            connection, reply(connection.backend_id, "OPT_OUT_REPLY" if opted_out else "OPT_IN_REPLY")
        )
    return changed


def _heard_before(connection: Connection, external_id: str) -> Message | None:
    if not external_id:
        return None
    rows = Message.objects.filter(direction=Message.Direction.IN, backend_id=connection.backend_id)
    return rows.filter(external_id=external_id).first()


def _between_us(row: Message) -> Callable[[], object] | None:
    """What is to be done about a STOP, START or HELP; None: it is for the apps, as the START of who never left is.

    Whoever came back by the phone's menu sends the word and an event, and the event may have been digested first.
    """
    answered = incoming.is_answered(row)
    if row.kind != IncomingKind.TEXT or row.connection is None:
        return _nothing if answered else None
    opted_out, who = consent.said(row.text), row.connection
    if consent.is_limited(row.text) and not row.urgent:  # it was judged when it was stored
        opted_out = None
    if opted_out is None:
        help_is_ours = reply(who.backend_id, "HELP_REPLY") and consent.asks_for_help(row.text)
        return _nothing if answered else partial(_help, who) if help_is_ours else None
    if not opted_out and not answered and not consent.has_spoken(who.identity, brand_of(who.backend_id)):
        return None
    how: dict[str, Any] = {"source": "keyword", "words": row.text, "at": row.said_at, "answered": answered}
    return partial(change_consent, who, opted_out=opted_out, **how)


def _nothing() -> None:
    """The provider has answered by itself: a second answer, ours or an app's, would be one too many."""


def _help(connection: Connection) -> None:
    """HELP is answered to everybody, also to who wants no offers; without HELP_REPLY it is for the apps."""
    if brake.allows(connection.pk):
        _acknowledge(connection, reply(connection.backend_id, "HELP_REPLY"))


def _acknowledge(connection: Connection, answer: str) -> None:
    """Whatever is wrong with the answer, what was said counts."""
    if not answer:
        return
    try:
        send(answer, connection, traffic=Traffic.ACKNOWLEDGEMENT)
    except RCSError as error:
        logger.error(
            *(
                "%s: what somebody said counts, but is not acknowledged (%s)",
                connection.backend_id,
                type(error).__name__,
            ),
            extra={"alias": connection.backend_id, "code": type(error).__name__},
        )


def _respond(row: Message, response: Response) -> None:
    """One response that cannot be sent is recorded, under the name of its app; the others go out."""
    try:
        with database.atomic():
            if not brake.allows(row.connection_id):
                raise ValueError("too many answers to this person in a minute: are two machines talking?")
            send(**_arguments(row, response))
    except Exception as error:
        if trouble.database_trouble(error):
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
