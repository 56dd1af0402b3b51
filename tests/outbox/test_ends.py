"""Nothing ends silently: whatever is decided, a message waits, goes on, is in review, or was not wanted."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcs_router import errors, logs
from rcs_router.contract import Status
from rcs_router.errors import SendError
from rcs_router.outbox.policy import (
    Decision,
    Facts,
    after_deadline,
    after_error,
    after_expiry,
    after_lost_lease,
    give_up,
)

ERRORS = [
    one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, SendError)
]  # every class that a backend may raise
facts = st.builds(
    Facts,
    attempts=st.integers(1, 6),
    unknown=st.booleans(),
    has_fallback=st.booleans(),
    idempotent=st.booleans(),
    can_ask=st.booleans(),
    time_critical=st.booleans(),
    overdue=st.booleans(),
)


def is_told(decision: Decision, known: Facts) -> bool:
    """Does somebody, or something, still see to it?"""
    if decision.status in {Status.QUEUED, Status.ACCEPTED, Status.REVIEW}:
        return True
    if decision.status == Status.CANCELLED:
        return decision.opted_out
    if decision.status == Status.EXPIRED:  # its sender has set a ttl, and it never left
        return decision.fall_back == known.has_fallback
    return decision.status == Status.FAILED and decision.fall_back and known.has_fallback


@pytest.mark.parametrize("error", ERRORS, ids=lambda one: one.__name__)
@given(known=facts)
def test_no_error_ends_silently(error: type[SendError], known: Facts) -> None:
    assert is_told(after_error(error("x"), known), known)


@given(known=facts, sent=st.booleans(), started=st.booleans(), lost=st.integers(1, 4))
def test_nothing_else_ends_silently(known: Facts, sent: bool, started: bool, lost: int) -> None:
    decisions: list[Decision | None] = [
        give_up("x", known),
        after_expiry(sent=sent, facts=known),
        after_deadline(sent=sent, facts=known, can_revoke=started),
        after_lost_lease(started=started, lost_leases=lost, limit=3, facts=known),
    ]
    assert all(is_told(decision, known) for decision in decisions if decision)


@pytest.mark.parametrize("asked", [{"status": status} for status in Status])
def test_every_end_has_its_words(asked: dict[str, Any]) -> None:
    """Only what a receipt reported is counted; the other ends say what they are."""
    step = logs.next_step(**asked)
    assert step != logs.COUNTED
    assert step
