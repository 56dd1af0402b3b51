"""Fetch files that are due into the storage and update their rows; called by a Celery task and by rcs_worker.

Threads fetch and store; only the calling thread uses the database. A file is stored before its row is updated: if a
worker dies in between, the file belongs to no row, and the next try deletes it.
"""

import logging
import random
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.core.files.base import File
from django.db.models import Q, QuerySet

from rcs_router import database, heartbeat, logs, signals, sql, wake
from rcs_router.conf import RouterSettings, router_settings
from rcs_router.inbox.media import credentials, kinds
from rcs_router.inbox.media.download import Again, Download, Gone, Missing, Undone, Unwanted, download
from rcs_router.inbox.media.turns import Turns
from rcs_router.models import InboundFile
from rcs_router.models.media import media_type

THREADS = 8  # files that one process fetches in parallel; each may use MEDIA_MAX_BYTES of disk
LIMIT = 200  # files that one run begins; the rest needs another wake-up
LOOK = 1.0  # seconds between two looks for more files while some are being fetched
NEW = 60.0  # seconds after the arrival of a message in which a 404 may mean "not yet"

State = InboundFile.State
turns = Turns()


@dataclass(frozen=True)
class Stored:
    """A file in the storage."""

    name: str
    media_type: str
    size: int  # bytes


@dataclass(frozen=True)
class Verdict:
    """The new state of a row after a try; `wait` (seconds) is set if it is tried again."""

    state: InboundFile.State
    code: str = ""
    wait: float | None = None


Flights = dict["Future[Stored]", InboundFile]


def fetch_due(limit: int = LIMIT) -> int:
    """Fetch files until none is due or `limit` are begun. Return how many were begun."""
    if not router_settings().MEDIA_FETCH:
        return 0
    begun, flying, clock = 0, Flights(), sql.Clock(InboundFile)
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="rcs-media")
    with heartbeat.holding(partial(_renew, flying)), pool:
        while True:
            rows = _claim(min(THREADS - len(flying), limit - begun), clock())
            flying.update({pool.submit(_fetch_and_store, row): row for row in rows})
            begun += len(rows)
            if not flying:
                return begun
            done, _ = wait(flying, timeout=LOOK, return_when=FIRST_COMPLETED)
            for future in done:
                _settle(flying.pop(future), future, clock())


def _renew(flying: Flights, now: datetime, end: datetime) -> None:
    """Renew the leases for the heartbeat; but not forever, because a storage may hang."""
    conf = router_settings()
    longest = timedelta(seconds=conf.MEDIA_TIMEOUT + conf.LEASE)
    for row in list(flying.values()):
        if row.lease_until and now < row.lease_until + longest:
            _ours(row).update(lease_until=end)


def again(rows: QuerySet[InboundFile]) -> int:
    """Fetch again those of `rows` that are not fetched and not in progress. Return how many."""
    now = sql.now(InboundFile)
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    count = (
        rows.filter(free)
        .exclude(state=State.FETCHED)
        .update(state=State.WAITING, code="", tries=0, due_at=now, claim=None, lease_until=None)
    )
    if count:
        wake.fetch()
    return count


def _claim(limit: int, now: datetime) -> list[InboundFile]:
    """Claim rows, and return those that are worth a try."""
    conf, rows = router_settings(), turns.claim(limit, now, heartbeat.lease_end(now))
    return [row for row in rows if not _too_late(row, conf, now)]


def _too_late(row: InboundFile, conf: RouterSettings, now: datetime) -> bool:
    """Settle a row that has expired, or whose workers died in every try. Return True if it was settled."""
    if row.expires_at and row.expires_at <= now:
        _write(row, now, Verdict(State.GONE, "expired"))
    elif row.tries > len(conf.RETRY_DELAYS) + 1:
        _write(row, now, Verdict(State.FAILED, "worker_lost"))
    else:
        return False
    return True


def _fetch_and_store(row: InboundFile) -> Stored:
    """Download and store one file, in a thread of its own. Raises Undone."""
    try:
        conf = router_settings()
        found = download(
            row.url,
            most=conf.MEDIA_MAX_BYTES,
            seconds=conf.MEDIA_TIMEOUT,
            allow_private=_near_too(conf),
            headers_for=partial(credentials.headers_for, _alias(row)),
        )
        with closing(found):
            return _store(row, found, conf)
    finally:
        database.close_all()  # a storage may keep its files in the database


def _near_too(conf: RouterSettings) -> bool:
    """Return True if private addresses are allowed: by default only with DEBUG, for the emulator's files."""
    return settings.DEBUG if conf.MEDIA_ALLOW_PRIVATE is None else conf.MEDIA_ALLOW_PRIVATE


