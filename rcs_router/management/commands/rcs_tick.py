"""`manage.py rcs_tick`, for cron: sweep once, and wake Celery's workers for what is due."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rcs_router import sql, sweep, wake
from rcs_router.models import Transmission


class Command(BaseCommand):
    help = "Find what is due or was lost and wake Celery's workers for it, where beat does not run."

    def handle(self, *args: Any, **options: Any) -> None:
        now = sql.now(Transmission)
        sweep.note(sweep.BEAT, now)
        with wake.silenced():  # it publishes by itself, and says when the broker cannot be reached
            sweep.run(now)
        if wake_ups := list(sweep.due(now)):
            try:
                wake.publish(wake_ups)
            except Exception as error:  # the broker's many kinds of trouble
                name = type(error).__name__
                raise CommandError(f"Celery's broker cannot be reached ({name}: {error})") from error
