"""The socket stub, fresh connections for every test, and a log in which no secret may appear."""

from collections.abc import Iterator

import pytest

from rcs_backends import connection
from tests.backends.stub import Stub


@pytest.fixture
def stub() -> Iterator[Stub]:
    server = Stub()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def fresh_connections() -> Iterator[None]:
    yield
    if connection._thread.adapter:
        connection._thread.adapter.close()
    connection._thread.adapter = None
