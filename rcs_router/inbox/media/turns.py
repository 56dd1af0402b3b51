"""Choose which files are fetched next. The whole site has a limit for each host, so that a slow one delays no other.

A row that is being fetched has a lease in the database and is counted there, whichever process holds it.
"""

import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from django.db.models import F, Q, QuerySet

from rcs_router import database
from rcs_router.models import InboundFile, LastRun

OF_ONE_HOST = 4  # files that the site fetches from one host at once
IN_ALL = 32  # files that the site fetches at once
JOB = "fetch"  # the row of LastRun that is locked while files are counted and claimed


class Turns:
    """Goes through the hosts of waiting files in a cycle, per process."""

    def __init__(self) -> None:
        self._last = ""  # the host that had the last turn

    def claim(self, limit: int, now: datetime, lease_until: datetime) -> list[InboundFile]:
        """Claim and return up to `limit` rows; none if no row is due, or if all hosts are at their limit.

        The try is counted here, so that a file that kills workers is given up, too.
        """
        if limit < 1 or not free(now).exists():
            return []
        token = uuid.uuid4()
        with database.atomic():
            _lock(now)
            keys = self._next(limit, now)
            changes = {"claim": token, "lease_until": lease_until, "tries": F("tries") + 1}
            free(now).filter(pk__in=keys).update(**changes)
        return list(InboundFile.objects.filter(pk__in=keys, claim=token).select_related("message"))

    def _next(self, limit: int, now: datetime) -> list[uuid.UUID]:
        leased = InboundFile.objects.filter(state=InboundFile.State.WAITING, lease_until__gte=now)
        busy = Counter(leased.values_list("host", flat=True))
        limit, found = min(limit, IN_ALL - busy.total()), list[uuid.UUID]()
        for host, keys in _by_host(free(now), self._last):
            if len(found) >= limit:
                break
            room = min(OF_ONE_HOST - busy[host], limit - len(found))
            found += keys[: max(room, 0)]
            self._last = host
        return found


def free(now: datetime) -> QuerySet[InboundFile]:
    """Return the files that are due and that nobody is fetching."""
    unleased = Q(lease_until=None) | Q(lease_until__lt=now)
    return InboundFile.objects.filter(unleased, state=InboundFile.State.WAITING, due_at__lte=now)


def _by_host(rows: QuerySet[InboundFile], last: str) -> Iterator[tuple[str, list[uuid.UUID]]]:
    """Yield each host, starting after `last`, with the ids of its first `rows`: one statement for each host."""
    for part in (rows.filter(host__gt=last), rows.filter(host__lte=last)):
        left = part.order_by("host", "due_at", "id").values_list("host", "pk")
        while first := list(left[:OF_ONE_HOST]):
            host = first[0][0]
            keys = [key for of, key in first if of == host]
            yield host, keys
            if len(keys) == len(first) < OF_ONE_HOST:
                break  # there are no others
            left = left.filter(host__gt=host)


def _lock(now: datetime) -> None:
    """Lock the row of LastRun, so that one process at a time counts and claims, until its transaction ends."""
    while not LastRun.objects.filter(job=JOB).update(at=now):
        LastRun.objects.get_or_create(job=JOB)
