"""The router's tables in a database of their own, and replicas that lag: every road through the router, on SQLite."""

import dataclasses
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.utils import timezone

from rcs_router import database, lookup_connections, outbox, receive, send, signals, sweep, wake
from rcs_router.backends import backends
from rcs_router.content import Form, FormField, Reply, Text
from rcs_router.content.links import form_link
from rcs_router.contract import Incoming, IncomingKind, Status, WebhookRequest
from rcs_router.errors import Refused, Unavailable, Unreachable
from rcs_router.inbox import incoming, intake
from rcs_router.models import (
    Connection,
    Consent,
    Contact,
    InboundFile,
    Message,
    StoredWebhook,
    Transmission,
)
from rcs_router.outbox import operate
from rcs_router.people import consent
from rcs_router.phases import IncomingMessage, RouterApp
from rcs_router.testing.stub import Stub, answer
from rcs_router.threads import perform
from tests.core import ALICE, BOB, connection, drain, memory, sent_to

from . import databases

pytestmark = pytest.mark.usefixtures("layout")


def with_apps(settings: Any, *names: str) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "APPS": [f"tests.field.test_databases.{n}" for n in names]}


def said(words: str, alias: str = "rcs") -> None:
    """The provider tells this, and it is digested."""
    request = WebhookRequest("POST", words.encode(), {}, {"x-memory-secret": "memory"})
    intake.accept(backends[alias], request)
    intake.digest()


def status(row: Transmission) -> Status:
    row.refresh_from_db()
    return Status(row.status)


# Out


def test_send_and_drain() -> None:
    row = sent_to()
    assert status(row) == Status.QUEUED
    drain("rcs")
    assert (status(row), len(memory().sent)) == (Status.ACCEPTED, 1)
    assert [event.kind for event in row.events.all()] == ["attempt"]


def test_send_to_a_contact_a_queryset_and_many_numbers() -> None:
    people = lookup_connections("rcs", [ALICE, BOB, ALICE])
    assert people[0] == people[2]
    contact = Contact.objects.create(name="Alice")
    contact.connections.add(people[0])
    assert send("Hello", contact).transmissions.get().connection == people[0]
    assert send("Hello", Connection.objects.all()).transmissions.count() == 2
    assert send("Hello", Connection.objects.order_by("-pk")[:1]).transmissions.count() == 1


def test_send_once_for_one_idempotency_key() -> None:
    first, second = (send("Hello", connection(), idempotency_key="order-7") for _ in range(2))
    assert first == second
    assert Message.objects.count() == 1


def test_a_rolled_back_transaction_sends_nothing() -> None:
    with database.atomic():
        sent_to()
        database.set_rollback()
    assert not Message.objects.exists()


def test_workers_are_woken_after_the_commit_of_the_router_s_database() -> None:
    woken: list[wake.WakeUp] = []
    wake.listen(woken.append)
    try:
        with database.atomic():
            sent_to()
            assert woken == []
        assert woken == [(wake.DRAIN, "rcs")]
    finally:
        wake.listen(None)


def test_signals_come_after_the_commit_of_the_router_s_database() -> None:
    told: list[Any] = []

    def heard(sender: Any, message: Message, **kwargs: Any) -> None:
        told.append((message, message.transmissions.count(), database.connection().in_atomic_block))

    signals.message_sent.connect(heard)
    try:
        with database.atomic():
            row = sent_to()
            assert told == []
        assert told == [(row.message, 1, False)]
    finally:
        signals.message_sent.disconnect(heard)


def test_a_retry_and_a_review() -> None:
    row = sent_to("alone")
    memory("alone").outcomes.extend([Unavailable(), Unavailable()])
    call_command("rcs_worker", once=True)
    assert (status(row), row.attempts) == (Status.ACCEPTED, 3)
    other = sent_to("alone")
    memory("alone").outcomes.extend([Unavailable()] * 4)
    call_command("rcs_worker", once=True)
    assert status(other) == Status.REVIEW


def test_a_fallback_that_a_person_and_one_that_the_provider_asks_for() -> None:
    memory().outcomes.append(Unreachable())
    row = sent_to()
    drain()
    child = row.fallback
    assert (status(row), status(child), child.backend_id) == (Status.FAILED, Status.ACCEPTED, "sms")
    waiting = sent_to()
    assert operate.fall_back(waiting)
    assert (status(waiting), waiting.fallback.backend_id) == (Status.FAILED, "sms")
    lonely = sent_to("alone")
    assert not operate.fall_back(lonely)  # and what was begun is undone
    assert status(lonely) == Status.QUEUED


