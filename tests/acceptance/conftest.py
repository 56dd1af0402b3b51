"""The stage that the acceptance tests play on: one web server for all, an empty world and database for each."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from google.auth.crypt import RSASigner

from rcs_backends.emulator import server
from rcs_backends.emulator.state import world
from tests.acceptance.stage import DEADLINE, QUICK, Gate, Stage


@pytest.fixture(scope="session", autouse=True)
def one_key() -> Iterator[None]:
    """Load the emulator's private key once: it takes 30 ms, and each test has backends of its own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(RSASigner, "from_string", staticmethod(cache(RSASigner.from_string)))
        yield


@pytest.fixture(scope="session")
def web() -> Iterator[tuple[str, Gate]]:
    gate = Gate(server.with_static_files(get_wsgi_application()))
    with server.start(application=gate) as running:
        yield running.url, gate


@pytest.fixture
def stage(
    request: pytest.FixtureRequest,
    web: tuple[str, Gate],
    transactional_db: None,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stage]:
    """Never a 500 to a provider, whatever a test does. Parametrized (indirectly) by the wires for RCS and SMS."""
    url, gate = web
    world.forget(config=True)
    gate.told.clear()
    gate.is_open = True
    made = Stage(url, gate, {}, *getattr(request, "param", ()))
    monkeypatch.setattr(world, "after", made.soon.after)
    made.account = made.emulator.get("google/service-account.json")
    settings.RCS_BACKENDS = made.backends()
    settings.RCS_ROUTER = QUICK | {"PUBLIC_URL": made.public_url}
    made.dial(**made.dials())
    made.phone()
    yield made
    gate.is_open = False
    world.forget(config=True)
    assert world.wait_for(lambda: not gate.active, DEADLINE)
    assert 500 not in made.statuses()
