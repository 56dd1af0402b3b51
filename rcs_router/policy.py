"""Given what happened to a transmission, says what to do next. Pure: no clock, no database, no provider's name."""

from dataclasses import dataclass, replace

from rcs_router.contract import Status
from rcs_router.errors import SendError


@dataclass(frozen=True)
class Facts:
    """What is known of a transmission when its request has ended."""

    attempts: int = 1  # answers so far, this one included
    unknown: bool = False  # did any request leave without an answer, this one included?
    has_fallback: bool = False
    idempotent: bool = False  # does the provider drop a repeat?
    can_ask: bool = False  # can the provider take it back, or at least say how it stands?
    time_critical: bool = False
    delays: tuple[float, ...] = (5, 30, 300)  # seconds; one more attempt than there are delays
    jitter: float = 0.0  # share of the delay to add


@dataclass(frozen=True)
class Decision:
    """What to do: move to `status`, and…"""

    status: Status
    reason: str = ""
    wait: float | None = None  # QUEUED: seconds until the next attempt
    spend: bool = True  # count an attempt
    fall_back: bool = False  # open the next backend's transmission now
    revoke: bool = False  # ask the provider how it stands, and to take it back; the answer decides
    opted_out: bool = False  # record the person's refusal


def after_error(error: SendError, facts: Facts) -> Decision:
    """The one table of the failure matrix: every error class, every state of the ladder."""
    if not error.spends:  # the backend's trouble: the message only waits, and lets others be tried first
        return Decision(Status.QUEUED, error.code, wait=error.retry_after or 1.0, spend=False)
    if error.opts_out:
        return Decision(Status.CANCELLED, error.code, opted_out=True)
    if not (error.retry or error.fallback):
        return Decision(Status.REVIEW, f"{error.code}: outcome unknown" if facts.unknown else error.code)
    if error.retry and (facts.idempotent or not error.unknown) and facts.attempts <= len(facts.delays):
        return Decision(Status.QUEUED, error.code, wait=_wait(error, facts))
    return give_up(error.code, facts)


def give_up(reason: str, facts: Facts) -> Decision:
    """No more attempts: fall back where that cannot double the message, else a person decides."""
    if facts.unknown and not facts.time_critical:
        # "unknown" forbids a fallback without a revoke: the phone may ring in a moment
        return Decision(Status.REVIEW, f"{reason}: outcome unknown", revoke=facts.can_ask)
    if facts.has_fallback:
        return Decision(Status.FAILED, reason, fall_back=True, revoke=facts.unknown and facts.can_ask)
    return Decision(Status.REVIEW, reason)


def after_expiry(*, sent: bool, facts: Facts) -> Decision:
    """Its ttl has passed: before its (next) request left, or while it was on its way."""
    if not sent and facts.unknown:
        return replace(give_up("expired", facts), spend=False)
    if not sent:
        return Decision(
            Status.EXPIRED, "expired before it was sent", spend=False, fall_back=facts.has_fallback
        )
    if facts.time_critical and facts.has_fallback:
        return Decision(
            Status.ACCEPTED, "expired: late is worse than double", fall_back=True, revoke=facts.can_ask
        )
    return Decision(Status.ACCEPTED, "expired: waiting for proof", revoke=facts.can_ask)


def after_lost_lease(*, started: bool, lost_leases: int, limit: int, facts: Facts) -> Decision:
    """Its worker is gone. `lost_leases` counts this one."""
    if not started:
        return Decision(Status.QUEUED, "its worker stopped before sending", wait=0.0, spend=False)
    if lost_leases >= limit:
        return Decision(Status.REVIEW, f"{lost_leases} workers stopped while sending it", spend=False)
    if not facts.idempotent:
        reason = "its worker stopped while sending: outcome unknown"
        if facts.time_critical and facts.has_fallback:
            return Decision(Status.FAILED, reason, spend=False, fall_back=True, revoke=facts.can_ask)
        return Decision(Status.REVIEW, reason, spend=False, revoke=facts.can_ask)
    return Decision(Status.QUEUED, "its worker stopped while sending", wait=0.0, spend=False)


def pause(rests: int, retry_after: float | None, pauses: tuple[float, ...], limit: float) -> float:
    """How long a backend rests, in seconds: what the provider asked for, within `limit`, else longer each time."""
    if retry_after is not None:
        return min(max(retry_after, 0.1), limit)
    return pauses[min(rests, len(pauses) - 1)]


def _wait(error: SendError, facts: Facts) -> float:
    delay = facts.delays[facts.attempts - 1]
    return max(delay * (1 + facts.jitter), error.retry_after or 0.0)
