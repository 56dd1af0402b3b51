"""Settings of processes that fetch files from hosts that never answer, and ask a slow provider what phones can do."""

from tests.services.settings import *  # noqa: F403
from tests.services.settings import RCS_BACKENDS, RCS_ROUTER

RCS_ROUTER = {**RCS_ROUTER, "MEDIA_ALLOW_PRIVATE": True, "MEDIA_TIMEOUT": 600.0}  # longer than a test
RCS_BACKENDS["acme"]["OPTIONS"]["timeout"] = 4.5
RCS_ROUTER["LEASE"] = 10.0
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {"rcs_check": "10000/min", "rcs_send": "10000/min"}}
