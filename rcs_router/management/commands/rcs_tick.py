"""`manage.py rcs_tick`, for cron: one sweep; what is due comes out as messages to Celery's workers."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rcs_router import sql, sweep, wake
from rcs_router.models import Transmission


class Command(BaseCommand):
    help = "Find what is due or was lost and ring Celery's workers for it, where beat does not run."

    def handle(self, *args: Any, **options: Any) -> None:
        now = sql.now(Transmission)
        with wake.silenced():  # it publishes by itself, because it ends before a thread would
            sweep.mend(now)
        if bells := list(sweep.due(now)):
            try:
                wake.publish(bells)
            except Exception as error:  # the broker's many kinds of trouble
                name = type(error).__name__
                raise CommandError(f"Celery's broker cannot be reached ({name}: {error})") from error
