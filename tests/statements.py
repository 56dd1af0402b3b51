"""Counts what Django sends to the database, so that a budget is an assertion."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connection
from django.test.utils import CaptureQueriesContext


@dataclass
class Statements:
    """What was sent inside of `statements()`."""

    sql: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.sql)


@contextmanager
def statements(most: int, what: str = "") -> Iterator[Statements]:
    """Fail when more than `most` statements are sent; BEGIN, COMMIT and savepoints count, as Django logs them."""
    seen = Statements()
    with CaptureQueriesContext(connection) as captured:
        yield seen
    seen.sql = [query["sql"] for query in captured.captured_queries]
    lines = "\n".join(f"{n + 1}. {sql[:150]}" for n, sql in enumerate(seen.sql))
    assert seen.count <= most, f"{what}: {seen.count} statements, {most} are allowed\n{lines}"
