"""Mistakes in what send(), receive() and lookup_connections() are given: a clear error, and nothing stored."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rcs_router import lookup_connections, receive, send
from rcs_router.content import Card, Carousel, Reply, Text
from rcs_router.errors import ContentError, IdentityError
from rcs_router.models import Backend, Connection, Contact, Message
from rcs_router.phases import IncomingMessage
from tests.core import ALICE, BOB, connection

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("router")]

NUL, HALF = "a\0b", "half \ud83d"
NAIVE = datetime(2026, 11, 28)


def nested(depth: int) -> Any:
    data: Any = 1
    for _ in range(depth):
        data = [data]
    return data


def cards(title: str) -> Carousel:
    return Carousel((Card("one"), Card(title)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "content must be a str or one of rcs_router.content, not NoneType"),
        (7, "not int"),
        (b"bytes", "not bytes"),
        (["Hello"], "not list"),
        ({"type": "text"}, "not dict"),
        ("", "text: may not be blank"),
        (" \n", "text: may not be blank"),
        (NUL, "text: has a NUL"),
        (HALF, "text: has half of a surrogate pair"),
        (Text("ok", (Reply("a"), Reply(NUL))), r"suggestions\[1\].label: has a NUL"),
        (Text("ok", (Reply("a", postback=HALF),)), r"suggestions\[0\].postback: has half"),
        (cards(NUL), r"cards\[1\].title: has a NUL"),
        (cards(HALF), r"cards\[1\].title: has half"),
    ],
)
def test_content(content: Any, words: str) -> None:
    with pytest.raises(ContentError, match=words):
        send(content, connection())
    assert not Message.objects.exists()


OPTIONS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"ttl": timedelta.max}, ValueError, "ttl may be ten years"),
    ({"ttl": timedelta(0)}, ValueError, "ttl must be positive"),
    ({"send_at": NAIVE}, ValueError, "send_at needs a time zone"),
    ({"send_at": datetime.max.replace(tzinfo=UTC)}, ValueError, "send_at must be in a year"),
    ({"send_at": datetime.min.replace(tzinfo=UTC)}, ValueError, "send_at must be in a year"),
    ({"send_at": NAIVE.date()}, TypeError, "send_at must be a datetime, not date"),
    ({"fall_back_after": float("inf")}, ValueError, "fall_back_after may be ten years"),
    ({"fall_back_after": float("nan")}, ValueError, "fall_back_after"),
    ({"fall_back_after": 1e300}, ValueError, "fall_back_after may be ten years"),
    ({"fall_back_after": True}, TypeError, "fall_back_after must be a timedelta"),
    ({"fallback_text": None}, TypeError, "fallback_text must be a str, not NoneType"),
    ({"fallback_text": NUL}, ValueError, "fallback_text has a NUL"),
    ({"fallback_text": HALF}, ValueError, "fallback_text has half"),
    ({"idempotency_key": NUL}, ValueError, "idempotency_key has a NUL"),
    ({"idempotency_key": HALF}, ValueError, "idempotency_key has half"),
    ({"fields": {"a": {"b": [1, NUL]}}}, ValueError, r"fields.a.b\[1\] has a NUL"),
    ({"fields": {"a": HALF}}, ValueError, "fields.a has half"),
    ({"fields": {NUL: 1}}, ValueError, "fields has a NUL"),
    ({"fields": {"a": {1, 2}}}, TypeError, "fields must be JSON"),
    ({"fields": {"a": NAIVE}}, TypeError, "fields must be JSON"),
    ({"fields": {"a": nested(100_000)}}, ValueError, "fields must be JSON: too many lists"),
    ({"fields": {(1, 2): 3}}, TypeError, "fields must be JSON"),
    ({"time_critical": "no"}, TypeError, "time_critical must be True or False, not str"),
    ({"strict": None}, TypeError, "strict must be True or False"),
    ({"is_error": 1}, TypeError, "is_error must be True or False"),
    ({"traffic": "spam"}, ValueError, "traffic must be one of"),
    ({"traffic": ["promotion"]}, ValueError, "traffic must be one of"),
    ({"in_response_to": "a-message"}, TypeError, "in_response_to must be a message, not str"),
    ({"in_response_to": Message(direction="in")}, ValueError, "in_response_to is not saved"),
    ({"no_such_option": 1}, TypeError, "no_such_option"),
    ({"text": "Hello"}, TypeError, "content and text"),
]


@pytest.mark.parametrize(("wrong", "error", "words"), OPTIONS)
def test_options_of_send(wrong: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        send("Hello", connection(), **wrong)
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("people", "words"),
    [
        (lambda: None, "takes connections and contacts, not None"),
        (lambda: ALICE, "takes connections, not the string"),
        (lambda: [ALICE], "use lookup_connections"),
        (lambda: [connection(), None], "not None"),
        (lambda: Backend("rcs"), "takes connections and contacts"),
        (lambda: Connection(backend_id="rcs", identity=ALICE), "is not saved"),
        (lambda: [connection(), Connection(backend_id="rcs", identity=BOB)], "is not saved"),
        (lambda: Contact(name="Alice"), "contact Alice is not saved"),
        (list, "at least one recipient"),
        (lambda: (), "at least one recipient"),
        (lambda: iter([]), "at least one recipient"),
        (lambda: Connection.objects.none(), "at least one recipient"),
        (lambda: Contact.objects.none(), "at least one recipient"),
        (lambda: Contact.objects.create(name="Alice"), "contact Alice .* has no connection"),
    ],
)
def test_recipients(people: Callable[[], Any], words: str) -> None:
    given = people()
    with pytest.raises(ValueError, match=words):
        send("Hello", given)
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    "people",
    [
        lambda: [connection(), connection()],
        lambda: (connection() for _ in range(3)),
        lambda: Connection.objects.filter(pk=connection().pk).union(Connection.objects.all()),
        lambda: [Contact.objects.create(name="Alice")] * 2,
        lambda: [connection(), Contact.objects.create(name="Alice")],
    ],
)
def test_whoever_is_named_twice_is_written_to_once(people: Callable[[], Any]) -> None:
    to, given = connection(), people()
    Connection.objects.filter(pk=to.pk).update(contact=Contact.objects.first())
    assert send("Hello", given).transmissions.get().connection == to


def test_an_earlier_message_is_given_back_for_a_key_only_if_the_key_is_one() -> None:
    first = send("Hello", connection(), idempotency_key="key")
    assert send("Hello", connection(), idempotency_key="key") == first


def test_an_app_s_message_may_be_answered_by_send() -> None:
    row = receive("Hello", connection())
    app_s = IncomingMessage(row, connection())
    assert send("Hello", connection(), in_response_to=app_s).in_response_to == row


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"text": None}, TypeError, "text must be a str, which may be empty, not NoneType"),
        ({"text": b"STOP"}, TypeError, "text must be a str"),
        ({"text": 7}, TypeError, "text must be a str"),
        ({"connection": None}, IdentityError, "takes a connection, not None"),
        ({"connection": ALICE}, IdentityError, "use lookup_connections"),
        ({"connection": [ALICE]}, IdentityError, "takes a connection"),
        ({"connection": Contact(name="Alice")}, IdentityError, "takes a connection"),
        ({"connection": Connection(backend_id="rcs", identity=ALICE)}, IdentityError, "is not saved"),
        ({"postback": None}, TypeError, "postback must be a str"),
        ({"external_id": None}, TypeError, "external_id must be a str"),
        ({"external_id": 7}, TypeError, "external_id must be a str"),
        ({"external_id": "x" * 201}, ValueError, "external_id may have 200 characters, not 201"),
        ({"external_id": NUL}, ValueError, "external_id has a NUL"),
        ({"external_id": HALF}, ValueError, "external_id has half"),
        ({"said_at": NAIVE}, ValueError, "said_at needs a time zone"),
        ({"said_at": "today"}, TypeError, "said_at must be a datetime"),
        ({"said_at": datetime.max.replace(tzinfo=UTC)}, ValueError, "said_at must be in a year"),
        ({"fields": [1]}, TypeError, "fields must be a dict"),
        ({"fields": {"a": NUL}}, ValueError, "fields.a has a NUL"),
        ({"fields": {"a": HALF}}, ValueError, "fields.a has half"),
        ({"fields": {"a": NAIVE}}, TypeError, "fields must be JSON"),
        ({"fields": {"external_id": 7}}, TypeError, "external_id must be a str"),
        ({"no_such_option": 1}, TypeError, "no_such_option"),
    ],
)
def test_options_of_receive(wrong: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        receive(**{"text": "Hello", "connection": connection(), **wrong})
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("said", "stored"),
    [(NUL, "a\ufffdb"), (HALF, "half \ufffd"), ("😀", "😀"), ("\ud83d\ude00", "\ufffd\ufffd")],
)
def test_what_a_person_said_is_kept_all_the_same(said: str, stored: str) -> None:
    row = receive(said, connection(), postback=said)
    row.refresh_from_db()
    assert (row.text, row.postback) == (stored, stored)


@pytest.mark.parametrize("identities", [ALICE, b"+372", None, 7])
def test_identities_are_several(identities: Any) -> None:
    with pytest.raises(IdentityError, match="identities must be a list of numbers, not"):
        lookup_connections("rcs", identities)
