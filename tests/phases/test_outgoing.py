"""The rules of the outgoing phase: reverse order, edits, vetoes, and what an app that raises can and cannot do."""

from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from rcs_router import receive, send
from rcs_router.content import Card, File, Reply, Text
from rcs_router.contract import Status
from rcs_router.errors import ContentError
from rcs_router.inbox import intake
from rcs_router.models import Backend, Connection, Contact, Message
from tests.core import ALICE, BOB, CAROL, connection, drain, memory
from tests.phases.apps import calls, script, seen


@pytest.fixture(autouse=True)
def short(settings: Any) -> None:
    """One more backend, which carries ten characters."""
    tight = {"BACKEND": "rcs_router.testing.MemorySMS", "OPTIONS": {"limit": 10}}
    settings.RCS_BACKENDS = {**settings.RCS_BACKENDS, "short": tight}


pytestmark = pytest.mark.django_db(transaction=True)


def edit(**changes: Any) -> Any:
    def change(message: Any) -> None:
        for name, value in changes.items():
            setattr(message, name, value)

    return change


def statuses(message: Message) -> dict[str, tuple[Status, str]]:
    rows = message.transmissions.select_related("connection")
    return {t.connection.identity: (Status(t.status), t.reason) for t in rows}


def test_apps_are_asked_in_reverse_order_once_per_message() -> None:
    send("Hello", [connection(ALICE), connection(BOB)])
    assert calls == [("C", "outgoing"), ("B", "outgoing"), ("A", "outgoing")]


def test_what_an_app_sees() -> None:
    given: list[Any] = []
    script["A", "outgoing"] = given.append
    incoming = receive("hi", connection())
    message = send(Text("Hello"), connection(), fields={"a": 1}, in_response_to=incoming, is_error=True)
    seen_ = given[0]
    assert (seen_.id, seen_.row, seen_.content, seen_.text) == (message.pk, message, Text("Hello"), "Hello")
    assert (seen_.connections, seen_.fields) == ([connection()], {"a": 1})
    assert (seen_.in_response_to, seen_.is_error, seen_.processed) == (incoming, True, True)


def test_each_app_sees_what_the_last_one_left() -> None:
    script["C", "outgoing"] = edit(text="one")
    script["B", "outgoing"] = lambda message: setattr(message, "text", message.text + " two")
    message = send("Hello", connection())
    drain("rcs")
    assert (message.text, message.content["text"]) == ("one two", "one two")
    assert memory().sent[0].content == Text("one two")


def test_editing_the_text_keeps_the_chips() -> None:
    script["A", "outgoing"] = edit(text="Really?")
    message = send(Text("Sure?", suggestions=[Reply("Yes")]), connection())
    assert message.body == Text("Really?", suggestions=[Reply("Yes")])


def test_other_contents_have_no_text_to_edit_but_can_be_replaced() -> None:
    texts: list[str] = []
    script["C", "outgoing"] = lambda message: texts.append(message.text)
    script["B", "outgoing"] = edit(content=Card("Boots"))
    assert send(File("https://shop.example/a.jpg"), connection()).body == Card("Boots")
    assert texts == [""]


def test_an_edit_that_a_backend_cannot_carry_is_refused_in_the_callers_stack() -> None:
    script["A", "outgoing"] = edit(text="x" * 4000)
    with pytest.raises(ContentError, match="text: 4000 characters, Memory allows 3000"):
        send("Hello", connection())
    assert not Message.objects.exists()


def test_false_stops_the_message_for_everybody() -> None:
    script["B", "outgoing"] = lambda message: False
    message = send("Hello", [connection(ALICE), connection(BOB)])
    drain()
    assert seen("outgoing") == "CB"
    cancelled = (Status.CANCELLED, "stopped by tests.phases.apps.B")
    assert statuses(message) == {ALICE: cancelled, BOB: cancelled}
    assert memory().sent == []


