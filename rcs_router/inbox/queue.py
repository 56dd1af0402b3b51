"""Claim incoming messages and route them: STOP first, and the messages of one person in order.

The claim is committed before an app gets the message. A worker that loses the claim commits nothing. If a worker dies
with a message, that message is claimed alone from then on, and set aside after MAX_LOST_LEASES. Database trouble is
waited out. Other errors outside the apps are retried after each of RETRIES; then the message is set aside. A STOP or
START is never set aside.
"""

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from rcs_router import database, database_errors, heartbeat, logs, phases, sql, timelimit, wake
from rcs_router.backends import backends
from rcs_router.conf import router_settings
from rcs_router.errors import SendError
from rcs_router.inbox import incoming, transactions
from rcs_router.inbox.route import route
from rcs_router.models import Connection, Message
from rcs_router.people import numbering

BATCH = 15  # messages claimed at once
WINDOW = 300  # how many messages, in ORDER, a claim searches for those whose turn it is
TURN = 0.3  # seconds after which the rest of a batch is given back, so that a new STOP goes first
SUSPECTS = 20  # messages that lost a lease, claimed one by one before others
RETRIES = (1, 5, 30, 60)  # seconds to wait after each failure that is neither an app's nor the database's

ORDER = "urgent DESC, created_at, id"  # an index has this order, so that a claim reads only the rows that it takes
_WAITS = "direction = 'in' AND routed_at IS NULL AND (lease_until IS NULL OR lease_until < {now})"
LOST = "(lost_leases > 0 OR (claim IS NOT NULL AND lease_until IS NOT NULL))"
LEASED = (
    "(lost_leases > 0 OR lease_until IS NOT NULL)"  # broader than LOST; an index has exactly this condition
)
_FRESH = f"{_WAITS} AND NOT {LOST}"
COUNT_LOST = "lost_leases = lost_leases + CASE WHEN claim IS NULL OR lease_until IS NULL THEN 0 ELSE 1 END"


def fresh() -> str:
    """Return SQL for messages that may be routed in batches; `{now}` stands for the time.

    It reads only the first WINDOW messages. A person who floods us has one message whose turn it is, and thousands that
    must wait; passing over those would take longer with each. `route_heads` finds the messages behind them.
    """
    first = f"SELECT w.id FROM {Message._meta.db_table} w WHERE {_FRESH} ORDER BY {ORDER} LIMIT {WINDOW}"  # noqa: S608
    return f"id {sql.one_of(Message, first)} AND {_FRESH} AND {_in_turn()}"


def crowd() -> str:
    """Return SQL for one message, which exists if more messages wait than `fresh` reads."""
    return f"{_FRESH} ORDER BY {ORDER} LIMIT 1 OFFSET {WINDOW}"


def suspect() -> str:
    """Return SQL for messages that lost a lease and whose turn it is: their earlier worker may have died of them."""
    cheap = f"{_WAITS} AND {LEASED} AND {LOST}"
    few = f"SELECT s.id FROM {Message._meta.db_table} s WHERE {cheap} LIMIT 500"  # noqa: S608
    return f"id IN ({few}) AND {cheap} AND {_in_turn()}"


def _in_turn() -> str:
    """Return SQL that is false while an earlier message of the same person waits. STOP and START wait for nobody.

    COALESCE prevents PostgreSQL from planning joins, and from taking the condition for almost never true. Each part is
    one index look-up for the few rows that are claimed.
    """
    messages, people = Message._meta.db_table, Connection._meta.db_table
    earlier = (
        f"SELECT FALSE FROM {messages} e WHERE e.direction = 'in' AND e.routed_at IS NULL "  # noqa: S608
        f"AND e.created_at < {messages}.created_at AND e.connection_id ="
    )
    free = f"COALESCE(({earlier} {messages}.connection_id LIMIT 1), TRUE)"
    other = f"NOT COALESCE(({earlier} b.id LIMIT 1), TRUE)"
    others = (
        f"SELECT FALSE FROM {people} a, {people} b "  # noqa: S608
        f"WHERE a.id = {messages}.connection_id AND b.contact_id = a.contact_id AND {other} LIMIT 1"
    )
    return f"(urgent OR ({free} AND COALESCE(({others}), TRUE)))"


def route_batch(now: datetime) -> int:
    """Claim some messages and route them. Return how many were claimed."""
    return _route_claimed(fresh(), now, BATCH)


def route_heads(now: datetime) -> int:
    """Route the first message of each of some people, so that nobody waits behind another person's flood."""
    keys = turns.following(BATCH)
    some = ", ".join(["%s"] * len(keys))
    return _route_claimed(f"id IN ({some}) AND {_FRESH} AND {_in_turn()}", now, BATCH, keys) if keys else 0