def test_a_deadline_and_the_end_of_a_ttl() -> None:
    late = sent_to(fall_back_after=0.001)
    old = sent_to("alone", BOB, ttl=timedelta(milliseconds=1))
    sweep.mend(timezone.now() + timedelta(seconds=1))
    assert [status(late), status(late.fallback), status(old)] == [
        Status.FAILED,
        Status.QUEUED,
        Status.EXPIRED,
    ]


def test_what_a_dead_worker_held_goes_back() -> None:
    row = sent_to()
    now = timezone.now()
    assert outbox.claim("rcs", 5, now, 0.0, {}) == [row]
    assert outbox.reap(now + timedelta(seconds=5)) == 1
    assert status(row) == Status.QUEUED


def test_what_a_person_decides_about_messages() -> None:
    row = sent_to("alone")
    assert operate.cancel(row)
    assert status(row) == Status.CANCELLED
    memory("alone").outcomes.append(Refused())
    failed = sent_to("alone", BOB)
    drain("alone")
    new = operate.resend(failed)
    assert new is not None
    assert operate.resend(failed) is None
    assert (new.connection, status(new)) == (failed.connection, Status.QUEUED)


# In


def test_receipts_move_a_message_and_are_told() -> None:
    told: list[Status] = []

    def heard(sender: Any, transmission: Transmission, **kwargs: Any) -> None:
        told.append(Transmission.objects.get(pk=transmission.pk).status)

    row = sent_to()
    drain("rcs")
    signals.receipt_received.connect(heard)
    try:
        said(f"delivered {row.pk}\nread {row.pk}")
    finally:
        signals.receipt_received.disconnect(heard)
    assert (status(row), told) == (Status.READ, [Status.READ, Status.READ])


def test_a_receipt_that_comes_before_its_message_is_parked() -> None:
    said("delivered 00000000-0000-4000-8000-000000000000")
    assert StoredWebhook.objects.get().note == "waits for its transmission"


def test_stop_and_start_by_a_message_and_by_receive() -> None:
    said(f"text {ALICE} STOP")
    assert consent.refused([ALICE]) == {ALICE}
    promotion = sent_to(traffic="promotion")
    assert status(promotion) == Status.CANCELLED
    receive("START", connection())
    intake.digest()
    assert (consent.refused([ALICE]), Consent.objects.count()) == (set(), 1)
    assert len(consent.evidence(ALICE)) == 2


def test_caps_count_promotions(settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "CAPS": ["1/d"]}
    first, second = sent_to(traffic="promotion"), sent_to(traffic="promotion")
    drain("rcs")
    assert {status(first), status(second)} == {Status.ACCEPTED, Status.QUEUED}


def test_a_rate_is_shared() -> None:
    with pytest.MonkeyPatch.context() as patch:
        read = backends.config
        patch.setattr(backends, "config", lambda alias: _with_rate(read(alias)))
        row = sent_to()
        drain("rcs")
    assert status(row) == Status.ACCEPTED


def _with_rate(config: Any) -> Any:
    return dataclasses.replace(config, rate=100.0)


class Answers(RouterApp):
    """Answers what it sees, in words and with what was tapped."""

    def handle(self, message: IncomingMessage) -> bool:
        seen = Message.objects.filter(direction="in").count()
        message.respond(f"{message.text}/{message.postback}/{seen}")
        return True


class Raises(RouterApp):
    """Writes into both databases, then raises."""

    def handle(self, message: IncomingMessage) -> None:
        Contact.objects.create(name="left behind")
        Group.objects.create(name="left behind")
        raise ValueError("on purpose")


class Fails(RouterApp):
    """Breaks the transaction of another database, if there is one."""

    def handle(self, message: IncomingMessage) -> None:
        connections["default"].cursor().execute("SELECT nothing FROM nowhere")


def test_an_app_answers(settings: Any) -> None:
    with_apps(settings, "Answers")
    said(f"text {ALICE} hello")
    drain("rcs")
    assert [sent.content.text for sent in memory().sent] == ["hello//1"]


def test_a_numbered_option_arrives_as_the_tap_that_it_stands_for(settings: Any) -> None:
    with_apps(settings, "Answers")
    row = sent_to("sms", content=Text("Keep it?", suggestions=(Reply("Keep", "keep_7"), Reply("No", "no_7"))))
    drain("sms")
    said(f"text {ALICE} 1", "sms")
    heard = Message.objects.get(direction="in")
    assert (heard.postback, heard.answers, heard.in_response_to) == ("keep_7", row, row.message)
    drain("sms")
    assert memory("sms").sent[-1].content.text == "Keep/keep_7/1"


