"""send() and receive() for views, and route(), which takes one stored incoming message through the router apps."""

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any

from django.core.signals import setting_changed
from django.db import IntegrityError
from django.utils import timezone
from django.utils.module_loading import import_string

from rcs_router import arguments, consent, database, incoming, logs, outbox, signals, sql, wake
from rcs_router.backends import backends, brand_of
from rcs_router.brake import brake
from rcs_router.capabilities import require
from rcs_router.conf import router_settings
from rcs_router.content import Content, as_content, dump, translated
from rcs_router.content.plain import render
from rcs_router.contract import Incoming, IncomingKind, Traffic
from rcs_router.errors import ConfigError, ContentError, IdentityError, RCSError
from rcs_router.handlers import BaseHandler, HandlerApp
from rcs_router.identities import normalise
from rcs_router.links import form_link
from rcs_router.models import Backend, Connection, Message
from rcs_router.phases import Asking, IncomingMessage, OutgoingMessage, RouterApp, run_incoming, run_outgoing
from rcs_router.recipients import Recipients, chosen, listed
from rcs_router.transactions import Lazy, lazily

logger = logging.getLogger(__name__)
CHUNK = 5000  # connections made by one statement


def send(
    content: Content | str,
    connections: Recipients,
    *,
    traffic: Traffic | str | None = None,
    ttl: timedelta | None = None,
    fallback_text: str = "",
    send_at: datetime | None = None,
    time_critical: bool = False,
    fall_back_after: timedelta | float | None = None,
    strict: bool = False,
    in_response_to: Message | None = None,
    fields: dict[str, Any] | None = None,
    idempotency_key: str | None = None,
    is_error: bool = False,
) -> Message:
    """Store a message for every recipient and have it sent after the commit. No provider is called here.

    `connections`: a Connection, a Contact (written to on its first backend), an iterable or a QuerySet of either; each
    is written to once. `traffic`: why (rcs_router.contract.Traffic; default: the backend's). `ttl`: how long it is of
    use; when it has passed, the fallback is tried. `send_at`: not before (aware). `time_critical`: better twice than
    late, for codes. `fall_back_after`: without proof of delivery so long after it was due (a timedelta or seconds), the
    next backend takes over; default: the backend's FALLBACK_AFTER. `fallback_text`: what an SMS says instead of the
    rendered content. `strict`: refuse content of which the recipients' backends would lose anything (their fallbacks
    may). `fields`: anything, as JSON; {"extra": {alias: {...}}} in it is merged into that backend's request.
    `idempotency_key`: a second send() with it returns the first message.

    Raises ContentError (a backend on the way cannot carry it), IdentityError, ConfigError (unknown backend), ValueError
    (no recipients, a ttl or deadline that is not positive, a naive send_at, no traffic where backends differ in it),
    TypeError.
    """
    if idempotency_key and (earlier := Message.objects.filter(idempotency_key=idempotency_key).first()):
        return earlier
    body, fallback_text, fields = as_content(content), translated(fallback_text), translated(fields)
    arguments.check(
        ttl=ttl, send_at=send_at, fields=fields, idempotency_key=idempotency_key, fallback_text=fallback_text
    )
    recipients, aliases = chosen(connections)
    message = Message(
        direction=Message.Direction.OUT,
        traffic=_traffic(traffic, aliases),
        in_response_to=_as_stored(in_response_to),
        fields=fields or {},
        ttl=ttl,
        time_critical=time_critical,
        fall_back_after=arguments.deadline(fall_back_after),
        fallback_text=fallback_text,
        idempotency_key=idempotency_key or None,
        is_error=is_error,
    )
    outgoing, stopped, vetoed = _outgoing(message, body, recipients)
    if outgoing.connections is not recipients:
        aliases += [connection.backend_id for connection in outgoing.connections]
    _require(outgoing.content, aliases, fallback_text, strict)
    return _store(message, outgoing, send_at, stopped, vetoed)


