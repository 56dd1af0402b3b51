"""The README names every backend, and its settings pass the checks but for the key file that is the reader's."""

import re
from typing import Any

import pytest

from rcs_router.checks import check_backends
from tests.conf.pages import ROOT, rows, section, text

PAGE = "README.md"


def blocks(part: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)


def test_every_backend_is_in_the_table() -> None:
    told = re.findall(
        r"\(docs/backends/(\w+)\.md\)", "".join(row[0] for row in rows(section(PAGE, "Six backends"), 3))
    )
    assert sorted(told) == sorted(path.stem for path in (ROOT / "docs/backends").glob("*.md"))


@pytest.fixture
def written() -> dict[str, Any]:
    """The settings of both places, as they stand."""
    first = re.search(r"^RCS_BACKENDS = \{.*?^\}", text(PAGE), re.MULTILINE | re.DOTALL)
    assert first
    names: dict[str, Any] = {}
    exec(first[0], names)
    names["google"] = dict(names["RCS_BACKENDS"]["acme"])
    exec(blocks(section(PAGE, "Six backends"))[0], names)
    return names


@pytest.mark.parametrize("provider", ["MAAP", "MESSENTE", "REST", "google", "as written"])
def test_acme_may_be_any_of_them(provider: str, written: dict[str, Any], settings: Any) -> None:
    entry = written["RCS_BACKENDS"]["acme"] if provider == "as written" else written[provider]
    settings.RCS_BACKENDS = written["RCS_BACKENDS"] | {"acme": entry}
    problems = [str(problem.msg) for problem in check_backends()]
    kannel = [
        problem for problem in problems if '["sms"]' in problem
    ]  # a secret of … is for the reader to fill in
    key = [problem for problem in problems if "/run/secrets/acme.json" in problem]
    assert len(key) == (provider == "google")
    assert [problem for problem in problems if problem not in (*kannel, *key)] == []