def test_what_an_app_wrote_before_it_raised(settings: Any, layout: str) -> None:
    """The router's database undoes it. Another one has no transaction of the router's: there it is the app's own."""
    with_apps(settings, "Raises", "Answers")
    said(f"text {ALICE} hello")
    assert not Contact.objects.exists()
    assert Group.objects.exists() is ("own" in layout)
    [error] = Message.objects.get(direction="in").errors
    assert error["error"] == "ValueError: on purpose"
    assert Message.objects.filter(direction="out").count() == 1


def test_an_app_s_error_in_another_database_stops_nobody(settings: Any) -> None:
    with_apps(settings, "Fails", "Answers")
    said(f"text {ALICE} hello")
    assert [e["app"] for e in Message.objects.get(direction="in").errors] == [
        "tests.field.test_databases.Fails"
    ]
    assert Message.objects.filter(direction="out").count() == 1


def test_a_file_is_fetched(settings: Any, layout: str) -> None:
    stub = Stub()
    stub.script.append(answer(200, b"\x89PNG\r\n\x1a\n" + bytes(200), Content_Type="image/png"))
    memory_storage = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = settings.STORAGES | {"received": memory_storage}
    fetch = {"MEDIA_FETCH": True, "MEDIA_STORAGE": "received", "MEDIA_ALLOW_PRIVATE": True}
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, **fetch}
    try:
        row = _received(f"{stub.url}/file")
        perform((wake.FETCH,))
    finally:
        stub.close()
    row.refresh_from_db()
    assert (row.state, row.media_type) == ("fetched", "image/png")
    name, storage = row.file.name, row.file.storage
    with database.atomic():
        row.message.delete()
        assert storage.exists(name)
    assert not storage.exists(name)


def _received(url: str) -> InboundFile:
    told = Incoming(IncomingKind.FILE, ALICE, url=url, media_type="image/png")
    incoming.store({ALICE: connection()}, [told])
    return InboundFile.objects.get()


def test_a_form_is_answered_on_its_page() -> None:
    row = sent_to("sms", content=Form("Where to?", (FormField("street", "Street"),), "Tell us", name="a"))
    drain("sms")
    page = form_link(row.pk).removeprefix("http://testserver")
    assert Client().get(page).status_code == 200
    assert Client().post(page, {"street": "Pikk 1"}).status_code == 200
    heard = Message.objects.get(direction="in")
    assert (heard.kind, heard.fields["form"], heard.answers) == ("form", {"street": "Pikk 1"}, row)


def test_a_webhook_comes_through_its_page(settings: Any) -> None:
    with_apps(settings, "Answers")
    posted = Client().post(
        "/rcs/webhooks/rcs/",
        f"text {ALICE} hello".encode(),
        content_type="text/plain",
        headers={"x-memory-secret": "memory"},
    )
    assert posted.status_code == 200
    call_command("rcs_worker", once=True)
    assert [sent.content.text for sent in memory().sent] == ["hello//1"]


# Rows that were read elsewhere


def test_rows_that_were_read_with_using_are_written_to_and_answered(layout: str) -> None:
    """As from a view that reads from a replica on purpose."""
    own = connection()
    send("Hello", own)
    elsewhere = _copied_to_replica()
    message = send("Hello", elsewhere["connection"], in_response_to=elsewhere["message"])
    assert message.transmissions.get().connection == own
    heard = receive("hello", elsewhere["connection"])
    assert Message.objects.get(pk=heard.pk).connection == own
    assert send("Hello", Connection.objects.using("replica").all()).transmissions.count() == 1
    assert databases.asked_replica  # by this test
    databases.asked_replica.clear()


def _copied_to_replica() -> dict[str, Any]:
    """A connection and a message as a replica has them that has caught up."""
    source = Path(str(database.connection().settings_dict["NAME"]))
    connections["replica"].close()
    shutil.copy(source, source.with_name("replica.sqlite3"))
    return {
        "connection": Connection.objects.using("replica").get(),
        "message": Message.objects.using("replica").get(),
    }


def test_refreshed_and_related_rows_come_from_where_they_are_written() -> None:
    row = sent_to()
    Transmission.objects.filter(pk=row.pk).update(reason="news")
    row.refresh_from_db()
    again = Transmission.objects.get(pk=row.pk)
    assert (row.reason, again.message.transmissions.get().reason) == ("news", "news")
    assert again.connection.backend.connections.get() == row.connection
    assert Transmission.objects.filter(message__in=Message.objects.filter(direction="out")).exists()
    assert Message.objects.prefetch_related("transmissions__connection").get().transmissions.all()
    assert (
        {row.pk}
        == set(Transmission.objects.in_bulk())
        == set(Transmission.objects.values_list("pk", flat=True))
    )
    assert Transmission.objects.count() == 1
    assert [*Transmission.objects.iterator()] == [row]