def receive(
    text: str,
    connection: Connection,
    *,
    external_id: str = "",
    postback: str = "",
    fields: dict[str, Any] | None = None,
    said_at: datetime | None = None,
) -> Message:
    """Store what a person said; router apps see it after the commit. The same `external_id` is stored once."""
    kind = IncomingKind.SUGGESTION if postback else IncomingKind.TEXT
    text, postback, fields = translated((text, postback, fields))
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


def lookup_connections(backend: Backend | str, identities: Iterable[str]) -> list[Connection]:
    """Connections in the order of `identities`, made where they are new: at most three statements for up to 5,000.

    Raises IdentityError for a bare string and for what is no phone number; ConfigError for an unknown backend.
    """
    alias = backend.name if isinstance(backend, Backend) else backend
    if isinstance(identities, str | bytes):
        raise IdentityError(f"identities must be a list of numbers, not the string {identities!r}")
    tokens = backends[alias].capabilities.tokens
    return connections_for(alias, [normalise(identity, tokens=tokens) for identity in identities])


def connections_for(alias: str, identities: Sequence[str]) -> list[Connection]:
    """The same for identities that are known to be good."""
    found = {c.identity: c for c in Connection.objects.filter(backend_id=alias, identity__in=set(identities))}
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
                row.handled_by = "consent"
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
    changes = {name: getattr(row, name) for name in ("handled_by", "errors", "in_response_to_id")}
    changes |= {"routed_at": timezone.now(), "claim": None, "lease_until": None}
    if not Message.objects.filter(pk=row.pk, claim=row.claim, routed_at=None).update(**changes):
        raise _ClaimLost
    known = len(row.errors)
    for response in message.responses:
        _respond(row, response)
    if len(row.errors) > known:
        Message.objects.filter(pk=row.pk).update(errors=row.errors)
    signals.after_commit(signals.incoming_received, Message, message=row)
    if row.answers_id:
        signals.after_commit(signals.interaction_received, Message, message=row)


def change_consent(
    connection: Connection, *, opted_out: bool, source: str, words: str = "", at: Any = None
) -> bool:
    """Record that a person wants no promotions, or wants them again; only a change is acknowledged, and True."""
    changed = consent.record(
        connection.identity,
        opted_out=opted_out,
        source=source,
        backend=connection.backend_id,
        words=words,
        said_at=at,
    )
    if changed:
        _acknowledge(
            connection, router_settings().OPT_OUT_REPLY if opted_out else router_settings().OPT_IN_REPLY
        )
    return changed


@lru_cache(maxsize=1)
def router_apps() -> tuple[RouterApp, ...]:
    """The apps of RCS_ROUTER["APPS"], one instance each. Raises ConfigError for a path that is no app."""
    return tuple(load_app(path) for path in router_settings().APPS)


def load_app(path: str) -> RouterApp:
    """One app by its dotted path: a RouterApp class, or a handler class, which is put in the place of one."""
    try:
        cls = import_string(path)
    except Exception as error:
        raise ConfigError(f'RCS_ROUTER["APPS"]: {path!r} cannot be imported: {error}') from error
    if isinstance(cls, type) and issubclass(cls, BaseHandler):
        return HandlerApp(cls)
    if isinstance(cls, type) and issubclass(cls, RouterApp):
        return cls()
    raise ConfigError(f'RCS_ROUTER["APPS"]: {path!r} is neither a RouterApp nor a handler')


def _as_stored(message: Message | None) -> Message | None:
    return database.read_here([message])[0] if message else None


def _heard_before(connection: Connection, external_id: str) -> Message | None:
    if not external_id:
        return None
    rows = Message.objects.filter(direction=Message.Direction.IN, backend_id=connection.backend_id)
    return rows.filter(external_id=external_id).first()


def _traffic(given: Traffic | str | None, aliases: list[str]) -> Traffic:
    if given is None:
        usual = {backends.config(alias).traffic for alias in aliases}
        if len(usual) > 1:  # to guess could send a promotion past somebody's refusal
            raise ValueError(
                f"the recipients' backends differ in TRAFFIC ({', '.join(sorted(usual))}): say traffic="
            )
        return usual.pop()
    try:
        return Traffic(given)
    except ValueError:
        raise ValueError(f"traffic must be one of {', '.join(Traffic)}, not {given!r}") from None


