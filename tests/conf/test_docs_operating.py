"""docs/people.md, docs/operating.md and every link between the pages: examples run, and tables are complete."""

import re
from pathlib import Path

import pytest
from django.dispatch import Signal

from rcs_router import signals
from rcs_router.admin.timeline import LABELS
from rcs_router.contract import Status
from rcs_router.models import Connection
from rcs_router.outbox.operate import ALLOWED
from tests.conf.pages import ROOT, quoted, rows, run, section

OPERATING = "docs/operating.md"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.django_db
@pytest.mark.usefixtures("providers")
def test_the_examples_about_people_run() -> None:
    names = run("docs/people.md", {"__name__": "page"})
    assert names["kati"].connections.count() == 2
    assert Connection.objects.get(identity="tk-7Q9x").backend_id == "acme"


def test_the_examples_about_operating_run() -> None:
    names = run(OPERATING, {"__name__": "page"})
    assert signals.file_reported.disconnect(names["keep_address"])
    assert signals.alarm.disconnect(names["wake_somebody"])
    assert signals.alarm_ended.disconnect(names["let_them_sleep"])


def test_every_operation_is_listed_with_where_it_is_possible() -> None:
    told = {
        button: set(where.split(", "))
        for button, where, _ in rows(section(OPERATING, "Where messages stand"), 3)
    }
    allowed = {LABELS[what]: {status.name.lower() for status in where} for what, where in ALLOWED.items()}
    assert told == allowed
    assert set().union(*told.values()) <= {status.name.lower() for status in Status}


def test_every_signal_is_listed() -> None:
    told = [quoted(row[0])[0] for row in rows(section(OPERATING, "Signals"), 3)]
    assert told == [name for name, value in vars(signals).items() if isinstance(value, Signal)]


def test_every_command_is_listed() -> None:
    told = {quoted(row[0])[0] for row in rows(section(OPERATING, "Commands"), 2)}
    folder = ROOT / "rcs_router/management/commands"
    assert told == {path.stem for path in folder.glob("rcs_*.py")}


def anchor(heading: str) -> str:
    """As the forges make them."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def links(page: Path) -> list[str]:
    without_code = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", without_code) if "://" not in link]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if heading:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            assert heading in map(anchor, headings), link


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, new = set(), {ROOT / "README.md"}
    while new:
        page = new.pop()
        seen.add(page)
        targets = {(page.parent / link.partition("#")[0]).resolve() for link in links(page)}
        new |= {target for target in targets if target.suffix == ".md"} - seen
    assert set(PAGES) <= seen
