"""Django's handle on the router: makes the rows of configured backends, and registers the system checks."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RCSRouterConfig(AppConfig):
    name = "rcs_router"
    verbose_name = "RCS router"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(_make_backend_rows, sender=self)


def _make_backend_rows(*, using: str, **kwargs: Any) -> None:
    from rcs_router.backends import backends
    from rcs_router.models import Backend

    Backend.objects.using(using).bulk_create([Backend(alias) for alias in backends], ignore_conflicts=True)
