"""Two releases on one database: run the processes of each with one emulator, and read the tables."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.services.processes import HERE, Process, free_port, listens, wait_until
from tests.services.system import System

SEND = """
import sys, django
django.setup()
from rcs_router import lookup_connections, send
alias, text, *numbers = sys.argv[1:]
for number in numbers:
    send(text, lookup_connections(alias, [number]))
"""
RECEIVE = """
import sys, django
django.setup()
from rcs_router import lookup_connections, receive
alias, text, *numbers = sys.argv[1:]
for connection in lookup_connections(alias, numbers):
    receive(text, connection)
"""
MO = "secret=kannel-secret&from=%p&to=%P&text=%b&charset=%C&coding=%c&sms_id=%I&at=%T"
TROUBLE = """
SELECT 'webhook', id::text, note FROM rcs_router_storedwebhook WHERE digested_at IS NOT NULL AND note <> ''
UNION ALL
SELECT 'message', id::text, errors::text FROM rcs_router_message WHERE errors::text <> '[]'
UNION ALL
SELECT 'transmission', id::text, reason FROM rcs_router_transmission WHERE status BETWEEN 30 AND 50
"""
OPEN = """
SELECT (SELECT count(*) FROM rcs_router_storedwebhook WHERE digested_at IS NULL)
     + (SELECT count(*) FROM rcs_router_message WHERE direction = 'in' AND routed_at IS NULL)
     + (SELECT count(*) FROM rcs_router_transmission WHERE status < 80 AND status NOT BETWEEN 30 AND 50)
"""


@dataclass
class Releases:
    """A database of its own, and processes on it; each is started from the folder of its release."""

    system: System
    intake: int = 0  # the port that providers post to

    def run(self, code: Path, *args: str) -> str:
        """Run a Python of this release to its end and return its output. Raises AssertionError when it fails."""
        process = self.system.start(*args, cwd=code)
        assert process.popen.wait(120) == 0, process.output()
        return process.output()

    def migrate(self, code: Path) -> None:
        self.run(code, "manage.py", "migrate", "--verbosity", "0")

    def send(self, code: Path, alias: str, text: str, numbers: list[str]) -> None:
        """One message to each number."""
        self.run(code, "-c", SEND, alias, text, *numbers)

    def receive(self, code: Path, alias: str, text: str, numbers: list[str]) -> None:
        """Store `text` as a message from each number, without routing it."""
        self.run(code, "-c", RECEIVE, alias, text, *numbers)

    def take_in(self, code: Path) -> Process:
        """Start a web server of this release, and have every provider post to it from now on."""
        self.intake = free_port()
        web = self.system.start("-m", "tests.services.web", cwd=code, RCS_WEB_PORT=str(self.intake))
        wait_until(lambda: listens(self.intake), "the web server")
        webhooks = f"http://127.0.0.1:{self.intake}/rcs/webhooks"
        agent = {"webhook": f"{webhooks}/acme/", "client_token": "acme-client-token"}
        kannel = {"mo_url": f"{webhooks}/sms/?{MO}", "http_request_retry": 100, "http_queue_delay": 1}
        self.system.post("config/", google={"agents": {"acme": agent}}, kannel=kannel, retry_scale=0.5)
        return web

    def work(self, code: Path, kind: str) -> Process:
        """Start a worker of this release: `celery` (with beat), or `rcs_worker`."""
        if kind == "celery":
            self.system.beat(cwd=code)
            return self.system.worker(cwd=code)
        return self.system.start("manage.py", "rcs_worker", cwd=code)

    def say(self, text: str, numbers: list[str]) -> None:
        """Send `text` from each number, in turn by RCS and by SMS."""
        for n, number in enumerate(numbers):
            via, to = ("kannel", "123") if n % 2 else ("google", "acme")
            self.system.post("handsets/", number=number)
            self.system.post(f"handsets/{number}/actions/", action="text", text=text, via=via, to=to)

    def rows(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.system.database, autocommit=True) as database:
            return database.execute(sql, params).fetchall()

    def count(self, sql: str, *params: Any) -> int:
        return int(self.rows(sql, *params)[0][0])

    def stopped(self, numbers: list[str]) -> int:
        """Return how many of them have opted out, by the consent records."""
        said = "SELECT count(DISTINCT subject) FROM rcs_router_consentrecord WHERE opted_out AND subject = ANY (%s)"
        return self.count(said, numbers)

    def settle(self, seconds: float = 90) -> None:
        """Wait until nothing is left to do."""
        wait_until(lambda: not self.count(OPEN), "everything to be done", seconds, 0.2)

    def shown(self) -> dict[str, list[str]]:
        """Return the ids of the messages that phones show, by number, once for each time that one was shown."""
        by_number: dict[str, list[str]] = {}
        for entry in self.system.get("ledger/")["shown"]:
            by_number.setdefault(entry["number"], []).extend([entry["id"]] * entry["count"])
        return by_number


def code_of(commit: str, folder: Path) -> Path:
    """Write the project as it was at `commit` into `folder`. Raises AssertionError where there is no such history."""
    archive = subprocess.run(["git", "archive", commit], cwd=HERE, capture_output=True, check=False)
    why = archive.stderr.decode(errors="replace")
    assert archive.returncode == 0, (
        f"the previous release is taken from git's history (git fetch --unshallow): {why}"
    )
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    found = subprocess.run(
        [sys.executable, "-c", "import rcs_router; print(rcs_router.__file__)"],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(found.stdout.strip()).is_relative_to(folder), "the previous release's own code is to run"
    return folder
