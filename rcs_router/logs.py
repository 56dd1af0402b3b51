"""Write the log lines about messages. Each names the backend, the message, the problem and the next step.

Each line has the facts twice: in its text, and as attributes of the record (`alias`, `transmission`, `code`, `attempt`,
`next_step`, …) for a JSON formatter. Numbers are masked; bodies and secrets are never logged.
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
ROUTING = logging.getLogger("rcs_router.routing")
APPS = logging.getLogger("rcs_router.phases")
EXPIRY = logging.getLogger("rcs_router.expiry")
MEDIA = logging.getLogger("rcs_router.media")
QUESTIONS = logging.getLogger("rcs_router.questions")

# The next steps, as the lines say them.
NEEDS_REVIEW = "needs review"
WAITS = "waits for the paused backend"
COUNTED = "nothing more: counted"
TAKEN_BACK_FIRST = "is to be taken back"
WITHOUT_APP = "the message goes on without this app"
DIGEST_AGAIN = "digest it again from the admin"
ROUTE_AGAIN = "route it again from the admin"

LONGEST = 300  # characters of a provider's or an exception's text
_NUMBERS = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"  # our own ids stay as they are
    r"|\+?\d(?:[ ().-]{0,2}\d){6,}",
    re.IGNORECASE,
)


def number(identity: str) -> str:
    """Return an identity for the log: its last two characters, or all of it with LOG_NUMBERS."""
    return identity if router_settings().LOG_NUMBERS else f"…{identity[-2:]}"


def safe(words: object, alias: str = "") -> str:
    """Return the text of a provider or an error as one short line, without numbers and the backend's secrets."""
    line = " ".join(str(words).split())
    for secret in sorted(filter(None, _secrets(alias)), key=len, reverse=True):
        line = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "…", line)
    return _NUMBERS.sub(_masked, line)[:LONGEST]


def _secrets(alias: str) -> Iterable[str]:
    try:
        return list(backends[alias].options.secrets()) if alias in backends else []
    except Exception:  # a backend that cannot be built has never used its secrets
        return []


def _masked(found: re.Match[str]) -> str:
    return found[0] if found[0].count("-") == 4 and len(found[0]) == 36 else number(found[0])


def spoken(seconds: float) -> str:
    """Return a duration in words: 25 s, 5 min, 3 h, 2 days."""
    for size, unit, limit in ((1, "s", 100), (60, "min", 100), (3600, "h", 48)):
        if seconds < limit * size:
            return f"{max(round(seconds / size), 0)} {unit}"
    return f"{round(seconds / 86400)} days"


def retried_in(seconds: float) -> str:
    """Return the next step of a retry."""
    return f"retried in {spoken(seconds)}" if seconds >= 1 else "retried at once"


def goes_on_by(alias: str) -> str:
    """Return the next step of a message that another backend takes over."""
    return f"goes on by {alias}"


def next_step(status: Status, *, wait: float | None = None, by: str = "", paused: bool = False) -> str:
    """Return the next step after a failed request: a retry after `wait`, or the backend `by`."""
    if status == Status.QUEUED:
        return WAITS if paused else retried_in(wait or 0)
    if by:
        return goes_on_by(by)
    return NEEDS_REVIEW if status == Status.REVIEW else f"nothing more: {status.name.lower()}"


def sent(alias: str, transmission: UUID, attempt: int, took_ms: int | None = None) -> None:
    """Log at INFO that the provider has accepted a message."""
    if DELIVERY.isEnabledFor(logging.INFO):
        _write(
            *(DELIVERY, logging.INFO, "{alias}: {transmission} was accepted at attempt {attempt}"),
            alias=alias,
            transmission=transmission,
            attempt=attempt,
            took_ms=took_ms,
        )


def attempt_failed(alias: str, transmission: UUID, code: str, attempt: int, next_step: str) -> None:
    """Log at WARNING that a request failed; `next_step` is from `next_step()` or one of the constants above."""
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
    """Log at WARNING that a request has not come back within LEASE."""
    line = "{alias}: the request of {transmission} has not come back within LEASE"
    step = "decided as if its worker had stopped"
    _write(DELIVERY, logging.WARNING, line, alias=alias, transmission=transmission, next_step=step)


def moved_on(alias: str, transmission: UUID, code: str, next_step: str) -> None:
    """Log at INFO that a message does not wait for its backend any longer."""
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
    """Log at WARNING that a backend is paused, with the provider's own words (`detail`)."""
    _write(
        *(PACE, logging.WARNING, "{alias}: paused"),
        alias=alias,
        code=safe(f"{reason}: {detail}" if detail else reason, alias),
        next_step=f"tried again in {spoken(seconds)}",
    )


def resumed(alias: str, seconds: float) -> None:
    """Log at WARNING that a backend works again, and after how long."""
    after = spoken(seconds)
    _write(PACE, logging.WARNING, "{alias}: works again after {after}", alias=alias, after=after)


def receipt(alias: str, transmission: UUID, kind: str) -> None:
    """Log at INFO what a provider has reported."""
    if RECEIPTS.isEnabledFor(logging.INFO):
        line = "{alias}: {transmission} is reported as {receipt}"
        _write(RECEIPTS, logging.INFO, line, alias=alias, transmission=transmission, receipt=str(kind))


def receipt_failed(alias: str, transmission: UUID, kind: str, code: str, next_step: str) -> None:
    """Log at WARNING that a provider has reported a failure or an expiry."""
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
    """Log at INFO that an incoming message has been stored."""
    if INBOX.isEnabledFor(logging.INFO):
        line = "{alias}: incoming {kind} {message_id} is stored"
        _write(INBOX, logging.INFO, line, alias=alias, message_id=message, kind=str(kind))


