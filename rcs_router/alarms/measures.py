"""Read from the database what the rules need. Each query uses an index, however large the tables are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum

from rcs_router.alarms.counts import COLUMNS
from rcs_router.backends import backends
from rcs_router.contract import Status
from rcs_router.models import (
    PRIORITY,
    Backend,
    BackendMinute,
    BackendState,
    LastRun,
    Message,
    StoredWebhook,
    Transmission,
)

DAY = timedelta(days=1)
KEPT = timedelta(days=8)  # how long counts are kept
URGENT = sorted({priority for priority in PRIORITY.values() if priority < 50})  # all but promotions
COUNTED = 1000  # the highest count; larger numbers are not counted


@dataclass(frozen=True)
class Sums:
    """Counts of one backend over some time."""

    attempts: int = 0
    failed_attempts: int = 0
    slow_attempts: int = 0
    receipts: int = 0
    failed_receipts: int = 0

    @property
    def accepted(self) -> int:
        return self.attempts - self.failed_attempts


@dataclass(frozen=True)
class Silence:
    """What a backend's provider has accepted since its last receipt."""

    accepted: int
    usual: float  # receipts per accepted message, in the day before the last receipt
    last: datetime | None  # None: no receipt has come within KEPT


def sums(now: datetime, window: float) -> dict[str, tuple[Sums, Sums]]:
    """Return, by alias, the counts of the window that ends now, and those of the day before it."""
    begins = now - timedelta(seconds=window)
    recent = _aggregates("now", Q(minute__gt=begins))
    before = _aggregates("day", Q(minute__lte=begins))
    rows = BackendMinute.objects.filter(minute__gt=begins - DAY).order_by().values("backend")
    found = rows.annotate(**recent, **before)
    return {row["backend"]: (_sums("now", row), _sums("day", row)) for row in found}


def _aggregates(prefix: str, when: Q) -> dict[str, Sum]:
    return {f"{prefix}_{name}": Sum(name, filter=when, default=0) for name in COLUMNS}


def _sums(prefix: str, row: Mapping[str, Any]) -> Sums:
    return Sums(*(row[f"{prefix}_{name}"] for name in COLUMNS))


def takes_webhooks(alias: str) -> bool:
    """Return True if the provider sends webhooks. False if the backend cannot be built: a system check says why."""
    try:
        return backends[alias].capabilities.webhook
    except Exception:
        return False


def silence(alias: str, until: datetime) -> Silence:
    """Return what was accepted until `until`, after the last receipt; uses the index over backend and minute."""
    rows = BackendMinute.objects.filter(backend=alias)
    last = rows.filter(receipts__gt=0).order_by("-minute").values_list("minute", flat=True).first()
    since = rows.filter(minute__lte=until)
    if last is None:
        return Silence(_total(since).accepted, 0.0, None)
    before = _total(rows.filter(minute__lte=last, minute__gt=last - DAY))
    usual = before.receipts / before.accepted if before.accepted else 1.0
    return Silence(_total(since.filter(minute__gt=last)).accepted, usual, last)


def _total(rows: QuerySet[BackendMinute]) -> Sums:
    return Sums(**rows.aggregate(**{name: Sum(name, default=0) for name in COLUMNS}))


def prune(now: datetime) -> None:
    """Delete old counts."""
    BackendMinute.objects.filter(minute__lt=now - KEPT).delete()


def oldest_due(now: datetime) -> dict[str, datetime]:
    """Return, by alias, since when the oldest due message that is not a promotion waits.

    One index lookup for each backend and priority.
    """
    queued = Transmission.objects.filter(backend=OuterRef("pk"), status=Status.QUEUED, due_at__lte=now)
    first = {
        f"due_{priority}": Subquery(
            queued.filter(priority=priority).order_by("due_at").values("due_at")[:1],
        )
        for priority in URGENT
    }
    rows = Backend.objects.annotate(**first).values("pk", *first)
    found = {row["pk"]: [row[name] for name in first if row[name] is not None] for row in rows}
    return {alias: min(times) for alias, times in found.items() if times}


def paused() -> set[str]:
    """Return the aliases of backends in an outage: paused now, or tried with one message at a time."""
    return set(BackendState.objects.filter(pauses__gt=0).values_list("pk", flat=True))


def oldest_webhook() -> datetime | None:
    """Return since when the oldest stored webhook is due; a time in the future if none is due."""
    rows = StoredWebhook.objects.filter(digested_at=None)
    return rows.order_by("due_at").values_list("due_at", flat=True).first()


def oldest_unrouted() -> datetime | None:
    """Return since when the oldest incoming message waits for the apps; messages that were set aside do not count."""
    rows = Message.objects.filter(direction=Message.Direction.IN, routed_at=None, set_aside_at=None)
    return rows.order_by("created_at").values_list("created_at", flat=True).first()


def review(since: datetime) -> list[tuple[str, str]]:
    """Return alias and reason of the newest transmissions in review since `since`."""
    rows = Transmission.objects.filter(status=Status.REVIEW, created_at__gte=since).order_by("-created_at")
    return list(rows.values_list("backend_id", "reason")[:COUNTED])


def set_aside(since: datetime) -> int:
    """Return how many incoming messages were set aside since `since`."""
    rows = Message.objects.filter(set_aside_at__isnull=False, set_aside_at__gte=since)
    return rows.order_by("-set_aside_at")[:COUNTED].count()


def last_runs() -> dict[str, datetime]:
    """Return when the jobs that all workers share last ran."""
    return {row.job: row.at for row in LastRun.objects.all() if row.at}


def waiting(alias: str, now: datetime) -> int:
    """Return how many messages are due on this backend, at most COUNTED."""
    rows = Transmission.objects.filter(backend=alias, status=Status.QUEUED, due_at__lte=now)
    return rows.order_by("priority", "due_at", "id")[:COUNTED].count()
