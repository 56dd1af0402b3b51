"""Decide what happens to a transmission next, from known facts. Pure: no clock, no database, no provider's name.

The drain asks after an error, the sweep after a lost lease, a fallback deadline or the end of a ttl.
"""

from dataclasses import dataclass, replace

from rcs_router.contract import Status
from rcs_router.errors import SendError


@dataclass(frozen=True)
class Facts:
    """What is known of a transmission when its request has ended."""

    attempts: int = 1  # answers so far, including this one
    unknown: bool = False  # did any request leave without an answer, including this one?
    has_fallback: bool = False
    idempotent: bool = False  # does the provider deduplicate requests?
    can_ask: bool = False  # can the provider revoke it, or at least report its status?
    can_say: bool = False  # can the provider report its status?
    time_critical: bool = False
    overdue: bool = False  # has its fallback deadline passed?
    delays: tuple[float, ...] = (5, 30, 300)  # seconds; one more attempt than there are delays
    jitter: float = 0.0  # share of the delay to add


@dataclass(frozen=True)
class Decision:
    """What to do with a transmission: its next status, and what else follows."""

    status: Status
    reason: str = ""
    wait: float | None = None  # QUEUED: seconds until the next attempt
    spend: bool = True  # count an attempt
    fall_back: bool = False  # open the next backend's transmission now
    revoke: bool = False  # ask the provider for the status and for a revoke; the answer decides
    look_up: bool = False  # only ask the provider for the status
    opted_out: bool = False  # record the person's refusal
    settled: bool = False  # an unknown outcome is known now


TURN = 1.0  # seconds: a message that was sent too fast lets others try its paused backend first


def after_error(error: SendError, facts: Facts) -> Decision:
    """Return the decision after a failed attempt, for every error class and every number of attempts.

    A definite answer to a repeat under the same id settles the outcome of an earlier attempt, where the provider
    deduplicates: if it had accepted the first request, it would not refuse the second.
    """
    definite = facts.idempotent and not error.retry and not type(error).unknown
    decision = _after_error(error, replace(facts, unknown=False) if definite else facts)
    return replace(decision, settled=definite)


def _after_error(error: SendError, facts: Facts) -> Decision:
    if not error.spends:  # a fault of the backend: the message only waits, and lets others be tried first
        return Decision(Status.QUEUED, error.code, wait=TURN, spend=False)
    if error.opts_out:
        return Decision(Status.CANCELLED, error.code, opted_out=True)
    if not (error.retry or error.fallback):
        return Decision(Status.REVIEW, f"{error.code}: outcome unknown" if facts.unknown else error.code)
    if error.retry and _may_retry(error, facts):
        return Decision(Status.QUEUED, error.code, wait=_wait(error, facts))
    return give_up(error.code, facts)


def _may_retry(error: SendError, facts: Facts) -> bool:
    in_time = not (facts.overdue and facts.has_fallback)
    return (facts.idempotent or not error.unknown) and facts.attempts <= len(facts.delays) and in_time


def give_up(reason: str, facts: Facts) -> Decision:
    """Return the decision after the last attempt: fall back if that cannot double it, else a person decides."""
    if facts.unknown and not (facts.time_critical and facts.has_fallback):
        return in_doubt(f"{reason}: outcome unknown", facts)
    if facts.has_fallback:
        return Decision(Status.FAILED, reason, fall_back=True, revoke=facts.unknown and facts.can_ask)
    return Decision(Status.REVIEW, reason)


def in_doubt(reason: str, facts: Facts) -> Decision:
    """Return the decision where the provider may have the message: no fallback without a revoke, since it may be
    delivered.

    Without a fallback nothing is revoked: the person would get nothing at all.
    """
    takes_back, asks = facts.can_ask and facts.has_fallback, facts.can_say and not facts.has_fallback
    return Decision(Status.REVIEW, reason, revoke=takes_back, look_up=asks)


def after_deadline(*, sent: bool, facts: Facts, can_revoke: bool) -> Decision | None:
    """Return the decision when the fallback deadline passes without proof of delivery; None if nothing can be done.

    `sent`: the provider has accepted it. A message that may have left is revoked first, and falls back when that
    worked. A time-critical message falls back at once. The decision says whether the status changes.
    """
    left = sent or facts.unknown
    stays = Status.ACCEPTED if sent else Status.QUEUED
    if not facts.has_fallback:
        return None
    if not left:
        return Decision(Status.FAILED, "deadline", spend=False, fall_back=True)
    if facts.time_critical:
        return Decision(stays, "deadline: late is worse than double", fall_back=True, revoke=facts.can_ask)
    if can_revoke:
        return Decision(stays, "deadline: taken back first", revoke=True)
    return None


def after_expiry(*, sent: bool, facts: Facts) -> Decision:
    """Return the decision when the ttl has passed, before its (next) request left or while it was on its way."""
    if not sent and facts.unknown:
        return replace(give_up("expired", facts), spend=False, revoke=facts.can_ask, look_up=False)
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
    """Return the decision when the worker is gone. `lost_leases` includes this one."""
    if not started:
        return Decision(Status.QUEUED, "its worker stopped before sending", wait=0.0, spend=False)
    if lost_leases >= limit:
        return Decision(Status.REVIEW, f"{lost_leases} workers stopped while sending it", spend=False)
    if not facts.idempotent:
        reason = "its worker stopped while sending: outcome unknown"
        if facts.time_critical and facts.has_fallback:
            return Decision(Status.FAILED, reason, spend=False, fall_back=True, revoke=facts.can_ask)
        return replace(in_doubt(reason, facts), spend=False)
    return Decision(Status.QUEUED, "its worker stopped while sending", wait=0.0, spend=False)


THROTTLED_PAUSES = (0.5, 1.0, 2.0, 4.0)  # seconds, after a 429 that does not say how long
SHORTEST = 0.5  # seconds: a shorter wait would repeat the request without a break


def pause(pauses: int, retry_after: float | None, delays: tuple[float, ...], limit: float) -> float:
    """Return for how many seconds a backend is paused: what the provider asks for, else longer each time.

    0 and a date in the past count as no answer: the provider's clock may be late, or a proxy wrote the header.
    """
    if retry_after:
        return min(max(retry_after, SHORTEST), limit)
    return delays[min(pauses, len(delays) - 1)]


def _wait(error: SendError, facts: Facts) -> float:
    delay = facts.delays[facts.attempts - 1]
    return max(delay * (1 + facts.jitter), error.retry_after or 0.0)