def _store(row: InboundFile, found: Download, conf: RouterSettings) -> Stored:
    names = [row.declared_type, media_type(found.declared_type)]
    kind = kinds.detect(found.head[: kinds.HEAD], names)
    if not kind or not kinds.is_allowed(kind, conf.MEDIA_TYPES):
        raise Unwanted("type")
    storage, name = row.file.storage, _name(row, row.tries, kind)
    try:
        for earlier in range(1, row.tries):  # of workers that died before they could record their file
            storage.delete(_name(row, earlier, kind))
        stored = storage.save(name, File(found.body, name), max_length=row.file.field.max_length)
    except Exception as error:  # an error of a disk, a network or a cloud
        step = "the next line says what follows"
        logs.file_failed(_alias(row), row.pk, f"storage: {type(error).__name__}", step)
        raise Again("storage") from None
    return Stored(stored, kind, found.size)


def _name(row: InboundFile, attempt: int, kind: str) -> str:
    """Return the file's name in the storage. It has no part from the sender, and differs between tries."""
    suffix = f"-{attempt}" if attempt > 1 else ""
    return f"rcs/{row.created_at:%Y/%m}/{row.pk}{suffix}{kinds.extension(kind)}"


def _settle(row: InboundFile, future: "Future[Stored]", now: datetime) -> None:
    conf = router_settings()
    try:
        stored = future.result()
    except Undone as error:
        jitter = random.uniform(0, conf.RETRY_JITTER)  # noqa: S311
        is_new = now < row.created_at + timedelta(seconds=NEW)
        _write(
            row, now, after(error, row.tries, conf.RETRY_DELAYS, jitter, row.expires_at, now, is_new=is_new)
        )
    except Exception as error:  # a bug of ours: the lease ends, and the file is tried again
        step = "tried again when its lease ends"
        logs.file_failed(_alias(row), row.pk, type(error).__name__, step, logging.ERROR)
    else:
        _fetched(row, stored, now)


def after(
    error: Undone,
    tries: int,
    delays: tuple[float, ...],
    jitter: float = 0.0,
    expires_at: datetime | None = None,
    now: datetime | None = None,
    *,
    is_new: bool = False,
) -> Verdict:
    """Return what follows from an error after some tries. Pure. `jitter`: share of the delay to add.

    `is_new`: the message has just arrived, and its file may not be there yet.
    """
    may_come = isinstance(error, Again) or (isinstance(error, Missing) and is_new)
    if not may_come or tries > len(delays):
        return Verdict(_end(error), error.code)
    pause = max(delays[tries - 1] * (1 + jitter), error.retry_after or 0.0)
    if expires_at and now and now + timedelta(seconds=pause) >= expires_at:
        return Verdict(State.GONE, error.code)
    return Verdict(State.WAITING, error.code, pause)


def _end(error: Undone) -> InboundFile.State:
    if isinstance(error, Gone):
        return State.GONE
    return State.REFUSED if isinstance(error, Unwanted) else State.FAILED


def _write(row: InboundFile, now: datetime, verdict: Verdict) -> None:
    due_at = now + timedelta(seconds=verdict.wait) if verdict.wait is not None else row.due_at
    _ours(row).update(state=verdict.state, code=verdict.code, due_at=due_at, claim=None, lease_until=None)
    over = f"nothing more: {verdict.state.value}"
    logs.file_failed(
        _alias(row), row.pk, verdict.code, over if verdict.wait is None else logs.retried_in(verdict.wait)
    )


def _alias(row: InboundFile) -> str:
    return row.message.backend_id or ""


def _fetched(row: InboundFile, stored: Stored, now: datetime) -> None:
    changes = {
        "file": stored.name,
        "media_type": stored.media_type,
        "size": stored.size,
        "state": State.FETCHED,
        "code": "",
        "fetched_at": now,
        "claim": None,
        "lease_until": None,
    }
    if not _ours(row).update(**changes):
        _discard(row, stored.name)
        return
    for name, value in changes.items():
        setattr(row, name, value)
    signals.after_commit(signals.media_fetched, InboundFile, file=row)


def _discard(row: InboundFile, name: str) -> None:
    """Delete a file that no row will name: another worker has claimed the row, or the message is deleted."""
    try:
        row.file.storage.delete(name)
    except Exception as error:
        step = "what was stored a second time stays in the storage"
        logs.file_failed(_alias(row), row.pk, type(error).__name__, step)


def _ours(row: InboundFile) -> QuerySet[InboundFile]:
    """Return the row, if it is still under the claim that it was read with."""
    return InboundFile.objects.filter(pk=row.pk, claim=row.claim, state=State.WAITING)
