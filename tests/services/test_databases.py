"""A message and its answer on PostgreSQL with several databases: one for the router, and a replica that is out of date.

The replica is copied once and takes no writes. Its statistics say whether one of the router's tables was read there.
"""

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.field.databases import LAYOUTS
from tests.services.processes import wait_until
from tests.services.system import System

pytestmark = pytest.mark.services

PEOPLE = [f"+37255{n:06}" for n in range(20)]
WITHOUT_RCS, ALICE = PEOPLE[0], PEOPLE[1]
SEND = """
import sys, django
django.setup()
from rcs_router import lookup_connections, send
message = send("Your order", lookup_connections("acme", sys.argv[2:]), traffic=sys.argv[1])
assert message.transmissions.count() == len(sys.argv[2:])
"""
READS = (
    "SELECT coalesce(sum(coalesce(seq_scan, 0) + coalesce(idx_scan, 0)), 0) "
    "FROM pg_stat_user_tables WHERE starts_with(relname, 'rcs_')"
)


@dataclass
class Site:
    """Processes on the databases of one layout."""

    system: System
    layout: str
    default: str
    own: str
    replica: str

    @property
    def ours(self) -> str:
        """The URL of the database that the router writes to."""
        return self.own if "rcs" in LAYOUTS[self.layout][1] else self.default

    def ask(self, url: str, statement: str, *params: Any) -> Any:
        with psycopg.connect(url, autocommit=True) as database:
            return database.execute(statement, params).fetchone()[0]  # type: ignore[index]

    def count(self, what: str, *params: Any) -> int:
        return int(self.ask(self.ours, f"SELECT count(*) FROM rcs_router_{what}", *params))

    def run(self, *args: str) -> None:
        process = self.system.start(*args)
        assert process.popen.wait(60) == 0, process.output()

    def send(self, traffic: str, *numbers: str) -> None:
        self.run("-c", SEND, traffic, *numbers)

    def says(self, number: str, text: str) -> None:
        self.system.post(f"handsets/{number}/actions/", action="text", text=text)

    def shown(self, number: str) -> list[str]:
        return [message["text"] for message in self.system.get(f"handsets/{number}/messages/")["messages"]]


def administer(server: str, statement: str, *names: str) -> None:
    with psycopg.connect(server, autocommit=True) as database:
        database.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture(params=list(LAYOUTS))
def place(request: pytest.FixtureRequest, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    server = os.environ.get("RCS_TEST_DATABASE", "")
    assert server.startswith("postgresql"), "run the service tests with `make services-test`"
    names = [f"{kind}_{uuid.uuid4().hex[:8]}" for kind in ("site", "own", "replica")]
    default, own, replica = (f"{server.rpartition('/')[0]}/{name}" for name in names)
    for key, value in {"LAYOUT": request.param, "OWN_DATABASE": own, "REPLICA": replica}.items():
        monkeypatch.setenv(f"RCS_{key}", value)
    system = System(redis_url, database=default, settings="tests.services.databases")
    made = Site(system, request.param, default, own, replica)
    try:
        for name in names[:2]:
            administer(server, "CREATE DATABASE {}", name)
        for alias in LAYOUTS[request.param][1]:
            made.run("-m", "django", "migrate", f"--database={alias}", "--verbosity=0", "--skip-checks")
        administer(server, "CREATE DATABASE {} TEMPLATE {}", names[2], made.ours.rpartition("/")[2])
        administer(server, "ALTER DATABASE {} SET default_transaction_read_only = on", names[2])
        system.web()
        yield made
    finally:
        system.print_logs()  # pytest shows it where the test has failed
        system.close()
        for name in names:
            administer(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


@pytest.mark.parametrize("kind", ["rcs_worker", "celery"])
def test_a_message_its_answer_and_a_stop(place: Site, kind: str) -> None:
    place.system.post("handsets/", number=WITHOUT_RCS, rcs=False)
    if kind == "celery":
        place.system.beat()
        place.system.worker()
    else:
        place.system.start("-m", "django", "rcs_worker")
    place.send("transaction", *PEOPLE)
    delivered = "transmission WHERE status >= 80"
    wait_until(lambda: place.count(delivered) == len(PEOPLE), "everything to be delivered", 60, 0.2)
    assert place.count("transmission WHERE fallback_of_id IS NOT NULL") == 1

    place.says(ALICE, "echo hello")
    wait_until(lambda: "hello" in place.shown(ALICE), "the answer on the phone", 30, 0.2)
    place.says(ALICE, "STOP")
    wait_until(lambda: place.count("consent WHERE opted_out"), "the STOP", 30, 0.2)
    place.send("promotion", ALICE, PEOPLE[2])
    wait_until(lambda: place.count("tally") == 1, "the promotion to be counted", 30, 0.2)
    assert place.count("transmission WHERE reason = 'opted_out'") == 1

    place.run("-m", "django", "check", "--fail-level", "ERROR")
    assert place.system.get("ledger/")["totals"]["doubles"] == 0
    assert place.ask(place.replica, READS) == 0, "nobody has read the replica"
    if place.ours != place.default:
        assert place.ask(place.default, "SELECT to_regclass('rcs_router_message') IS NULL")
