"""Decide what happens to a transmission next, from what is known of it. Pure: no clock, no database, no provider name.

The drain asks after an error, the sweep after a lost lease, a deadline or the end of a ttl.
"""

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
    can_say: bool = False  # can the provider say how it stands?
    time_critical: bool = False
    overdue: bool = False  # has its fallback deadline passed?
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
    look_up: bool = False  # only ask the provider how it stands
    opted_out: bool = False  # record the person's refusal
    settled: bool = False  # what was unknown of it is known now


TURN = 1.0  # seconds: a message that was too fast lets others try its paused backend first


def after_error(error: SendError, facts: Facts) -> Decision:
    """Return what follows from a failed attempt, for every error class and every number of attempts.

    A definite answer to a repeat under the same id settles what an earlier attempt left unknown, where the provider
    drops repeats: had it taken the first one, it would not refuse the second.
    """
    definite = facts.idempotent and not error.retry and not type(error).unknown
    decision = _after_error(error, replace(facts, unknown=False) if definite else facts)
    return replace(decision, settled=definite)


def _after_error(error: SendError, facts: Facts) -> Decision:
    if not error.spends:  # the backend's trouble: the message only waits, and lets others be tried first
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
    """Return the end of the attempts: fall back where that cannot double the message, else a person decides."""
    if facts.unknown and not (facts.time_critical and facts.has_fallback):
        return in_doubt(f"{reason}: outcome unknown", facts)
    if facts.has_fallback:
        return Decision(Status.FAILED, reason, fall_back=True, revoke=facts.unknown and facts.can_ask)
    return Decision(Status.REVIEW, reason)


def in_doubt(reason: str, facts: Facts) -> Decision:
    """Return what follows where the provider may have it: no fallback without a revoke, for the phone may ring soon.

    Without a fallback nothing is taken back: the phone would get nothing at all.
    """
    takes_back, asks = facts.can_ask and facts.has_fallback, facts.can_say and not facts.has_fallback
    return Decision(Status.REVIEW, reason, revoke=takes_back, look_up=asks)


def after_deadline(*, sent: bool, facts: Facts, can_revoke: bool) -> Decision | None:
    """Return what follows when the fallback deadline passes without proof of delivery; None: nothing can be done.

    `sent`: the provider has accepted it. What may have left is taken back first, and falls back when that worked; a
    time-critical message falls back at once. The status stays where Decision says so.
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
    """Its ttl has passed: before its (next) request left, or while it was on its way."""
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
    """Its worker is gone. `lost_leases` counts this one."""
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
SHORTEST = 0.5  # seconds: whoever asks for less would be asked without a break


def pause(pauses: int, retry_after: float | None, delays: tuple[float, ...], limit: float) -> float:
    """Return for how many seconds a backend is paused: what the provider asks for, else longer each time.

    0, which a date in the past is too, says nothing: the provider's clock may be late, or a proxy wrote it.
    """
    if retry_after:
        return min(max(retry_after, SHORTEST), limit)
    return delays[min(pauses, len(delays) - 1)]


def _wait(error: SendError, facts: Facts) -> float:
    delay = facts.delays[facts.attempts - 1]
    return max(delay * (1 + facts.jitter), error.retry_after or 0.0)
