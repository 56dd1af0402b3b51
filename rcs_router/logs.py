"""Write the log lines about messages, all of one shape: who and what, and what happens next.

Each line has the facts twice: in its text, and as attributes of the record (`alias`, `transmission`, `code`, `attempt`,
`next_step`, …) for a JSON formatter. Numbers are masked; bodies and secrets never get here.
"""

import logging
import re
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from rcs_router.backends import backends
from rcs_router.conf import router_settings
from rcs_router.contract import Status

DELIVERY = logging.getLogger("rcs_router.delivery")
PACE = logging.getLogger("rcs_router.pace")
RECEIPTS = logging.getLogger("rcs_router.receipts")
WEBHOOKS = logging.getLogger("rcs_router.webhooks")
INBOX = logging.getLogger("rcs_router.inbox")

# What comes next, in the words of the lines.
NEEDS_REVIEW = "needs review"
WAITS = "waits for the paused backend"
COUNTED = "nothing more: counted"

LONGEST = 300  # characters of somebody else's words
_NUMBERS = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"  # our own ids stay as they are
    r"|\+?\d(?:[ ().-]{0,2}\d){6,}",
    re.IGNORECASE,
)


def number(identity: str) -> str:
    """Return an identity for the log: its last two characters, or all of it with LOG_NUMBERS."""
    return identity if router_settings().LOG_NUMBERS else f"…{identity[-2:]}"


def safe(words: object, alias: str = "") -> str:
    """Return what a provider or an error says as one short line, without numbers and without the backend's secrets."""
    line = " ".join(str(words).split())
    for secret in sorted(filter(None, _secrets(alias)), key=len, reverse=True):
        line = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "…", line)
    return _NUMBERS.sub(_masked, line)[:LONGEST]


def _secrets(alias: str) -> Iterable[str]:
    try:
        return list(backends[alias].options.secrets()) if alias in backends else []
    except Exception:  # a backend that cannot be made has shown nobody its secrets
        return []


def _masked(found: re.Match[str]) -> str:
    return found[0] if found[0].count("-") == 4 and len(found[0]) == 36 else number(found[0])


def spoken(seconds: float) -> str:
    """Return a length of time as people say it: 25 s, 5 min, 3 h, 2 days."""
    for size, unit, limit in ((1, "s", 100), (60, "min", 100), (3600, "h", 48)):
        if seconds < limit * size:
            return f"{max(round(seconds / size), 0)} {unit}"
    return f"{round(seconds / 86400)} days"


def retried_in(seconds: float) -> str:
    """Return the next step of what is tried again."""
    return f"retried in {spoken(seconds)}" if seconds >= 1 else "retried at once"


def goes_on_by(alias: str) -> str:
    """Return the next step of what another backend takes over."""
    return f"goes on by {alias}"


def next_step(status: Status, *, wait: float | None = None, by: str = "", paused: bool = False) -> str:
    """Return what follows when a request has failed: `wait` until it is tried again, `by` whom else it goes on."""
    if status == Status.QUEUED:
        return WAITS if paused else retried_in(wait or 0)
    if by:
        return goes_on_by(by)
    words = {Status.REVIEW: NEEDS_REVIEW, Status.CANCELLED: "nothing more: cancelled"}
    return words.get(status, COUNTED)


def sent(alias: str, transmission: UUID, attempt: int, took_ms: int | None = None) -> None:
    """Say at INFO that the provider has accepted a message."""
    if DELIVERY.isEnabledFor(logging.INFO):
        _write(
            *(DELIVERY, logging.INFO, "{alias}: {transmission} was accepted at attempt {attempt}"),
            alias=alias,
            transmission=transmission,
            attempt=attempt,
            took_ms=took_ms,
        )


def attempt_failed(alias: str, transmission: UUID, code: str, attempt: int, next_step: str) -> None:
    """Say at WARNING that a request failed; `next_step` is from `next_step()` or one of the words above."""
    if DELIVERY.isEnabledFor(logging.WARNING):
        _write(
            *(DELIVERY, logging.WARNING, "{alias}: attempt {attempt} of {transmission} failed"),
            alias=alias,
            transmission=transmission,
            code=safe(code, alias),
            attempt=attempt,
            next_step=next_step,
        )


def gave_up(alias: str, transmission: UUID) -> None:
    """Say at WARNING that a request has not come back within LEASE."""
    line = "{alias}: the request of {transmission} has not come back within LEASE"
    step = "decided as if its worker had stopped"
    _write(DELIVERY, logging.WARNING, line, alias=alias, transmission=transmission, next_step=step)


def moved_on(alias: str, transmission: UUID, code: str, next_step: str) -> None:
    """Say at INFO that a message does not wait for its backend any longer."""
    if DELIVERY.isEnabledFor(logging.INFO):
        line = "{alias}: {transmission} does not wait any longer"
        _write(
            DELIVERY,
            logging.INFO,
            line,
            alias=alias,
            transmission=transmission,
            code=code,
            next_step=next_step,
        )


def paused(alias: str, reason: str, seconds: float, detail: str = "") -> None:
    """Say at WARNING that a backend is paused, and why in the provider's own words (`detail`)."""
    _write(
        *(PACE, logging.WARNING, "{alias}: paused"),
        alias=alias,
        code=safe(f"{reason}: {detail}" if detail else reason, alias),
        next_step=f"tried again in {spoken(seconds)}",
    )


def resumed(alias: str, seconds: float) -> None:
    """Say at WARNING that a backend works again, and how long that took."""
    after = spoken(seconds)
    _write(PACE, logging.WARNING, "{alias}: works again after {after}", alias=alias, after=after)


def receipt(alias: str, transmission: UUID, kind: str) -> None:
    """Say at INFO what a provider has reported."""
    if RECEIPTS.isEnabledFor(logging.INFO):
        line = "{alias}: {transmission} is reported as {receipt}"
        _write(RECEIPTS, logging.INFO, line, alias=alias, transmission=transmission, receipt=str(kind))


def receipt_failed(alias: str, transmission: UUID, kind: str, code: str, next_step: str) -> None:
    """Say at WARNING that a provider has reported a failure or the end of a message's time."""
    if RECEIPTS.isEnabledFor(logging.WARNING):
        _write(
            *(RECEIPTS, logging.WARNING, "{alias}: {transmission} is reported as {receipt}"),
            alias=alias,
            transmission=transmission,
            receipt=str(kind),
            code=safe(code, alias),
            next_step=next_step,
        )


def incoming(alias: str, message: UUID, kind: str) -> None:
    """Say at INFO that something a person said or did has been stored."""
    if INBOX.isEnabledFor(logging.INFO):
        line = "{alias}: incoming {kind} {message_id} is stored"
        _write(INBOX, logging.INFO, line, alias=alias, message_id=message, kind=str(kind))


def webhook_refused(alias: str, reason: object, remote: str, status: int) -> None:
    """Say at WARNING that a request was not believed, and from where it came."""
    _write(
        *(WEBHOOKS, logging.WARNING, "{alias}: refused a webhook request from {remote}: {reason}"),
        alias=alias,
        reason=safe(reason, alias),
        remote=remote,
        status=status,
    )


def _write(logger: logging.Logger, level: int, line: str, **facts: Any) -> None:
    """`line` with the code and the next step behind it, where there are any."""
    if facts.get("code"):
        line += " ({code})"
    if facts.get("next_step"):
        line += ": {next_step}"
    fields = {name: str(value) if isinstance(value, UUID) else value for name, value in facts.items()}
    logger.log(level, "%s", line.format(**fields), extra=fields)
