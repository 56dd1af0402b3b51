"""A provider's request in, stored as it came; then digested: receipts to the outbox, what was said to the router."""

import logging
import traceback
import uuid
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Q, QuerySet

from rcs_router import incoming, linking, outbox, router, signals, sql, wake
from rcs_router.backends import backends
from rcs_router.conf import router_settings
from rcs_router.contract import (
    BaseBackend,
    FileReport,
    Incoming,
    IncomingKind,
    Linked,
    Receipt,
    WebhookRequest,
)
from rcs_router.errors import SendError
from rcs_router.identities import heard
from rcs_router.models import Connection, Event, Message, StoredWebhook

logger = logging.getLogger(__name__)

BATCH = 500
HEADERS = 4000  # characters of headers that are kept
GIVE_UP = 5  # times that routing one message may fail for reasons that are not an app's


def accept(backend: BaseBackend, request: WebhookRequest) -> None:
    """Store a verified request: one INSERT, which does nothing for a repeat. Raises DatabaseError."""
    secrets = {"", *backend.options.secrets()}  # they have done their work
    row = StoredWebhook(
        backend=backend.alias,
        dedupe=backend.dedupe_key(request),
        method=request.method,
        query={name: value for name, value in request.query.items() if value not in secrets},
        headers={
            name: value
            for name, value in request.headers.items()
            if value not in secrets and name != "authorization"
        },
        body=request.body,
    )
    StoredWebhook.objects.bulk_create([row], ignore_conflicts=True)
    wake.digest()


def digest() -> int:
    """Digest what is stored and route what was said, until nothing is due; returns how many rows were dealt with."""
    return _while_full(lambda: _digest_batch(sql.now(StoredWebhook))) + _while_full(_route_batch)


def _while_full(batch: Callable[[], int]) -> int:
    """Work in batches until one is not full; what comes in meanwhile rings its own bell."""
    dealt = count = batch()
    while count >= BATCH:
        dealt += (count := batch())
    return dealt


def again(rows: QuerySet[StoredWebhook]) -> int:
    """Have those of `rows` digested anew that failed, became orphans or are parked; returns how many.

    What was digested well is left alone: on a wire without ids its words would be stored, and answered, twice.
    """
    now = sql.now(StoredWebhook)
    unfinished = Q(digested_at=None) | ~Q(note="")
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    count = rows.filter(unfinished, free).update(
        digested_at=None, due_at=now, tries=0, claim=None, lease_until=None, note="", traceback=""
    )
    if count:
        wake.digest()
    return count


class LeaseLost(Exception):
    """Another digest has taken over some of the rows."""


@dataclass
class Digest:
    """One stored request and what its backend makes of it."""

    row: StoredWebhook
    receipts: list[Receipt] = field(default_factory=list)
    said: list[Incoming | Linked | FileReport] = field(default_factory=list)
    orphans: int = 0


def _digest_batch(now: datetime) -> int:
    keys = sql.claim(
        StoredWebhook,
        where="digested_at IS NULL AND due_at <= %s AND (lease_until IS NULL OR lease_until < %s)",
        params=[now, now],
        order="due_at, id",
        limit=BATCH,
        claim=uuid.uuid4(),
        lease_until=now + timedelta(seconds=router_settings().LEASE),
    )
    groups: dict[str, list[StoredWebhook]] = defaultdict(list)
    for row in StoredWebhook.objects.filter(pk__in=keys).order_by("id"):
        groups[row.backend].append(row)
    for alias, rows in groups.items():
        _digest_group(alias, rows, now)
    return len(keys)


def _digest_group(alias: str, rows: list[StoredWebhook], now: datetime) -> None:
    """All rows of a backend at once; if that fails, one by one, so that a bad row holds up no other."""
    parsed = [digest for row in rows if (digest := _parse(alias, row, now))]
    try:
        _apply(alias, parsed, now)
    except Exception as error:
        if len(parsed) == 1 and isinstance(error, OperationalError | InterfaceError):
            # the database's trouble, not the row's: it is digested again when its lease has ended
            logger.warning("webhook request %s waits for the database", parsed[0].row.pk)
            return
        if len(parsed) == 1 and isinstance(error, LeaseLost):
            return
        if len(parsed) == 1:
            _failed(parsed[0].row, error, now)
            return
        for digest in parsed:
            _digest_group(alias, [digest.row], now)


def _parse(alias: str, row: StoredWebhook, now: datetime) -> Digest | None:
    try:
        values = backends[alias].parse(row.as_request())
    except Exception as error:
        _failed(row, error, now)
        return None
    receipts = [value for value in values if isinstance(value, Receipt)]
    return Digest(row, receipts, [value for value in values if not isinstance(value, Receipt)])


def _apply(alias: str, parsed: list[Digest], now: datetime) -> None:
    """In one transaction, so that what was said is stored exactly once, even where the wire has no ids."""
    if not parsed:
        return
    with transaction.atomic():
        _finish(parsed, now)
        unknown = {id(r) for r in outbox.apply_receipts(alias, [r for d in parsed for r in d.receipts], now)}
        for digest in parsed:
            digest.orphans = sum(id(receipt) in unknown for receipt in digest.receipts)
        # a row that was parked for its receipts has been here before, and what it said is stored
        _store_said(alias, [said for digest in parsed if not digest.row.tries for said in digest.said])
        for digest in parsed:
            if digest.orphans:
                _park(digest.row, now)


