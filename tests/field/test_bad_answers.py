"""A router app answers badly: that answer is lost and recorded under the app's name, and nothing else is."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DataError, OperationalError

from rcs_router import lookup_connections, outbox, receive
from rcs_router.content import Card, Reply, Text
from rcs_router.handlers import KeywordHandler
from rcs_router.inbox import intake
from rcs_router.inbox.brake import brake
from rcs_router.models import Connection, Contact, Message, Transmission
from rcs_router.phases import IncomingMessage, RouterApp
from tests.core import ALICE, BOB

from .sites import RCS, SMS, site
from .wires import outgoing

pytestmark = pytest.mark.django_db

Wrong = Callable[[IncomingMessage], dict[str, Any]]
script: dict[str, Wrong] = {}


class Careless(RouterApp):
    """Answers well, badly, and well again, and writes to the database."""

    def handle(self, message: IncomingMessage) -> bool:
        message.respond("before")
        message.respond(**script["wrong"](message))
        message.respond("after")
        Contact.objects.create(name="written")
        return True


class Handler(KeywordHandler):
    keyword = "hello"

    def help(self) -> None:
        self.respond("from the handler")
        self.respond_error("bad \0")


class Last(RouterApp):
    def cleanup(self, message: IncomingMessage) -> None:
        message.respond("from the last app")


@pytest.fixture(autouse=True)
def apps(settings: Any) -> None:
    brake.forget()
    names = [f"{__name__}.{name}" for name in ("Careless", "Handler", "Last")]
    site(settings, {"rcs": RCS, "sms": SMS}, APPS=names)


def hears(text: str = "hello") -> Message:
    row = receive(text, lookup_connections("rcs", [ALICE])[0])
    intake.digest()
    row.refresh_from_db()
    return row


def deleted(number: str = BOB) -> Connection:
    who = lookup_connections("rcs", [number])[0]
    Connection.objects.filter(pk=who.pk).delete()
    return who


def gone(message: IncomingMessage) -> Message:
    row = receive("gone", message.connections[0])
    Message.objects.filter(pk=row.pk).delete()
    return row


class Unspeakable(dict[str, Any]):
    """Cannot be compared, copied or shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__


WRONG: dict[str, Wrong] = {
    "nothing": lambda m: {},
    "None": lambda m: {"content": None},
    "a number": lambda m: {"content": 7},
    "a list": lambda m: {"content": ["x"]},
    "no words": lambda m: {"content": "  "},
    "a NUL": lambda m: {"content": "bad \0"},
    "a NUL in a chip": lambda m: {"content": Text("bad", (Reply("x", "\0"),))},
    "half an emoji": lambda m: {"content": "bad \ud83d"},
    "half an emoji in a card": lambda m: {"content": Card("bad", "\ud83d")},
    "too long": lambda m: {"content": "x" * 100_000},
    "text and content": lambda m: {"content": "bad", "text": "bad"},
    "an unsaved connection": lambda m: {"content": "bad", "connections": [Connection(backend_id="rcs")]},
    "a deleted connection": lambda m: {"content": "bad", "connections": [deleted()]},
    "a deleted one among others": lambda m: {"content": "bad", "connections": [*m.connections, deleted()]},
    "an unsaved contact": lambda m: {"content": "bad", "connections": Contact(name="x")},
    "a contact without connection": lambda m: {"content": "bad", "connections": Contact.objects.create()},
    "a number as connection": lambda m: {"content": "bad", "connections": [BOB]},
    "nobody": lambda m: {"content": "bad", "connections": []},
    "None among connections": lambda m: {"content": "bad", "connections": [None]},
    "a backend that is not configured": lambda m: {"content": "bad", "connections": [strange()]},
    "a naive time": lambda m: {"content": "bad", "send_at": datetime(2026, 1, 1)},
    "a time that is none": lambda m: {"content": "bad", "send_at": "tomorrow"},
    "a time too far": lambda m: {"content": "bad", "send_at": datetime.max.replace(tzinfo=UTC)},
    "a ttl without end": lambda m: {"content": "bad", "ttl": timedelta.max},
    "fields with a NUL": lambda m: {"content": "bad", "fields": {"a": "\0"}},
    "fields that are no JSON": lambda m: {"content": "bad", "fields": {"a": object()}},
    "fields that raise": lambda m: {"content": "bad", "fields": {"a": Unspeakable}},
    "a key too long": lambda m: {"content": "bad", "idempotency_key": "x" * 201},
    "a key with a NUL": lambda m: {"content": "bad", "idempotency_key": "\0"},
    "no such traffic": lambda m: {"content": "bad", "traffic": "spam"},
    "no such option": lambda m: {"content": "bad", "trafic": "promotion"},
    "a string to answer": lambda m: {"content": "bad", "in_response_to": "x"},
    "an unsaved message to answer": lambda m: {"content": "bad", "in_response_to": Message()},
    "a deleted message to answer": lambda m: {"content": "bad", "in_response_to": gone(m)},
}


