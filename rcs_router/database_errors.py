"""Tell temporary faults of the database from faults of one row, and say how long to wait for the database."""

import re
from datetime import datetime, timedelta

from django.apps import apps
from django.db import IntegrityError, InterfaceError, InternalError, NotSupportedError, OperationalError
from django.db.utils import ProgrammingError

SHORTEST, LONGEST = timedelta(seconds=1), timedelta(seconds=30)
_PASSES = (OperationalError, InterfaceError, InternalError, NotSupportedError)
_NOT_NULL = "23502"  # PostgreSQL's SQLSTATE


def database_trouble(error: BaseException) -> str:
    """Return the kind of temporary fault, for the log; empty if the row or our code is at fault.

    A missing column or table is temporary: a migration is running. So is a NOT NULL column that this release does not
    know. Django's own ProgrammingErrors, which no database raised, are bugs.
    """
    if isinstance(error, _PASSES) or (isinstance(error, ProgrammingError) and error.__cause__ is not None):
        return kind(error)
    if isinstance(error, IntegrityError) and _lacks_unknown_column(error):
        return f"{kind(error)}, a column of another release"
    return ""


def kind(error: BaseException) -> str:
    """Return the error's class, with the SQLSTATE if there is one."""
    state = _sqlstate(error)
    return f"{type(error).__name__} {state}" if state else type(error).__name__


def pause(age: timedelta, longest: timedelta = LONGEST) -> timedelta:
    """Return how long to wait before the next try for something received `age` ago; each wait is half as long again."""
    return min(max(age / 2, SHORTEST), longest)


def pause_since(came: datetime, now: datetime, longest: timedelta = LONGEST) -> timedelta:
    """Return the same for something received at `came`."""
    return pause(now - came, longest)


def _sqlstate(error: BaseException) -> str:
    cause = error.__cause__
    return str(getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or "")


def _lacks_unknown_column(error: IntegrityError) -> bool:
    """Return True if a column is missing a value, and the models of this release do not have the column."""
    table, column = _missing(error)
    if not column:
        return False
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.db_table == table]
    return not any(column == field.column for model in models for field in model._meta.concrete_fields)


def _missing(error: IntegrityError) -> tuple[str, str]:
    """Return the table and column of a NOT NULL violation."""
    if _sqlstate(error) == _NOT_NULL:
        diagnosis = getattr(error.__cause__, "diag", None)
        return getattr(diagnosis, "table_name", "") or "", getattr(diagnosis, "column_name", "") or ""
    found = re.fullmatch(r"NOT NULL constraint failed: (\w+)\.(\w+)", str(error))
    return (found[1], found[2]) if found else ("", "")
