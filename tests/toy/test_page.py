"""docs/writing-a-backend.md shows the toy's files as they are, all of both, and what it shows runs as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs/writing-a-backend.md").read_text()
SHOWN = re.compile(r"^<!-- tests/toy/(\S+) -->\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


OURS, READERS = "from tests.toy.provider import", "from shop.toy import"  # where the module lies


def lines(text: str) -> list[str]:
    """Blank lines stand and fall with where a piece was cut."""
    return [line for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("name", ["provider.py", "test_toy.py"])
def test_page_shows_the_file(name: str) -> None:
    shown = [line for file, piece in SHOWN.findall(PAGE) if file == name for line in lines(piece)]
    assert shown == lines((HERE / name).read_text().replace(OURS, READERS))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The reader's own, with both files where the page says that they are."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").touch()
    for name, path in {"provider.py": "shop/toy.py", "test_toy.py": "test_toy.py"}.items():
        pieces = [piece for file, piece in SHOWN.findall(PAGE) if file == name]
        (tmp_path / path).write_text("\n\n".join(pieces))
    return tmp_path


def run(project: Path, *command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *command],
        cwd=project,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(project), str(HERE.parents[1])]),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=180,
    )


@pytest.mark.services  # the whole suite takes long
def test_what_the_page_shows_passes_the_suite(project: Path) -> None:
    done = run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_toy.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_the_feature_table_can_be_made_of_it(project: Path) -> None:
    settings = {"DJANGO_SETTINGS_MODULE": "example_project.settings"}
    done = run(project, "-m", "django", "rcs_features", "shop.toy.Toy", **settings)
    assert done.returncode == 0, done.stderr
    assert "| Card | native |" in done.stdout
