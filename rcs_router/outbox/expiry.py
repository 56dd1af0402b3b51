"""Expire messages past their ttl, and ask providers to revoke messages or to report their status."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rcs_router import logs, outbox, sql
from rcs_router.backends import backends
from rcs_router.conf import router_settings
from rcs_router.contract import Receipt, ReceiptKind, Status
from rcs_router.errors import BackendBug, SendError
from rcs_router.models import RevokeFor, Transmission
from rcs_router.people import numbering

logger = logs.EXPIRY
THREADS = 8


def sweep(now: datetime, limit: int = 500) -> int:
    """Expire waiting messages past their ttl, and accepted ones without proof after a grace period; return how many."""
    late = now - timedelta(seconds=router_settings().EXPIRY_GRACE)
    rows = Transmission.objects.filter(backend__in=list(backends), expiry_seen=False)
    rows = rows.select_related("message", "connection")
    unsent = rows.filter(status=Status.QUEUED, expires_at__lte=now)[:limit]
    silent = rows.filter(status=Status.ACCEPTED, expires_at__lt=late)[:limit]
    return sum(outbox.expire_unsent(row, now) for row in unsent) + sum(
        outbox.expire(row, now) for row in silent
    )


def revoke_due(alias: str) -> int:
    """Ask the provider to revoke the transmissions that are due for it; return how many were asked for."""
    now = sql.now(Transmission)
    lease = timedelta(seconds=router_settings().LEASE)
    keys = sql.claim(
        Transmission,
        where="backend_id = %s AND revoke_at <= %s",
        params=[alias, now],
        order="revoke_at",
        limit=router_settings().CLAIM,
        revoke_at=now + lease,  # asked again if this worker dies; asking twice does no harm
    )
    rows = list(Transmission.objects.filter(pk__in=keys).select_related("message", "connection"))
    if rows:
        with ThreadPoolExecutor(THREADS, thread_name_prefix=f"rcs-revoke-{alias}") as pool:
            for row, answer in zip(rows, pool.map(_ask, rows), strict=True):
                _answered(alias, row, answer)
    return len(rows)


@dataclass
class Answer:
    """The provider's answer about one transmission, and whether it was revoked (False: too late)."""

    receipts: list[Receipt] = field(default_factory=list)
    revoked: bool | SendError | None = False

    @property
    def is_final(self) -> bool:
        return any(receipt.kind in _FINAL for receipt in self.receipts)


_FINAL = {
    ReceiptKind.DELIVERED,
    ReceiptKind.READ,
    ReceiptKind.FAILED,
    ReceiptKind.EXPIRED,
    ReceiptKind.REVOKED,
}


def _ask(row: Transmission) -> Answer:
    """Ask for the status first, where possible: a message that arrived, or never will, need not be revoked."""
    backend, answer = backends[row.backend_id], Answer()
    named = (row.pk, numbering.today(row.connection.identity), row.provider_id)
    try:
        if backend.capabilities.status:
            answer.receipts = backend.status(*named)
        if backend.capabilities.revoke and not answer.is_final and row.revoke_for != RevokeFor.LOOK_UP:
            answer.revoked = backend.revoke(*named)
    except SendError as error:
        answer.revoked = error
    except Exception as error:  # a fault of one row; the others are asked for all the same
        logger.error(
            *("%r raised %s about %s, which is not a SendError", backend, type(error).__name__, row.pk),
            extra={"alias": row.backend_id, "transmission": str(row.pk), "code": type(error).__name__},
        )
        answer.revoked = BackendBug(f"{type(error).__name__} in {type(backend).__name__}")
    return answer


def _answered(alias: str, row: Transmission, answer: Answer) -> None:
    now = sql.now(Transmission)
    if answer.receipts:
        outbox.apply_receipts(alias, answer.receipts, now)
    if answer.is_final or (row.revoke_for == RevokeFor.LOOK_UP and answer.revoked is False):
        outbox.looked_up(row, bool(answer.receipts))
    else:
        outbox.revoke_answered(row, answer.revoked, now)
