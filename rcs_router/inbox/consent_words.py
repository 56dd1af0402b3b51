"""Handle STOP, START and HELP before the router apps get them, and acknowledge a change of consent."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from rcs_router.backends import brand_of, reply
from rcs_router.contract import IncomingKind, Traffic
from rcs_router.errors import RCSError
from rcs_router.inbox import incoming
from rcs_router.inbox.brake import brake
from rcs_router.models import Connection, Message
from rcs_router.people import consent
from rcs_router.router import send

logger = logging.getLogger(__name__)


def handler_of(row: Message) -> Callable[[], object] | None:
    """Return what to do about a STOP, START or HELP; None if the message is for the apps.

    A START is for the apps if the person has never refused or accepted promotions. Somebody who comes back through the
    phone's menu sends a word and an event, and the event may be digested first.
    """
    answered = incoming.is_answered(row)
    if row.kind != IncomingKind.TEXT or row.connection is None:
        return _do_nothing if answered else None
    opted_out, who = consent.said(row.text), row.connection
    if consent.is_limited(row.text) and not row.urgent:  # decided when it was stored
        opted_out = None
    if opted_out is None:
        help_is_ours = reply(who.backend_id, "HELP_REPLY") and consent.asks_for_help(row.text)
        return _do_nothing if answered else partial(_help, who) if help_is_ours else None
    if not opted_out and not answered and not consent.has_spoken(who.identity, brand_of(who.backend_id)):
        return None
    how: dict[str, Any] = {"source": "keyword", "words": row.text, "at": row.said_at, "answered": answered}
    return partial(change_consent, who, opted_out=opted_out, **how)


def _do_nothing() -> None:
    """Do nothing: the provider has answered already, and a second answer would be one too many."""


def _help(connection: Connection) -> None:
    """Answer HELP, also to people who refuse promotions. Without HELP_REPLY the apps get the message."""
    if brake.allows(connection.pk):
        _acknowledge(connection, reply(connection.backend_id, "HELP_REPLY"))


def _acknowledge(connection: Connection, answer: str) -> None:
    """Send the reply to STOP, START or HELP. If that fails, a change of consent is still recorded."""
    if not answer:
        return
    try:
        send(answer, connection, traffic=Traffic.ACKNOWLEDGEMENT)
    except RCSError as error:
        logger.error(
            *(
                "%s: the reply to STOP, START or HELP cannot be sent (%s)",
                connection.backend_id,
                type(error).__name__,
            ),
            extra={"alias": connection.backend_id, "code": type(error).__name__},
        )


def change_consent(
    connection: Connection,
    *,
    opted_out: bool,
    source: str,
    words: str = "",
    at: Any = None,
    answered: bool = False,
) -> bool:
    """Record that a person refuses or accepts promotions. Return True for a change, which is acknowledged.

    `answered`: the provider has acknowledged the change already, and would refuse or repeat ours.
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
