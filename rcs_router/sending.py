"""Content, recipients and checked options in; outgoing phase, what backends can carry, and the stored message out."""

from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError

from rcs_router import arguments, database, outbox, signals
from rcs_router.backends import backends
from rcs_router.capabilities import require
from rcs_router.content import Content, as_content, dump
from rcs_router.content.plain import render
from rcs_router.contract import Traffic
from rcs_router.installed import router_apps
from rcs_router.links import form_link
from rcs_router.models import STOPPED_BY, Connection, Message
from rcs_router.phases import OutgoingMessage, RouterApp, run_outgoing
from rcs_router.recipients import Recipients, chosen, listed


def body_of(content: Content | str | None, text: str | None) -> Content:
    """Return what `send()` is to say. Raises ContentError, and TypeError for both or neither."""
    if content is not None and text is not None:
        raise TypeError("content and text are two names for one thing: give one of them")
    body = as_content(text if content is None else content)  # type: ignore[arg-type]  # which refuses None
    dump(body)  # raises ContentError for what cannot be stored
    return body


def store(body: Content, connections: Recipients | None, options: arguments.SendOptions) -> Message:
    """Store it for all recipients, in one transaction; the rest of `send()`."""
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
    if isinstance(outgoing.connections, list):
        message.connections = outgoing.connections
    message.raw_text = outgoing.raw_text
    message.text = render(outgoing.content, fallback_text=message.fallback_text).text
    due_at = send_at.astimezone(UTC) if send_at else None  # PostgreSQL takes no offset of 16 hours or more
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
