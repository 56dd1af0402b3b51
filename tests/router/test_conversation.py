"""A person's messages in their turn, others beside them, and what a free text is an answer to."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.db import connections as databases
from django.db import transaction
from django.utils import timezone

from rcs_router import inbox, lookup_connections, receive, router
from rcs_router.contract import Incoming, IncomingKind
from rcs_router.incoming import store
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
    assert router.route(second) is None
    assert router.route(first) is not None
    assert router.route(second) is not None


@pytest.mark.parametrize("alias", ["rcs", "sms"])
def test_another_person_does_not_wait(alias: str) -> None:
    receive("1", connection(ALICE))
    assert router.route(receive("2", connection(BOB, alias))) is not None


def test_a_digest_routes_everybody_in_order() -> None:
    for word in ("one", "two", "three"):
        for number in (ALICE, BOB):
            receive(word, connection(number))
    inbox.digest()
    assert all(row.routed_at for row in heard())


def test_what_came_in_one_batch_keeps_its_order() -> None:
    to = connection()
    words = [str(n) for n in range(20)]
    store({ALICE: to}, [Incoming(IncomingKind.TEXT, ALICE, text=word) for word in words])
    assert [row.text for row in heard()] == words
    assert len({row.created_at for row in heard()}) == 20


@pytest.mark.skipif(database.vendor != "postgresql", reason="only there rows are locked one by one")
def test_nobody_overtakes_what_another_worker_is_at() -> None:
    """Its transaction is open: the next message of the person waits, another person's does not, nobody blocks."""
    first, second, other = (
        receive("1", connection()),
        receive("2", connection()),
        receive("3", connection(BOB)),
    )
    at_it, let_go, taken = threading.Event(), threading.Event(), []

    def worker() -> None:
        try:
            with transaction.atomic():
                taken.append(router.route(first))
                at_it.set()
                let_go.wait(20)
        finally:
            databases.close_all()

    thread = threading.Thread(target=worker)
    thread.start()
    assert at_it.wait(20)
    try:
        assert router.route(first) is None
        assert router.route(second) is None
        assert router.route(other) is not None
    finally:
        let_go.set()
        thread.join(20)
    assert taken[0] is not None
    assert router.route(second) is not None


@pytest.mark.parametrize(
    ("age", "linked"), [(timedelta(0), True), (timedelta(hours=23), True), (timedelta(hours=25), False)]
)
def test_a_free_text_answers_the_newest_message(age: timedelta, linked: bool) -> None:
    older, newer = sent_to("rcs"), sent_to("rcs")
    drain("rcs")
    for row, ago in ((older, age + timedelta(minutes=1)), (newer, age)):
        Transmission.objects.filter(pk=row.pk).update(created_at=timezone.now() - ago)
    receive("thanks", connection())
    inbox.digest()
    assert heard()[0].in_response_to_id == (newer.message_id if linked else None)
    assert heard()[0].answers is None, "likely is not sure: that is no interaction"


def test_what_nobody_has_seen_is_not_answered() -> None:
    sent_to("rcs")
    receive("hello", connection())
    inbox.digest()
    assert heard()[0].in_response_to is None


def test_the_apps_see_what_it_answers(settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "APPS": ["tests.router.test_conversation.Curious"]}
    row = sent_to("rcs", content="How are you?")
    drain("rcs")
    receive("fine", connection())
    inbox.digest()
    answer = Message.objects.filter(direction="out").exclude(pk=row.message_id).get()
    assert answer.text == "You answered: How are you?"
    assert answer.in_response_to == heard()[0]


def test_both_ways() -> None:
    row = sent_to("rcs")
    drain("rcs")
    receive("fine", lookup_connections("rcs", [ALICE])[0])
    inbox.digest()
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

    monkeypatch.setattr("rcs_router.incoming.link", link)
    inbox.digest()
    assert Consent.objects.get(subject=ALICE).opted_out


def test_who_was_passed_over_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rung = []
    monkeypatch.setattr("rcs_router.wake.digest", lambda: rung.append(1))
    receive("1", connection())
    rung.clear()
    monkeypatch.setattr("rcs_router.router._take", lambda row: False)
    inbox.digest()
    assert rung == [1]
