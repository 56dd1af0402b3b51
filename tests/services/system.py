"""The whole system as separate processes, on one PostgreSQL database and one broker."""

import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from django.db import connection

from tests.services.processes import HERE, Process, free_port, listens, python, wait_until


@dataclass
class System:
    """Web server with webhooks and emulator, beat, and workers that may be killed."""

    broker: str
    port: int = field(default_factory=free_port)
    account: str = "{}"
    kannel: str = ""
    database: str = ""  # its URL; empty: the one that this process is connected to
    settings: str = "tests.services.settings"
    queue: str = field(default_factory=lambda: f"rcs-{uuid.uuid4().hex[:8]}")
    running: list[Process] = field(default_factory=list)

    @property
    def emulator(self) -> str:
        return f"http://127.0.0.1:{self.port}/emulator"

    def env(self) -> dict[str, str]:
        env = {
            "DJANGO_SETTINGS_MODULE": self.settings,
            "RCS_TEST_DATABASE": self.database or _connected(),
            "RCS_BROKER": self.broker,
            "RCS_QUEUE": self.queue,
            "RCS_WEB_PORT": str(self.port),
            "RCS_SERVICE_ACCOUNT": self.account,
        }
        return env | ({"RCS_KANNEL": self.kannel} if self.kannel else {})

    def start(self, *args: str, cwd: Path = HERE, **env: str) -> Process:
        """Start a Python of the same environment. `cwd`: the folder whose code it imports."""
        process = python(*args, cwd=cwd, **self.env() | env)
        self.running.append(process)
        return process

    def web(self) -> None:
        self.start("-m", "tests.services.web")
        wait_until(lambda: listens(self.port), "the web server")
        self.account = requests.get(f"{self.emulator}/google/service-account.json", timeout=5).text

    def worker(self, cwd: Path = HERE) -> Process:
        quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
        return self._celery("worker", "-c", "2", "--loglevel", "INFO", *quiet, cwd=cwd)

    def beat(self, cwd: Path = HERE) -> Process:
        return self._celery("beat", "-s", f"/tmp/{self.queue}-beat", cwd=cwd)

    def _celery(self, *args: str, cwd: Path) -> Process:
        return self.start("-m", "celery", "-A", "tests.services.celery", *args, cwd=cwd)

    def get(self, path: str) -> Any:
        return requests.get(f"{self.emulator}/{path}", timeout=10).json()

    def post(self, path: str, **data: Any) -> Any:
        answer = requests.post(f"{self.emulator}/{path}", json=data, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def delete(self, path: str) -> None:
        requests.delete(f"{self.emulator}/{path}", timeout=10).raise_for_status()

    def print_logs(self) -> None:
        """Print the end of the output of each process."""
        for process in self.running:
            print(process.popen.args, process.output()[-3000:], sep="\n")

    def close(self) -> None:
        for process in reversed(self.running):
            process.kill()


def _connected() -> str:
    settings = connection.settings_dict
    return f"postgresql://{settings['USER']}@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"