@pytest.mark.parametrize("verdict", [None, True, 0, "", [], "no"])
def test_only_the_literal_false_stops(verdict: Any) -> None:
    script["B", "outgoing"] = lambda message: verdict
    message = send("Hello", connection())
    assert seen("outgoing") == "CBA"
    assert statuses(message)[ALICE][0] == Status.QUEUED


@pytest.mark.parametrize(
    "veto",
    [
        lambda message: message.connections.remove(connection(BOB)),
        lambda message: setattr(message, "connections", [connection(ALICE), connection(CAROL)]),
        lambda message: setattr(message, "connections", (c for c in [connection(ALICE), connection(CAROL)])),
    ],
)
def test_an_app_may_take_out_one_recipient(veto: Any) -> None:
    script["B", "outgoing"] = veto
    message = send("Hello", [connection(ALICE), connection(BOB), connection(CAROL)])
    drain("rcs")
    states = statuses(message)
    assert states[BOB] == (Status.CANCELLED, "taken out by a router app")
    assert states[ALICE][0] == states[CAROL][0] == Status.ACCEPTED
    assert sorted(outbound.to for outbound in memory().sent) == [ALICE, CAROL]


def test_recipients_of_a_queryset_can_be_taken_out() -> None:
    connection(ALICE)
    connection(BOB)
    script["B", "outgoing"] = lambda message: message.connections.remove(connection(BOB))
    assert statuses(send("Hello", Connection.objects.all()))[BOB][0] == Status.CANCELLED


def test_a_recipient_put_in_twice_gets_it_once() -> None:
    script["B", "outgoing"] = lambda message: message.connections.append(connection(ALICE))
    assert send("Hello", connection(ALICE)).transmissions.count() == 1


def test_taking_out_everybody() -> None:
    script["B", "outgoing"] = edit(connections=[])
    message = send("Hello", connection())
    assert statuses(message) == {ALICE: (Status.CANCELLED, "taken out by a router app")}


def test_an_app_that_raises_is_recorded_and_the_message_is_sent() -> None:
    def fail(message: Any) -> None:
        raise RuntimeError("on purpose")

    script["B", "outgoing"] = fail
    message = send("Hello", connection())
    assert seen("outgoing") == "CBA"
    message.refresh_from_db()
    problem = {"app": "tests.phases.apps.B", "phase": "outgoing", "error": "RuntimeError: on purpose"}
    problem["at"] = f"{Path(__file__).name}:{fail.__code__.co_firstlineno + 1} in fail"
    assert (message.errors, statuses(message)[ALICE][0]) == ([problem], Status.QUEUED)


def test_what_a_raising_app_wrote_is_undone_and_nothing_else() -> None:
    def write_and_fail(message: Any) -> None:
        Contact.objects.create(name="B's")
        raise RuntimeError

    script["C", "outgoing"] = lambda message: Contact.objects.create(name="C's")
    script["B", "outgoing"] = write_and_fail
    send("Hello", connection())
    assert list(Contact.objects.values_list("name", flat=True)) == ["C's"]


def twice(message: Any) -> None:
    Backend.objects.create(name="double")
    Backend.objects.bulk_create([Backend(name="double")])


def test_an_app_that_breaks_the_transaction_does_not_break_the_callers() -> None:
    script["B", "outgoing"] = twice
    with transaction.atomic():
        message = send("Hello", connection())
        Contact.objects.create(name="the caller's")
    assert statuses(message)[ALICE][0] == Status.QUEUED
    assert Contact.objects.exists()


def test_an_app_that_breaks_the_transaction_does_not_lose_the_answer() -> None:
    script["B", "outgoing"] = twice
    script["A", "handle"] = lambda message: message.respond("answer") and True
    row = receive("hello", connection())
    intake.digest()
    row.refresh_from_db()
    assert row.routed_at is not None
    assert Message.objects.get(direction="out").text == "answer"


def test_a_recipient_put_in_must_be_reachable_with_this_content() -> None:
    script["B", "outgoing"] = lambda message: message.connections.append(connection(BOB, "short"))
    with pytest.raises(ContentError, match="Memory allows 10"):
        send("Hello, how are you?", connection(ALICE))
