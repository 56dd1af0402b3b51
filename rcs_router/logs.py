"""Say who and what in a log line without saying too much: numbers are masked, bodies and secrets never get here."""

from rcs_router.conf import router_settings


def number(identity: str) -> str:
    """Return an identity for the log: its last two characters, or all of it with LOG_NUMBERS."""
    return identity if router_settings().LOG_NUMBERS else f"…{identity[-2:]}"
