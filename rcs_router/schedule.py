"""Celery beat's entries: `app.conf.beat_schedule = {**BEAT_SCHEDULE, …}`."""

BEAT_SCHEDULE = {
    "rcs_router.tick": {
        "task": "rcs_router.tick",
        "schedule": 1.0,  # seconds; many beats at once do no harm
        "options": {"expires": 5},  # a tick that waited is replaced by the next
    },
}
