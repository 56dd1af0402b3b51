"""Figures and goals as a small table, which says whether every goal was met."""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


def percentile(values: Iterable[float], share: float) -> float:
    """Return the smallest value that at least `share` of the values do not exceed; nan without values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def busiest(times: Iterable[float], seconds: float = 1.0) -> int:
    """Return the largest number of `times` within any window of `seconds`."""
    ordered, first, most = sorted(times), 0, 0
    for last, at in enumerate(ordered):
        while ordered[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def longest_gap(times: Iterable[float], began: float, ended: float) -> float:
    """Return the longest time without one of `times`, between `began` and `ended`."""
    points = [began, *sorted(at for at in times if began < at < ended), ended]
    return max(after - before for before, after in itertools.pairwise(points))


@dataclass
class Table:
    """Rows with a name, a figure and a goal."""

    title: str
    rows: list[tuple[str, str, str, bool]] = field(default_factory=list)

    def add(self, name: str, figure: object) -> None:
        """Add a figure without a goal."""
        self.rows.append((name, str(figure), "", True))

    def goal(self, name: str, figure: float, most: float, unit: str = "") -> None:
        """Add a figure that must not exceed `most`. nan misses the goal, because nothing was measured."""
        self.rows.append((name, _number(figure, unit), f"≤ {_number(most, unit)}", figure <= most))

    def spread(self, name: str, values: Sequence[float]) -> None:
        """Add the median, the 99th percentile and the maximum, in seconds."""
        p50, p99 = (percentile(values, share) for share in (0.5, 0.99))
        greatest = max(values, default=math.nan)
        self.add(f"{name} ({len(values)})", f"p50 {p50:.2f}  p99 {p99:.2f}  max {greatest:.2f} s")

    def show(self) -> int:
        """Print the table, and return an exit code: 1 if a goal was missed, else 0."""
        print(f"\n{self.title}")
        for name, figure, goal, met in self.rows:
            print(f"  {name:<62} {figure:>36}  {goal:<10} {'' if not goal else 'ok' if met else 'MISSED'}")
        return int(not all(met for *_, met in self.rows))


def _number(value: float, unit: str) -> str:
    shown = f"{value:.2f}" if unit == "s" else f"{value:g}"
    return f"{shown} {unit}".rstrip()
