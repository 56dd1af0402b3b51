"""mypy and pyright find nothing wrong in any Python block of README and docs, and find what is wrong elsewhere.

Both are in the extra `lint`; `make lint` runs this module.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .pages import ROOT, modules

pytest.importorskip("mypy")
pytest.importorskip("pyright")


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the modules of all pages."""
    place = tmp_path_factory.mktemp("types")
    for name, source in modules().items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch() if path.parent != place else None
        path.write_text(source, encoding="utf-8")
    return place


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
    files = sorted(map(str, place.rglob("*.py")))
    return run("mypy", "--config-file", str(ROOT / "setup.cfg"), *files, MYPYPATH=str(place))


def pyright(place: Path) -> str:
    config = place / "pyrightconfig.json"
    config.write_text(json.dumps({"include": ["."], "extraPaths": [str(ROOT)]}))
    return run("pyright", "--project", str(config), "--pythonpath", sys.executable)


def test_mypy(written: Path) -> None:
    assert "Success: no issues found" in (told := mypy(written)), told


def test_pyright(written: Path) -> None:
    assert "0 errors" in (told := pyright(written)), told
