"""receive(): durable first, once per external id, in or out of a transaction."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db import connections as databases
from django.utils import timezone

from rcs_router import receive, send, wake
from rcs_router.content import Reply, Text
from rcs_router.inbox import intake, queue
from rcs_router.models import Message
from tests.core import BOB, connection, drain

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


def test_what_is_stored() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    to = connection()
    row = receive("STATUS", to, external_id="x-1", fields={"a": 1}, said_at=at)
    row.refresh_from_db()
    assert (row.direction, row.kind, row.text, row.postback) == ("in", "text", "STATUS", "")
    assert (row.connection, row.backend_id, row.external_id) == (to, "rcs", "x-1")
    assert (row.fields, row.said_at, row.routed_at) == ({"a": 1}, at, None)
    assert row.status is None  # it has no transmissions


def test_a_postback_makes_it_a_tap() -> None:
    asked = send(Text("Keep?", suggestions=[Reply("Keep", "keep_7")]), connection())
    drain("rcs")
    row = receive("Keep", connection(), postback="keep_7")
    assert (row.kind, row.answers, row.in_response_to) == ("suggestion", asked.transmissions.get(), asked)


@pytest.mark.parametrize("text", ["", " ", "x" * 10_000, "😀", "a\nb"])
def test_any_text_is_legal(text: str) -> None:
    row = receive(text, connection())
    intake.digest()
    row.refresh_from_db()
    assert (row.text, row.routed_at is not None, row.errors) == (text, True, [])


def test_the_same_external_id_is_stored_once() -> None:
    first = receive("one", connection(), external_id="x-1")
    again = receive("two", connection(), external_id="x-1")
    assert (again, again.text) == (first, "one")
    assert Message.objects.count() == 1


def test_external_ids_are_a_backends_own() -> None:
    ours = receive("one", connection(), external_id="x-1")
    assert receive("one", connection(alias="sms"), external_id="x-1") != ours
    assert receive("one", connection(BOB), external_id="x-1") == ours


def test_without_an_id_nothing_is_a_repeat() -> None:
    assert receive("one", connection()) != receive("one", connection())


def test_a_repeat_inside_of_the_callers_transaction() -> None:
    to = connection()
    with transaction.atomic():
        first = receive("one", to, external_id="x-1")
        assert receive("one", to, external_id="x-1") == first
        assert Message.objects.count() == 1


def test_nothing_is_heard_when_the_callers_transaction_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[Any] = []
    monkeypatch.setattr(wake, "digest", lambda: transaction.on_commit(lambda: rung.append(1)))
    to = connection()
    with pytest.raises(RuntimeError), transaction.atomic():
        receive("one", to)
        raise RuntimeError
    assert (Message.objects.count(), rung) == (0, [])
    receive("one", to)
    assert rung == [1]


def test_an_unsaved_connection_is_an_error_even_with_an_id() -> None:
    to = connection()
    to.pk = 999_999
    with pytest.raises(IntegrityError):
        receive("one", to, external_id="x-1")
    assert not Message.objects.exists()


def test_two_threads_with_the_same_external_id() -> None:
    to, together = connection(), threading.Barrier(2)
    results: list[Any] = []

    def work() -> None:
        try:
            together.wait(10)
            results.append(receive("one", to, external_id="x-1"))
        except Exception as error:
            results.append(error)
        finally:
            databases.close_all()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [type(result) for result in results] == [Message, Message], results
    assert results[0] == results[1]


def test_messages_are_routed_in_the_order_they_were_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [receive(str(n), connection()) for n in range(5)]
    Message.objects.filter(pk=rows[0].pk).update(created_at=timezone.now())
    routed: list[str] = []
    route = queue.route
    monkeypatch.setattr(queue, "route", lambda row, *how: routed.append(row.text) or route(row, *how))
    intake.digest()
    assert routed == ["1", "2", "3", "4", "0"]
