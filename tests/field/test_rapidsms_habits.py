"""What people who come from RapidSMS type from habit, and what it means here."""

from types import SimpleNamespace
from typing import Any

import pytest

from rcs_router import lookup_connections, receive, send
from rcs_router.backends import backends
from rcs_router.content import Card, Text
from rcs_router.contract import Options, Outbound
from rcs_router.errors import ConfigError
from rcs_router.handlers import KeywordHandler
from rcs_router.inbox import intake
from rcs_router.inbox.brake import brake
from rcs_router.models import Backend, Connection, Contact, Message
from rcs_router.outbox import drain
from rcs_router.phases import IncomingMessage, OutgoingMessage, RouterApp
from tests.core import ALICE, BOB, CAROL, memory

from .sites import KANNEL, RCS, SMS, site

pytestmark = pytest.mark.django_db

seen: list[Any] = []


class Price(KeywordHandler):
    keyword = "price|cost"

    def help(self) -> None:
        self.respond(text="Send PRICE and a crop")

    def handle(self, text: str) -> None:
        self.respond_error(text=f"There is no price of {text}")


class Says(RouterApp):
    """Says itself that it has handled a message, as apps of RapidSMS may."""

    def parse(self, message: IncomingMessage) -> None:
        seen.append(message)

    def handle(self, message: IncomingMessage) -> None:
        message.handled = message.text == "mine"

    def default(self, message: IncomingMessage) -> bool:
        message.respond("by default")
        return True

    def filter(self, message: IncomingMessage) -> bool:
        return message.text == "spam"

    def outgoing(self, message: OutgoingMessage) -> bool | None:
        seen.append(message)
        if message.text == "edit":
            message.text = "edited"
        if message.text == "drop":
            message.connections = message.connections[1:]
        return False if message.text == "stop" else None


@pytest.fixture(autouse=True)
def project(settings: Any) -> None:
    brake.forget()
    seen.clear()
    site(settings, {"rcs": RCS, "sms": SMS}, APPS=[f"{__name__}.Price", f"{__name__}.Says"])


def people(*numbers: str, alias: str = "rcs") -> list[Connection]:
    return lookup_connections(backend=alias, identities=numbers or [ALICE])


def hears(text: str, **options: Any) -> Message:
    row = receive(text, people()[0], **options)
    intake.digest()
    return Message.objects.get(pk=row.pk)


# send()


def test_text_is_another_name_for_content() -> None:
    assert send(text="Hello", connections=people()).text == "Hello"
    assert send("Hello", people()).text == "Hello"
    assert send(content=Text("Hello"), connections=people()).text == "Hello"


@pytest.mark.parametrize("reload", [False, True])
def test_what_send_returns(reload: bool) -> None:
    kati = Contact.objects.create(name="Kati")
    to = people(BOB, ALICE, CAROL)
    kati.connections.add(to[0])
    message = send("edit", people(BOB, ALICE, CAROL))
    message = Message.objects.get(pk=message.pk) if reload else message
    assert (message.connections, message.connection, message.contact) == (to, to[0], kati)
    assert (message.text, message.raw_text) == ("edited", "edited" if reload else "edit")
    assert (message.processed, message.handled, list(message.responses)) == (True, False, [])


def test_a_queryset_s_connections() -> None:
    to = people(ALICE, BOB)
    assert set(send("Hello", Connection.objects.all()).connections) == set(to)


@pytest.mark.parametrize("reload", [False, True])
def test_a_message_that_an_app_stopped_is_not_processed(reload: bool) -> None:
    message = send("stop", people())
    message = Message.objects.get(pk=message.pk) if reload else message
    assert (message.processed, message.connections) == (False, people())


@pytest.mark.parametrize("reload", [False, True])
def test_whom_an_app_took_out_is_not_among_the_connections(reload: bool) -> None:
    message = send("drop", people(ALICE, BOB))
    message = Message.objects.get(pk=message.pk) if reload else message
    assert message.connections == people(BOB)


def test_the_responses_to_a_message_are_listed() -> None:
    message = send("How are you?", people())
    answers = [receive(text, people()[0]) for text in ("fine", "and you?")]
    Message.objects.filter(pk__in=[row.pk for row in answers]).update(in_response_to=message)
    assert [row.text for row in message.responses] == ["fine", "and you?"]
    assert (len(message.responses), message.responses[0]) == (2, answers[0])


# receive()


def test_what_receive_returns_before_it_is_routed() -> None:
    to = people()[0]
    row = receive(" price ", to)
    assert (row.connections, row.connection, row.contact) == ([to], to, None)
    assert (row.text, row.raw_text) == (" price ", " price ")
    assert (row.handled, row.processed, list(row.responses)) == (False, False, [])


@pytest.mark.parametrize(
    ("text", "handled", "by", "answers"),
    [
        ("price", True, "Price", ["Send PRICE and a crop"]),
        ("cost  rice", True, "Price", ["There is no price of rice"]),
        ("hello", False, "Says", ["by default"]),  # a default does not handle
        ("mine", True, "Says", []),
        ("spam", False, "Says", []),
        ("STOP", True, "consent", None),
    ],
)
def test_what_it_becomes(text: str, handled: bool, by: str, answers: list[str] | None) -> None:
    row = hears(text)
    assert (row.processed, row.handled, row.handled_by.rpartition(".")[2]) == (True, handled, by)
    if answers is not None:
        assert [answer.text for answer in row.responses] == answers


