"""Access to the one database that holds the router's tables, which DATABASE_ROUTERS may choose.

All of `rcs_router` uses this module, because Django's own `atomic()` and `on_commit()` use the default database unless
they are told otherwise. Rows are read where they are written: a replica lags behind, and would show a message that was
just claimed as still waiting.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from django.apps import apps
from django.db import connections, models, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

Row = TypeVar("Row", bound=models.Model)
View = TypeVar("View", bound=Callable[..., Any])


def alias(model: type[models.Model] | None = None) -> str:
    """Return the alias of the database where rows of `model` are written; it is the same for all the router's
    models.
    """
    return router.db_for_write(model or apps.get_model("rcs_router", "Message"))


def read_here(rows: Iterable[Row]) -> list[Row]:
    """Return the rows; rows that were read from another database (with `using()`) are read again from the router's."""
    rows = list(rows)
    elsewhere = [row for row in rows if row._state.db not in {None, alias(type(row))}]
    if not elsewhere:
        return rows
    found = type(elsewhere[0])._default_manager.in_bulk({row.pk for row in elsewhere})
    return [found.get(row.pk, row) if row._state.db else row for row in rows]


def connection(model: type[models.Model] | None = None) -> BaseDatabaseWrapper:
    """Return this thread's connection to that database."""
    return connections[alias(model)]


def atomic(using: str = "") -> AbstractContextManager[Any]:
    """Run the block in a transaction of the router's database, or of `using`, as `transaction.atomic()` does."""
    return transaction.atomic(using=using or alias())


def set_rollback() -> None:
    """Roll back the innermost transaction of the router's database when its block ends."""
    transaction.set_rollback(True, using=alias())


def on_commit(function: Callable[[], Any], using: str = "") -> None:
    """Call `function` after the commit in the router's database, or in `using`; its exceptions are only logged."""
    transaction.on_commit(function, using=using or alias(), robust=True)


def all_connections() -> Sequence[BaseDatabaseWrapper]:
    """Return this thread's connections to all DATABASES, the router's first: apps may use any of them."""
    return sorted(connections.all(), key=lambda connection: connection.alias != alias())


def close_old_others() -> None:
    """Close the connections that Django closes between requests: broken ones, and those older than their CONN_MAX_AGE.

    The router's connection stays open: a worker keeps it while it has work.
    """
    for one in connections.all(initialized_only=True):
        if one.alias != alias() and not one.in_atomic_block:
            one.close_if_unusable_or_obsolete()


def close_all() -> None:
    """Close this thread's connections to every database."""
    connections.close_all()


def is_configured(name: str) -> bool:
    """Return True if DATABASES has this alias."""
    return name in connections


def holds(model: type[models.Model], using: str) -> bool:
    """Return True if DATABASE_ROUTERS lets the table of `model` be created in the database `using`."""
    return router.allow_migrate_model(using, model)


def non_atomic_requests(view: View) -> View:
    """Run a view outside ATOMIC_REQUESTS, in every database."""
    for name in connections:
        view = transaction.non_atomic_requests(name)(view)
    return view
