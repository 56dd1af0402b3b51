"""lookup_connections(): valid and invalid numbers, tokens, order, and the number of statements."""

from typing import Any

import pytest

from rcs_router import lookup_connections
from rcs_router.content import Text
from rcs_router.contract import Capabilities
from rcs_router.errors import ConfigError, IdentityError
from rcs_router.models import Backend, Connection, Contact
from rcs_router.people import connections
from rcs_router.people.identities import normalise, normalise_sender
from rcs_router.testing import MemoryBackend
from tests.core import ALICE, BACKENDS, BOB, CAROL
from tests.statements import statements

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


class Tokens(MemoryBackend):
    """Knows anonymous tokens besides numbers."""

    capabilities = Capabilities(content=frozenset({Text}), tokens=True)


def region(settings: Any, name: str | None) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "DEFAULT_REGION": name}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("+37255501234", ALICE),
        ("  +372 5550 1234\n", ALICE),
        ("+372-5550-1234", ALICE),
        ("+372 (5550) 1234", ALICE),
        ("+372.5550.1234", ALICE),
        ("＋３７２５５５０１２３４", ALICE),  # digits as an East Asian keyboard writes them  # noqa: RUF001
        ("+41 (0)44 668 18 00", "+41446681800"),
        ("+1 415 555 2671", "+14155552671"),
    ],
)
def test_a_number_becomes_e164(given: str, wanted: str) -> None:
    assert normalise(given) == wanted


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("5550 1234", ALICE),
        ("0037255501234", ALICE),
        ("+37255501234", ALICE),
        ("+14155552671", "+14155552671"),
    ],
)
def test_a_number_without_plus_belongs_to_the_default_region(settings: Any, given: str, wanted: str) -> None:
    region(settings, "EE")
    assert normalise(given) == wanted


BROKEN = [
    "",
    " ",
    "+",
    "abc",
    "+372",
    "+372555",
    "+3725550123455555",
    "+0000000000",
    "+99912345678",  # no such country code
    "+15551234",  # a number without its area code: nobody can be reached by it from elsewhere
    "Alice +37255501234",
    "+1800FLOWERS",
    "+37255501234 ext. 5",
    "+37255501234;ext=5",
    "+37255501234, +37255501235",
    "+37255501234/5",
    "alice@example.com",
    "37255501234",
    "5550 1234",
]


@pytest.mark.parametrize("given", BROKEN)
def test_a_broken_number_is_named(given: str) -> None:
    with pytest.raises(IdentityError) as caught:
        normalise(given)
    assert repr(given) in str(caught.value)


@pytest.mark.parametrize("given", ["+37255501234 x5", "user5550123", "5550123 5550123", "112", "911"])
def test_a_default_region_makes_no_number_of_what_is_none(settings: Any, given: str) -> None:
    region(settings, "EE")
    with pytest.raises(IdentityError):
        normalise(given)


@pytest.mark.parametrize("given", [None, 37255501234, b"+37255501234", ["+37255501234"]])
def test_an_identity_is_a_str(given: Any) -> None:
    with pytest.raises(IdentityError, match="must be a str"):
        normalise(given)


@pytest.mark.parametrize("default", [None, "EE"])
@pytest.mark.parametrize("token", ["user5550123", "b7a1c0de-37255501234", "a+37255501234", "Q0FGRQ=="])
def test_a_token_stays_as_it_is(settings: Any, token: str, default: str | None) -> None:
    region(settings, default)
    assert normalise(token, tokens=True) == token
    assert normalise(f" {token} ", tokens=True) == token


@pytest.mark.parametrize(
    "given", ["", "  ", "555", "+372555", "+372 5550 1234x", "+37255501234ext5", "+", "5550 12", "(555) 0-1"]
)
def test_a_broken_number_is_no_token(given: str) -> None:
    with pytest.raises(IdentityError):
        normalise(given, tokens=True)


def test_the_hint_for_a_number_without_plus() -> None:
    with pytest.raises(IdentityError, match="and country code, or set DEFAULT_REGION"):
        normalise("5550 1234")


