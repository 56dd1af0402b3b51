"""Each rule of the alarms as a table: which values raise an alarm, and which do not."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcs_router.alarms import rules


@pytest.mark.parametrize(
    ("failed", "total", "usual", "raised", "expected"),
    [
        (10, 10, 0.0, False, True),  # all of them, on the first day
        (10, 10, 1.0, False, True),  # all of them, for days
        (10, 10, 0.4, False, True),
        (9, 9, 0.0, False, False),  # too few to say
        (24, 100, 0.0, False, False),
        (25, 100, 0.0, False, True),
        (25, 100, 0.08, False, True),
        (25, 100, 0.09, False, False),  # less than three times what is usual
        (60, 100, 0.4, False, False),
        (70, 100, 0.4, False, True),  # half-way from usual to all of them
        (0, 0, 0.0, False, False),
        (20, 100, 0.0, True, True),  # it goes on…
        (12, 100, 0.0, True, False),  # …until it is below half of the limit
        (20, 100, 0.15, True, False),  # or near what is usual
        (3, 3, 0.0, True, True),  # few, but still all of them
        (0, 3, 0.0, True, False),
        (0, 0, 0.0, True, False),
        (95, 100, 1.0, True, True),  # an outage of days is not over because it is usual by now
    ],
)
def test_failing(failed: int, total: int, usual: float, raised: bool, expected: bool) -> None:
    assert rules.failing(failed, total, usual, 0.25, raised) is expected


@pytest.mark.parametrize(
    ("accepted", "usual", "ever", "raised", "expected"),
    [
        (20, 1.0, True, False, True),
        (19, 1.0, True, False, False),
        (20, 0.5, True, False, True),
        (20, 0.4, True, False, False),  # eight are expected, which may be late
        (99, 0.1, True, False, False),
        (100, 0.1, True, False, True),  # few report, but none of a hundred is odd
        (1000, 0.0, True, False, False),
        (50, 0.0, False, False, True),  # none has ever come: is the address right?
        (49, 0.0, False, False, False),
        (1, 1.0, True, True, True),
        (0, 1.0, True, True, False),  # the first receipt has come
    ],
)
def test_silent(accepted: int, usual: float, ever: bool, raised: bool, expected: bool) -> None:
    assert rules.silent(accepted, usual, ever, raised) is expected


@pytest.mark.parametrize(
    ("slow", "total", "raised", "expected"),
    [
        (11, 20, False, True),
        (10, 20, False, False),
        (19, 19, False, False),
        (9, 20, True, True),
        (8, 20, True, False),
        (0, 0, True, False),
    ],
)
def test_slow(slow: int, total: int, raised: bool, expected: bool) -> None:
    assert rules.slow(slow, total, raised) is expected


@pytest.mark.parametrize(
    ("seconds", "raised", "expected"),
    [
        *((None, False, False), (120, False, False), (121, False, True), (61, True, True)),
        *((60, True, False), (None, True, False), (-5, False, False)),
    ],
)
def test_too_old(seconds: float | None, raised: bool, expected: bool) -> None:
    age = None if seconds is None else timedelta(seconds=seconds)
    assert rules.too_old(age, 120, raised) is expected


@pytest.mark.parametrize(
    ("count", "raised", "expected"),
    [(20, False, True), (19, False, False), (11, True, True), (10, True, False), (0, True, False)],
)
def test_growing(count: int, raised: bool, expected: bool) -> None:
    assert rules.growing(count, 20, raised) is expected


@pytest.mark.parametrize("count", [0, 1])
def test_a_limit_of_one_ends_when_there_is_none(count: int) -> None:
    assert rules.growing(count, 1, raised=True) is bool(count)


@pytest.mark.parametrize(("seconds", "expected"), [(None, False), (60, False), (61, True)])
def test_missing(seconds: float | None, expected: bool) -> None:
    assert rules.missing(None if seconds is None else timedelta(seconds=seconds), 60) is expected


SHARES = st.floats(0, 1)


@given(st.integers(10, 1000), SHARES, st.floats(0.01, 1))
def test_all_failed_is_an_alarm_whatever_is_usual(total: int, usual: float, limit: float) -> None:
    assert rules.failing(total, total, usual, limit, raised=False)


@given(st.integers(0, 500), st.integers(0, 500), SHARES, st.floats(0.01, 1))
def test_what_begins_an_alarm_does_not_end_it(failed: int, fine: int, usual: float, limit: float) -> None:
    if rules.failing(failed, failed + fine, usual, limit, raised=False):
        assert rules.failing(failed, failed + fine, usual, limit, raised=True)
