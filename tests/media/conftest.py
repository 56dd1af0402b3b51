"""A provider of files, a storage in memory, and a router that fetches from this machine."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.storage import storages

from rcs_router.testing.stub import Stub
from tests.core import BACKENDS, ROUTER

IN_MEMORY = {"BACKEND": "django.core.files.storage.InMemoryStorage", "OPTIONS": {"base_url": "/received/"}}
MEDIA = ROUTER | {
    "MEDIA_FETCH": True,
    "MEDIA_STORAGE": "received",
    "MEDIA_ALLOW_PRIVATE": True,
    "MEDIA_MAX_BYTES": 100_000,
    "MEDIA_TIMEOUT": 10,
}


@pytest.fixture
def stub() -> Iterator[Stub]:
    made = Stub()
    yield made
    made.close()


@pytest.fixture
def received(settings: Any) -> Any:
    """Settings that fetch; the storage is empty."""
    settings.RCS_BACKENDS = BACKENDS
    settings.RCS_ROUTER = MEDIA
    settings.STORAGES = settings.STORAGES | {"received": IN_MEMORY}
    return settings


@pytest.fixture
def storage(received: Any) -> Any:
    return storages["received"]
