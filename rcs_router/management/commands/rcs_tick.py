"""`manage.py rcs_tick`, for cron: sweep once, and wake Celery's workers for due work."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rcs_router import sql, sweep, wake
from rcs_router.models import Transmission


class Command(BaseCommand):
    help = "Find due and lost work once and wake Celery's workers for it. For cron, where beat does not run."

    def handle(self, *args: Any, **options: Any) -> None:
        now = sql.now(Transmission)
        sweep.note(sweep.BEAT, now)
        with wake.silenced():  # the wake-ups are published below, where an unreachable broker is an error
            sweep.run(now)
        if wake_ups := list(sweep.due(now)):
            try:
                wake.publish(wake_ups)
            except Exception as error:  # brokers raise errors of many classes
                name = type(error).__name__
                raise CommandError(f"Celery's broker cannot be reached ({name}: {error})") from error
