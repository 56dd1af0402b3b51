"""`manage.py rcs_tick`, for cron: one sweep; what is due comes out as messages to Celery's workers."""

from collections.abc import Iterator
from typing import Any

from celery import current_app
from django.core.management.base import BaseCommand, CommandError

from rcs_router import sql, sweep, tasks
from rcs_router.backends import backends
from rcs_router.models import Transmission

PATIENCE = 5.0  # seconds to wait for the broker: the next run of cron tries again


class Command(BaseCommand):
    help = "Find what is due or was lost and ring Celery's workers for it, where beat does not run."

    def handle(self, *args: Any, **options: Any) -> None:
        sweep.tick()
        if bells := list(_bells()):
            try:
                _ring(bells)
            except Exception as error:  # the broker's many kinds of trouble
                raise CommandError(
                    f"Celery's broker cannot be reached ({type(error).__name__}: {error})"
                ) from error


def _bells() -> Iterator[tuple[Any, list[str]]]:
    """The tasks that have something to do, and their arguments."""
    now = sql.now(Transmission)
    for alias in backends:
        if sweep.has_due(alias, now):
            yield tasks.drain, [alias]
        if sweep.to_revoke(alias, now):
            yield tasks.revoke, [alias]
    if sweep.to_digest(now):
        yield tasks.digest, []


def _ring(bells: list[tuple[Any, list[str]]]) -> None:
    """Here and now, since this process ends before the thread of `wake` has rung."""
    with current_app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, timeout=PATIENCE)
        for task, arguments in bells:
            task.apply_async(arguments, connection=connection, expires=60, retry=False)
