"""Hosts of files that do not answer, or not to an end: each has its time and its few threads, and others go on."""

import threading
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from rcs_router import addresses, sql
from rcs_router.contract import Incoming, IncomingKind, Status
from rcs_router.inbox import media
from rcs_router.inbox.media import fetch, turns
from rcs_router.models import InboundFile
from rcs_router.outbox import drain
from rcs_router.testing.stub import Asked, Behaviour, Request, Stub, answer, drip, hang, wait_until
from tests.core import ALICE, BACKENDS, connection, sent_to
from tests.statements import statements

from .files import JPEG, host, keeping_files

pytestmark = pytest.mark.django_db(transaction=True)
State = InboundFile.State


def links(*urls: str) -> None:
    """Files that Alice sends, one after the other."""
    from rcs_router.inbox import incoming

    said = [Incoming(IncomingKind.FILE, ALICE, id=url, url=url, media_type="image/jpeg") for url in urls]
    incoming.store({ALICE: connection()}, said)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
SLOW: dict[str, Behaviour] = {
    "says nothing": hang,
    "drips its status": drip(b"HTTP/1.1 "),
    "drips its headers": drip(HEAD + b"X: "),
    "drips its body": drip(HEAD + b"Content-Length: 99999\r\n\r\n" + JPEG),
    "drips a body without an end": drip(HEAD + b"\r\n" + JPEG),
    "drips a chunk": drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\nfff\r\n"),
}


@pytest.mark.services  # takes long
@pytest.mark.parametrize("behaviour", SLOW.values(), ids=SLOW.keys())
def test_a_file_has_one_time_for_all_of_it(settings: Any, behaviour: Behaviour) -> None:
    keeping_files(settings, BACKENDS, MEDIA_TIMEOUT=0.5, RETRY_DELAYS=[])
    with host() as stub:
        stub.default = behaviour
        links(f"{stub.url}/u")
        media.fetch_due()
    row = InboundFile.objects.get()
    assert (row.state, row.code) == (State.FAILED, "timeout")


def test_redirects_have_the_same_time(settings: Any) -> None:
    keeping_files(settings, BACKENDS, MEDIA_TIMEOUT=1, RETRY_DELAYS=[])

    def later(request: Request) -> Behaviour:
        time.sleep(0.5)
        return answer(302, Location="/next")

    with host() as stub:
        stub.default = Asked(later)
        links(f"{stub.url}/u")
        media.fetch_due()
        assert len(stub.requests) <= 3
    assert InboundFile.objects.get().code == "timeout"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name is this machine."""
    monkeypatch.setattr(addresses, "resolve", lambda name, port: ["127.0.0.1"])


class Doors:
    """Answers `good` at once, and everybody else when told; counts how many of a host it holds at a time."""

    def __init__(self) -> None:
        self.open, self.lock = threading.Event(), threading.Lock()
        self.held, self.most, self.most_in_all = Counter[str](), Counter[str](), 0

    def __call__(self, request: Request) -> Behaviour:
        name = request.headers["host"].partition(":")[0]
        if name.startswith("good"):
            return answer(200, JPEG)
        with self.lock:
            self.held[name] += 1
            self.most[name] = max(self.most[name], self.held[name])
            self.most_in_all = max(self.most_in_all, self.held.total())
        self.open.wait(20)
        with self.lock:
            self.held[name] -= 1
        return answer(200, JPEG)


def fetching(stub: Stub) -> threading.Thread:
    def work() -> None:
        try:
            media.fetch_due()
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.usefixtures("names")
def test_a_host_that_never_answers_holds_up_no_other(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty links of one host came first; those of others are fetched while it holds its share of the threads."""
    monkeypatch.setattr(fetch, "LOOK", 0.05)
    keeping_files(settings, BACKENDS, MEDIA_TIMEOUT=60)
    doors = Doors()
    with host() as stub:
        stub.default = Asked(doors)
        port = stub.url.rpartition(":")[2]
        links(*[f"http://bad.example:{port}/{n}" for n in range(60)])
        links(*[f"http://good-{n % 3}.example:{port}/{n}" for n in range(9)])
        thread = fetching(stub)
        wait_until(lambda: InboundFile.objects.filter(state=State.FETCHED).count() == 9, 20)
        assert dict(doors.most) == {"bad.example": turns.OF_ONE_HOST}
        waiting = InboundFile.objects.filter(claim=None, state=State.WAITING)
        assert set(waiting.values_list("tries", flat=True)) == {0}, "to wait for a turn is not a try"
        doors.open.set()
        thread.join()
    assert doors.most["bad.example"] <= turns.OF_ONE_HOST
    assert set(InboundFile.objects.values_list("tries", flat=True)) == {1}


