"""Django's handle on the emulator: registers the check that keeps it out of production."""

from django.apps import AppConfig
from django.core.checks import register


class EmulatorConfig(AppConfig):
    name = "rcs_backends.emulator"
    label = "rcs_emulator"
    verbose_name = "RCS emulator"

    def ready(self) -> None:
        from rcs_backends.emulator.gate import TAG, check_not_in_production

        register(check_not_in_production, TAG)
