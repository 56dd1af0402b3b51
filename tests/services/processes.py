"""Servers and workers that the service tests start for themselves, on free ports and in temporary folders."""

import glob
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[2]
FAST = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]


def free_port() -> int:
    """Return a port on which nothing listens.

    It is lower than the ports that the system gives to outgoing connections: one of those may be taken again, by
    whatever runs beside this test, before the server that it is meant for has started.
    """
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with socket.socket() as s, suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 60, every: float = 0.05) -> Any:
    """Return the first true answer of `condition`. Raises AssertionError that names `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(every)
    return answer


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
    except OSError:
        return False
    return True


class Process:
    """A process and its children, in a group of their own, with its output in a file."""

    def __init__(
        self, *command: str, env: dict[str, str] | None = None, user: str = "", cwd: Path = HERE
    ) -> None:
        self.log = tempfile.NamedTemporaryFile("w+", prefix="rcs-", suffix=".log", delete=False)  # noqa: SIM115
        account: dict[str, Any] = {}
        if user and os.getuid() == 0:
            entry = pwd.getpwnam(user)
            account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        self.popen = subprocess.Popen(
            command,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            **account,
        )

    def kill(self) -> None:
        """Kill the process and its children with SIGKILL."""
        if self.popen.poll() is None:
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait(30)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        if self.popen.poll() is None:
            self.popen.send_signal(how)
            try:
                self.popen.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        return int(self.popen.returncode)

    def output(self) -> str:
        return Path(self.log.name).read_text(errors="replace")

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()


class PostgreSQL:
    """A cluster of our own, so that it can be stopped and killed. `url` names its database.

    Not `durable`: it does not wait for the disk. It survives the death of its processes, but not of the machine.
    """

    def __init__(self, durable: bool = True) -> None:
        self.options = ["max_connections=200"] if durable else ["max_connections=200", *FAST]
        binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        assert binaries, "PostgreSQL is not installed: run .ci/services"
        self.bin = Path(binaries[-1])
        self.user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        self.folder = Path(tempfile.mkdtemp(prefix="rcs-pg-"))
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.port = free_port()
        cluster = f"-D {self.folder}/data -U postgres -A trust -E UTF8 --locale=C --no-sync"
        self._run("initdb", *cluster.split())
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = (
            f"-D {self.folder}/data -p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder}".split()
        )
        options += [part for option in self.options for part in ("-c", option)]
        self.server = Process(str(self.bin / "postgres"), *options, user=self.user, cwd=self.folder)
        wait_until(self.answers, "PostgreSQL to start")

    def answers(self) -> bool:
        ready = [str(self.bin / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port), "-q"]
        return subprocess.run(ready, check=False).returncode == 0

    def close(self) -> None:
        self.server.stop(signal.SIGINT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, command: str, *args: str) -> None:
        with Process(str(self.bin / command), *args, user=self.user, cwd=self.folder) as process:
            assert process.popen.wait(120) == 0, process.output()


@contextmanager
def redis() -> Iterator[str]:
    """Run a Redis that stores nothing on disk. Yields its URL as a broker."""
    port = free_port()
    with Process(
        "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"
    ):
        wait_until(lambda: listens(port), "Redis to start")
        yield f"redis://127.0.0.1:{port}/0"


def python(*args: str, cwd: Path = HERE, **env: str) -> Process:
    """Start a Python of the same environment, with the test settings."""
    env = {"DJANGO_SETTINGS_MODULE": "tests.services.settings", **env}
    return Process(sys.executable, *args, env=env, cwd=cwd)
