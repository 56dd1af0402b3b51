"""The kinds of alarm, their meaning, and the section of docs/operating.md that says what to do."""

from dataclasses import dataclass

PAUSED = "backend_paused"
FAILURES = "failure_spike"
NO_RECEIPTS = "receipts_stopped"
SLOW = "slow_provider"
BACKLOG = "backlog_too_old"
REVIEW = "review_growing"
BEAT = "beat_missing"

PAGE = "docs/operating.md"


@dataclass(frozen=True)
class Kind:
    """The texts about one kind of alarm."""

    means: str
    section: str  # of PAGE


KINDS = {
    PAUSED: Kind("a backend is paused: its provider fails or refuses us", "Nothing goes out"),
    FAILURES: Kind("unusually many requests or receipts say failed", "Many messages fail"),
    NO_RECEIPTS: Kind("receipts have stopped coming", "Receipts stopped"),
    SLOW: Kind("a provider answers slowly", "A provider is slow"),
    BACKLOG: Kind("messages or webhooks wait for too long", "Codes come late"),
    REVIEW: Kind("unusually many messages need a person", "Review grows"),
    BEAT: Kind("Celery beat's tick does not come any more", "A worker died"),
}


def advice(kind: str) -> str:
    """Return the page and section that say what to do."""
    section = f", “{KINDS[kind].section}”" if kind in KINDS else ""
    return f"see {PAGE}{section}"
