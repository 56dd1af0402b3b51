"""The rows of configured backends are made after migrations, where the router's tables are."""

from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.sql import emit_post_migrate_signal

from rcs_router.models import Backend

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


class Elsewhere:
    """A database router: the router's tables are in no database that is migrated now."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if app_label == "rcs_router" else None


def test_every_alias_gets_its_row_once() -> None:
    for _ in range(2):
        emit_post_migrate_signal(0, False, "default")
    assert sorted(Backend.objects.values_list("pk", flat=True)) == ["alone", "rcs", "sms"]


def test_a_database_without_our_tables_is_left_alone(settings: Any) -> None:
    settings.DATABASE_ROUTERS = [Elsewhere()]
    emit_post_migrate_signal(0, False, "default")
    assert not Backend.objects.exists()


def test_the_migrations_can_be_undone() -> None:
    try:
        call_command("migrate", "rcs_router", "zero", verbosity=0)
    finally:
        call_command("migrate", "rcs_router", verbosity=0)
    assert Backend.objects.count() == 3
