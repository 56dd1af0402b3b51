"""Each promise of the README names the tests that prove it, and they exist."""

import ast
import re

import pytest

from tests.conf.pages import ROOT, section

PAGE, TITLE = "README.md", "What you can rely on"
_PROOF = re.compile(r"\[`?([^\]`]+)`?\]\((tests/[^)#]+\.py)\)")


def promises() -> list[str]:
    """The section's bullets, each with the lines that go on with it."""
    return re.findall(r"^- \*\*.*\n(?:  .*\n)*", section(PAGE, TITLE), re.MULTILINE)


def named(promise: str) -> str:
    return promise.splitlines()[0][4:40]


def names_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_bullet_is_a_promise() -> None:
    bullets = re.findall(r"^- ", section(PAGE, TITLE), re.MULTILINE)
    assert len(promises()) == len(bullets) > 8


@pytest.mark.parametrize("promise", promises(), ids=named)
def test_a_promise_names_its_tests(promise: str) -> None:
    proofs = _PROOF.findall(promise)
    assert proofs, promise
    for name, path in proofs:
        assert (ROOT / path).is_file(), path
        if name.startswith("test_"):
            assert name in names_in(path), f"{path} has no {name}"
        else:
            assert any(test.startswith("test_") for test in names_in(path)), path
