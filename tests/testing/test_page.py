"""docs/testing.md: its tests pass, it prints what it says, and it names all that a handset can do."""

import re
import sys
import unittest
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings as django_settings

from rcs_router.testing import Handset, World
from tests.conf.pages import quoted, rows, section, text

PAGE = "docs/testing.md"
TESTS = re.findall(r"^def (test_\w+)\((.*?)\)", text(PAGE), re.MULTILINE)


@pytest.fixture
def page(settings: Any) -> Iterator[ModuleType]:
    """The page's code as a module, whose apps are installed."""
    module = ModuleType("page")
    sys.modules["page"] = module
    source = "\n".join(re.findall(r"^```python\n(.*?)^```$", text(PAGE), re.MULTILINE | re.DOTALL))
    exec(compile(source, PAGE, "exec"), module.__dict__)
    settings.RCS_ROUTER = django_settings.RCS_ROUTER | {"APPS": ["page.Menu", "page.Buy"]}
    yield module
    del sys.modules["page"]


def run(page: ModuleType, name: str, rcs: World) -> None:
    function: Callable[..., None] = getattr(page, name)
    given: dict[str, Any] = {"rcs": rcs, "handset": rcs.handset()}
    function(**{wanted: given[wanted] for wanted in dict(TESTS)[name].split(", ")})


@pytest.mark.parametrize("name", [name for name, _ in TESTS])
def test_the_page_s_tests_pass(
    page: ModuleType, rcs: World, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(page, name, rcs)
    printed = re.search(rf"<!-- printed by {name} -->\n```console\n(.*?)```", text(PAGE), re.DOTALL)
    assert capsys.readouterr().out == (printed[1] if printed else "")


def test_the_page_s_test_case_passes(page: ModuleType, django_db_setup: None, django_db_blocker: Any) -> None:
    result = unittest.TestResult()
    with django_db_blocker.unblock():
        unittest.defaultTestLoader.loadTestsFromTestCase(page.BuyingTest).run(result)
    assert (result.testsRun, result.errors, result.failures) == (1, [], [])


@pytest.mark.django_db
def test_the_page_s_handler_alone(page: ModuleType) -> None:
    assert page.Menu.test("menu") == ["What would you like?\n1) Boots\n2) Tent"]
    assert page.Menu.test("hello") is False


def test_the_page_names_all_that_a_handset_does() -> None:
    told = {
        call.partition("(")[0]
        for row in rows(section(PAGE, "What a phone does"), 2)
        for call in quoted(row[0])
    }
    shows = {"hears", "connection", "show", "forget_waiting"}
    can = {name for name, value in vars(Handset).items() if callable(value) and not name.startswith("_")}
    assert told == can - shows