def _finish(parsed: list[Digest], now: datetime) -> None:
    """Mark them as digested, first of all: whoever lost the lease must not store what was said a second time."""
    ours = _ours([digest.row for digest in parsed])
    marked = ours.update(digested_at=now, lease_until=None, tries=F("tries") + 1, note="", traceback="")
    if marked != len(parsed):
        raise LeaseLost


def _ours(rows: list[StoredWebhook]) -> QuerySet[StoredWebhook]:
    """Those that are still under the claim they were read with."""
    keys = [row.pk for row in rows]
    return StoredWebhook.objects.filter(pk__in=keys, claim=rows[0].claim, digested_at=None)


def _store_said(alias: str, said: list[Incoming | Linked | FileReport]) -> None:
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


def _connections(alias: str, said: list[Incoming | Linked | FileReport]) -> dict[str, Connection]:
    """Those of everybody who is named, by the identity as the provider wrote it."""
    names = dict.fromkeys(name for one in said for name in _named(one))
    tokens = backends[alias].capabilities.tokens
    found = router.connections_for(alias, [heard(name, tokens=tokens) for name in names])
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
    code = "stopped" if said.fields.get("active") is False else ""
    Event.objects.create(connection=connection, kind="typing", code=code, at=said.at)


def _subscription(connection: Connection, said: Incoming) -> None:
    opted_out = said.kind == IncomingKind.UNSUBSCRIBE
    Event.objects.create(connection=connection, kind=said.kind, at=said.at)
    router.change_consent(connection, opted_out=opted_out, source="provider event", at=said.at)


_EVENTS: dict[IncomingKind, Callable[[Connection, Incoming], None]] = {
    IncomingKind.TYPING: _typing,
    IncomingKind.SUBSCRIBE: _subscription,
    IncomingKind.UNSUBSCRIBE: _subscription,
}


def _park(row: StoredWebhook, now: datetime) -> None:
    """A receipt came before, or without, its transmission: look again later, and in the end keep it as an orphan."""
    delays = router_settings().WEBHOOK_RETRY_DELAYS
    parked = row.tries < len(delays)
    StoredWebhook.objects.filter(pk=row.pk).update(
        tries=row.tries + 1,
        lease_until=None,
        due_at=now + timedelta(seconds=delays[row.tries]) if parked else row.due_at,
        digested_at=None if parked else now,
        note="waits for its transmission" if parked else "orphan: there is no such transmission",
    )


def _failed(row: StoredWebhook, error: Exception, now: datetime) -> None:
    """Kept with its traceback, to be looked at and digested again from the admin."""
    logger.error("webhook request %s of %s cannot be digested: %s", row.pk, row.backend, type(error).__name__)
    _ours([row]).update(
        digested_at=now,
        lease_until=None,
        tries=F("tries") + 1,
        note=f"failed: {type(error).__name__}",
        traceback="".join(traceback.format_exception(error)),
    )


def _route_batch() -> int:
    count, passed_over, troubled = 0, False, False
    for row in incoming.unrouted()[:BATCH]:
        try:
            message = router.route(row)
        except Exception as error:
            count += _unroutable(row, error)
            troubled = True
            continue
        count += message is not None
        passed_over = passed_over or message is None
        if message and message.aside:
            _tell(row, message.aside)
    if (
        passed_over and not troubled
    ):  # another worker is at an earlier message of the same person: look again soon
        wake.digest()
    return count


def _unroutable(row: Message, error: Exception) -> bool:
    """Trouble outside of the apps: tried again at the next tick, but not for ever; the database's trouble passes."""
    if isinstance(error, OperationalError | InterfaceError):
        logger.warning("message %s waits for the database", row.pk)
        return False
    logger.error("message %s cannot be routed: %s", row.pk, type(error).__name__)
    errors = [*row.errors, {"phase": "route", "error": f"{type(error).__name__}: {error}"[:500]}]
    changes = {"errors": errors}
    if len(errors) >= GIVE_UP:
        changes["routed_at"] = sql.now(Message)  # type: ignore[assignment]
    Message.objects.filter(pk=row.pk).update(**changes)
    return False


_aside = ThreadPoolExecutor(2, thread_name_prefix="rcs-aside")


def _tell(row: Message, aside: list[str]) -> None:
    """Typing and read marks: best effort, beside the queue, because a late one is worth nothing."""
    assert row.connection is not None
    backend, to = backends[row.connection.backend_id], row.connection.identity
    for what in aside:
        if what == "typing" and backend.capabilities.typing:
            _aside.submit(_quietly, backend.typing, to)
        elif what == "read" and backend.capabilities.mark_read and row.external_id:
            _aside.submit(_quietly, backend.mark_read, to, row.external_id)


def _quietly(call: Callable[..., None], *args: str) -> None:
    try:
        call(*args)
    except SendError as error:
        logger.info("%s: %s", getattr(call, "__name__", "aside"), error.code)
