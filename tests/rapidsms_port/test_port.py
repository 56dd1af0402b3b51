"""docs/from-rapidsms.md shows the two projects' files as they are; the ported one's own tests pass; names exist."""

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGE = (ROOT / "docs/from-rapidsms.md").read_text(encoding="utf-8")
SHOWN = dict(re.findall(r"^<!-- tests/rapidsms_port/(\S+) -->\n```python\n(.*?)^```$", PAGE, re.M | re.S))
FILES = sorted(
    str(path.relative_to(HERE))
    for path in HERE.glob("*/**/*.py")
    if path.name != "__init__.py" and path.read_text().strip()
)


def test_every_file_is_shown() -> None:
    assert sorted(SHOWN) == FILES


@pytest.mark.parametrize("name", FILES)
def test_the_page_shows_the_file(name: str) -> None:
    assert SHOWN.get(name) == (HERE / name).read_text(encoding="utf-8")


@pytest.mark.services  # takes long
def test_the_ported_project_passes_its_own_tests() -> None:
    environment = os.environ | {
        "PYTHONPATH": f"{HERE / 'after'}{os.pathsep}{ROOT}",
        "DJANGO_SETTINGS_MODULE": "settings",
        "MARKET_DB": ":memory:",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for command in (["check"], ["test", "market"]):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "django", *command],
            cwd=HERE / "after",
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^Ran 4 tests", done.stderr, re.M), done.stderr


def dotted_names() -> list[str]:
    return sorted(set(re.findall(r"`(rcs_(?:router|backends)(?:\.\w+)+)", PAGE)))


@pytest.mark.parametrize("name", dotted_names())
def test_every_name_of_ours_on_the_page_exists(name: str) -> None:
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for attribute in parts[end:]:
            found = getattr(found, attribute)
        return
    pytest.fail(name)
