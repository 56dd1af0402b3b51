"""The contract between router and backends. Backends import this, `content` and `errors`, and nothing else."""

from rcs_router.contract.backend import BaseBackend, Capabilities, time_left, within
from rcs_router.contract.extra import sorted_extra
from rcs_router.contract.messages import (
    MALFORMED_REPLY,
    FileReport,
    Incoming,
    IncomingKind,
    Linked,
    Outbound,
    Parsed,
    Receipt,
    ReceiptKind,
    SendResult,
    Status,
    Traffic,
)
from rcs_router.contract.options import Options, in_lower_case, secret, several
from rcs_router.contract.webhooks import WebhookAnswer, WebhookRequest

__all__ = [
    "MALFORMED_REPLY",
    "BaseBackend",
    "Capabilities",
    "FileReport",
    "Incoming",
    "IncomingKind",
    "Linked",
    "Options",
    "Outbound",
    "Parsed",
    "Receipt",
    "ReceiptKind",
    "SendResult",
    "Status",
    "Traffic",
    "WebhookAnswer",
    "WebhookRequest",
    "in_lower_case",
    "secret",
    "several",
    "sorted_extra",
    "time_left",
    "within",
]
