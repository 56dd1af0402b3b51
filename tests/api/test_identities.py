"""The filter `identity=` finds the same person however the number is written."""

from typing import Any

import pytest

from rcs_router import receive, send
from rcs_router.contract import IncomingKind
from rcs_router.inbox import intake
from rcs_router.models import Connection, Contact, Message
from tests import core
from tests.api.client import API
from tests.api.core import ALICE, BOB

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unhurried")]
LISTS = ("messages/", "transmissions/", "interactions/", "contacts/", "connections/")
MEXICO, MEXICO_BEFORE_2019 = "+525512345678", "+5215512345678"
BRAZIL, BRAZIL_BEFORE_2016 = "+5511987654321", "+551187654321"
ARGENTINA, ARGENTINA_WITHOUT_9 = "+5491123456789", "+541123456789"
TOKEN, SHORT_CODE, DIGITS = "bot:Ann.7", "12345", "123456789012345678"


def person(identity: str) -> Connection:
    """A contact who has got a message and has answered it, so that every list has one row of theirs."""
    Connection.objects.create(backend_id=core.connection(BOB).backend_id, identity=identity)
    connection = Connection.objects.get(identity=identity)
    connection.contact = Contact.objects.create(name=identity)
    connection.save()
    send("Hello", connection)
    answer = receive("here", connection)
    Message.objects.filter(pk=answer.pk).update(kind=IncomingKind.LOCATION)
    intake.digest()
    return connection


def found(api: API, typed: str, **more: Any) -> list[int]:
    """How many rows each of LISTS finds."""
    answers = [api.get(path, identity=typed, **more) for path in LISTS]
    assert {status for status, _ in answers} == {200}, answers
    return [len(answer["results"]) for _, answer in answers]


ONE_EACH = [2, 1, 1, 1, 1]  # two messages: the one sent and the answer
SPELLINGS = [
    ("E.164", ALICE, ALICE),
    ("blanks and dashes", ALICE, "+372 5550-1234"),
    ("brackets", ALICE, "(+372) 5550 1234"),
    ("blanks around", ALICE, "  +37255501234 "),
    ("a plus that was not encoded", ALICE, " 37255501234"),
    ("without the plus", ALICE, "37255501234"),
    ("00", ALICE, "0037255501234"),
    ("00 and blanks", ALICE, "00 372 5550 1234"),
    ("tel:", ALICE, "tel:+37255501234"),
    ("TEL: with dashes", ALICE, "TEL:+372-5550-1234"),
    ("tel: percent-encoded", ALICE, "tel:%2B37255501234"),
    ("sms:", ALICE, "sms:+37255501234"),
    ("sip:", ALICE, "sip:+37255501234@ims.example;user=phone"),
    ("invisible characters", ALICE, "\u2066+372\u200b55501234\u2069"),
    ("quotes", ALICE, "\u201c+37255501234\u201d"),
    ("a plus of full width", ALICE, "\uff0b37255501234"),
    ("today's form of an older row", MEXICO_BEFORE_2019, MEXICO),
    ("an older form of today's row", MEXICO, MEXICO_BEFORE_2019),
    ("an older form with 00", MEXICO, "00 52 1 55 1234 5678"),
    ("an older form as tel:", MEXICO_BEFORE_2019, "tel:+52-55-1234-5678"),
    ("dialled within Mexico", MEXICO_BEFORE_2019, "+52 044 55 1234 5678"),
    ("with the ninth digit", BRAZIL_BEFORE_2016, BRAZIL),
    ("without the ninth digit", BRAZIL, BRAZIL_BEFORE_2016),
    ("with the 9", ARGENTINA_WITHOUT_9, ARGENTINA),
    ("without the 9", ARGENTINA, ARGENTINA_WITHOUT_9),
    ("a token", TOKEN, TOKEN),
    ("a short code", SHORT_CODE, SHORT_CODE),
    ("a token of digits", DIGITS, DIGITS),
]


@pytest.mark.parametrize(("stored", "typed"), [case[1:] for case in SPELLINGS], ids=[c[0] for c in SPELLINGS])
def test_every_list_finds_the_person(api: API, stored: str, typed: str) -> None:
    person(stored)
    person("+37255509999")
    assert found(api, typed) == ONE_EACH


@pytest.mark.parametrize("typed", ["5550 1234", ALICE, "0037255501234"])
def test_a_national_number_is_one_of_the_default_region(api: API, settings: Any, typed: str) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "DEFAULT_REGION": "EE"}
    person(ALICE)
    assert found(api, typed) == ONE_EACH


@pytest.mark.parametrize(
    "typed", [BOB, "+3725550123", "55501234", "tel:", "+", "nobody", "%", "bot:ann.7", "1234", "\U0001f600"]
)
def test_nobody_else_is_found(api: API, typed: str) -> None:
    for identity in (ALICE, TOKEN, SHORT_CODE):
        person(identity)
    assert found(api, typed)[:4] == [0, 0, 0, 0]


def test_other_filters_hold_too(api: API) -> None:
    person(MEXICO_BEFORE_2019)
    person(ALICE)
    status, answer = api.get("transmissions/", identity=MEXICO, status="read")
    assert (status, answer["results"]) == (200, [])
    status, answer = api.get("connections/", identity=MEXICO, backend="nobody")
    assert (status, answer["results"]) == (200, [])


def test_both_forms_of_one_person_are_found_together(api: API) -> None:
    person(MEXICO)
    person(MEXICO_BEFORE_2019)
    assert found(api, "tel:+525512345678") == [2 * count for count in ONE_EACH]
