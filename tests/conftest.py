"""Held for every test: no socket leaves this machine."""

import gc
import signal
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.searches import examples

# Examples take as long as the machine takes; how fast they are is no property of the code.
settings.register_profile(
    "project", deadline=None, max_examples=examples(100, 50), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("project")

# A shell that starts the tests in the background has them, and what they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_LOCAL = {"localhost", "127.0.0.1", "::1", ""}


def pytest_collection_finish() -> None:
    """Keep thousands of collected tests out of the garbage collector's way: they live until the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and address[0] not in _LOCAL and not str(address[0]).startswith("127."):
            raise AssertionError(f"a test tried to reach {address[0]}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


def empty_tables(case: object) -> None:
    """Delete all rows after a test that commits, except those that came with the tables.

    Django's own `flush` makes these anew each time, which takes longer than most tests.
    """
    from django.db import connection, transaction

    names = set(connection.introspection.django_table_names()) - {"auth_permission", "django_content_type"}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in sorted(names)
            )
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {name}")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Threads of the router may hold a connection at the end, and PostgreSQL drops no database that is in use."""
    from django.db import connection
    from django.test import TransactionTestCase

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(TransactionTestCase, "_fixture_teardown", empty_tables)
        yield
    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            connection.close()  # it may be another object than the one that Django will drop the database with


@pytest.fixture
def router(settings: Any) -> None:
    """Three memory backends: rcs (falls back to sms), sms, and alone."""
    from tests import core

    settings.RCS_BACKENDS = core.BACKENDS
    settings.RCS_ROUTER = core.ROUTER
