"""docs/permissions.md: what each permission lets see and do is what somebody finds who has exactly that one."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission

from tests.conf.permissions import API, line, rows, walked

DOCS = Path(__file__).parent.parent.parent / "docs" / "permissions.md"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("router")]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Each refusal would be a line with a traceback."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def unlimited(settings: Any) -> None:
    """A walk asks more often than one user may."""
    scopes = ("rcs_read", "rcs_send", "rcs_write", "rcs_check")
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": dict.fromkeys(scopes)}


def every() -> list[str]:
    ours = Permission.objects.filter(content_type__app_label="rcs_router").order_by("codename")
    return list(ours.values_list("codename", flat=True))


@pytest.mark.usefixtures("unlimited")
@pytest.mark.services  # a walk over all pages takes long
def test_every_permission_lets_see_and_do_what_the_page_says() -> None:
    found, text = rows(), DOCS.read_text()
    told = [one for one in text.splitlines() if one.startswith("| `")]
    names = [one.split("`")[1] for one in told]
    wanted = [line(f"`{name}`", walked(found, name)) for name in names]
    assert wanted == told, "docs/permissions.md should have:\n" + "\n".join(wanted)
    nothing = re.findall(
        r"`(\w+)`", text.partition("These permissions allow nothing")[2].partition("\n\n")[0]
    )
    assert sorted([*names, *nothing]) == every()
    idle = walked(found, *nothing)
    assert (idle.admin, idle.api, idle.sees) == ([], [], [])


@pytest.mark.usefixtures("unlimited")
@pytest.mark.services  # a walk over all pages takes long
def test_somebody_who_may_do_everything_reaches_everything() -> None:
    walk = walked(rows(), superuser=True)
    assert len(walk.api) == len(API)
    assert walk.sees == ["names", "numbers", "what messages say", "the words of the ledger"]


@pytest.mark.usefixtures("unlimited")
def test_without_view_message_nobody_reads_a_message() -> None:
    """Whatever else somebody may view, change, add and delete."""
    walk = walked(rows(), *(name for name in every() if name not in {"view_message", "change_message"}))
    assert "what messages say" not in walk.sees


@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize(
    ("names", "evidence"),
    [
        (("view_consent",), False),
        (("view_consentrecord",), False),
        (("change_consent", "view_consentrecord"), False),
        (("view_consent", "view_consentrecord"), True),
    ],
)
def test_the_evidence_needs_the_same_right_in_admin_and_api(names: tuple[str, ...], evidence: bool) -> None:
    found = rows()
    walk = walked(found, *names)
    client = walk.client
    assert (client.get("/rcs/api/consent/+37255501234/export/").status_code == 200) is evidence
    page = client.get(f"/admin/rcs_router/consent/{found['consent'].pk}/evidence/")
    assert (page.status_code == 200) is evidence
    action = {"action": "evidence", "_selected_action": found["consent"].pk}
    answer = client.post("/admin/rcs_router/consent/", action)
    assert ("attachment" in answer.headers.get("Content-Disposition", "")) is evidence