def _require(content: Content, aliases: list[str], fallback_text: str, strict: bool) -> None:
    """Every backend that it may travel on can carry it: those of its recipients, and their fallbacks."""
    roads = [road for alias in aliases for road in (alias, *backends.config(alias).fallback)]
    for alias in dict.fromkeys(roads):
        require(backends[alias], content, fallback_text, form_link(), strict=strict and alias in aliases)


def _outgoing(
    message: Message, body: Content, recipients: Any
) -> tuple[OutgoingMessage, str, list[Connection]]:
    """Run the outgoing phase; the app that stopped the message, and the connections that apps took out."""
    apps = router_apps()
    if not any(type(app).outgoing is not RouterApp.outgoing for app in apps):
        return OutgoingMessage(message, body, recipients), "", []
    everyone = list(recipients)
    outgoing = OutgoingMessage(message, body, list(everyone))
    stopped = run_outgoing(apps, outgoing, database.atomic)
    outgoing.connections = listed(outgoing.connections)
    kept = {connection.pk for connection in outgoing.connections}
    return outgoing, stopped, [connection for connection in everyone if connection.pk not in kept]


def _store(
    message: Message,
    outgoing: OutgoingMessage,
    send_at: datetime | None,
    stopped: str,
    vetoed: list[Connection],
) -> Message:
    message.content = dump(outgoing.content)
    message.text = render(outgoing.content, fallback_text=message.fallback_text).text
    due_at = send_at.astimezone(UTC) if send_at else None  # PostgreSQL takes no offset of 16 hours or more
    reason = f"stopped by {stopped}"[:60] if stopped else ""
    try:
        outbox.enqueue(
            message, outgoing.content, outgoing.connections, due_at=due_at, cancelled=reason, vetoed=vetoed
        )
    except IntegrityError:
        key = message.idempotency_key
        earlier = Message.objects.filter(idempotency_key=key).first() if key else None
        if earlier is None:
            raise
        return earlier
    signals.after_commit(signals.message_sent, Message, message=message)
    return message


def _between_us(row: Message) -> Callable[[], object] | None:
    """What is to be done about a STOP, START or HELP; None: it is for the apps, as the START of who never left is.

    Whoever came back by the phone's menu sends the word and an event, and the event may have been digested first.
    """
    if row.kind != IncomingKind.TEXT or row.connection is None:
        return None
    opted_out, who = consent.said(row.text), row.connection
    if opted_out is None:
        answered = router_settings().HELP_REPLY and consent.asks_for_help(row.text)
        return partial(_help, who) if answered else None
    if not opted_out and not consent.has_spoken(who.identity, brand_of(who.backend_id)):
        return None
    return partial(change_consent, who, opted_out=opted_out, source="keyword", words=row.text, at=row.said_at)


def _help(connection: Connection) -> None:
    """HELP is answered to everybody, also to who wants no offers; without HELP_REPLY it is for the apps."""
    if brake.allows(connection.pk):
        _acknowledge(connection, router_settings().HELP_REPLY)


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


def _respond(row: Message, response: dict[str, Any]) -> None:
    """One response that cannot be sent is recorded; the others go out."""
    try:
        if not brake.allows(row.connection_id):
            raise ValueError("too many answers to this person in a minute: are two machines talking?")
        send(response.pop("content"), response.pop("connections"), **response)
    except (ContentError, ConfigError, IdentityError, ValueError, TypeError) as error:
        problem = {
            "app": row.handled_by,
            "phase": "respond",
            "error": f"{type(error).__name__}: {error}"[:500],
        }
        if problem not in row.errors:
            row.errors = [*row.errors, problem]
            logs.answer_failed(row.backend_id or "", row.pk, row.handled_by, type(error).__name__)


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "RCS_ROUTER":
        router_apps.cache_clear()


setting_changed.connect(_forget)
