"""`manage.py rcs_features`: the table of the docs is what the code says, and says what becomes of what."""

import re
from io import StringIO
from pathlib import Path
from typing import Any, get_args

import pytest
from django.core.management import CommandError, call_command

from rcs_router.content import Content, Suggestion
from rcs_router.content.examples import CHIPS, CONTENTS, FINER, examples
from rcs_router.content.fitting import Feature
from rcs_router.management.features import FEATURES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/features.md"
CLASS = re.compile(r"^class (\w+)\(BaseBackend\)", re.MULTILINE)


def shipped() -> list[str]:
    """The backends that `make docs` names."""
    said = re.search(r"BACKENDS := ((?:.*\\\n)*.*)", (ROOT / "Makefile").read_text())
    assert said
    return [f"rcs_backends.{name}" for name in said[1].replace("\\\n", " ").split()]


def written(*paths: str, **options: Any) -> str:
    out = StringIO()
    call_command("rcs_features", *paths, stdout=out, **options)
    return out.getvalue()


def test_the_page_is_what_make_docs_would_write() -> None:
    assert PAGE.read_text() == written(*shipped()), "docs/features.md is stale: make docs"
    assert written(*shipped(), output=PAGE, check=True) == ""


def test_make_docs_names_every_backend() -> None:
    modules = [*ROOT.glob("rcs_backends/*.py"), *ROOT.glob("rcs_backends/*/__init__.py")]
    classes = {name for module in modules for name in CLASS.findall(module.read_text())}
    assert classes == {path.rpartition(".")[2] for path in shipped()}


def test_there_is_an_example_of_everything() -> None:
    assert {type(content) for content in CONTENTS} == set(get_args(Content))
    assert {type(chip) for chip in CHIPS} == set(get_args(get_args(Suggestion)[0]))
    assert set(FINER) == set(FEATURES) == set(Feature)
    names = [example.name for example in examples()]
    assert len(set(names)) == len(names)


ROWS = [
    ("Card", "rcs_router.testing.MemoryBackend", "native"),
    ("Card", "rcs_router.testing.MemorySMS", "plain text: 1 picture became a link"),
    ("Location", "rcs_router.testing.MemorySMS", "plain text"),
    ("Text", "rcs_router.testing.MemorySMS", "native"),
    ("Audio", "tests.toy.provider.Toy", "audio became a file; file became a link"),
    ("words for screen readers", "tests.toy.provider.Toy", "lost: words for screen readers"),
    ("file stored by the provider", "tests.toy.provider.Toy", "needs a fallback_text"),
    ("can revoke a message", "rcs_router.testing.MemoryBackend", "yes"),
    ("can revoke a message", "tests.toy.provider.Toy", "no"),
    ("characters of a chip's label", "tests.toy.provider.Toy", "20"),
]


@pytest.mark.parametrize(("row", "path", "cell"), ROWS)
def test_cell(row: str, path: str, cell: str) -> None:
    assert f"| {row} | {cell} |" in written(path)


def test_limits_are_dated_and_have_their_source() -> None:
    assert "- Toy: as of 2026-11, invented." in written("tests.toy.provider.Toy")
    assert "## Limits" not in written("rcs_router.testing.MemoryBackend")


@pytest.mark.usefixtures("router")
def test_configured_backends_stand_under_their_alias() -> None:
    assert "| | rcs (Memory) | sms (Memory SMS) | alone (Memory) |" in written()


def test_a_file_is_written_and_checked(tmp_path: Path) -> None:
    file = tmp_path / "features.md"
    path = "tests.toy.provider.Toy"
    with pytest.raises(CommandError, match=r"features.md is not up to date"):
        written(path, output=file, check=True)
    assert not file.exists()
    assert written(path, output=file) == ""
    assert file.read_text() == written(path)
    written(path, output=file, check=True)
    file.write_text(file.read_text() + "edited")
    with pytest.raises(CommandError, match="not up to date"):
        written(path, output=file, check=True)


MISUSES: list[tuple[list[str], dict[str, Any], str]] = [
    (["rcs_backends.nowhere.Nobody"], {}, "nowhere"),
    (["rcs_router.testing.RICH"], {}, "rcs_router.testing.RICH is not a subclass of BaseBackend"),
    ([], {"check": True}, "--check needs --output"),
]


@pytest.mark.parametrize(("paths", "options", "sentence"), MISUSES)
def test_misuse_is_a_sentence(paths: list[str], options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        written(*paths, **options)


@pytest.mark.parametrize("configured", [{}, {"rcs": {"BACKEND": "rcs_router.testing.Nobody"}}])
def test_settings_that_name_nobody(settings: Any, configured: dict[str, Any]) -> None:
    settings.RCS_BACKENDS = configured
    with pytest.raises(CommandError, match="RCS_BACKENDS"):
        written()
