"""Entries for Celery beat: `app.conf.beat_schedule = {**BEAT_SCHEDULE, …}`."""

BEAT_SCHEDULE = {
    "rcs_router.tick": {
        "task": "rcs_router.tick",
        "schedule": 1.0,  # seconds; several beats at once do no harm
        "options": {"expires": 5},  # a tick that waited this long is replaced by the next
    },
}
