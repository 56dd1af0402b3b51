"""The arithmetic of faults/: a wrong percentile would make every figure a lie."""

import math

import pytest

from faults.figures import Table, busiest, longest_gap, percentile


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        (range(1, 101), 0.99, 99),
        (range(1, 101), 0.5, 50),
        ([3, 1, 2], 0.5, 2),
        ([3, 1, 2], 0.99, 3),
        ([1] * 99 + [math.inf], 0.99, 1),
        ([1] * 98 + [math.inf] * 2, 0.99, math.inf),
        ([7], 0.0, 7),
    ],
)
def test_percentile(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


@pytest.mark.parametrize(
    ("times", "most"),
    [([], 0), ([5], 1), ([1, 1.5, 1.9, 2.5], 3), ([1, 2, 3], 1), ([3, 2.1, 2.2, 9], 3), ([1, 1.999, 2], 2)],
)
def test_the_busiest_second(times: list[float], most: int) -> None:
    assert busiest(times) == most


@pytest.mark.parametrize(
    ("times", "gap"), [([], 10), ([5], 5), ([1, 2, 9], 7), ([9, 2], 7), ([-5, 4, 20], 6), ([8], 8)]
)
def test_the_longest_gap_counts_both_ends(times: list[float], gap: float) -> None:
    assert longest_gap(times, 0, 10) == gap


@pytest.mark.parametrize(("figure", "code"), [(1.0, 0), (2.0, 0), (2.1, 1), (math.inf, 1), (math.nan, 1)])
def test_a_missed_goal_is_an_exit_code(figure: float, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("outage")
    table.add("sent", 7)
    table.goal("p99", figure, 2.0, "s")
    assert table.show() == code
    assert ("MISSED" in capsys.readouterr().out) is bool(code)
