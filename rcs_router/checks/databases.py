"""Check DATABASES and DATABASE_ROUTERS: all tables of the router must be in one database."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage
from django.db import models

from rcs_router import database
from rcs_router.checks.ids import found


def check_databases(**kwargs: object) -> list[CheckMessage]:
    """Check that one configured database holds all tables of the router, and that no foreign key crosses to another."""
    return [*_tables(), *_foreign_keys()]


def _tables() -> Iterator[CheckMessage]:
    where: dict[str, list[type[models.Model]]] = defaultdict(list)
    for model in apps.get_app_config("rcs_router").get_models():
        where[database.alias(model)].append(model)
    for alias in where:
        if not database.is_configured(alias):
            yield found(
                "E207", f"DATABASE_ROUTERS puts the router's tables into {alias!r}, which is not in DATABASES"
            )
            return
    if len(where) > 1:
        parts = "; ".join(f"{alias!r}: {_listed(group)}" for alias, group in where.items())
        yield found("E204", f"DATABASE_ROUTERS spreads the router's tables over several databases ({parts})")
    for alias, group in where.items():
        if missing := [model for model in group if not database.holds(model, alias)]:
            yield found("E205", f"allow_migrate() creates no table in {alias!r} for {_listed(missing)}")


def _listed(group: list[type[models.Model]]) -> str:
    names = [model.__name__ for model in group]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _foreign_keys() -> Iterator[CheckMessage]:
    for model in apps.get_models(include_auto_created=True):
        if not model._meta.managed or model._meta.proxy:
            continue
        for field in model._meta.local_concrete_fields:
            if _crosses_databases(model, field):
                to: Any = field.related_model
                yield found(
                    "E206",
                    f"{model._meta.label}.{field.name} in {database.alias(model)!r} refers to {to._meta.label} "
                    f"in {database.alias(to)!r}",
                )


def _crosses_databases(model: type[models.Model], field: Any) -> bool:
    """Return True if a foreign key constraint of the router's tables, or of the admin's log, crosses two databases."""
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