@pytest.mark.usefixtures("names")
def test_hosts_together_have_no_more_than_the_threads(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "LOOK", 0.05)
    keeping_files(settings, BACKENDS, MEDIA_TIMEOUT=60)
    doors = Doors()
    with host() as stub:
        stub.default = Asked(doors)
        port = stub.url.rpartition(":")[2]
        links(*[f"http://bad-{n}.example:{port}/{n}" for n in range(30)])
        thread = fetching(stub)
        wait_until(lambda: sum(doors.held.values()) == fetch.THREADS)
        doors.open.set()
        thread.join()
    assert doors.most_in_all == fetch.THREADS
    assert InboundFile.objects.filter(state=State.FETCHED).count() == 30


@pytest.mark.usefixtures("names")
def test_a_message_leaves_beside_links_that_never_answer(settings: Any) -> None:
    keeping_files(settings, BACKENDS, MEDIA_TIMEOUT=60)
    doors = Doors()
    with host() as stub:
        stub.default = Asked(doors)
        port = stub.url.rpartition(":")[2]
        links(*[f"http://bad-{n}.example:{port}/{n}" for n in range(60)])
        thread = fetching(stub)
        wait_until(lambda: sum(doors.held.values()) == fetch.THREADS)
        row = sent_to("alone", traffic="authentication")
        drain.drain("alone", budget=5)
        row.refresh_from_db()
        assert (row.status, sum(doors.held.values())) == (Status.ACCEPTED, fetch.THREADS)
        doors.open.set()
        thread.join()


# The same for the whole site


def claimed(workers: int, limit: int = fetch.THREADS) -> list[InboundFile]:
    """What so many workers get who claim at the same moment, each with a database connection of its own."""
    barrier = threading.Barrier(workers)

    def work(number: int) -> list[InboundFile]:
        try:
            barrier.wait(20)
            now = sql.now(InboundFile)
            return turns.Turns().claim(limit, now, now + timedelta(minutes=1))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(workers) as pool:
        return [row for rows in pool.map(work, range(workers)) for row in rows]


def test_eight_workers_ask_one_host_for_no_more_than_one_does(settings: Any) -> None:
    keeping_files(settings, BACKENDS)
    links(*[f"https://bad.example/{n}" for n in range(60)])
    rows = claimed(8)
    assert len({row.pk for row in rows}) == len(rows) == turns.OF_ONE_HOST
    assert {row.tries for row in rows} == {1}
    assert claimed(2) == []
    links("https://good.example/1")
    assert [row.host for row in claimed(2)] == ["good.example"]


def test_eight_workers_fetch_no_more_than_a_site_may(settings: Any) -> None:
    keeping_files(settings, BACKENDS)
    links(*[f"https://bad-{n % 20}.example/{n}" for n in range(100)])
    rows = claimed(8)
    assert len({row.pk for row in rows}) == len(rows) == turns.IN_ALL
    assert max(Counter(row.host for row in rows).values()) <= turns.OF_ONE_HOST


def test_what_a_dead_worker_had_is_not_counted(settings: Any) -> None:
    keeping_files(settings, BACKENDS)
    links(*[f"https://bad.example/{n}" for n in range(60)])
    dead = claimed(1)
    InboundFile.objects.filter(claim=dead[0].claim).update(lease_until=sql.now(InboundFile))
    assert len(claimed(1)) == turns.OF_ONE_HOST


def test_hosts_take_turns(settings: Any) -> None:
    keeping_files(settings, BACKENDS)
    links(*[f"https://{name}.example/{n}" for n in range(2) for name in "cab"])
    now, mine = sql.now(InboundFile), turns.Turns()
    seen = [row.host for _ in range(6) for row in mine.claim(1, now, now + timedelta(minutes=1))]
    assert seen == [f"{name}.example" for name in "abcabc"]


@pytest.mark.parametrize(
    "url", ["http://[", "https://a@b/", "ftp://x/", "https://x.example/" + "x" * 5000], ids=len
)
def test_what_is_no_address_has_a_turn_too(settings: Any, url: str) -> None:
    keeping_files(settings, BACKENDS)
    links(url, "https://good.example/1")
    assert {row.host for row in claimed(1)} == {"good.example", ""}


def test_a_lease_is_renewed_while_the_file_is_fetched_but_not_for_ever(settings: Any) -> None:
    keeping_files(settings, BACKENDS, MEDIA_TIMEOUT=10, LEASE=20)
    links("https://good.example/1")
    (row,) = claimed(1)
    began = row.lease_until
    assert began is not None
    for seconds, renewed in [(29, True), (30, False)]:
        now = began + timedelta(seconds=seconds)
        fetch._renew({Future(): row}, now, now + timedelta(seconds=5))
        until = InboundFile.objects.values_list("lease_until", flat=True).get()
        assert (until == now + timedelta(seconds=5)) is renewed


def test_one_who_floods_with_files_is_passed_over_in_few_steps(settings: Any) -> None:
    """However many wait for a host that is at its share."""
    keeping_files(settings, BACKENDS)
    links(*[f"https://bad.example/{n}" for n in range(60)], "https://good.example/1")
    claimed(1, turns.OF_ONE_HOST)
    now = sql.now(InboundFile)
    with statements(10, "a claim of one file"):
        rows = turns.Turns().claim(1, now, now + timedelta(minutes=1))
    assert [row.host for row in rows] == ["good.example"]
