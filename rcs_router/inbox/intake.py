"""Store provider requests with `accept()`, and apply them later with `digest()`, which also routes messages."""

import logging
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from rcs_router import database, database_errors, heartbeat, logs, outbox, sql, timelimit, wake
from rcs_router.alarms import counts
from rcs_router.backends import backends
from rcs_router.conf import router_settings
from rcs_router.contract import BaseBackend, Receipt, WebhookRequest
from rcs_router.inbox import dispatch, queue
from rcs_router.inbox.dispatch import Said
from rcs_router.models import Message, StoredWebhook

BATCH = 500  # rows claimed in one turn, for all backends together
LEAST = 50  # rows that each backend gets at least
BATCH_BYTES = 4_000_000  # bytes of bodies that are read at once; one more body may exceed it
SUSPECTS = 20  # rows that lost a lease, claimed one by one before others

_FREE = (
    "digested_at IS NULL AND (lease_until IS NULL OR lease_until < {now})"  # SQL; {now} stands for the time
)
FRESH = f"{_FREE} AND due_at <= {{now}} AND NOT {queue.LOST}"
_TABLE = StoredWebhook._meta.db_table
_LOST = f"SELECT id FROM {_TABLE} WHERE {_FREE} AND {queue.LEASED} AND {queue.LOST}"  # noqa: S608
SUSPECT = f"id IN ({_LOST}) AND {_FREE} AND due_at <= {{now}}"  # so that SQLite also looks at the few first


def accept(backend: BaseBackend, request: WebhookRequest) -> None:
    """Store a verified request in one INSERT, which does nothing for a repeat. Raises DatabaseError."""
    kept, key = backend.kept(request), backend.dedupe_key(request)
    if key and (window := backend.dedupe_window(key)):
        _forget(backend.alias, key, window)
    row = StoredWebhook(
        backend=backend.alias,
        dedupe=key,
        method=request.method,
        query=dict(kept.query),
        headers={name: value for name, value in kept.headers.items() if name != "authorization"},
        body=kept.body,
    )
    StoredWebhook.objects.bulk_create([row], ignore_conflicts=True)
    wake.digest()


def _forget(alias: str, key: str, window: timedelta) -> None:
    """Free a deduplication key whose window is over. The unique index decides between simultaneous requests."""
    since = sql.now(StoredWebhook) - window
    StoredWebhook.objects.filter(backend=alias, dedupe=key, received_at__lte=since).update(dedupe=None)


@dataclass(frozen=True)
class Work:
    """The work that is due, by the database's clock. Suspects are rows whose earlier worker may have died of them."""

    now: datetime
    webhooks: tuple[str, ...]  # aliases of the backends with due webhooks
    suspect_webhooks: bool
    messages: bool
    suspect_messages: bool
    crowd: bool  # more messages wait than a claim looks at

    def __bool__(self) -> bool:
        messages = self.messages or self.suspect_messages or self.crowd
        return bool(self.webhooks) or self.suspect_webhooks or messages


def digest() -> int:
    """Digest stored requests and route messages until nothing is due. Return the number of rows that were processed.

    Any number of threads and processes may run this at once. Webhooks and messages take turns, so that a STOP waits for
    neither. It also returns if this thread hung in a router app and was abandoned (`timelimit.abandoned()`), because
    another thread may have replaced it.
    """
    dealt, before = 0, timelimit.abandoned()
    while (work := look()) and (count := _round(work)):
        dealt += count
        if timelimit.abandoned() and not before:
            break
    counts.flush(force=True)
    return dealt


def look() -> Work:
    """Return the work that is due, in one statement and without claiming anything."""
    connection = database.connection()
    clock = "statement_timestamp()" if connection.vendor == "postgresql" else "%s"
    messages = Message._meta.db_table
    kinds = [
        (_TABLE, SUSPECT),
        (messages, queue.fresh()),
        (messages, queue.suspect()),
        (messages, queue.crowd()),
    ]
    exist = [f"EXISTS (SELECT 1 FROM {table} WHERE {where})" for table, where in kinds]  # noqa: S608
    statement, now = f"SELECT {clock}, ({_aliases()}), {', '.join(exist)}".format(now=clock), timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(statement, sql.params_for([now] * statement.count("%s"), connection))
        read, aliases, *found = cursor.fetchone()
    read = read if connection.vendor == "postgresql" else now
    return Work(read, tuple(aliases.split("\n") if aliases else ()), *map(bool, found))


