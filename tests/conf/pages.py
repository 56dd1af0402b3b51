"""Read a page of the docs: run its examples in one namespace, and return the rows of its tables."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def section(page: str, title: str) -> str:
    """What stands below a heading, down to the next one of its depth or above. A comment in code is no heading."""
    whole = text(page)
    bare = _FENCE.sub(lambda block: re.sub("#", "-", block[0]), whole)
    found = re.search(rf"^(#+) {re.escape(title)}$", bare, re.MULTILINE)
    assert found, f"{page} has no heading {title!r}"
    following = re.compile(rf"^#{{1,{len(found[1])}}} ", re.MULTILINE).search(bare, found.end())
    return whole[found.end() : following.start() if following else None]


def rows(written: str, columns: int) -> list[list[str]]:
    """The cells of every table with so many columns, without heads and rules."""
    tables = re.split(r"\n(?!\|)", written)
    found = []
    for table in tables:
        lines = [line for line in table.splitlines() if line.startswith("|")]
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        found += [row for row in cells[2:] if len(row) == columns]
    return found


def quoted(written: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", written)


def run(page: str, namespace: dict[str, Any], replace: dict[str, str] | None = None) -> dict[str, Any]:
    """Run the page's python blocks in their order. What one prints must be the `text` block that follows it."""
    said: str | None = None
    for language, block in _FENCE.findall(text(page)):
        if language == "python":
            assert not said, f"{page}: printed, but not shown: {said}"
            for old, new in (replace or {}).items():
                block = block.replace(old, new)
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(block, page, "exec"), namespace)
            said = out.getvalue()
        elif language == "text":
            assert said == block, f"{page}: {said!r} was printed"
            said = None
    assert not said, f"{page}: printed, but not shown: {said}"
    return namespace