def test_the_external_id_may_be_in_the_fields() -> None:
    row = receive("price", people()[0], fields={"external_id": "x-1", "a": 1})
    assert (row.external_id, row.fields["a"]) == ("x-1", 1)
    assert receive("again", people()[0], fields={"external_id": "x-1"}) == row


# What apps see


def test_an_incoming_message_in_an_app() -> None:
    kati = Contact.objects.create(name="Kati")
    kati.connections.add(people()[0])
    row = hears("hello")
    message = seen[0]
    assert (message.connection, message.connections, message.contact) == (people()[0], people(), kati)
    assert (message.logger_msg, message.text, message.raw_text) == (row, "hello", "hello")
    assert (message.processed, message.handled) == (True, False)
    assert [(response["text"], response["connections"]) for response in message.responses] == [
        ("by default", people())
    ]
    assert message.responses[0]["in_response_to"] == row


def test_an_outgoing_message_in_an_app() -> None:
    send("edit", people(ALICE, BOB))
    message = seen[0]
    assert (message.connection, len(message.connections)) == (people()[0], 2)
    assert (message.text, message.raw_text, str(message)) == ("edited", "edit", "edited")
    assert (message.processed, message.handled, message.contact) == (True, False, None)


def test_fields_that_an_app_replaces_are_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Says, "outgoing", lambda self, message: setattr(message, "fields", {"a": 1}))
    assert Message.objects.get(pk=send("Hello", people()).pk).fields == {"a": 1}


def test_a_card_has_a_text_too() -> None:
    assert send(Card("Boots"), people()).raw_text == "Boots"


# Backends and people


@pytest.mark.parametrize(
    "backend",
    [
        lambda: "rcs",
        lambda: Backend("rcs"),
        lambda: Backend.objects.get_or_create(name="rcs")[0],
        lambda: backends["rcs"],
        lambda: SimpleNamespace(name="rcs"),
    ],
)
def test_a_backend_by_its_name_or_itself(backend: Any) -> None:
    assert lookup_connections(backend=backend(), identities=[ALICE]) == people()


@pytest.mark.parametrize(
    ("backend", "error", "words"),
    [
        (None, TypeError, "backend must be an alias or a backend, not NoneType"),
        (7, TypeError, "not int"),
        (SimpleNamespace(), TypeError, "not SimpleNamespace"),
        (SimpleNamespace(name=None), TypeError, "not SimpleNamespace"),
        ("nobody", ConfigError, "nobody"),
        (Backend("nobody"), ConfigError, "nobody"),
        (SimpleNamespace(name="nobody"), ConfigError, "nobody"),
    ],
)
def test_no_backend(backend: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        lookup_connections(backend, [ALICE])


def test_a_contact_s_default_connection(settings: Any) -> None:
    kati = Contact.objects.create(name="Kati")
    assert kati.default_connection is None
    kati.connections.add(*people(alias="sms"))
    assert kati.default_connection == people(alias="sms")[0]
    kati.connections.add(*people())
    assert kati.default_connection == people()[0]
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "DEFAULT_BACKEND": "sms"}
    assert kati.default_connection == people(alias="sms")[0]
    assert send("Hello", kati).connection == kati.default_connection


@pytest.mark.parametrize("change", [str.upper, str.title, str.lower])
def test_options_in_any_case(settings: Any, change: Any) -> None:
    given = {change(name): value for name, value in KANNEL["OPTIONS"].items()}
    site(settings, {"kannel": {**KANNEL, "OPTIONS": given}})
    options: Any = backends["kannel"].options
    assert (options.username, options.url) == ("u", "http://127.0.0.1:1/cgi-bin/sendsms")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"TIMEOUT": 1, "timeout": 2}, "has 'timeout' twice"),
        ({"SIZE": 1}, "unknown option 'size'"),
        ({7: 1}, "unknown option 7"),
    ],
)
def test_options_that_are_wrong_in_any_case(given: dict[Any, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Options.read("rcs", given)


# What a backend is told of the message that is answered


def sent(alias: str = "rcs") -> list[Outbound]:
    drain.drain(alias, budget=5)
    return memory(alias).sent


def test_a_response_names_what_it_answers() -> None:
    row = hears("price", external_id="wamid-1")
    [outbound] = sent()
    assert (outbound.in_response_to, outbound.external_id) == (row.pk, "wamid-1")


def test_so_does_a_message_that_is_sent_later() -> None:
    row = receive("price", people()[0], external_id="wamid-1")
    send("At last", people(), in_response_to=row)
    send("By the way", people())
    told = {outbound.text: (outbound.in_response_to, outbound.external_id) for outbound in sent()}
    assert told == {"At last": (row.pk, "wamid-1"), "By the way": (None, "")}


@pytest.mark.parametrize(("alias", "number"), [("sms", ALICE), ("rcs", BOB)])
def test_another_s_id_is_told_to_nobody(alias: str, number: str) -> None:
    """Of another provider, or of another person: each knows only what was said by this person there."""
    row = receive("price", people()[0], external_id="wamid-1")
    send("At last", people(number, alias=alias), in_response_to=row)
    [outbound] = sent(alias)
    assert (outbound.in_response_to, outbound.external_id) == (row.pk, "")


def test_a_chain_of_ours_has_no_id_of_theirs() -> None:
    first = send("Hello", people())
    send("Hello again", people(), in_response_to=first)
    assert [(o.in_response_to, o.external_id) for o in sent()] == [(None, ""), (first.pk, "")]
