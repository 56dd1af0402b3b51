"""The three scripted apps are installed in every test here."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.core import BACKENDS, ROUTER
from tests.phases import apps


@pytest.fixture(autouse=True)
def scripted(settings: Any) -> Iterator[None]:
    settings.RCS_BACKENDS = BACKENDS
    settings.RCS_ROUTER = ROUTER | {"APPS": apps.PATHS}
    apps.forget()
    yield
    apps.forget()
