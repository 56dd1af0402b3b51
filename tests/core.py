"""Settings and small steps that the tests of the router share."""

from typing import Any

from rcs_router import lookup_connections, send
from rcs_router.backends import backends
from rcs_router.models import Connection, Message, Transmission
from rcs_router.outbox import drain as drain_module
from rcs_router.testing import MemoryBackend

ALICE = "+37255501234"
BOB = "+37255501235"
CAROL = "+37255501236"

BACKENDS: dict[str, Any] = {
    "rcs": {"BACKEND": "rcs_router.testing.MemoryBackend", "FALLBACK": ["sms"]},
    "sms": {"BACKEND": "rcs_router.testing.MemorySMS"},
    "alone": {"BACKEND": "rcs_router.testing.MemoryBackend"},
}
ROUTER: dict[str, Any] = {
    "WAKE": False,
    "RETRY_JITTER": 0,
    "RETRY_DELAYS": [0, 0, 0],
    "FALLBACK_GRACE": 0,
    "MEDIA_FETCH": False,
}


def memory(alias: str = "rcs") -> MemoryBackend:
    backend = backends[alias]
    assert isinstance(backend, MemoryBackend)
    return backend


def connection(number: str = ALICE, alias: str = "rcs") -> Connection:
    return lookup_connections(alias, [number])[0]


def sent_to(alias: str = "rcs", number: str = ALICE, content: Any = "Hello", **options: Any) -> Transmission:
    """A message that waits for its first drain."""
    message: Message = send(content, connection(number, alias), **options)
    return message.transmissions.get()


def drain(*aliases: str) -> None:
    for alias in aliases or ("rcs", "sms", "alone"):
        drain_module.drain(alias, budget=5)
