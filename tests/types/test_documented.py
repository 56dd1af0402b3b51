"""mypy and pyright pass every Python block of README and docs and what users may write, and see what they may not.

Both are in the extra `lint`; `make lint` runs this module.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .pages import ROOT, modules
from .uses import RIGHT, WRONG, WRONG_LINES

pytest.importorskip("mypy")
pytest.importorskip("pyright")


def run(*command: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.stdout + done.stderr


def mypy(place: Path) -> str:
    config, settings = f"--config-file={ROOT / 'setup.cfg'}", "example_project.settings"
    return run("mypy", config, "-p", "documented", MYPYPATH=str(place), DJANGO_SETTINGS_MODULE=settings)


def pyright(place: Path) -> str:
    config = place / "pyrightconfig.json"
    config.write_text(json.dumps({"include": ["documented"], "extraPaths": [str(ROOT)]}))
    return run("pyright", "--project", str(config), "--pythonpath", sys.executable)


@pytest.fixture(scope="module", params=[mypy, pyright])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What a checker says, line by line, of all pages and both examples."""
    place = tmp_path_factory.mktemp("types")
    package = place / "documented"
    package.mkdir()
    sources = {"__init__.py": "", "right.py": RIGHT, "wrong.py": WRONG, **modules()}
    for name, source in sources.items():
        (package / name).write_text(source, encoding="utf-8")
    check: Callable[[Path], str] = request.param
    return check(place).splitlines()


def test_nothing_is_wrong_with_what_is_documented(told: list[str]) -> None:
    assert [line for line in told if "error" in line and "wrong.py" not in line and ".py:" in line] == []


def test_what_is_wrong_is_seen(told: list[str]) -> None:
    found = {int(n) for line in told for n in re.findall(r"wrong\.py:(\d+).* error:", line)}
    assert sorted(found) == WRONG_LINES, "\n".join(told)
