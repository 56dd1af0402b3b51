"""Connections grouped by language: known, unknown, and of nobody."""

from typing import Any

import pytest

from rcs_router.models import Connection, Contact
from rcs_router.people.languages import by_language
from tests.core import ALICE, BOB, CAROL, connection

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("router")]


@pytest.mark.parametrize("listed", [True, False])
def test_by_language(settings: Any, django_assert_max_num_queries: Any, listed: bool) -> None:
    settings.LANGUAGE_CODE = "en-us"
    for number, language in ((ALICE, "et"), (BOB, ""), (CAROL, "et")):
        Contact.objects.create(language=language).connections.add(connection(number))
    nobody = connection("+37255501237")
    rows: Any = Connection.objects.order_by("identity")
    with django_assert_max_num_queries(2):
        groups = dict(by_language(list(rows) if listed else rows))
    assert list(groups) == ["en-us", "et"]
    assert groups["en-us"] == [connection(BOB), nobody]
    assert groups["et"] == [connection(ALICE), connection(CAROL)]


def test_nobody_speaks_nothing() -> None:
    assert list(by_language([])) == []
