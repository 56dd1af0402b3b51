"""Counting by the minute: nothing is lost between threads and flushes, and a database in trouble stops nobody."""

import os
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models import Sum

from rcs_router import sql
from rcs_router.alarms import counts
from rcs_router.models import BackendMinute
from tests.statements import statements

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "_counts", counts._Counts())


def total(alias: str = "rcs") -> tuple[int, ...]:
    rows = BackendMinute.objects.filter(backend=alias)
    found = rows.aggregate(**{name: Sum(name, default=0) for name in counts.COLUMNS})
    return tuple(found[name] for name in counts.COLUMNS)


def test_what_is_counted(settings: Any) -> None:
    settings.RCS_ROUTER = {"SLOW_AFTER": 2}
    counts.attempt("rcs", failed=False, seconds=2.0)
    counts.attempt("rcs", failed=True, seconds=2.1)
    counts.receipts("rcs", total=5, failed=2)
    counts.attempt("sms", failed=False, seconds=0.1)
    assert total() == (0, 0, 0, 0, 0)
    with statements(1, "all backends at once"):
        counts.flush()
    assert (total(), total("sms")) == ((2, 1, 1, 5, 2), (1, 0, 0, 0, 0))


def test_flushes_add_up_and_are_spaced() -> None:
    counts.attempt("rcs", failed=False, seconds=0)
    counts.flush()
    counts.attempt("rcs", failed=False, seconds=0)
    with statements(0, "a second has not passed"):
        counts.flush()
    counts.flush(force=True)
    assert total()[0] == 2
    with statements(0, "nothing was counted"):
        counts.flush(force=True)


def test_threads_lose_nothing() -> None:
    def work() -> None:
        for _ in range(500):
            counts.attempt("rcs", failed=True, seconds=0)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        counts.flush(force=True)
    counts.flush(force=True)
    assert total()[:2] == (4000, 4000)


def test_a_database_in_trouble_loses_no_count(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def gone(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("the server closed the connection of +37255501234")

    counts.attempt("rcs", failed=True, seconds=0)
    with monkeypatch.context() as patch:
        patch.setattr(sql, "insert", gone)
        counts.flush(force=True)
    counts.attempt("rcs", failed=False, seconds=0)
    counts.flush(force=True)
    assert total()[:2] == (2, 1)
    assert "37255501234" not in caplog.text
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_failed_flush_breaks_no_transaction_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import transaction

    counts.attempt("x" * 100, failed=True, seconds=0)  # longer than PostgreSQL takes
    with transaction.atomic():
        counts.flush(force=True)
        assert BackendMinute.objects.count() in {0, 1}


def test_a_forked_child_writes_what_it_counted_itself() -> None:
    counts.attempt("rcs", failed=False, seconds=0)
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, str(len(counts._counts._numbers)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 9) == b"0"
    os.close(read)
    os.close(write)
    counts.flush(force=True)
    assert total()[0] == 1


def test_minutes_are_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    now = counts.timezone.now()
    counts.attempt("rcs", failed=False, seconds=0)
    monkeypatch.setattr(counts.timezone, "now", lambda: now + timedelta(minutes=1))
    counts.attempt("rcs", failed=False, seconds=0)
    counts.flush(force=True)
    minutes = BackendMinute.objects.order_by("minute").values_list("minute", flat=True)
    assert [minute - minutes[0] for minute in minutes] == [timedelta(0), timedelta(minutes=1)]
    assert all(minute.second == 0 for minute in minutes)
