"""The pages of the backends: built alike, with every option, limit and content of the class they describe."""

import re
from dataclasses import fields

import pytest
from django.utils.module_loading import import_string

from rcs_router.contract import BaseBackend
from tests.conf.pages import ROOT, quoted, rows, section, text

PAGES = sorted(path.stem for path in (ROOT / "docs/backends").glob("*.md"))
CHAPTERS = ("Set-up", "Options", "What it carries", "errors", "")  # in this order, with others between them


def backend(page: str) -> type[BaseBackend]:
    """The class that its first sentence names."""
    path = re.search(r"^`(rcs_backends\.[\w.]+)`", text(f"docs/backends/{page}.md"), re.MULTILINE)
    assert path
    found: type[BaseBackend] = import_string(path[1])
    return found


@pytest.mark.parametrize("page", PAGES)
def test_the_chapters_come_in_one_order(page: str) -> None:
    chapters = re.findall(r"^## (.*)$", text(f"docs/backends/{page}.md"), re.MULTILINE)
    places = [
        next(number for number, chapter in enumerate(chapters) if wanted.lower() in chapter.lower())
        for wanted in CHAPTERS[:-1]
    ]
    assert places == sorted(places)
    assert places[0] == 0


@pytest.mark.parametrize("page", PAGES)
def test_every_option_is_listed(page: str) -> None:
    listed = {
        name for row in rows(section(f"docs/backends/{page}.md", "Options"), 3) for name in quoted(row[0])
    }
    assert listed == {field.name for field in fields(backend(page).Options)}


@pytest.mark.parametrize("page", PAGES)
def test_what_is_native_is_said(page: str) -> None:
    said = section(f"docs/backends/{page}.md", "What it carries")
    native = re.search(r"Natively: (.*?)(\[Fitted\]|Everything else)", said, re.DOTALL)
    assert native, "nothing is said to be native"
    can = backend(page).capabilities
    missing = [kind.__name__ for kind in (*can.content, *can.suggestions) if kind.__name__ not in native[1]]
    assert not missing or "every suggestion" in native[1]
    assert "../features.md" in said


@pytest.mark.parametrize("page", [page for page in PAGES if backend(page).limits and page != "twilio_sms"])
def test_every_limit_is_listed(page: str) -> None:
    limits = backend(page).limits
    assert limits
    listed = {
        what: int(most.replace(",", ""))
        for what, most in rows(section(f"docs/backends/{page}.md", "Limits"), 2)
    }
    assert listed == dict(limits.most)
