"""One story from end to end: a card, its tap, an SMS with numbers for a phone without RCS, and a STOP that holds."""

from typing import Any

import pytest

from rcs_router.content import Card, Media, Reply
from rcs_router.contract import Status
from rcs_router.models import Connection, Contact, Message
from tests.acceptance.stage import Stage, fallback, status
from tests.core import ALICE, BOB

CARD = Card(
    "Order 7",
    "Trail boots",
    Media("https://shop.example/boots.png", "tall", "Boots"),
    suggestions=(Reply("Keep", "keep_7"), Reply("Return", "return_7")),
)
YOURS = "Order 7 is yours"


@pytest.fixture(autouse=True)
def shop(stage: Stage, settings: Any) -> None:
    apps = ["tests.acceptance.apps.Keep", "rcs_router.handlers.DefaultResponse"]
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"APPS": apps, "DEFAULT_RESPONSE": "What?"}


def heard(number: str) -> Message:
    return Message.objects.filter(direction="in", connection__identity=number).latest("created_at")


def test_the_story(stage: Stage) -> None:
    alice, bob = stage.phone(ALICE), stage.phone(BOB, rcs=False)

    first = stage.send(CARD)
    stage.work()
    assert (status(first), stage.counts()) == (Status.DELIVERED, (1, 0))
    alice.does("read")
    alice.does("tap", suggestion="Keep")
    stage.work()
    assert status(first) == Status.READ
    tap = heard(ALICE)
    assert (tap.postback, tap.text, tap.answers, tap.in_response_to) == (
        "keep_7",
        "Keep",
        first,
        first.message,
    )
    assert [(m["kind"], m["text"]) for m in stage.shown()] == [("card", ""), ("text", YOURS)]
    answer = Message.objects.get(text=YOURS)
    assert (answer.in_response_to, answer.status) == (tap, Status.DELIVERED)

    second = stage.send(CARD, number=BOB)
    stage.work()
    sms = fallback(second)
    assert sms is not None
    assert (status(second), second.reason, status(sms)) == (Status.FAILED, "unreachable", Status.DELIVERED)
    assert second.message.status == Status.DELIVERED
    assert [m["text"] for m in stage.shown(BOB)] == [
        "Order 7\nTrail boots\nBoots: https://shop.example/boots.png\n1) Keep\n2) Return"
    ]
    assert sms.lost
    bob.does("text", text="1")
    stage.work()
    typed = heard(BOB)
    assert (typed.kind, typed.postback, typed.answers) == ("suggestion", "keep_7", sms)
    assert typed.fields["typed"] == "1"
    assert [(m["channel"], m["text"]) for m in stage.shown(BOB)][1:] == [("sms", YOURS)]

    bob.does("text", text="STOP")
    alice.does("unsubscribe")
    stage.work()
    stopped = {number: len(stage.shown(number)) for number in (ALICE, BOB)}
    for number in (ALICE, BOB):
        for alias in ("acme", "sms"):
            offer = stage.send("Sale!", alias, number, traffic="promotion")
            stage.work()
            assert (status(offer), offer.reason) == (Status.CANCELLED, "opted_out")
    assert {number: len(stage.shown(number)) for number in (ALICE, BOB)} == stopped
    for number in (ALICE, BOB):
        order = stage.send("Your parcel is here", number=number)
        stage.work()
        assert order.message.status == Status.DELIVERED
        assert [m["text"] for m in stage.shown(number)][stopped[number] :] == ["Your parcel is here"]
    assert stage.totals()["doubles"] == 0
    assert stage.statuses() == {200}


def test_stop_after_send_and_before_the_fallback(stage: Stage) -> None:
    """The promotion that RCS could not carry is not carried by SMS to somebody who left meanwhile."""
    stage.phone(BOB, rcs=False)
    offer = stage.send("Sale!", number=BOB, traffic="promotion")
    stage.drain("acme")
    stage.phone(BOB).does("text", text="stop", via="sms")
    stage.work()
    child = fallback(offer)
    assert child is not None
    assert (status(child), child.reason) == (Status.CANCELLED, "opted_out")
    assert [m["traffic"] or m["channel"] for m in stage.shown(BOB)] == ["sms"], "only the acknowledgement"


def test_a_word_instead_of_the_number(stage: Stage) -> None:
    phone = stage.phone(BOB, rcs=False)
    stage.send(CARD, number=BOB)
    stage.work()
    phone.does("text", text=" keep ")
    stage.work()
    assert heard(BOB).postback == "keep_7"


def test_the_answer_goes_where_the_question_came_from(stage: Stage) -> None:
    """A phone with RCS that writes an SMS is answered by SMS; the person is one contact."""
    phone = stage.phone()
    stage.send(CARD)
    stage.work()
    contact = Contact.objects.create(name="Alice")
    Connection.objects.update(contact=contact)
    phone.does("text", text="Hello?", via="sms")
    stage.work()
    assert [(m["channel"], m["text"]) for m in stage.shown()][-1] == ("sms", "What?")


def test_two_messages_in_a_row_arrive_in_order(stage: Stage) -> None:
    for word in ("one", "two", "three"):
        stage.send(word)
    stage.work()
    assert [m["text"] for m in stage.shown()] == ["one", "two", "three"]
