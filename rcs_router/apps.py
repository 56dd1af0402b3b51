"""Django's handle on the router: registers the system checks."""

from django.apps import AppConfig


class RCSRouterConfig(AppConfig):
    name = "rcs_router"
    verbose_name = "RCS router"
    default_auto_field = "django.db.models.BigAutoField"
