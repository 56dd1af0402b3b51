"""Fixtures of the service tests: a broker, and the whole system on it."""

import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

from tests.services.processes import redis
from tests.services.system import System


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis() as url:
        yield url


@pytest.fixture
def system(
    request: pytest.FixtureRequest, transactional_db: None, settings: Any, monkeypatch: Any
) -> Iterator[System]:
    """The system on the broker that the test's parameter names: redis (default) or rabbitmq."""
    assert connection.vendor == "postgresql", "run the service tests with `make services-test`"
    name = getattr(request, "param", "redis")
    broker = (
        request.getfixturevalue("redis_url") if name == "redis" else "amqp://guest:guest@127.0.0.1:5672//"
    )
    made = System(broker)
    made.web()
    same_settings(made, settings, monkeypatch)
    try:
        yield made
    finally:
        made.print_logs()  # pytest shows it where the test has failed
        made.close()


def same_settings(system: System, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give this process the settings of the workers, so that what it sends wakes them through their broker."""
    import importlib

    import tests.services.celery as celery_module
    import tests.services.settings as theirs

    for key, value in system.env().items():
        monkeypatch.setenv(key, value)
    theirs = importlib.reload(theirs)
    settings.RCS_BACKENDS, settings.RCS_ROUTER = theirs.RCS_BACKENDS, theirs.RCS_ROUTER
    celery_module.app.conf.update(broker_url=system.broker, task_default_queue=system.queue)
    celery_module.app.set_default()
    assert json.loads(os.environ["RCS_SERVICE_ACCOUNT"])["type"] == "service_account"
    assert urlsplit(system.broker).scheme in {"redis", "amqp"}
