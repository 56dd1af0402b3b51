"""`manage.py rcs_tick`, for cron: one sweep; what is due comes out as messages to Celery's workers."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rcs_router import sql, sweep, tasks
from rcs_router.backends import backends
from rcs_router.models import Transmission


class Command(BaseCommand):
    help = "Find what is due or was lost and ring Celery's workers for it; where beat does not run. Without Celery: rcs_worker --once."

    def handle(self, *args: Any, **options: Any) -> None:
        sweep.tick()
        try:
            self._ring()
        except Exception as error:  # the broker's many kinds of trouble
            raise CommandError(
                f"Celery's broker cannot be reached ({type(error).__name__}: {error})"
            ) from error

    def _ring(self) -> None:
        """By hand, since this process ends before the bell's own thread has rung."""
        now = sql.now(Transmission)
        for alias in backends:
            if sweep.has_due(alias, now):
                _ring(tasks.drain, alias)
            if sweep.to_revoke(alias, now):
                _ring(tasks.revoke, alias)
        if sweep.to_digest(now):
            _ring(tasks.digest)


def _ring(task: Any, *args: str) -> None:
    task.apply_async(args, expires=60, retry=False)
