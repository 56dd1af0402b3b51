"""Turn Messente's delivery reports, whether received or requested, into receipts.

Source: Messente's pages “Delivery Report” and the models Status and ErrorItem of its Python client 2.7.0.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from rcs_backends import http
from rcs_backends.reading import text, time
from rcs_router.contract import Receipt, ReceiptKind
from rcs_router.errors import BadAddress, OptedOut, SendError

STATUSES = {
    "ACK": ReceiptKind.ACCEPTED,
    "ACCEPTD": ReceiptKind.ACCEPTED,
    "UNKNOWN": ReceiptKind.UNKNOWN,
    "DELIVRD": ReceiptKind.DELIVERED,
    "SEEN": ReceiptKind.READ,
    "UNDELIV": ReceiptKind.FAILED,
    "FAILED": ReceiptKind.FAILED,
    "REJECTD": ReceiptKind.FAILED,
    "NACK": ReceiptKind.FAILED,
    "EXPIRED": ReceiptKind.EXPIRED,
    "DELETED": ReceiptKind.REVOKED,
}
ENDS = {ReceiptKind.FAILED, ReceiptKind.EXPIRED, ReceiptKind.REVOKED}
# `err` → our code; 0 is not an error, 10 means “seen”.
CODES = {
    "0": "",
    "1": "delivery_failure",
    "2": "expired",
    "3": "invalid_number",
    "4": "crediting_failed",
    "5": "invalid_number_format",
    "6": "too_many_identical",
    "7": "sender_not_allowed",
    "8": "blacklisted",
    "9": "unroutable",
    "10": "",
    "999": "temporary_error",
}
# Codes that mean more than that this message did not arrive. 8: the number is on a list of people who want no messages,
# the operator's or the account's own; reports do not tell which.
ERRORS: dict[str, type[SendError]] = {
    "invalid_number": BadAddress,
    "invalid_number_format": BadAddress,
    "blacklisted": OptedOut,
}


def receipt(report: Mapping[str, Any], channels: Sequence[str], transmission: UUID | None = None) -> Receipt:
    """Return a report as a receipt. `channels`: all channels of this backend, in order.

    While Messente has another channel to try, the failure of one is not the end of the message. Raises ValueError for a
    report without a status or without an id.
    """
    status, channel = text(report.get("status")).upper(), text(report.get("channel"))
    name, part = text(report.get("omnimessage_id")), text(report.get("message_id"))
    if not status or not (name or transmission):
        raise ValueError("a delivery report without status or omnimessage_id")
    kind, reason = STATUSES.get(status, ReceiptKind.UNKNOWN), _code_of(report.get("err"))
    error = ERRORS.get(reason) if kind in ENDS else None
    code = reason or (status.lower()[:40] if kind in {*ENDS, ReceiptKind.UNKNOWN} else "")
    if kind in ENDS and channel in channels[:-1]:
        kind, code = ReceiptKind.UNKNOWN, f"{channel}_{status.lower()}"
    return Receipt(
        kind,
        transmission=transmission,
        provider_id=name,
        at=time(report.get("timestamp")),
        event_id=f"{part or f'{name}:{channel}'}:{status}",
        code=code,
        detail=_detail(channel if len(channels) > 1 else "", text(report.get("error")) or reason),
        error=error,
    )


def _code_of(err: Any) -> str:
    code = text(err).strip()
    return CODES.get(code, f"err_{code}"[:40]) if code else ""


def _detail(channel: str, reason: str) -> str:
    by = f"by {channel}" if channel else ""
    return ": ".join(filter(None, [by, http.redact(reason)]))
