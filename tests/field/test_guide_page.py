"""Each requirement of the guide has a row in docs/backends/generic_rest.md that leads to where it is met."""

import re

import pytest

from rcs_router import lookup_connections
from rcs_router.models import Event, Transmission
from tests.conf.pages import rows, section, text
from tests.core import ALICE, BOB, sent_to

from .sites import RCS, SMS, site

PAGE = "docs/backends/generic_rest.md"
TITLE = "The guide's requirements, and where each is met"
PLACE = re.compile(
    r"\]\([^)]+\)|`[^`]+`|not ours|not enforced|\*\*not built\*\*"
)  # a link, a name, or a plain no


def test_every_requirement_has_a_row() -> None:
    numbers = [int(n) for row in rows(section(PAGE, TITLE), 3) for n in re.findall(r"RG-(\d+)", row[0])]
    assert numbers == list(range(1, 45))


def test_every_row_leads_somewhere() -> None:
    for number, _, met in rows(section(PAGE, TITLE), 3):
        assert PLACE.search(met), number
        assert "another part" not in met, number


@pytest.mark.django_db
def test_the_adoption_rate_is_what_the_page_counts(settings: object) -> None:
    """Of three messages one went by our fallback, and one by the platform's own."""
    site(settings, {"acme": {**RCS, "FALLBACK": ["sms"]}, "sms": SMS})
    first, second = sent_to("acme"), sent_to("acme", BOB)
    sent_to("acme", BOB)
    (phone,) = lookup_connections("sms", [ALICE])
    Transmission.objects.create(
        message=first.message, connection=phone, backend_id="sms", fallback_of=first, due_at=first.due_at
    )
    Event.objects.create(transmission=second, kind="receipt", code="fallback")
    names: dict[str, object] = {}
    code = re.search(r"### The adoption rate.*?```python\n(.*?)```", text(PAGE), re.DOTALL)
    assert code
    exec(code[1], names)
    assert names["adopted"] == pytest.approx(1 / 3)
