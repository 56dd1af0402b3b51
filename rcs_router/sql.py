"""Statements that Django's ORM cannot express, on PostgreSQL and SQLite: claim a batch, update each row differently."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import DatabaseDefault
from django.utils import timezone

from rcs_router import database

SUPPORTED = {"postgresql", "sqlite"}


def now(model: type[models.Model]) -> datetime:
    """Return the database's clock, which all workers share."""
    connection = database.connection(model)
    if connection.vendor != "postgresql":  # SQLite uses this machine's clock
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


class Clock:
    """The database's time, read once and then advanced by this process's own clock."""

    def __init__(self, model: type[models.Model]) -> None:
        self._ahead: timedelta = now(model) - timezone.now()

    def __call__(self) -> datetime:
        return timezone.now() + self._ahead


def claim(
    model: type[models.Model],
    *,
    where: str,
    params: Sequence[Any],
    order: str,
    limit: int,
    also: str = "",
    weight: str = "",
    heaviest: int = 0,
    **changes: Any,
) -> list[Any]:
    """Set `changes` on up to `limit` rows that nobody else claims; return their keys in no order. One statement.

    `also` is SQL for a column that is computed from others: "tries = tries + 1".
    `weight` is SQL for the weight of a row: no more rows are claimed once those before weigh `heaviest` together.

    `where` is SQL over the table's own columns. On PostgreSQL rows locked by others are skipped, and `= ANY (ARRAY
    (…))` makes the planner run the inner query once; on SQLite one statement is one transaction.
    """
    connection = database.connection(model)
    table = model._meta.db_table
    postgresql = connection.vendor == "postgresql"
    columns = f"id, {weight} AS weight" if weight else "id"
    inner = f"SELECT {columns} FROM {table} WHERE {where} ORDER BY {order} LIMIT %s"  # noqa: S608
    inner += " FOR UPDATE SKIP LOCKED" if postgresql else ""
    chosen = one_of(model, _lightest(inner, heaviest) if weight else inner)
    names, values = zip(*changes.items(), strict=True)
    assignments = ", ".join([*(f"{name} = %s" for name in names), *([also] if also else [])])
    sql = f"UPDATE {table} SET {assignments} WHERE id {chosen} RETURNING id"  # noqa: S608
    fields = [model._meta.get_field(name) for name in names]
    prepared = [_prepared(field, value, connection) for field, value in zip(fields, values, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*prepared, *params_for(params, connection), limit])
        key = model._meta.pk
        return [key.to_python(row[0]) for row in cursor.fetchall()]


def _lightest(inner: str, heaviest: int) -> str:
    """SQL for the first rows of `inner`, which has their weights."""
    before = "SUM(weight) OVER (ROWS UNBOUNDED PRECEDING) - weight"
    counted = f"SELECT id, {before} AS before FROM ({inner}) AS every"  # noqa: S608
    return f"SELECT id FROM ({counted}) AS counted WHERE before < {heaviest:d}"  # noqa: S608


def one_of(model: type[models.Model], inner: str) -> str:
    """Return SQL that follows a column: it is one of the results of the query `inner`, which runs once."""
    postgresql = database.connection(model).vendor == "postgresql"
    return f"= ANY (ARRAY ({inner}))" if postgresql else f"IN ({inner})"


