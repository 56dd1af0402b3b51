"""The Django app: creates the rows of configured backends after a migration, and registers the system checks."""

from typing import Any

from django.apps import AppConfig
from django.apps import apps as global_apps
from django.apps.registry import Apps
from django.core import checks
from django.db.models.signals import post_migrate


class RCSRouterConfig(AppConfig):
    name = "rcs_router"
    verbose_name = "RCS router"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from rcs_router.alarms import receivers
        from rcs_router.checks import CHECKS, DEPLOY_CHECKS

        receivers.connect()
        for check in CHECKS:
            checks.register(check)
        for check in DEPLOY_CHECKS:
            checks.register(check, deploy=True)
        post_migrate.connect(_make_backend_rows, sender=self)


def _make_backend_rows(*, using: str, apps: Apps = global_apps, **kwargs: Any) -> None:
    """Create the rows. `apps`: the models as migrated; ours are missing when their migrations were reversed."""
    from rcs_router import database
    from rcs_router.backends import backends

    try:
        Backend = apps.get_model("rcs_router", "Backend")
    except LookupError:
        return
    if database.holds(Backend, using):
        rows = [Backend(name=alias) for alias in backends]
        Backend._default_manager.using(using).bulk_create(rows, ignore_conflicts=True)