@pytest.mark.parametrize(
    ("sender", "wanted"),
    [
        ("+37255501234", ALICE),
        ("37255501234", ALICE),  # as gateways write it
        (" 37255501234 ", ALICE),
        ("12345", "12345"),  # a short code
        ("ACME", "ACME"),
        ("a" * 200, "a" * 100),
    ],
)
def test_whoever_writes_is_heard(sender: str, wanted: str) -> None:
    assert normalise_sender(sender) == wanted


def test_connections_come_in_the_order_of_the_identities() -> None:
    first = lookup_connections("rcs", [BOB])[0]
    found = lookup_connections("rcs", [CAROL, BOB, "+372 5550 1234", BOB])
    assert [c.identity for c in found] == [CAROL, BOB, ALICE, BOB]
    assert [found[1].pk, found[3].pk] == [first.pk, first.pk]
    assert all(c.pk for c in found)
    assert Connection.objects.count() == 3


def test_the_same_number_is_another_connection_on_another_backend() -> None:
    assert lookup_connections("rcs", [ALICE])[0].pk != lookup_connections("sms", [ALICE])[0].pk


def test_a_backend_row_and_a_generator_will_do() -> None:
    backend = Backend.objects.create(name="rcs")
    assert [c.identity for c in lookup_connections(backend, (n for n in [ALICE, BOB]))] == [ALICE, BOB]


def test_nobody_is_nobody() -> None:
    assert lookup_connections("rcs", []) == []


@pytest.mark.parametrize("given", [ALICE, b"+37255501234"])
def test_a_bare_string_is_refused(given: Any) -> None:
    with pytest.raises(IdentityError, match="must be a list of numbers"):
        lookup_connections("rcs", given)


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is no backend 'acme'; RCS_BACKENDS has rcs, sms, alone"):
        lookup_connections("acme", [ALICE])


def test_a_broken_number_makes_no_connection_at_all() -> None:
    with pytest.raises(IdentityError, match="'12'"):
        lookup_connections("rcs", [ALICE, "12"])
    assert not Connection.objects.exists()


def test_tokens_are_for_backends_that_know_them(settings: Any) -> None:
    settings.RCS_BACKENDS = {**BACKENDS, "anonymous": {"BACKEND": f"{__name__}.Tokens"}}
    assert lookup_connections("anonymous", ["user5550123"])[0].identity == "user5550123"
    with pytest.raises(IdentityError):
        lookup_connections("rcs", ["user5550123"])


def numbers(count: int) -> list[str]:
    return [f"+3725{1000000 + n}" for n in range(count)]


def test_statements_for_a_thousand_numbers() -> None:
    with statements(3, "1,000 new"):
        made = lookup_connections("rcs", numbers(1000))
    with statements(1, "1,000 known"):
        found = lookup_connections("rcs", numbers(1000))
    assert [c.pk for c in made] == [c.pk for c in found]


def test_a_connection_just_made_is_a_whole_one() -> None:
    made = lookup_connections("rcs", [ALICE])[0]
    stored = Connection.objects.get()
    assert (made, made.backend_id, made.contact, made._state.adding) == (stored, "rcs", None, False)
    assert (made.created_on, made.modified_on) == (stored.created_on, stored.modified_on)


def test_somebody_else_has_just_made_it(monkeypatch: pytest.MonkeyPatch) -> None:
    contact = Contact.objects.create(name="Alice")
    theirs = Connection.objects.create(
        backend=Backend.objects.create(name="rcs"), identity=ALICE, contact=contact
    )
    monkeypatch.setattr(Connection.objects, "filter", lambda **lookups: [])  # they were a moment faster
    found = lookup_connections("rcs", [ALICE, BOB])
    assert [c.identity for c in found] == [ALICE, BOB]
    assert (found[0].pk, found[0].contact) == (theirs.pk, contact)


def test_more_numbers_than_one_statement_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CHUNK", 7)
    found = lookup_connections("rcs", numbers(20))
    assert [c.identity for c in found] == numbers(20)
    assert len({c.pk for c in found}) == 20
