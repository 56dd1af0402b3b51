"""The system check rcs_emulator.E001: an error where the emulator would be public."""

from collections.abc import Sequence

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error

from rcs_backends.emulator.gate import is_allowed

TAG = "rcs_emulator"


def check_not_in_production(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: object
) -> list[CheckMessage]:
    """Refuse the emulator with DEBUG=False unless `settings.RCS_EMULATOR_ALLOWED is True`.

    Whoever reaches it can read every message sent to it and have webhooks signed with the agents' tokens. It turns
    every request away by itself, too (`gate`): a web server runs no checks.
    """
    if is_allowed():
        return []
    return [
        Error(
            "The RCS emulator is installed although DEBUG is False.",
            hint="Take rcs_backends.emulator out of INSTALLED_APPS, or set RCS_EMULATOR_ALLOWED = True.",
            id="rcs_emulator.E001",
        )
    ]
