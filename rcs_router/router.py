"""`send()`: check a message, run the outgoing phase, and store it for every recipient."""

from datetime import UTC, datetime, timedelta
from typing import Any, Unpack, overload

from django.db import IntegrityError

from rcs_router import arguments, database, outbox, signals
from rcs_router.backends import backends
from rcs_router.capabilities import require
from rcs_router.content import Content, as_content, dump, translated
from rcs_router.content.links import form_link
from rcs_router.content.plain import render
from rcs_router.contract import Traffic
from rcs_router.models import STOPPED_BY, Connection, Message
from rcs_router.people.recipients import Recipients, chosen, listed
from rcs_router.phases import OutgoingMessage, RouterApp, run_outgoing
from rcs_router.router_apps import router_apps


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
    """Store a message for every recipient, and have it sent after the commit. No provider is called here.

    `content`: a content object or a string. `text=` is another name for it, as in RapidSMS.

    `connections`: a Connection, a Contact (its first backend is used), or an iterable or QuerySet of either. Each
    connection gets the message once.

    `traffic`: the reason for the message (rcs_router.contract.Traffic; default: the backend's TRAFFIC). `ttl`: how long
    the message is useful; after that the fallback is tried. `send_at`: an aware datetime before which it is not sent.
    `time_critical`: for codes, which are better delivered twice than late. `fall_back_after`: a timedelta or seconds;
    without proof of delivery that long after the message was due, the next backend takes over (default: the backend's
    FALLBACK_AFTER). `fallback_text`: the text of an SMS, instead of the rendered content. `strict`: refuse content that
    a recipient's backend cannot carry without loss (its fallbacks may). `in_response_to`: the message that this one
    answers. `fields`: any JSON object; its {"extra": {alias: {...}}} is merged into that backend's request.
    `idempotency_key`: a second send() with the same key returns the first message.

    Raises ContentError (invalid content, or a backend of the fallback chain cannot carry it), IdentityError,
    ConfigError (unknown backend), ValueError (no recipients, a ttl or deadline that is not positive or longer than ten
    years, a naive send_at, a NUL character, no traffic although the backends differ in it), or TypeError.
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
    return _store_for_all(_body_of(content, text), connections, options)


def _body_of(content: Content | str | None, text: str | None) -> Content:
    """Return the content that `send()` was given. Raises ContentError, or TypeError if both or neither were given."""
    if content is not None and text is not None:
        raise TypeError("content and text are two names for one thing: give one of them")
    body = as_content(text if content is None else content)  # type: ignore[arg-type]  # which refuses None
    dump(body)  # raises ContentError for content that cannot be stored
    return body


def _store_for_all(body: Content, connections: Recipients | None, options: arguments.SendOptions) -> Message:
    """Run the outgoing phase, check the result, and store it for all recipients in one transaction."""
    recipients, aliases = chosen(connections)
    message = Message(
        direction=Message.Direction.OUT,
        traffic=_traffic(options["traffic"], aliases),
        in_response_to=arguments.answered(options["in_response_to"]),
        fields=options["fields"] or {},
        ttl=options["ttl"],
        time_critical=options["time_critical"],
        fall_back_after=arguments.deadline(options["fall_back_after"]),
        fallback_text=options["fallback_text"],
        idempotency_key=options["idempotency_key"] or None,
        is_error=options["is_error"],
    )
    outgoing, stopped, vetoed = _outgoing(message, body, recipients)
    if outgoing.connections is not recipients:
        aliases += [connection.backend_id for connection in outgoing.connections]
        arguments.check_fields(message.fields)  # apps may have changed them
    _require(outgoing.content, aliases, message.fallback_text, options["strict"])
    return _store(message, outgoing, options["send_at"], stopped, vetoed)


def _traffic(given: Traffic | str | None, aliases: list[str]) -> Traffic:
    if given is None:
        usual = {backends.config(alias).traffic for alias in aliases}
        if len(usual) > 1:  # a guess could send a promotion to a person who refuses promotions
            raise ValueError(
                f"the recipients' backends differ in TRAFFIC ({', '.join(sorted(usual))}): say traffic="
            )
        return usual.pop()
    try:
        return Traffic(given)
    except ValueError:
        raise ValueError(f"traffic must be one of {', '.join(Traffic)}, not {given!r}") from None


def _require(content: Content, aliases: list[str], fallback_text: str, strict: bool) -> None:
    """Raise ContentError unless every backend of the fallback chains can carry the content."""
    chain = [one for alias in aliases for one in (alias, *backends.config(alias).fallback)]
    for alias in dict.fromkeys(chain):
        require(backends[alias], content, fallback_text, form_link(), strict=strict and alias in aliases)


def _outgoing(
    message: Message, body: Content, recipients: Any
) -> tuple[OutgoingMessage, str, list[Connection]]:
    """Run the outgoing phase; return its result, the app that stopped the message, and the removed connections."""
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
    if isinstance(outgoing.connections, list):
        message.connections = outgoing.connections
    message.raw_text = outgoing.raw_text
    message.text = render(outgoing.content, fallback_text=message.fallback_text).text
    due_at = send_at.astimezone(UTC) if send_at else None  # PostgreSQL accepts no offset of 16 hours or more
    reason = f"{STOPPED_BY}{stopped}"[:60] if stopped else ""
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
