"""A person's messages in their turn, others beside them, and what a free text is an answer to."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections as databases
from django.utils import timezone

from rcs_router import lookup_connections, receive, sql
from rcs_router.contract import Incoming, IncomingKind
from rcs_router.inbox import intake, queue
from rcs_router.inbox.incoming import store
from rcs_router.inbox.route import route
from rcs_router.models import Connection, Consent, Contact, Message, Transmission
from rcs_router.phases import IncomingMessage, RouterApp
from tests.core import ALICE, BOB, connection, drain, sent_to

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


def heard() -> list[Message]:
    return list(Message.objects.filter(direction="in").order_by("created_at"))


@pytest.mark.parametrize("known", [True, False])
def test_a_later_message_waits_for_the_earlier_one(known: bool) -> None:
    contact = Contact.objects.create() if known else None
    by = [connection(ALICE, "rcs"), connection(ALICE, "sms" if known else "rcs")]
    Connection.objects.update(contact=contact)
    first, second = (
        receive(word, Connection.objects.get(pk=one.pk)) for word, one in zip("12", by, strict=True)
    )
    for row in (first, second):
        assert [row.pk for row in claimed()] == [row.pk]
        assert claimed() == [], "the next one waits while this one is being routed"
        route(Message.objects.get(pk=row.pk))


@pytest.mark.parametrize("alias", ["rcs", "sms"])
def test_another_person_does_not_wait(alias: str) -> None:
    rows = [receive("1", connection(ALICE)), receive("2", connection(BOB, alias))]
    receive("3", connection(ALICE))
    assert claimed() == rows


def test_one_who_floods_delays_nobody() -> None:
    """Thousands of messages of one person, older than that of another."""
    store({ALICE: connection()}, [Incoming(IncomingKind.TEXT, ALICE, text=str(n)) for n in range(2000)])
    first, other = Message.objects.earliest("created_at"), receive("hello", connection(BOB))
    assert claimed() == [first]  # a claim looks at the oldest only…
    _, rows = queue._claim(queue.fresh(), sql.now(Message), 1)
    assert rows == []  # …among which nobody else's is
    assert other.pk in queue.turns.following(queue.BATCH)
    intake._round(intake.look())
    other.refresh_from_db()
    assert other.routed_at


def claimed() -> list[Message]:
    """What one more worker would route now, in its order."""
    return queue._claim(queue.fresh(), sql.now(Message), queue.BATCH)[1]


def test_a_digest_routes_everybody_in_order() -> None:
    for word in ("one", "two", "three"):
        for number in (ALICE, BOB):
            receive(word, connection(number))
    intake.digest()
    assert all(row.routed_at for row in heard())


def test_what_came_in_one_batch_keeps_its_order() -> None:
    to = connection()
    words = [str(n) for n in range(20)]
    store({ALICE: to}, [Incoming(IncomingKind.TEXT, ALICE, text=word) for word in words])
    assert [row.text for row in heard()] == words
    assert len({row.created_at for row in heard()}) == 20


def test_nobody_overtakes_what_another_worker_is_at(settings: Any) -> None:
    """Another worker is at the person's first message: the next one waits, another person's does not, nobody blocks."""
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "APPS": ["tests.router.test_conversation.Halting"]}
    halted.clear(), go_on.clear()
    first, second = receive("halt", connection()), receive("2", connection())
    worker = threading.Thread(target=in_a_thread, args=(intake.digest,))
    worker.start()
    assert halted.wait(20)
    other = receive("3", connection(BOB))
    try:
        assert claimed() == [other]
    finally:
        go_on.set()
        worker.join(20)
    assert [Message.objects.get(pk=row.pk).routed_at is None for row in (first, second)] == [False, False]


halted, go_on = threading.Event(), threading.Event()


class Halting(RouterApp):
    def handle(self, message: IncomingMessage) -> None:
        if message.text == "halt":
            halted.set()
            go_on.wait(20)


def in_a_thread(work: Callable[[], object]) -> None:
    try:
        work()
    finally:
        databases.close_all()


@pytest.mark.parametrize(
    ("age", "linked"), [(timedelta(0), True), (timedelta(hours=23), True), (timedelta(hours=25), False)]
)
def test_a_free_text_answers_the_newest_message(age: timedelta, linked: bool) -> None:
    older, newer = sent_to("rcs"), sent_to("rcs")
    drain("rcs")
    for row, ago in ((older, age + timedelta(minutes=1)), (newer, age)):
        Transmission.objects.filter(pk=row.pk).update(created_at=timezone.now() - ago)
    receive("thanks", connection())
    intake.digest()
    assert heard()[0].in_response_to_id == (newer.message_id if linked else None)
    assert heard()[0].answers is None, "likely is not sure: that is no interaction"


def test_what_nobody_has_seen_is_not_answered() -> None:
    sent_to("rcs")
    receive("hello", connection())
    intake.digest()
    assert heard()[0].in_response_to is None


def test_the_apps_see_what_it_answers(settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "APPS": ["tests.router.test_conversation.Curious"]}
    row = sent_to("rcs", content="How are you?")
    drain("rcs")
    receive("fine", connection())
    intake.digest()
    answer = Message.objects.filter(direction="out").exclude(pk=row.message_id).get()
    assert answer.text == "You answered: How are you?"
    assert answer.in_response_to == heard()[0]


def test_both_ways() -> None:
    row = sent_to("rcs")
    drain("rcs")
    receive("fine", lookup_connections("rcs", [ALICE])[0])
    intake.digest()
    assert list(row.message.responses.all()) == heard()


class Curious(RouterApp):
    def handle(self, message: IncomingMessage) -> bool:
        message.respond(f"You answered: {message.in_response_to.text}")
        return True


def test_a_stop_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even for an earlier message that cannot be routed."""
    poison = receive("1", connection())
    receive("STOP", connection())

    def link(row: Message) -> None:
        if row.pk == poison.pk:
            raise RuntimeError("trouble outside of the apps")

    monkeypatch.setattr("rcs_router.inbox.incoming.link", link)
    intake.digest()
    assert Consent.objects.get(subject=ALICE).opted_out
