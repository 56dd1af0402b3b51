"""docs/writing-a-backend.md shows the toy's files as they are, all of both."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs/writing-a-backend.md").read_text()
SHOWN = re.compile(r"^<!-- tests/toy/(\S+) -->\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def lines(text: str) -> list[str]:
    """Blank lines stand and fall with where a piece was cut."""
    return [line for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("name", ["provider.py", "test_toy.py"])
def test_page_shows_the_file(name: str) -> None:
    shown = [line for file, piece in SHOWN.findall(PAGE) if file == name for line in lines(piece)]
    assert shown == lines((HERE / name).read_text())
