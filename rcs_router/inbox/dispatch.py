"""Apply what people did in one batch of webhooks: store messages first, then change contacts and consent."""

import logging
from collections.abc import Callable

from rcs_router import signals
from rcs_router.backends import backends
from rcs_router.contract import FileReport, Incoming, IncomingKind, Linked
from rcs_router.inbox import incoming
from rcs_router.inbox.consent_words import change_consent
from rcs_router.models import Connection, Event, StoredWebhook
from rcs_router.people import consent, linking
from rcs_router.people.connections import connections_for
from rcs_router.people.identities import normalise_sender

logger = logging.getLogger(__name__)

Said = Incoming | Linked | FileReport


def store(alias: str, reports: list[Said]) -> None:
    """Store the messages in bulk, then apply the other reports in their order."""
    if not reports:
        return
    connections = _connections(alias, reports)
    messages = [one for one in reports if isinstance(one, Incoming) and one.kind not in _EVENTS]
    if messages:
        incoming.store(connections, messages)
    for one in reports:
        if isinstance(one, Linked):
            linking.link(one, connections)
        elif isinstance(one, FileReport):
            _file(alias, one)
        elif one.kind in _EVENTS:
            _EVENTS[one.kind](connections[one.sender], one)


def _connections(alias: str, reports: list[Said]) -> dict[str, Connection]:
    """Return the connections of all named people, by identity as the provider wrote it."""
    names = dict.fromkeys(name for one in reports for name in _identities(one))
    tokens = backends[alias].capabilities.tokens
    found = connections_for(alias, [normalise_sender(name, tokens=tokens) for name in names])
    return dict(zip(names, found, strict=True))


def _identities(one: Incoming | Linked | FileReport) -> tuple[str, ...]:
    if isinstance(one, Incoming):
        return (one.sender,)
    return (one.identity, *one.others) if isinstance(one, Linked) else ()


def _file(alias: str, report: FileReport) -> None:
    """Signal the state of an uploaded file to the code that uploaded it; it belongs to no conversation."""
    logger.info("%s: file %s is %s", alias, report.file_id, report.status)
    signals.after_commit(signals.file_reported, StoredWebhook, backend=alias, file=report)


def _typing(connection: Connection, event: Incoming) -> None:
    active = event.fields.get("active") is not False
    Event.objects.create(connection=connection, kind="typing", code="" if active else "stopped", at=event.at)
    arguments = {"connection": connection, "active": active, "at": event.at}
    signals.after_commit(signals.typing_received, Connection, **arguments)


def _subscription(connection: Connection, event: Incoming) -> None:
    opted_out = event.kind == IncomingKind.UNSUBSCRIBE
    Event.objects.create(connection=connection, kind=event.kind, at=event.at)
    change_consent(
        connection, opted_out=opted_out, source="provider event", at=event.at, answered=event.answered
    )


_EVENTS: dict[IncomingKind, Callable[[Connection, Incoming], None]] = {
    IncomingKind.TYPING: _typing,
    IncomingKind.SUBSCRIBE: _subscription,
    IncomingKind.UNSUBSCRIBE: _subscription,
}


def changes_consent(one: Said) -> bool:
    """Return True for STOP or START, as a text or from the phone's menu."""
    if not isinstance(one, Incoming):
        return False
    events = {IncomingKind.SUBSCRIBE, IncomingKind.UNSUBSCRIBE}
    return one.kind in events or (one.kind == IncomingKind.TEXT and consent.said(one.text) is not None)
