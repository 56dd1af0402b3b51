"""Sending: to each kind of recipient, with each option, once for each key, and at what cost."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from rcs_router import lookup_connections, outbox
from rcs_router.content import Card, Text, dump, load
from rcs_router.content.examples import CHIPS, CONTENTS, FINER, MORE
from rcs_router.models import Connection, Contact, Message, Transmission
from rcs_router.phases import RouterApp
from tests import core
from tests.api.client import API, at_once
from tests.api.conftest import Login
from tests.api.core import ALICE, BOB, CARD
from tests.statements import statements

pytestmark = pytest.mark.django_db


def test_a_card_to_numbers(api: API) -> None:
    status, answer = api.send(CARD, ALICE, "+372 5550 1235", ALICE, traffic="transaction")
    message = Message.objects.get()
    assert status == 201
    assert answer["id"] == str(message.pk)
    assert answer["recipients"] == 2
    assert isinstance(message.body, Card)
    assert load(message.content) == message.body
    core.drain()
    assert [outbound.to for outbound in core.memory().sent] == [ALICE, BOB]
    assert api.client.get(answer["url"], headers={"Authorization": f"Token {api.token}"}).status_code == 200


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize(
    "content", [*CONTENTS, *FINER.values(), *MORE.values(), Text("x", suggestions=CHIPS)]
)
def test_all_that_can_be_said_in_python(api: API, content: Any) -> None:
    to = {"backend": "alone", "identities": [ALICE]}
    status, answer = api.post("messages/", {"content": dump(content), "recipients": to})
    assert status == 201, answer
    assert Message.objects.get().body == content
    assert api.get(f"messages/{answer['id']}/")[1]["content"] == dump(content)


def test_to_contacts_and_to_connections(api: API) -> None:
    ann, bob = Contact.objects.create(name="Ann"), Contact.objects.create(name="Bob")
    lookup_connections("sms", [ALICE])
    Connection.objects.update(contact=ann)
    here = core.connection(BOB)
    assert api.post("messages/", {"content": "x", "recipients": {"contacts": [ann.pk]}})[0] == 201
    assert (
        api.post("messages/", {"content": "x", "recipients": {"connections": [here.pk, here.pk]}})[1][
            "recipients"
        ]
        == 1
    )
    status, answer = api.post("messages/", {"content": "x", "recipients": {"contacts": [ann.pk, bob.pk]}})
    assert (status, answer["code"], answer["path"]) == (400, "no_connection", "recipients.contacts[1]")
    assert set(Transmission.objects.values_list("connection__identity", "backend")) == {
        (ALICE, "sms"),
        (BOB, "rcs"),
    }


def test_a_backend_that_left_the_settings(api: API, settings: Any) -> None:
    here = core.connection(BOB, "alone")
    settings.RCS_BACKENDS = {name: entry for name, entry in settings.RCS_BACKENDS.items() if name != "alone"}
    status, answer = api.post("messages/", {"content": "x", "recipients": {"connections": [here.pk]}})
    assert (status, answer["code"], answer["path"]) == (400, "unknown_backend", "recipients.connections[0]")


def test_settings_that_are_wrong_are_no_fault_of_the_caller(api: API, settings: Any) -> None:
    settings.RCS_BACKENDS = {"rcs": {"BACKEND": "nowhere.Backend", "OPTIONS": {"secret": "hush"}}}
    status, answer = api.send()
    assert (status, answer["code"]) == (503, "misconfigured")
    assert "nowhere" not in answer["detail"]


def test_every_option_arrives(api: API) -> None:
    first = api.send()[1]["id"]
    api.send(
        "Hello",
        traffic="promotion",
        ttl=60,
        fallback_text="Hi",
        send_at="2030-01-01T09:00:00+02:00",
        time_critical=True,
        strict=True,
        in_response_to=first,
        fields={"order": 7},
    )
    message = Message.objects.exclude(pk=first).get()
    assert message.traffic == "promotion"
    assert message.ttl == timedelta(seconds=60)
    assert message.fallback_text == "Hi"
    assert message.time_critical
    assert str(message.in_response_to_id) == first
    assert message.fields["order"] == 7
    row = message.transmissions.get()
    assert row.due_at.isoformat() == "2030-01-01T07:00:00+00:00"


def test_differing_traffic_must_be_said(api: API, settings: Any) -> None:
    settings.RCS_BACKENDS = {
        **settings.RCS_BACKENDS,
        "alone": {**settings.RCS_BACKENDS["alone"], "TRAFFIC": "promotion"},
    }
    keys = [core.connection(BOB, "alone").pk, core.connection(ALICE).pk]
    status, answer = api.post("messages/", {"content": "x", "recipients": {"connections": keys}})
    assert (status, answer["code"], answer["path"]) == (400, "invalid", "traffic")


def test_the_same_key_is_one_message_and_one_answer(api: API) -> None:
    first = api.send(CARD, key="order-7")
    core.drain()
    assert api.send(CARD, key="order-7") == first, "also when it has been sent meanwhile"
    assert Message.objects.count() == 1
    spaced = b'{"recipients":  {"identities": ["+37255501234"], "backend": "rcs"}, "content": "Hi"}'
    status, answer = api.post("messages/", spaced, headers={"Idempotency-Key": "b"})
    assert status == 201
    assert api.send("Hi", key="b")[1] == answer, "space and order say nothing"


def test_the_same_key_with_another_body(api: API) -> None:
    api.send("Hello", key="order-7")
    status, answer = api.send("Hello!", key="order-7")
    assert (status, answer["code"], answer["path"]) == (409, "idempotency_key_reused", "Idempotency-Key")
    assert api.send({"type": "fax"}, key="order-7")[0] == 409
    assert Message.objects.count() == 1


def test_everybody_has_keys_of_their_own(api: API, login: Login) -> None:
    other = login("add_message")
    assert api.send("Hello", key="1")[1]["id"] != other.send("Hello", key="1")[1]["id"]


def test_a_key_is_free_again_after_a_mistake(api: API) -> None:
    assert api.send("", key="1")[0] == 400
    assert api.send("Hello", key="1")[0] == 201


class Blanks(RouterApp):
    """Forgets what the API has noted."""

    def outgoing(self, message: Any) -> None:
        message.row.fields = {}


def test_an_app_that_forgets_the_note_makes_no_conflict(api: API, settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "APPS": ["tests.api.test_sending.Blanks"]}
    assert api.send("Hello", key="1")[0] == 201
    assert api.send("Hello", key="1")[0] == 201


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("bodies", [("same", "same"), ("one", "other")])
def test_the_same_key_at_once(api: API, bodies: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have looked for the key before either stores it, so the database decides who is first."""
    core.connection(ALICE)
    gate = threading.Barrier(2, timeout=20)
    enqueue = outbox.enqueue

    def together(*args: Any, **options: Any) -> None:
        gate.wait()
        enqueue(*args, **options)

    monkeypatch.setattr(outbox, "enqueue", together)
    answers = at_once(lambda body: API(api.token).send(body, key="k"), bodies)
    assert Message.objects.count() == 1
    assert sorted(status for status, _ in answers) == ([201, 201] if bodies[0] == bodies[1] else [201, 409])
    if bodies[0] == bodies[1]:
        assert answers[0] == answers[1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("traffic", ["transaction", "promotion"])
@pytest.mark.parametrize("known", [True, False], ids=["known numbers", "new numbers"])
def test_a_thousand_in_one_call(api: API, traffic: str, known: bool) -> None:
    numbers = [f"+3725{1000000 + n}" for n in range(1000)]
    if known:
        lookup_connections("rcs", numbers)
    with statements(18, "a send to 1,000 by HTTP"):
        status, answer = api.send(CARD, *numbers, traffic=traffic, key="k")
    assert (status, answer["recipients"]) == (201, 1000)
    with statements(6, "the same again"):
        assert api.send(CARD, *numbers, traffic=traffic, key="k") == (201, answer)


@pytest.mark.django_db(transaction=True)
def test_a_thousand_contacts_in_one_call(api: API) -> None:
    Contact.objects.bulk_create(Contact(name=str(n)) for n in range(1000))
    for contact, row in zip(
        Contact.objects.all(),
        lookup_connections("rcs", [f"+3725{1000000 + n}" for n in range(1000)]),
        strict=True,
    ):
        row.contact = contact
        row.save()
    keys = list(Contact.objects.values_list("pk", flat=True))
    with statements(18, "a send to 1,000 contacts by HTTP"):
        assert api.post("messages/", {"content": "x", "recipients": {"contacts": keys}})[0] == 201