def strange() -> Connection:
    from rcs_router.models import Backend

    Backend.objects.get_or_create(name="strange")
    return Connection.objects.get_or_create(backend_id="strange", identity=BOB)[0]


@pytest.mark.parametrize("name", list(WRONG))
def test_only_the_bad_answer_is_lost(name: str, caplog: pytest.LogCaptureFixture) -> None:
    script["wrong"] = WRONG[name]
    with caplog.at_level(logging.ERROR, "rcs_router"):
        row = hears()
    assert outgoing() == ["before", "after", "from the last app"]
    assert Contact.objects.filter(name="written").exists()
    assert (row.handled_by, row.set_aside_at) == (f"{__name__}.Careless", None)
    [problem] = row.errors
    assert (problem["app"], problem["phase"]) == (f"{__name__}.Careless", "respond")
    assert problem["at"].startswith("test_bad_answers.py:")
    assert problem["at"].endswith(" in handle")
    assert [r.getMessage() for r in caplog.records if "Careless" in r.getMessage()]


@pytest.mark.parametrize(
    "people",
    [
        lambda m: [*m.connections, *lookup_connections("rcs", [BOB])],
        lambda m: (c for c in [*m.connections, *lookup_connections("rcs", [BOB])]),
        lambda m: Connection.objects.filter(identity__in=[ALICE, BOB]),
        lambda m: Contact.objects.filter(name="friend"),
    ],
)
def test_others_may_be_answered_in_any_way_that_send_takes(people: Callable[[IncomingMessage], Any]) -> None:
    for number in (ALICE, BOB):
        Contact.objects.create(name="friend").connections.add(*lookup_connections("rcs", [number]))
    script["wrong"] = lambda m: {"content": "fine", "connections": people(m), "in_response_to": m}
    assert hears().errors == []
    to = Transmission.objects.filter(message__text="fine").values_list("connection__identity", flat=True)
    assert sorted(to) == [ALICE, BOB]


@pytest.fixture
def healthy() -> None:
    script["wrong"] = lambda m: {"content": "fine"}


@pytest.mark.usefixtures("healthy")
def test_each_answer_is_its_own_app_s(settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "APPS": [f"{__name__}.Handler", f"{__name__}.Last"]}
    row = hears()
    assert outgoing() == ["from the handler", "from the last app"]
    assert [(e["app"], e["error"]) for e in row.errors] == [
        (f"{__name__}.Handler", "ContentError: text: has a NUL")
    ]


@pytest.mark.usefixtures("healthy")
@pytest.mark.parametrize(
    "error", [DataError("value too long"), KeyError("x"), RuntimeError("a bug \0 \ud800")]
)
def test_an_answer_that_the_database_refuses(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    enqueue = outbox.enqueue

    def refusing(message: Message, *args: Any, **kwargs: Any) -> None:
        enqueue(message, *args, **kwargs)
        if message.text == "fine":
            raise error

    monkeypatch.setattr(outbox, "enqueue", refusing)
    row = hears()
    assert outgoing() == ["before", "after", "from the last app"]
    assert [(e["app"].rpartition(".")[2], e["phase"]) for e in row.errors] == [("Careless", "respond")]
    assert Transmission.objects.count() == 3


@pytest.mark.usefixtures("healthy")
def test_trouble_of_the_database_is_nobody_s_bad_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    enqueue = outbox.enqueue

    def away(message: Message, *args: Any, **kwargs: Any) -> None:
        raise OperationalError("the database has gone away")

    monkeypatch.setattr(outbox, "enqueue", away)
    row = hears()
    assert (row.errors, row.routed_at, outgoing()) == ([], None, [])
    monkeypatch.setattr(outbox, "enqueue", enqueue)
    Message.objects.update(lease_until=None)  # the pause is over
    intake.digest()
    assert outgoing() == ["before", "fine", "after", "from the last app"]


class Raises(RouterApp):
    def handle(self, message: IncomingMessage) -> None:
        raise ValueError("\0 \ud800 cannot be stored")


class CannotBeSaid(RouterApp):
    def handle(self, message: IncomingMessage) -> None:
        class Mute(Exception):
            def __str__(self) -> str:
                raise RuntimeError

        raise Mute


def test_an_error_that_cannot_be_stored_is_recorded_all_the_same(settings: Any) -> None:
    names = [f"{__name__}.{name}" for name in ("Raises", "CannotBeSaid", "Last")]
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "APPS": names}
    row = hears()
    assert [e["error"] for e in row.errors] == ["ValueError: \ufffd \ufffd cannot be stored", "Mute"]
    assert (outgoing(), row.routed_at is None) == (["from the last app"], False)


def test_a_handler_s_own_test_raises_what_is_wrong_with_its_answer() -> None:
    with pytest.raises(ValueError, match="content must be a str"):
        type("Bad", (Handler,), {"help": lambda self: self.respond(None)}).test("hello")
