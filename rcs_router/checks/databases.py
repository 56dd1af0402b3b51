"""DATABASES and DATABASE_ROUTERS in; what would keep the router's tables from standing in one database out."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage
from django.db import models

from rcs_router import database
from rcs_router.checks.ids import found


def check_databases(**kwargs: object) -> list[CheckMessage]:
    """One database that is configured, holds all of the router's tables, and that no foreign key leaves or enters."""
    return [*_tables(), *_foreign_keys()]


def _tables() -> Iterator[CheckMessage]:
    where: dict[str, list[type[models.Model]]] = defaultdict(list)
    for model in apps.get_app_config("rcs_router").get_models():
        where[database.alias(model)].append(model)
    for alias in where:
        if not database.is_configured(alias):
            yield found("E207", f"DATABASE_ROUTERS puts the router's tables into {alias!r}")
            return
    if len(where) > 1:
        parts = "; ".join(f"{alias!r}: {_listed(them)}" for alias, them in where.items())
        yield found("E204", f"DATABASE_ROUTERS spreads the router's tables ({parts})")
    for alias, them in where.items():
        if missing := [model for model in them if not database.holds(model, alias)]:
            yield found("E205", f"allow_migrate() makes no table in {alias!r} for {_listed(missing)}")


def _listed(them: list[type[models.Model]]) -> str:
    names = [model.__name__ for model in them]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _foreign_keys() -> Iterator[CheckMessage]:
    for model in apps.get_models(include_auto_created=True):
        if not model._meta.managed or model._meta.proxy:
            continue
        for field in model._meta.local_concrete_fields:
            if _crosses(model, field):
                to: Any = field.related_model
                yield found(
                    "E206",
                    f"{model._meta.label}.{field.name} in {database.alias(model)!r} refers to {to._meta.label} "
                    f"in {database.alias(to)!r}",
                )


def _crosses(model: type[models.Model], field: Any) -> bool:
    """Does a constraint of ours, or of the log that our admin writes, lead from one database into another?"""
    to = field.related_model
    if not (isinstance(to, type) and issubclass(to, models.Model)) or not getattr(
        field, "db_constraint", False
    ):
        return False
    concerned = model._meta.label == "admin.LogEntry" or "rcs_router" in {
        model._meta.app_label,
        to._meta.app_label,
    }
    return concerned and database.alias(model) != database.alias(to)