def update_each(
    model: type[models.Model],
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    assign: str,
    where: str = "TRUE",
    params: Sequence[Any] = (),
    returning: Sequence[str] = ("id",),
) -> list[tuple[Any, ...]]:
    """Run `UPDATE … FROM (VALUES …)`: different values for each row in one statement. Return `returning` of updated
    rows.

    `names` are fields of `model`, the key first. `assign` and `where` are SQL over `t` (the table) and `v` (the
    values).
    """
    rows = list(rows)
    if not rows:
        return []
    connection = database.connection(model)
    source, flat = _source(model, names, rows, connection)
    table = model._meta.db_table
    # SQLite's RETURNING sees only the table, and no alias; PostgreSQL's sees v's columns too and needs an alias
    back = ", ".join(f"t.{name}" if connection.vendor == "postgresql" else name for name in returning)
    columns = ", ".join(names)
    sql = (
        f"WITH v ({columns}) AS ({source}) UPDATE {table} AS t SET {assign} FROM v "  # noqa: S608
        f"WHERE t.id = v.id AND {where} RETURNING {back}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*flat, *params_for(params, connection)])
        return list(cursor.fetchall())


def insert(
    model: type[models.Model],
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    conflict: str = "",
    returning: Sequence[str] = (),
) -> list[tuple[Any, ...]]:
    """Run one INSERT without the BEGIN and COMMIT of `bulk_create`; on SQLite for about 1,000 rows.

    `conflict` is SQL that follows ON CONFLICT; `returning` names columns.
    """
    rows = list(rows)
    if not rows:
        return []
    connection = database.connection(model)
    source, flat = _source(model, names, rows, connection)
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    columns = ", ".join(field.column for field in fields)
    sql = f"INSERT INTO {model._meta.db_table} ({columns}) {source}"
    sql += f" ON CONFLICT {conflict}" if conflict else ""
    sql += f" RETURNING {', '.join(returning)}" if returning else ""
    with connection.cursor() as cursor:
        cursor.execute(sql, flat)
        return list(cursor.fetchall()) if returning else []


def _source(
    model: type[models.Model],
    names: Sequence[str],
    rows: list[Sequence[Any]],
    connection: BaseDatabaseWrapper,
) -> tuple[str, list[Any]]:
    """Return SQL that yields the rows, and its parameters.

    PostgreSQL gets one array per column: the statement has one length for any number of rows, and a column that is all
    NULL has a type. SQLite gets VALUES.
    """
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    if connection.vendor == "postgresql":
        arrays = ", ".join(f"%s::{_column_type(field, connection)}[]" for field in fields)
        columns = zip(*rows, strict=True)
        return f"SELECT * FROM unnest({arrays})", [  # noqa: S608
            [_prepared(field, value, connection) for value in column]
            for field, column in zip(fields, columns, strict=True)
        ]
    one = f"({', '.join(['%s'] * len(fields))})"
    flat = [_prepared(f, value, connection) for row in rows for f, value in zip(fields, row, strict=True)]
    return f"VALUES {', '.join([one] * len(rows))}", flat


_PLAIN = (UUID, str, int, bool, datetime, type(None))


def _prepared(field: Any, value: Any, connection: BaseDatabaseWrapper) -> Any:
    """Return a value as the field writes it; most values need no change on PostgreSQL."""
    if type(value) in _PLAIN and connection.vendor == "postgresql":
        return value
    return field.get_db_prep_save(value, connection)


def _column_type(field: Any, connection: BaseDatabaseWrapper) -> str:
    return (field.rel_db_type(connection) if field.primary_key else field.db_type(connection)) or "text"


def params_for(values: Iterable[Any], connection: BaseDatabaseWrapper) -> list[Any]:
    """Return plain values as this database needs them: datetimes and UUIDs are text in SQLite."""
    return [_adapted(value, connection) for value in values]


def _adapted(value: Any, connection: BaseDatabaseWrapper) -> Any:
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value


def storable(text: str, limit: int | None = None) -> str:
    """Return a provider's text, cut to `limit` characters and without NUL, which PostgreSQL refuses."""
    return text.replace("\0", "\ufffd")[:limit]


def insert_all(objects: Sequence[models.Model], *, ignore_conflicts: bool = False) -> set[Any]:
    """Insert new rows that have keys already (UUIDs), in one statement: twice as fast as `bulk_create` on PostgreSQL.

    Return the keys of the inserted rows, where some may exist already (`ignore_conflicts`). On SQLite this avoids
    Django 5.2's assumption of 999 variables per statement: the limit is 32,766 or more.
    """
    if not objects:
        return set()
    model = type(objects[0])
    fields = [
        field
        for field in model._meta.concrete_fields
        if not isinstance(
            getattr(objects[0], field.attname), DatabaseDefault
        )  # columns that the database fills
    ]
    key: Any = model._meta.pk
    inserted = insert(
        model,
        [field.name for field in fields],
        [[getattr(row, field.attname) for field in fields] for row in objects],
        conflict="DO NOTHING" if ignore_conflicts else "",
        returning=[key.column] if ignore_conflicts else (),
    )
    return {key.to_python(value) for (value,) in inserted}
