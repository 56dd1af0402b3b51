"""An upgrade under load: the last release's processes on the new tables, the new ones on old rows, and both at once."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.services.processes import HERE, Process, wait_until
from tests.services.releases import TROUBLE, Releases, code_of
from tests.services.system import System

pytestmark = pytest.mark.services

# The commit of the release before the one that is being made. In the commit that makes a release, nothing changes
# here; in the first commit after it, put that release's commit (or tag) here.
PREVIOUS = "e652516"
NEW = HERE

PEOPLE = [f"+37255{n:06}" for n in range(40)]
STOPS = [f"+37256{n:06}" for n in range(10)]
TALKERS = [f"+37257{n:06}" for n in range(4)]
WORKERS = pytest.mark.parametrize("kind", ["rcs_worker", "celery"])


@pytest.fixture(scope="session")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return code_of(PREVIOUS, tmp_path_factory.mktemp("previous"))


@pytest.fixture
def releases(redis_url: str) -> Iterator[Releases]:
    server = os.environ.get("RCS_TEST_DATABASE", "")
    assert server.startswith("postgresql"), "run the service tests with `make services-test`"
    name = f"upgrade_{uuid.uuid4().hex[:8]}"
    administer(server, "CREATE DATABASE {}", name)
    made = Releases(System(redis_url, database=f"{server.rpartition('/')[0]}/{name}"))
    try:
        made.system.web()
        yield made
    finally:
        made.system.print_logs()  # pytest shows it where the test has failed
        made.system.close()
        administer(server, "DROP DATABASE {} WITH (FORCE)", name)


def administer(server: str, statement: str, name: str) -> None:
    with psycopg.connect(server, autocommit=True) as database:
        database.execute(sql.SQL(statement).format(sql.Identifier(name)))


def everything_is_done(releases: Releases) -> None:
    """Ten of ten STOPs, an answer to everybody who asked, nothing lost, doubled or given up."""
    wait_until(lambda: releases.stopped(STOPS) == len(STOPS), "ten of ten STOPs", 90, 0.2)
    releases.settle()
    shown = releases.shown()
    written_to = releases.rows(
        "SELECT identity, count(*) FROM rcs_router_transmission t "
        "JOIN rcs_router_connection c ON c.id = t.connection_id GROUP BY identity"
    )
    assert {number: len(ids) for number, ids in shown.items()} == dict(written_to), "each is shown once"
    assert set(PEOPLE[:30] + STOPS + TALKERS) <= set(shown)
    assert releases.system.get("ledger/")["totals"]["doubles"] == 0
    assert releases.rows(TROUBLE) == [], "nothing is given up, or waits for a person"


@WORKERS
def test_the_previous_release_goes_on_while_and_after_the_tables_change(
    releases: Releases, old: Path, kind: str
) -> None:
    releases.migrate(old)
    releases.take_in(old)
    releases.say("STOP", STOPS[:3])  # stored before there is a worker
    releases.work(old, kind)
    releases.send(old, "acme", "Before", PEOPLE[:10])
    releases.migrate(NEW)
    releases.say("STOP", STOPS[3:])
    releases.say("echo hello", TALKERS)
    releases.send(old, "acme", "After", PEOPLE[:20])
    releases.send(old, "sms", "After", PEOPLE[20:30])
    everything_is_done(releases)


def test_the_new_worker_finishes_what_the_previous_release_left(releases: Releases, old: Path) -> None:
    releases.migrate(old)
    web = releases.take_in(old)
    leave_half_done(releases, old)
    web.kill()
    before = releases.count("SELECT count(*) FROM rcs_router_transmission")
    releases.migrate(NEW)
    releases.take_in(NEW)
    releases.work(NEW, "rcs_worker")
    everything_is_done(releases)
    assert releases.count("SELECT count(*) FROM rcs_router_transmission") == before + len(STOPS + TALKERS)


def leave_half_done(releases: Releases, old: Path) -> None:
    """Rows that are claimed, sent without an answer, due, stored but not digested, digested but not routed."""
    system = releases.system
    for number in PEOPLE[:5]:  # their phones are off, so that no receipt says that the message arrived
        system.post("handsets/", number=number, online=False)
        system.post("faults/", on="request", kind="cut_after", number=number, times=1)
    system.post("faults/", on="request", kind="latency", seconds=0.5)
    releases.send(old, "acme", "Hello", PEOPLE[:20])
    releases.send(old, "acme", "Goodbye", PEOPLE[:20])
    worker = releases.work(old, "rcs_worker")
    wait_until(lambda: doubtful(releases) >= 3 and claimed(releases), "doubt and haste", 60, 0.001)
    worker.kill()
    assert doubtful(releases)
    assert claimed(releases)
    # ninety seconds are the previous release's LEASE, and they have passed
    releases.rows(
        "UPDATE rcs_router_transmission SET lease_until = now() - interval '1 s' WHERE status = 10 RETURNING id"
    )
    for number in PEOPLE[:5]:
        system.post("handsets/", number=number, online=True)
    system.delete("faults/")
    releases.send(old, "sms", "Hello", PEOPLE[20:30])
    releases.say("STOP", STOPS[:8])
    releases.say("echo hello", TALKERS[:2])
    releases.receive(old, "acme", "STOP", STOPS[8:])
    releases.receive(old, "acme", "echo hello", TALKERS[2:])
    stored = "SELECT count(*) FROM rcs_router_storedwebhook WHERE digested_at IS NULL AND note = ''"
    wait_until(lambda: releases.count(stored) >= 10, "what was said to be stored", 30)


def doubtful(releases: Releases) -> int:
    return releases.count("SELECT count(*) FROM rcs_router_transmission WHERE unknown AND status = 0")


def claimed(releases: Releases) -> int:
    return releases.count("SELECT count(*) FROM rcs_router_transmission WHERE status = 10 AND started")


@WORKERS
def test_the_new_worker_waits_for_its_tables(releases: Releases, old: Path, kind: str) -> None:
    """Started before `migrate`: it counts nothing against any row, and does everything as soon as it can."""
    releases.migrate(old)
    web = releases.take_in(old)
    releases.send(old, "acme", "Hello", PEOPLE[:20])
    releases.send(old, "sms", "Hello", PEOPLE[20:30])
    releases.say("STOP", STOPS[:4])
    releases.receive(old, "acme", "STOP", STOPS[4:6])
    releases.receive(old, "acme", "echo hello", TALKERS[:2])
    stored = "SELECT count(*) FROM rcs_router_storedwebhook"
    wait_until(lambda: releases.count(stored) == 4, "STOPs to be stored", 30)
    web.kill()
    releases.take_in(NEW)  # and cannot store anything either
    worker = releases.work(NEW, kind)
    releases.say("STOP", STOPS[6:])
    releases.say("echo hello", TALKERS[2:])
    wait_until(lambda: troubles(worker) >= 6 and refused(releases) >= 6, "everybody to have tried", 60, 0.2)
    assert worker.popen.poll() is None, worker.output()
    assert releases.count(stored) == 4
    counted = """
        SELECT (SELECT coalesce(sum(tries), 0) FROM rcs_router_storedwebhook)
             + (SELECT count(*) FROM rcs_router_message WHERE errors::text <> '[]')
             + (SELECT coalesce(sum(attempts + lost_leases), 0) FROM rcs_router_transmission)
    """
    assert releases.count(counted) == 0, "the tables' trouble is no row's fault"
    releases.migrate(NEW)
    everything_is_done(releases)


def troubles(worker: Process) -> int:
    """How often a worker's log speaks of what it waits for."""
    return worker.output().count("ProgrammingError")


def refused(releases: Releases) -> int:
    """How many tries of the providers were refused, for want of tables."""
    webhooks = releases.system.get("ledger/")["webhooks"]
    return sum(webhook["tries"] for webhook in webhooks if webhook["status"] == 503)


@WORKERS
def test_both_releases_work_side_by_side(releases: Releases, old: Path, kind: str) -> None:
    """As during a rolling deployment: workers of both on the same rows and, with Celery, on the same queue."""
    releases.system.post("faults/", on="request", kind="latency", seconds=0.05)
    releases.migrate(NEW)
    for code in (old, NEW):
        releases.work(code, kind)
    for code, stops, talkers in ((old, STOPS[:5], TALKERS[:2]), (NEW, STOPS[5:], TALKERS[2:])):
        releases.take_in(code)
        releases.send(code, "acme", "Hello", PEOPLE[:20])
        releases.send(code, "sms", "Hello", PEOPLE[20:30])
        releases.say("STOP", stops)
        releases.say("echo hello", talkers)
    everything_is_done(releases)
