"""Count the requests and receipts of each backend by the minute, for alarms, health and reports.

The drain calls `attempt`, the outbox calls `receipts`; both count in memory. `flush` adds the counts to BackendMinute.
"""


def attempt(alias: str, *, failed: bool, seconds: float) -> None:
    """Count one request that has ended, and how long it took."""


def receipts(alias: str, *, total: int, failed: int) -> None:
    """Count receipts that say delivered, read or failed; `failed` of them say failed or expired."""


def flush(*, force: bool = False) -> None:
    """Write what has been counted; at most once a second unless `force`. Raises nothing."""
