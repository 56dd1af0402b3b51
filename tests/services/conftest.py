"""The whole system as separate processes, on one PostgreSQL database and one broker."""

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.db import connection

from tests.services.processes import Process, free_port, listens, python, redis, wait_until


@dataclass
class System:
    """Web server with webhooks and emulator, beat, and workers that may be killed."""

    broker: str
    port: int = field(default_factory=free_port)
    account: str = "{}"
    kannel: str = ""
    queue: str = field(default_factory=lambda: f"rcs-{uuid.uuid4().hex[:8]}")
    running: list[Process] = field(default_factory=list)

    @property
    def emulator(self) -> str:
        return f"http://127.0.0.1:{self.port}/emulator"

    def env(self) -> dict[str, str]:
        settings = connection.settings_dict
        url = f"postgresql://{settings['USER']}@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"
        env = {
            "RCS_TEST_DATABASE": url,
            "RCS_BROKER": self.broker,
            "RCS_QUEUE": self.queue,
            "RCS_WEB_PORT": str(self.port),
            "RCS_SERVICE_ACCOUNT": self.account,
        }
        return env | ({"RCS_KANNEL": self.kannel} if self.kannel else {})

    def start(self, *args: str) -> Process:
        process = python(*args, **self.env())
        self.running.append(process)
        return process

    def web(self) -> None:
        self.start("-m", "tests.services.web")
        wait_until(lambda: listens(self.port), "the web server")
        self.account = requests.get(f"{self.emulator}/google/service-account.json", timeout=5).text

    def worker(self) -> Process:
        return self.start(
            "-m",
            "celery",
            "-A",
            "tests.services.celery",
            "worker",
            "-c",
            "2",
            "--loglevel",
            "INFO",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        )

    def beat(self) -> Process:
        return self.start(
            "-m", "celery", "-A", "tests.services.celery", "beat", "-s", f"/tmp/{self.queue}-beat"
        )

    def get(self, path: str) -> Any:
        return requests.get(f"{self.emulator}/{path}", timeout=10).json()

    def post(self, path: str, **data: Any) -> Any:
        answer = requests.post(f"{self.emulator}/{path}", json=data, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def close(self) -> None:
        for process in reversed(self.running):
            process.kill()


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
    except BaseException:
        for process in made.running:
            print(process.popen.args, process.output()[-3000:])
        raise
    finally:
        made.close()


def same_settings(system: System, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process sends with the settings that the workers have, and rings the same broker."""
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