def _aliases() -> str:
    """Return SQL for the aliases of backends with FRESH rows, one a line. It reads only a few index entries."""
    postgresql = database.connection().vendor == "postgresql"
    together = "string_agg(who, chr(10))" if postgresql else "group_concat(who, char(10))"
    after = f"SELECT MIN(backend) FROM {_TABLE} WHERE digested_at IS NULL"  # noqa: S608
    return (
        f"WITH RECURSIVE turn (who) AS ({after} UNION ALL "  # noqa: S608
        f"SELECT ({after} AND backend > turn.who) FROM turn WHERE turn.who IS NOT NULL) "
        f"SELECT {together} FROM turn WHERE EXISTS (SELECT 1 FROM {_TABLE} WHERE backend = who AND {FRESH})"
    )


def _round(work: Work) -> int:
    """Do a batch of each kind of work. Rows that lost a lease are never claimed together with others.

    Each backend has its share of the batch, so that a flood at one backend does not delay the others.
    """
    done, said_something = 0, False
    for alias in work.webhooks:
        count, said_some = _digest_batch(alias, work.now, max(LEAST, BATCH // len(work.webhooks)))
        done, said_something = done + count, said_something or said_some
    if work.suspect_webhooks:
        done += _digest_suspects(work.now)
    if work.messages or said_something:
        done += queue.route_batch(work.now)
    if work.crowd:
        done += queue.route_heads(work.now)
    if work.suspect_messages:
        done += queue.route_suspects(work.now)
    return done


def route_again(rows: QuerySet[Message]) -> int:
    """Have every router app route those of `rows` that were set aside. Return how many."""
    return queue.again(rows)


def again(rows: QuerySet[StoredWebhook]) -> int:
    """Digest again those of `rows` that failed, became orphans, are parked or were set aside. Return how many.

    Rows that were digested successfully are left alone: without provider ids, their messages would be stored and
    answered twice.
    """
    now = sql.now(StoredWebhook)
    unfinished = Q(digested_at=None) | ~Q(note="")
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    changes = {"digested_at": None, "due_at": now, "tries": 0, "claim": None, "lease_until": None}
    count = rows.filter(unfinished, free).update(**changes, lost_leases=0, note="", traceback="")
    if count:
        wake.digest()
    return count


class LeaseLost(Exception):
    """Another process has claimed some of the rows."""


@dataclass
class Digest:
    """One stored request and the values that its backend parsed from it."""

    row: StoredWebhook
    receipts: list[Receipt] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    orphans: int = 0


def _digest_batch(alias: str, now: datetime, limit: int) -> tuple[int, bool]:
    """Return the number of claimed rows, and whether they contain incoming messages or events."""
    rows = _claim(f"backend = %s AND {FRESH}", now, limit, alias)
    with _held(rows, now):
        parsed = [digest for row in rows if (digest := _parse(alias, row, now))]
        _digest_group(alias, parsed, now)
    return len(rows), any(digest.said for digest in parsed)


def _digest_suspects(now: datetime) -> int:
    """Digest rows that lost a lease, each claimed alone, so that a row that kills workers affects no other row."""
    for count in range(SUSPECTS):
        rows = _claim(SUSPECT, now, 1)
        if not rows:
            return count
        if rows[0].lost_leases >= router_settings().MAX_LOST_LEASES:
            _set_aside(rows[0], now)
        else:
            with _held(rows, now):
                _digest_group(
                    rows[0].backend, [d for row in rows if (d := _parse(row.backend, row, now))], now
                )
    return SUSPECTS


def _claim(which: str, now: datetime, limit: int, *params: str) -> list[StoredWebhook]:
    """Claim rows. `params` fill the placeholders in `which` before those of the time."""
    claim, where = uuid.uuid4(), which.format(now="%s")
    keys = sql.claim(
        StoredWebhook,
        where=where,
        params=[*params, *[now] * (where.count("%s") - len(params))],
        order="due_at, id" if limit > 1 else "lost_leases, due_at, id",
        limit=limit,
        weight="length(body)",
        heaviest=BATCH_BYTES,
        also=queue.COUNT_LOST,
        claim=claim,
        lease_until=heartbeat.lease_end(now),
    )
    rows = StoredWebhook.objects.filter(pk__in=keys, claim=claim).order_by("id")
    return list(rows) if keys else []


@contextmanager
def _held(rows: list[StoredWebhook], now: datetime) -> Iterator[None]:
    """Keep the claim while this process lives, but not longer than LEASE, because the thread may hang."""
    if not rows:
        yield
        return
    last = now + timedelta(seconds=router_settings().LEASE)

    def renew(now: datetime, end: datetime) -> None:
        if now < last:
            _ours(rows).update(lease_until=end)

    with heartbeat.holding(renew):
        yield


def _digest_group(alias: str, parsed: list[Digest], now: datetime) -> None:
    """Apply all rows of a backend at once; if that fails, each half, so that a bad row does not block the others."""
    try:
        _apply(alias, parsed, now)
    except Exception as error:
        queue.mend(database.connection())
        if len(parsed) > 1:
            middle = len(parsed) // 2
            _digest_group(alias, parsed[:middle], now)
            _digest_group(alias, parsed[middle:], now)
        elif not isinstance(error, LeaseLost):
            _not_applied(parsed[0], error)


def _not_applied(digest: Digest, error: Exception) -> None:
    """Retry after database trouble, and without limit for a STOP or START; keep other failed rows for a person."""
    row, now = digest.row, sql.now(StoredWebhook)
    wait = database_errors.pause_since(row.received_at, now)
    if kind := database_errors.database_trouble(error):
        step = f"waits {logs.spoken(wait.total_seconds())} for the database"
        logs.webhook_failed(row.backend, row.pk, kind, step, logging.WARNING)
        _wait(row, now + wait, f"waits for the database: {kind}")
    elif any(dispatch.changes_consent(one) for one in digest.said):
        step = f"a STOP or START: {logs.retried_in(wait.total_seconds())}"
        logs.webhook_failed(row.backend, row.pk, type(error).__name__, step)
        _wait(row, now + wait, f"tried again: {type(error).__name__}")
    else:
        _failed(row, error, now)


def _wait(row: StoredWebhook, due_at: datetime, note: str) -> None:
    """Retry later. This is not counted in `tries`, which says whether the row's messages are stored."""
    _ours([row]).update(due_at=due_at, claim=None, lease_until=None, note=note)


def _set_aside(row: StoredWebhook, now: datetime) -> None:
    note = f"set aside: {row.lost_leases} workers died while digesting it"
    logs.webhook_failed(row.backend, row.pk, note, logs.DIGEST_AGAIN)
    _ours([row]).update(digested_at=now, claim=None, lease_until=None, note=note)


def _parse(alias: str, row: StoredWebhook, now: datetime) -> Digest | None:
    try:
        values = backends[alias].parse(row.as_request())
    except Exception as error:
        _failed(row, error, now)
        return None
    receipts = [value for value in values if isinstance(value, Receipt)]
    return Digest(row, receipts, [value for value in values if not isinstance(value, Receipt)])


def _apply(alias: str, parsed: list[Digest], now: datetime) -> None:
    """Apply the rows in one transaction, so that messages are stored exactly once, even without provider ids."""
    if not parsed:
        return
    with database.atomic():
        _finish(parsed, now)
        unknown = {id(r) for r in outbox.apply_receipts(alias, [r for d in parsed for r in d.receipts], now)}
        for digest in parsed:
            digest.orphans = sum(id(receipt) in unknown for receipt in digest.receipts)
        # a row that waited for its transmission was digested before, and its messages are stored
        dispatch.store(alias, [one for digest in parsed if not digest.row.tries for one in digest.said])
        for digest in parsed:
            if digest.orphans:
                _park(digest.row, now)


def _finish(parsed: list[Digest], now: datetime) -> None:
    """Mark the rows as digested, before anything else: after losing the lease, nothing may be stored a second time."""
    ours = _ours([digest.row for digest in parsed])
    done = {"digested_at": now, "claim": None, "lease_until": None, "note": "", "traceback": ""}
    marked = ours.update(**done, tries=F("tries") + 1)
    if marked != len(parsed):
        raise LeaseLost


def _ours(rows: list[StoredWebhook]) -> QuerySet[StoredWebhook]:
    """Return the rows that are still under the claim they were read with."""
    keys = [row.pk for row in rows]
    return StoredWebhook.objects.filter(pk__in=keys, claim=rows[0].claim, digested_at=None)


def _park(row: StoredWebhook, now: datetime) -> None:
    """Park a row whose receipt has no transmission, or none yet. After the last try the row becomes an orphan."""
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
    """Keep a failed row with its traceback, to be inspected and digested again in the admin.

    The traceback is stored without the error's own text, which may quote a number or a secret; the row has the body.
    """
    where = "".join(traceback.format_tb(error.__traceback__))
    logs.webhook_failed(row.backend, row.pk, type(error).__name__, logs.DIGEST_AGAIN)
    _ours([row]).update(
        digested_at=now,
        claim=None,
        lease_until=None,
        tries=F("tries") + 1,
        note=f"failed: {type(error).__name__}",
        traceback=f"Traceback (most recent call last):\n{where}{type(error).__name__}\n",
    )