class Turns:
    """Chooses whose messages are next, per process: by connection, however many messages each person has sent."""

    def __init__(self) -> None:
        self._last = 0  # the connection that had the last turn

    def following(self, limit: int) -> list[uuid.UUID]:
        """Return the first waiting message of each of the next `limit` connections, in a cycle."""
        found = self._after(self._last, limit)
        if len(found) < limit:
            known = {key for _, key in found}
            found += [one for one in self._after(0, limit - len(found)) if one[1] not in known]
        self._last = found[-1][0] if found else 0
        return [key for _, key in found]

    def _after(self, last: int, limit: int) -> list[tuple[int, uuid.UUID]]:
        """Return connections and messages. Each pair needs two index look-ups, however many messages wait."""
        connection, table = database.connection(), Message._meta.db_table
        waits = f"FROM {table} w WHERE w.direction = 'in' AND w.routed_at IS NULL AND w.connection_id"
        after = f"SELECT w.connection_id {waits} > %s ORDER BY w.connection_id LIMIT 1"
        statement = (
            f"WITH RECURSIVE turn (who) AS (SELECT ({after}) UNION ALL "  # noqa: S608
            f"SELECT ({after.replace('%s', 'turn.who')}) FROM turn WHERE turn.who IS NOT NULL) "
            f"SELECT who, (SELECT w.id {waits} = turn.who ORDER BY w.created_at LIMIT 1) "
            "FROM turn WHERE who IS NOT NULL LIMIT %s"
        )
        with connection.cursor() as cursor:
            cursor.execute(statement, [last, limit])
            return [(who, Message._meta.pk.to_python(key)) for who, key in cursor.fetchall()]


turns = Turns()


def route_suspects(now: datetime) -> int:
    """Claim messages that lost a lease, each alone, and route it or set it aside. Return how many."""
    for count in range(SUSPECTS):
        if not _route_claimed(suspect(), now, 1):
            return count
    return SUSPECTS


def again(rows: QuerySet[Message]) -> int:
    """Have every app route those of `rows` that were set aside. Return how many."""
    changes = {"set_aside_at": None, "routed_at": None, "claim": None, "lease_until": None}
    count = rows.filter(set_aside_at__isnull=False).update(**changes, lost_leases=0, errors=[])
    if count:
        wake.digest()
    return count


def _route_claimed(which: str, now: datetime, limit: int, keys: Sequence[uuid.UUID] = ()) -> int:
    claim, rows = _claim(which, now, limit, keys)
    if not rows:
        return 0
    batch = Batch(claim, rows)
    with heartbeat.holding(batch.renew):
        return batch.route()


def _claim(
    which: str, now: datetime, limit: int, keys: Sequence[uuid.UUID] = ()
) -> tuple[uuid.UUID, list[Message]]:
    """Claim messages. `which` has placeholders for `keys` before all others."""
    claim, where = uuid.uuid4(), which.format(now="%s")
    claimed = sql.claim(
        Message,
        where=where,
        params=[*keys, *[now] * (where.count("%s") - len(keys))],
        order=ORDER if limit > 1 else "urgent DESC, lost_leases, created_at, id",
        limit=limit,
        also=COUNT_LOST,
        claim=claim,
        lease_until=heartbeat.lease_end(now),
    )
    return claim, list(incoming.unrouted().filter(pk__in=claimed, claim=claim)) if claimed else []


