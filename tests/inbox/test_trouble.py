"""Errors of the database: which pass and are waited out, and which are the row's own and counted."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    connection,
)
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from rcs_router import receive
from rcs_router.database_errors import database_trouble, pause
from rcs_router.inbox import intake, queue
from rcs_router.models import Consent, Message, StoredWebhook
from rcs_router.people import consent
from tests.core import ALICE, BOB
from tests.core import connection as person
from tests.inbox.test_webhook import post

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


class Driver(Exception):
    """An error as psycopg raises it."""

    def __init__(self, sqlstate: str = "", table: str = "", column: str = "") -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate
        self.diag = type("Diag", (), {"table_name": table, "column_name": column})()


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


CONSENT, MESSAGE = Consent._meta.db_table, Message._meta.db_table
TROUBLE = [
    (OperationalError("server closed the connection"), "OperationalError"),
    (caused(OperationalError(), Driver("40P01")), "OperationalError 40P01"),
    (OperationalError("no such column: brand"), "OperationalError"),
    (InterfaceError("connection already closed"), "InterfaceError"),
    (InternalError("read-only"), "InternalError"),
    (NotSupportedError(), "NotSupportedError"),
    (caused(ProgrammingError("no such column"), Driver("42703")), "ProgrammingError 42703"),
    (
        caused(IntegrityError(), Driver("23502", CONSENT, "tone")),
        "IntegrityError 23502, a column of another release",
    ),
    (
        IntegrityError(f"NOT NULL constraint failed: {CONSENT}.tone"),
        "IntegrityError, a column of another release",
    ),
]
OWN = [
    ValueError("x"),
    DatabaseError("x"),
    DataError("value too long"),
    IntegrityError("UNIQUE constraint failed: a.b"),
    IntegrityError(f"NOT NULL constraint failed: {CONSENT}.brand"),
    caused(IntegrityError(), Driver("23502", CONSENT, "brand")),
    caused(IntegrityError(), Driver("23503", MESSAGE, "")),
    TransactionManagementError("the transaction is broken"),
    ProgrammingError("cannot open a connection in an atomic block"),
]


@pytest.mark.parametrize(("error", "kind"), TROUBLE)
def test_trouble_of_the_database(error: Exception, kind: str) -> None:
    assert database_trouble(error) == kind


@pytest.mark.parametrize("error", OWN, ids=repr)
def test_the_rows_own_fault(error: Exception) -> None:
    assert database_trouble(error) == ""


def test_pauses_grow_up_to_half_a_minute() -> None:
    age, pauses = timedelta(0), []
    for _ in range(15):
        pauses.append(pause(age).total_seconds())
        age += pause(age)
    assert pauses[0] == 1
    assert pauses == sorted(pauses)
    assert pauses[-1] == 30


def due_again() -> None:
    Message.objects.update(lease_until=None)
    StoredWebhook.objects.update(due_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.parametrize(("error", "kind"), TROUBLE)
def test_a_message_waits_for_the_database_and_nothing_is_counted(
    error: Exception, kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    row = receive("hello", person())

    def away(*args: Any) -> Any:
        raise error

    with monkeypatch.context() as trouble, caplog.at_level(logging.WARNING):
        trouble.setattr(queue, "route", away)
        for _ in range(8):
            intake.digest()
            assert intake.digest() == 0, "it waits, and does not run in a tight loop"
            due_again()
    row.refresh_from_db()
    assert (row.routed_at, row.set_aside_at, row.errors, row.lost_leases) == (None, None, [], 0)
    lines = [record for record in caplog.records if str(row.pk) in record.getMessage()]
    assert {record.levelname for record in lines} == {"WARNING"}
    assert all(kind in record.getMessage() and "rcs" in record.getMessage() for record in lines)
    intake.digest()
    row.refresh_from_db()
    assert row.routed_at


@pytest.mark.parametrize(("error", "kind"), TROUBLE)
def test_a_webhook_waits_for_the_database_and_holds_up_no_other(
    error: Exception, kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    post(f"unsubscribe {ALICE}")
    post(f"text {BOB} hello")

    def away(*args: Any, **kwargs: Any) -> Any:
        raise error

    with monkeypatch.context() as trouble, caplog.at_level(logging.WARNING):
        trouble.setattr(consent, "record", away)
        for _ in range(8):
            intake.digest()
            assert intake.digest() == 0
            due_again()
    assert Message.objects.get().text == "hello"
    row = StoredWebhook.objects.get(digested_at=None)
    assert (row.tries, row.lost_leases, row.claim) == (0, 0, None)
    assert row.note == f"waits for the database: {kind}"
    lines = [record for record in caplog.records if f"webhook request {row.pk} " in record.getMessage()]
    assert {record.levelname for record in lines} == {"WARNING"}
    intake.digest()
    assert Consent.objects.get(subject=ALICE).opted_out
    assert StoredWebhook.objects.get(pk=row.pk).note == ""


@pytest.mark.parametrize("error", OWN, ids=repr)
def test_other_errors_are_counted_with_growing_pauses(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = receive("hello", person())

    def broken(*args: Any) -> Any:
        raise error

    monkeypatch.setattr(queue, "route", broken)
    waits: list[float] = []
    for _ in queue.RETRIES:
        began = timezone.now()
        intake.digest()
        row.refresh_from_db()
        waits.append((row.lease_until - began).total_seconds())
        due_again()
    assert waits == pytest.approx(queue.RETRIES, abs=0.9)
    intake.digest()
    row.refresh_from_db()
    assert row.set_aside_at
    assert len(row.errors) == len(queue.RETRIES) + 1


@pytest.mark.parametrize("how", ["STOP", "START", "unsubscribe", "subscribe"])
@pytest.mark.parametrize("error", [ValueError("x"), DataError("x")], ids=repr)
def test_a_stop_is_tried_for_ever(how: str, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    consent.record(ALICE, opted_out=how in {"START", "subscribe"}, source="test")

    def broken(*args: Any, **kwargs: Any) -> Any:
        raise error

    post(f"{how} {ALICE}" if how.islower() else f"text {ALICE} {how}")
    with monkeypatch.context() as trouble:
        trouble.setattr(consent, "record", broken)
        for _ in range(30):
            intake.digest()
            due_again()
        assert not Message.objects.filter(set_aside_at__isnull=False).exists()
        assert sum(len(row.errors) for row in Message.objects.all()) < 10, (
            "what is kept does not grow for ever"
        )
    intake.digest()
    assert Consent.objects.get(subject=ALICE).opted_out is (how in {"STOP", "unsubscribe"})


@pytest.mark.parametrize("how", ["STOP", "unsubscribe"])
def test_a_column_that_is_missing_for_a_while_loses_no_stop(how: str) -> None:
    """As while a migration is under way: the real error of the database at hand."""
    post(f"{how} {ALICE}" if how.islower() else f"text {ALICE} {how}")
    post(f"text {BOB} hello")
    _rename("brand", "brand_away")
    try:
        for _ in range(3):
            intake.digest()
            due_again()
    finally:
        _rename("brand_away", "brand")
    assert Message.objects.get(text="hello").routed_at
    intake.digest()
    assert Consent.objects.get(subject=ALICE).opted_out


def test_a_column_of_the_next_release_loses_no_stop() -> None:
    """It has no default in the database, and this release does not write it."""
    post(f"unsubscribe {ALICE}")
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"ALTER TABLE {CONSENT} ADD COLUMN tone text NOT NULL DEFAULT ''")
            cursor.execute(
                f"CREATE TRIGGER no_tone BEFORE INSERT ON {CONSENT} "
                f"BEGIN SELECT RAISE(ABORT, 'NOT NULL constraint failed: {CONSENT}.tone'); END"
            )
        else:
            cursor.execute(f"ALTER TABLE {CONSENT} ADD COLUMN tone text NOT NULL")
    try:
        for _ in range(3):
            intake.digest()
            due_again()
        assert StoredWebhook.objects.get().digested_at is None
    finally:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("DROP TRIGGER no_tone")
            cursor.execute(f"ALTER TABLE {CONSENT} DROP COLUMN tone")
    intake.digest()
    assert Consent.objects.get(subject=ALICE).opted_out


def _rename(column: str, to: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {CONSENT} RENAME COLUMN {column} TO {to}")
