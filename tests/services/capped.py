"""Settings of processes that send promotions at the same time, with caps and without a network."""

from tests.services.settings import *  # noqa: F403

MEMORY = {"OPTIONS": {"timeout": 1.0}}
RCS_BACKENDS = {
    "rcs": {"BACKEND": "rcs_router.testing.MemoryBackend", "FALLBACK": ["sms"], **MEMORY},
    "sms": {"BACKEND": "rcs_router.testing.MemorySMS", **MEMORY},
}
RCS_ROUTER = {"CAPS": ["2/d", "3/w"], "WAKE": False, "LEASE": 5.0, "SLOTS": 4, "CLAIM": 10, "THREADS": 4}