def webhook_refused(alias: str, reason: object, remote: str, status: int) -> None:
    """Log at WARNING that a request was refused, and where it came from. It is not stored, so it has no id."""
    line = "{alias}: refused a webhook request from {remote}: {reason}"
    _write(
        WEBHOOKS,
        logging.WARNING,
        line,
        alias=alias,
        reason=safe(reason, alias),
        remote=remote,
        status=status,
        code=str(status),
        next_step="nothing of it is stored",
    )


def page_failed(page: str, alias: str, code: str, place: str, *, loud: bool) -> None:
    """Log that a public page failed; at ERROR only if `loud`, because Django mails errors.

    `page`: the view; `receive` takes webhooks. `place`: file and line of our code.
    """
    line, step = (
        "{alias}: a webhook request could not be stored ({code} in {place})",
        "the provider is to send it again",
    )
    if page != "receive":
        line, step = "{alias}: the page {page} failed ({code} in {place})", "the person is told to try again"
    level = logging.ERROR if loud else logging.WARNING
    _write(WEBHOOKS, level, line, alias=alias, page=page, code=code, place=place, next_step=step)


def webhook_failed(alias: str, webhook: int, code: str, next_step: str, level: int = logging.ERROR) -> None:
    """Log that a stored request could not be digested; at WARNING if the fault is temporary."""
    line = "{alias}: webhook request {webhook} cannot be digested"
    _write(INBOX, level, line, alias=alias, webhook=webhook, code=code, next_step=next_step)


def message_failed(alias: str, message: UUID, code: str, next_step: str, level: int = logging.ERROR) -> None:
    """Log that an incoming message could not be routed; at WARNING if the fault is temporary."""
    line = "{alias}: incoming message {message_id} cannot be routed"
    _write(ROUTING, level, line, alias=alias, message_id=message, code=safe(code, alias), next_step=next_step)


def app_raised(alias: str, message: UUID, app: str, phase: str, code: str) -> None:
    """Log at ERROR that a router app raised. `alias` is empty for an outgoing message, which may have several
    backends.
    """
    line = "{alias}: {app} raised {code} in {phase} of message {message_id}"
    _write(
        APPS,
        logging.ERROR,
        line,
        alias=alias,
        message_id=message,
        app=app,
        phase=phase,
        code=code,
        next_step=WITHOUT_APP,
    )


def app_out_of_time(alias: str, message: UUID, app: str, phase: str, problem: str) -> None:
    """Log at ERROR that a router app exceeded its time limit."""
    line = "{alias}: {app} in {phase} of message {message_id}: {problem}"
    _write(
        APPS,
        logging.ERROR,
        line,
        alias=alias,
        message_id=message,
        app=app,
        phase=phase,
        problem=problem,
        code="APP_TIMEOUT",
        next_step=WITHOUT_APP,
    )


def answer_failed(alias: str, message: UUID, app: str, code: str) -> None:
    """Log at ERROR that a router app's answer cannot be sent."""
    line = "{alias}: an answer of {app} to message {message_id} cannot be sent"
    _write(
        APPS,
        logging.ERROR,
        line,
        alias=alias,
        message_id=message,
        app=app or "a router app",
        code=code,
        next_step="nothing more: recorded on the message",
    )


def file_failed(alias: str, file: UUID, code: str, next_step: str, level: int = logging.WARNING) -> None:
    """Log that a file could not be fetched or stored."""
    line = "{alias}: received file {file_id} is not fetched"
    _write(MEDIA, level, line, alias=alias, file_id=file, code=code, next_step=next_step)


def question_failed(alias: str, question: UUID, code: str, next_step: str) -> None:
    """Log at WARNING that a capability check failed."""
    line = "{alias}: question {question} is not answered"
    _write(QUESTIONS, logging.WARNING, line, alias=alias, question=question, code=code, next_step=next_step)


def too_late(alias: str, transmission: UUID, code: str, next_step: str) -> None:
    """Log at WARNING that a message's ttl has passed before it left, or without proof of delivery."""
    line = "{alias}: the time of {transmission} is up"
    _write(
        EXPIRY, logging.WARNING, line, alias=alias, transmission=transmission, code=code, next_step=next_step
    )


def not_answered(alias: str, transmission: UUID, code: str, next_step: str) -> None:
    """Log at WARNING that a provider did not answer a status request or a revoke."""
    line = "{alias}: asking about {transmission} failed"
    _write(
        EXPIRY,
        logging.WARNING,
        line,
        alias=alias,
        transmission=transmission,
        code=safe(code, alias),
        next_step=next_step,
    )


def taken_back(alias: str, transmission: UUID, code: str, next_step: str) -> None:
    """Log at INFO that the provider has revoked a message."""
    line = "{alias}: {transmission} was taken back"
    _write(EXPIRY, logging.INFO, line, alias=alias, transmission=transmission, code=code, next_step=next_step)


def doubted(alias: str, transmission: UUID, code: str) -> None:
    """Log at WARNING that the outcome of a message is unknown and the provider cannot be asked."""
    line = "{alias}: nobody knows whether {transmission} arrived"
    _write(
        EXPIRY,
        logging.WARNING,
        line,
        alias=alias,
        transmission=transmission,
        code=code,
        next_step=NEEDS_REVIEW,
    )


def _write(logger: logging.Logger, level: int, line: str, **facts: Any) -> None:
    """Write `line`, followed by the code and the next step if there are any."""
    if not facts.get("alias"):
        line = line.removeprefix("{alias}: ")
    if facts.get("code") and "{code}" not in line:
        line += " ({code})"
    if facts.get("next_step"):
        line += ": {next_step}"
    fields = {name: str(value) if isinstance(value, UUID) else value for name, value in facts.items()}
    logger.log(level, "%s", line.format(**fields), extra=fields)