class Batch:
    """The messages that one thread has claimed. Another thread may give back those that are not begun."""

    def __init__(self, claim: uuid.UUID, rows: list[Message]) -> None:
        self.claim = claim
        self.connection, *self.others = database.all_connections()
        self._rows = deque(rows)
        self._current: Message | None = None
        self._lock = threading.Lock()

    def route(self) -> int:
        """Route the messages one by one, until none is left or it takes too long. Return how many were claimed."""
        count, until = len(self._rows), time.monotonic() + TURN
        while row := self._next():
            try:
                self._route(row)
            except timelimit.Abandoned:
                break  # another worker has dealt with all of them
            database.close_old_others()
            if time.monotonic() > until:
                self.give_back()
        return count

    def renew(self, now: datetime, end: datetime) -> None:
        """Renew the lease of the unfinished messages, for the heartbeat."""
        with self._lock:
            keys = [row.pk for row in (*self._rows, *([self._current] if self._current else []))]
        if keys:
            self._ours(keys).update(lease_until=end)

    def give_back(self) -> None:
        """Give back the messages that are not begun."""
        with self._lock:
            keys = [row.pk for row in self._rows]
            self._rows.clear()
        if keys and self._ours(keys).update(claim=None, lease_until=None):
            wake.digest()

    def abandon(self, app: str, phase: str) -> None:
        """End what the hanging thread has open, and have its message routed without the app that it hangs in."""
        row = self._current
        with self._lock:
            self._current = None
        for connection in (self.connection, *self.others):
            transactions.cut(connection)
        self.give_back()
        if row is not None:
            problem = phases.no_answer(app, phase, router_settings().APP_TIMEOUT or 0)
            phases.tell_no_answer(row, problem)
            self._keep(row, problem, claim=None, lease_until=None)
            wake.digest()

    def _next(self) -> Message | None:
        with self._lock:
            self._current = self._rows.popleft() if self._rows else None
            return self._current

    def _route(self, row: Message) -> None:
        try:
            message = self._attempt(row)
        except transactions.NotBegun as refused:
            _unroutable(row, refused.__cause__ or refused)
        except Exception as error:
            _unroutable(row, error)
        else:
            if message and message.aside:
                _tell(row, message.aside)

    def _attempt(self, row: Message) -> phases.IncomingMessage | None:
        lost, most = row.lost_leases, router_settings().MAX_LOST_LEASES
        if lost < most:
            return self._ask_all(row)
        if not is_urgent(row):
            _set_aside(row, f"{lost} workers died while router apps had it", sql.now(Message))
            return None
        step = "a STOP or START: it counts, and no router app is asked"
        logs.message_failed(row.backend_id or "", row.pk, f"{lost} workers died of it", step)
        return route(row, ask=False)

    def _ask_all(self, row: Message) -> phases.IncomingMessage | None:
        """Route a message. Repeat it without each app that had used the database when its time limit ended."""
        left: Message | None = row
        while left is not None:
            try:
                return route(left, self._asking)
            except phases.StartOver as over:
                self._close()  # they were interrupted
                self._keep(row, over.problem)
                left = incoming.unrouted().filter(pk=row.pk, claim=self.claim).first()
        return None

    def _close(self) -> None:
        for connection in (self.connection, *self.others):
            if not connection.in_atomic_block:
                connection.close()

    def _asking(self, lazy: transactions.Lazy) -> phases.Asking:
        return phases.Asking(lazy.savepoint, router_settings().APP_TIMEOUT, self.give_back, self.abandon)

    def _keep(self, row: Message, problem: dict[str, str], **changes: Any) -> None:
        """Add a problem to the message's errors, if the claim is still valid."""
        known = Message.objects.filter(pk=row.pk).values_list("errors", flat=True).first() or []
        self._ours([row.pk]).update(errors=[*known, problem], **changes)

    def _ours(self, keys: list[uuid.UUID]) -> QuerySet[Message]:
        return Message.objects.filter(pk__in=keys, claim=self.claim, routed_at=None)


def is_urgent(row: Message) -> bool:
    """Return True for STOP or START, also if an older release stored it without `urgent`."""
    return row.urgent or incoming.is_consent_word(row.kind, row.text)


def _unroutable(row: Message, error: BaseException) -> None:
    """Retry after database trouble; count other errors outside the apps, and set the message aside in the end."""
    mend(database.connection())
    now = sql.now(Message)
    if kind := database_errors.database_trouble(error):
        wait = database_errors.pause_since(row.created_at, now)
        step = f"waits {logs.spoken(wait.total_seconds())} for the database"
        logs.message_failed(row.backend_id or "", row.pk, kind, step, logging.WARNING)
        _put_back(row, lease_until=now + wait)
        return
    problem = {"phase": "route", "error": f"{type(error).__name__}: {error}"[:500]}
    tries = 1 + sum(known.get("phase") == "route" for known in row.errors)
    if tries > len(RETRIES) and not is_urgent(row):
        _set_aside(row, problem["error"], now)
        return
    seconds = RETRIES[min(tries, len(RETRIES)) - 1]
    logs.message_failed(row.backend_id or "", row.pk, type(error).__name__, logs.retried_in(seconds))
    errors = [*row.errors, problem] if tries <= len(RETRIES) + 1 else row.errors
    _put_back(row, lease_until=now + timedelta(seconds=seconds), errors=errors)


def _set_aside(row: Message, why: str, now: datetime) -> None:
    step = f"set aside: {logs.ROUTE_AGAIN}"
    logs.message_failed(row.backend_id or "", row.pk, why.partition(":")[0], step)
    problem = {"phase": "route", "error": why}
    _put_back(row, set_aside_at=now, routed_at=now, lease_until=None, errors=[*row.errors, problem])


def _put_back(row: Message, **changes: Any) -> None:
    Message.objects.filter(pk=row.pk, claim=row.claim, routed_at=None).update(claim=None, **changes)


def mend(connection: Any) -> None:
    """After an error, close the connection if the database has closed it."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


_aside = ThreadPoolExecutor(2, thread_name_prefix="rcs-aside")


def _tell(row: Message, aside: list[str]) -> None:
    """Send typing and read marks: best effort, in other threads, because a late mark is worth nothing."""
    assert row.connection is not None
    backend, to = backends[row.connection.backend_id], numbering.today(row.connection.identity)
    for what in aside:
        if what == "typing" and backend.capabilities.typing:
            _aside.submit(_quietly, backend.typing, to)
        elif what == "read" and backend.capabilities.mark_read and row.external_id:
            _aside.submit(_quietly, backend.mark_read, to, row.external_id)


def _quietly(call: Callable[..., None], *args: str) -> None:
    try:
        call(*args)
    except SendError as error:
        logs.ROUTING.info("%s: %s", getattr(call, "__name__", "aside"), error.code)
