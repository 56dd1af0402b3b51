"""The Celery application. Start a worker with `celery -A example_project worker`, and beat with `… beat`."""

import os

from celery import Celery

from rcs_router.schedule import BEAT_SCHEDULE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")

app = Celery("example_project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = {**BEAT_SCHEDULE}
app.autodiscover_tasks()
