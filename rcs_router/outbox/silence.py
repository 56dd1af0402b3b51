"""Look into accepted messages that have no receipt: ask the provider where it can be asked. The sweep calls `look`."""

from datetime import datetime, timedelta

from django.db.models import Case, F, QuerySet, Value, When

from rcs_router import wake
from rcs_router.backends import backends
from rcs_router.contract import Status
from rcs_router.models import RevokeFor, Transmission

NO_PROOF = "no proof of delivery"
LOOKS = 4  # how often one message is looked into; each wait is four times as long as the one before
LIMIT = 5000


def look(now: datetime) -> int:
    """Handle the transmissions without a receipt for their backend's SILENT_AFTER; return how many."""
    return sum(_look(alias, now) for alias in backends)


def _look(alias: str, now: datetime) -> int:
    silent = Transmission.objects.filter(backend_id=alias, status=Status.ACCEPTED, look_at__lte=now)
    keys = list(silent.values_list("pk", flat=True)[:LIMIT])
    if not keys:
        return 0
    rows = silent.filter(pk__in=keys)  # while any are left: each update takes rows out of the query
    return _ask(alias, rows, now) if backends[alias].capabilities.status else _mark(rows)


def _ask(alias: str, rows: "QuerySet[Transmission]", now: datetime) -> int:
    """Ask for the status of each row that is not being revoked, and set the time of the next look."""
    idle = rows.filter(revoke_at=None).exclude(revoke_for=RevokeFor.CANCEL)
    # keep the reason of a revoke: the provider may report later that it was revoked
    why = Case(When(revoke_for="", then=Value(RevokeFor.LOOK_UP)), default=F("revoke_for"))
    asked = idle.update(revoke_at=now, revoke_for=why)
    after = timedelta(seconds=backends.config(alias).silent_after)
    for times in range(1, LOOKS):
        young = rows.filter(accepted_at__gt=now - after * 4**times)
        young.update(look_at=now + after * 3 * 4 ** (times - 1))
    rows.update(look_at=None)
    if asked:
        wake.revoke(alias)
    return asked


def _mark(rows: "QuerySet[Transmission]") -> int:
    """Mark rows whose provider cannot be asked. A receipt may still arrive, and outranks this."""
    return rows.update(look_at=None, reason=NO_PROOF)
