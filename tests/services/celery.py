"""The Celery app of the service tests: `celery -A tests.services.celery worker`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.services.settings")

from rcs_router.schedule import BEAT_SCHEDULE

app = Celery("services", broker=os.environ.get("RCS_BROKER", "memory://"))
app.conf.update(
    beat_schedule=BEAT_SCHEDULE,
    task_default_queue=os.environ.get("RCS_QUEUE", "celery"),
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)
app.autodiscover_tasks(["rcs_router"])
