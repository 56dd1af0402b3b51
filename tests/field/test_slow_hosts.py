"""Hosts of files that do not answer, or not to an end: each has its time and its few threads, and others go on."""

import threading
import time
from collections import Counter
from typing import Any

import pytest

from rcs_router.contract import Incoming, IncomingKind, Status
from rcs_router.inbox import media
from rcs_router.inbox.media import addresses, fetch, turns
from rcs_router.models import InboundFile
from rcs_router.outbox import drain
from rcs_router.testing.stub import Asked, Behaviour, Request, Stub, answer, drip, hang, wait_until
from tests.core import ALICE, BACKENDS, connection, sent_to

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


@pytest.mark.parametrize("behaviour", SLOW.values(), ids=SLOW.keys())
def test_a_file_has_one_time_for_all_of_it(settings: Any, behaviour: Behaviour) -> None:
    keeping_files(settings, BACKENDS, MEDIA_TIMEOUT=0.5, RETRY_DELAYS=[])
    with host() as stub:
        stub.default = behaviour
        links(f"{stub.url}/u")
        began = time.monotonic()
        media.fetch_due()
        assert time.monotonic() - began < 5
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
        self.held, self.most = Counter[str](), Counter[str]()

    def __call__(self, request: Request) -> Behaviour:
        name = request.headers["host"].partition(":")[0]
        if name.startswith("good"):
            return answer(200, JPEG)
        with self.lock:
            self.held[name] += 1
            self.most[name] = max(self.most[name], self.held[name])
        self.open.wait(20)
        with self.lock:
            self.held[name] -= 1
        return answer(200, JPEG)


def fetching(stub: Stub) -> threading.Thread:
    from django.db import connections

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
        postponed = InboundFile.objects.filter(claim=None, state=State.WAITING)
        assert set(postponed.values_list("tries", flat=True)) == {0}, "to wait for a turn is no try"
        doors.open.set()
        thread.join()
        InboundFile.objects.filter(state=State.WAITING).update(due_at="2020-01-01T00:00:00Z")
        while InboundFile.objects.exclude(state=State.FETCHED).exists():
            media.fetch_due()
            InboundFile.objects.filter(state=State.WAITING).update(due_at="2020-01-01T00:00:00Z")
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
        time.sleep(0.3)
        assert sum(doors.held.values()) == fetch.THREADS
        doors.open.set()
        thread.join()
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
        row, began = sent_to("alone", traffic="authentication"), time.monotonic()
        drain.run("alone", budget=5)
        row.refresh_from_db()
        assert (row.status, time.monotonic() - began < 2) == (Status.ACCEPTED, True)
        doors.open.set()
        thread.join()


def test_a_file_that_waits_too_long_for_its_host_goes_back() -> None:
    keeper = turns.Turns()
    rows = [InboundFile(url=f"https://h.example/{n}") for n in range(turns.OF_ONE_HOST + turns.MOST + 3)]
    begin, back = keeper.take(rows, [], 100, 0.0)
    assert (len(begin), len(keeper.waiting), len(back)) == (turns.OF_ONE_HOST, turns.MOST, 3)
    other = InboundFile(url="https://other.example/")
    assert keeper.take([other], begin, 100, 1.0) == ([other], [])
    assert keeper.take([], begin[1:], 100, 2.0)[0] == [rows[turns.OF_ONE_HOST]]
    begin, back = keeper.take([], begin, 100, turns.TURN + 1)
    assert (begin, len(back), keeper.waiting) == ([], turns.MOST - 1, [])


@pytest.mark.parametrize("url", ["", "http://[", "https://a@b/", "ftp://x/", "x" * 5000])
def test_what_is_no_address_has_a_turn_too(url: str) -> None:
    row = InboundFile(url=url)
    assert turns.Turns().take([row], [], 1, 0.0) == ([row], [])
