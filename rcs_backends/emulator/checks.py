"""The system check rcs_emulator.E001: settings come in, an error goes out where the emulator would be public."""

from collections.abc import Sequence

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error

TAG = "rcs_emulator"


def check_not_in_production(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: object
) -> list[CheckMessage]:
    """Refuse the emulator with DEBUG=False unless `settings.RCS_EMULATOR_ALLOWED is True`.

    Whoever reaches it can read every message sent to it and have webhooks signed with the agents' tokens.
    """
    if settings.DEBUG or getattr(settings, "RCS_EMULATOR_ALLOWED", False) is True:
        return []
    return [
        Error(
            "The RCS emulator is installed although DEBUG is False.",
            hint="Take rcs_backends.emulator out of INSTALLED_APPS, or set RCS_EMULATOR_ALLOWED = True.",
            id="rcs_emulator.E001",
        )
    ]
