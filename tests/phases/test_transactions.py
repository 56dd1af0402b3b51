"""When the transaction of one message begins, and what a part of it that is undone takes along."""

from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from rcs_router import receive
from rcs_router.inbox import intake
from rcs_router.models import Contact, Message
from tests.core import connection as person
from tests.phases.apps import script

pytestmark = pytest.mark.django_db(transaction=True)


def hear(text: str = "hello") -> Message:
    row = receive(text, person())
    intake.digest()
    row.refresh_from_db()
    return row


def open_transaction() -> bool:
    """Has the database a transaction of ours open?"""
    raw: Any = connection.connection
    return raw.in_transaction if connection.vendor == "sqlite" else raw.info.transaction_status.value != 0


def names() -> list[str]:
    return sorted(Contact.objects.values_list("name", flat=True))


def fail(message: Any) -> None:
    raise RuntimeError("on purpose")


def test_no_transaction_is_open_while_an_app_uses_no_database() -> None:
    seen: list[bool] = []
    for app in "ABC":
        for phase in ("filter", "parse", "handle", "default", "cleanup"):
            script[app, phase] = lambda message: seen.append(open_transaction())
    hear()
    assert seen == [False] * 15


def test_it_begins_with_the_first_statement() -> None:
    seen: list[bool] = []

    def write(message: Any) -> None:
        seen.append(open_transaction())
        Contact.objects.create(name="A's")
        seen.append(open_transaction())

    script["A", "parse"] = write
    hear()
    assert seen == [False, True]


def in_atomic(message: Any) -> None:
    with transaction.atomic():
        Contact.objects.create(name="inside")


def locking(message: Any) -> None:
    list(Message.objects.select_for_update().filter(pk=message.id))
    Contact.objects.create(name="inside")


def durable_hook(message: Any) -> None:
    transaction.on_commit(lambda: Contact.objects.create(name="after the commit"))


def rolled_back(message: Any) -> None:
    transaction.set_rollback(True)


def written_and_rolled_back(message: Any) -> None:
    Contact.objects.create(name="inside")
    transaction.set_rollback(True)


def many(message: Any) -> None:
    Contact.objects.bulk_create([Contact(name="inside"), Contact(name="too")])


def deleting(message: Any) -> None:
    Contact.objects.filter(name="before").delete()
    Contact.objects.create(name="inside")


@pytest.mark.parametrize(
    ("does", "kept"),
    [
        (in_atomic, ["inside"]),
        (locking, ["inside"]),
        (many, ["inside", "too"]),
        (durable_hook, ["after the commit"]),
        (rolled_back, []),
        (written_and_rolled_back, []),
    ],
)
@pytest.mark.parametrize("raises", [False, True])
@pytest.mark.parametrize("before", [False, True])
def test_what_an_app_does_is_kept_with_the_message_or_undone_with_the_app(
    does: Any, kept: list[str], raises: bool, before: bool
) -> None:
    if before:
        script["A", "parse"] = lambda message: Contact.objects.create(name="before")

    def app(message: Any) -> None:
        does(message)
        if raises:
            raise RuntimeError

    script["B", "handle"] = app
    script["C", "cleanup"] = lambda message: Contact.objects.create(name="later")
    row = hear()
    assert row.routed_at
    assert bool(row.errors) is raises
    assert names() == sorted([*([] if raises else kept), "later", *(["before"] if before else [])])


@pytest.mark.parametrize("raises", [False, True])
def test_rows_are_deleted_with_the_message_or_not_at_all(raises: bool) -> None:
    Contact.objects.create(name="before")

    def app(message: Any) -> None:
        deleting(message)
        if raises:
            raise RuntimeError

    script["A", "handle"] = app
    hear()
    assert names() == (["before"] if raises else ["inside"])


@pytest.mark.parametrize("does", [in_atomic, many, durable_hook])
def test_nothing_is_kept_of_a_message_that_somebody_else_has_taken(does: Any) -> None:
    def lose(message: Any) -> None:
        does(message)
        Message.objects.filter(pk=message.id).update(claim="00000000-0000-4000-8000-000000000001")

    script["A", "handle"] = lose
    row = receive("hello", person())
    from rcs_router.inbox.route import route

    assert route(row) is None
    assert names() == []
    assert Message.objects.get(pk=row.pk).routed_at is None


def test_a_database_that_will_not_begin_is_nobodys_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The app's first statement fails because no transaction can be begun: no app has raised."""
    from rcs_router.inbox.transactions import Lazy

    def refused(self: Lazy, part: Any) -> None:
        raise OperationalError("database is locked")

    script["A", "handle"] = lambda message: Contact.objects.create(name="A's")
    row = receive("hello", person())
    with monkeypatch.context() as locked:
        locked.setattr(Lazy, "_open", refused)
        intake.digest()
    row.refresh_from_db()
    assert (row.routed_at, row.errors) == (None, [])
    Message.objects.update(lease_until=None)
    intake.digest()
    assert names() == ["A's"]


def test_the_connection_is_as_before() -> None:
    script["A", "handle"] = fail
    hear()
    assert connection.execute_wrappers == []
    assert not connection.in_atomic_block
    assert "_start_transaction_under_autocommit" not in connection.__dict__
    with transaction.atomic():
        Contact.objects.create(name="usual")
        if connection.vendor == "sqlite":
            assert open_transaction()
