"""Settings of the processes of the intake tests: no network, and apps and a backend that misbehave."""

from tests.services.settings import *  # noqa: F403

RCS_BACKENDS = {
    "rcs": {"BACKEND": "tests.services.deadly.Deadly"},
    "sms": {"BACKEND": "rcs_router.testing.MemorySMS"},
}
RCS_ROUTER = {
    "APPS": ["tests.services.deadly.Difficult", "tests.services.deadly.Greeter"],
    "APP_TIMEOUT": 1,
    "WAKE": False,
    "MEDIA_FETCH": False,
    "ANSWERS_A_MINUTE": 100_000,
}
