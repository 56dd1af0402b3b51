"""System checks of DATABASE_ROUTERS: tables spread over databases, made nowhere, and foreign keys that cross."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import models

from rcs_router import database
from rcs_router.checks.databases import check_databases
from rcs_router.models import Message

from . import databases

OURS = "rcs_router"


class Puts:
    """Some models into `rcs`, by label of their app or by name; all others into `default`."""

    def __init__(self, *names: str, migrates: bool = True) -> None:
        self.names, self.migrates = names, migrates

    def db_for_read(self, model: Any, **hints: Any) -> str:
        there = model._meta.app_label in self.names or model._meta.model_name in self.names
        return "rcs" if there else "default"

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return self.migrates


class Elsewhere(Puts):
    """A database that is not configured."""

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "typo"


@pytest.fixture
def rcs(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a database `rcs`; a check asks none."""
    monkeypatch.setattr(database, "is_configured", lambda alias: alias in {"default", "rcs"})


TABLE: list[tuple[list[Any], list[str]]] = [
    ([], []),
    ([databases.Apart()], []),
    ([databases.Replica()], []),
    ([databases.ApartWithReplica()], []),
    ([Puts("message")], ["E204"]),
    ([Puts("message", "transmission", "tally")], ["E204"]),
    ([Puts(OURS, migrates=False)], ["E205"]),
    ([Puts("admin")], ["E206"]),
    ([Puts(OURS, "admin")], ["E206"]),
    ([Puts("auth")], ["E206"]),
    ([Puts("admin", "auth", "contenttypes")], []),
    ([Elsewhere()], ["E207"]),
]


@pytest.mark.parametrize(("routers", "wanted"), TABLE)
def test_routers(settings: Any, rcs: None, routers: list[Any], wanted: list[str]) -> None:
    settings.DATABASE_ROUTERS = routers
    found = {str(message.id).removeprefix("rcs_router.") for message in check_databases()}
    assert found - ({"E206"} if wanted == ["E204"] else set()) == set(wanted)
    assert all(message.hint for message in check_databases())


@pytest.mark.parametrize(("constraint", "wanted"), [(True, ["rcs_router.E206"]), (False, [])])
def test_a_model_of_the_project_that_refers_to_ours(
    settings: Any, rcs: None, monkeypatch: pytest.MonkeyPatch, constraint: bool, wanted: list[str]
) -> None:
    class Order(models.Model):
        message = models.ForeignKey(
            Message, on_delete=models.CASCADE, db_constraint=constraint, related_name="+"
        )

        class Meta:
            app_label = "shop"

        def __str__(self) -> str:
            return "order"

    settings.DATABASE_ROUTERS = [databases.Apart()]
    try:
        with monkeypatch.context() as patch:
            patch.setattr(apps, "get_models", lambda **options: [Order, User])
            assert [message.id for message in check_databases()] == wanted
    finally:
        del apps.all_models["shop"]
        apps.clear_cache()
