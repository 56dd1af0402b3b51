"""Sites with more than one database: the router's tables apart from the others, and replicas that lag for ever.

They are files of SQLite, made for one test by copying migrated ones. A statement that a replica gets is kept in
`asked_replica`, whichever thread sends it.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import ConnectionHandler, connections
from django.db.backends.signals import connection_created
from django.test import override_settings

asked_replica: list[str] = []
OURS = "rcs_router"


class Apart:
    """The router's tables in `rcs`, all others in `default`."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "rcs" if model._meta.app_label == OURS else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return (db == "rcs") == (app_label == OURS)


class Replica:
    """The router's rows are read from a replica of `default`, as far as this router is asked."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "replica" if model._meta.app_label == OURS else None

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"

    def allow_relation(self, first: Any, second: Any, **hints: Any) -> bool:
        return True


class ApartWithReplica(Apart):
    """The router's tables in `rcs`, which has a replica of its own."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "replica" if model._meta.app_label == OURS else None


LAYOUTS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "own database": (Apart, ("default", "rcs")),
    "stale replica": (Replica, ("default",)),
    "own database with a stale replica": (ApartWithReplica, ("default", "rcs")),
}


def _configured(folder: Path, names: tuple[str, ...]) -> dict[str, Any]:
    options = {"timeout": 20, "transaction_mode": "IMMEDIATE"}
    given = {
        name: {"ENGINE": "tests.field.locking_sqlite", "NAME": folder / f"{name}.sqlite3", "OPTIONS": options}
        for name in (*names, "replica")
    }
    return ConnectionHandler(given).settings


def migrated(layout: str, folder: Path) -> Path:
    """Migrate each database of a layout in `folder`, then copy the one of the router's tables to be the replica."""
    router, names = LAYOUTS[layout]
    with _instead(_configured(folder, names)), override_settings(DATABASE_ROUTERS=[router()]):
        for name in names:
            call_command("migrate", database=name, verbosity=0)
    shutil.copy(folder / f"{names[-1]}.sqlite3", folder / "replica.sqlite3")
    return folder


@contextmanager
def site(layout: str, template: Path, folder: Path) -> Iterator[None]:
    """Put databases of this layout in the place of DATABASES until the block ends."""
    router, names = LAYOUTS[layout]
    for file in template.glob("*.sqlite3"):
        shutil.copy(file, folder)
    asked_replica.clear()
    connection_created.connect(_listen)
    try:
        with _instead(_configured(folder, names)), override_settings(DATABASE_ROUTERS=[router()]):
            yield
    finally:
        connection_created.disconnect(_listen)


def _listen(connection: Any, **kwargs: Any) -> None:
    if connection.alias == "replica" and _keep not in connection.execute_wrappers:
        connection.execute_wrappers.append(_keep)


def _keep(execute: Any, sql: str, *arguments: Any) -> Any:
    asked_replica.append(sql)
    return execute(sql, *arguments)


@contextmanager
def _instead(databases: dict[str, Any]) -> Iterator[None]:
    before = dict(connections.settings)
    _use(databases)
    try:
        yield
    finally:
        _use(before)


def _use(databases: dict[str, Any]) -> None:
    for connection in connections.all(initialized_only=True):
        connection.close()
        delattr(connections._connections, connection.alias)  # type: ignore[attr-defined]
    connections.settings.clear()
    connections.settings.update(databases)
