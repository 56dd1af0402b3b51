"""Store what people said or did, as one webhook batch tells it: messages first, then what changes people."""

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


def store(alias: str, said: list[Said]) -> None:
    """Messages first and all at once, then what changes people, in its order."""
    if not said:
        return
    connections = _connections(alias, said)
    messages = [one for one in said if isinstance(one, Incoming) and one.kind not in _EVENTS]
    if messages:
        incoming.store(connections, messages)
    for one in said:
        if isinstance(one, Linked):
            linking.link(one, connections)
        elif isinstance(one, FileReport):
            _file(alias, one)
        elif one.kind in _EVENTS:
            _EVENTS[one.kind](connections[one.sender], one)


def _connections(alias: str, said: list[Said]) -> dict[str, Connection]:
    """Those of everybody who is named, by the identity as the provider wrote it."""
    names = dict.fromkeys(name for one in said for name in _named(one))
    tokens = backends[alias].capabilities.tokens
    found = connections_for(alias, [normalise_sender(name, tokens=tokens) for name in names])
    return dict(zip(names, found, strict=True))


def _named(one: Incoming | Linked | FileReport) -> tuple[str, ...]:
    if isinstance(one, Incoming):
        return (one.sender,)
    return (one.identity, *one.others) if isinstance(one, Linked) else ()


def _file(alias: str, report: FileReport) -> None:
    """A file belongs to nobody's conversation: there is a signal for whoever uploaded it."""
    logger.info("%s: file %s is %s", alias, report.file_id, report.status)
    signals.after_commit(signals.file_reported, StoredWebhook, backend=alias, file=report)


def _typing(connection: Connection, said: Incoming) -> None:
    active = said.fields.get("active") is not False
    Event.objects.create(connection=connection, kind="typing", code="" if active else "stopped", at=said.at)
    told = {"connection": connection, "active": active, "at": said.at}
    signals.after_commit(signals.typing_received, Connection, **told)


def _subscription(connection: Connection, said: Incoming) -> None:
    opted_out = said.kind == IncomingKind.UNSUBSCRIBE
    Event.objects.create(connection=connection, kind=said.kind, at=said.at)
    change_consent(
        connection, opted_out=opted_out, source="provider event", at=said.at, answered=said.answered
    )


_EVENTS: dict[IncomingKind, Callable[[Connection, Incoming], None]] = {
    IncomingKind.TYPING: _typing,
    IncomingKind.SUBSCRIBE: _subscription,
    IncomingKind.UNSUBSCRIBE: _subscription,
}


def changes_consent(one: Said) -> bool:
    """Is it a STOP or START, by word or by the phone's menu?"""
    if not isinstance(one, Incoming):
        return False
    events = {IncomingKind.SUBSCRIBE, IncomingKind.UNSUBSCRIBE}
    return one.kind in events or (one.kind == IncomingKind.TEXT and consent.said(one.text) is not None)
