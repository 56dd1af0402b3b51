"""Codes beside files that never come, and beside questions that a provider answers slowly: they leave meanwhile.

Real processes: Celery with two worker processes, beat, PostgreSQL, Redis, and a web server with two threads. What would
hold the codes up lasts until all of them have left. How soon they leave is printed, because it depends on the machine.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from django.contrib.auth.models import Permission, User
from django.db import connection
from rest_framework.authtoken.models import Token

from rcs_router import lookup_connections, send, wake
from rcs_router.contract import Incoming, IncomingKind, Status
from rcs_router.inbox import incoming
from rcs_router.inbox.media import turns
from rcs_router.models import InboundFile, Message, Question, Transmission
from rcs_router.testing.stub import Stub, hang
from tests.services.conftest import System
from tests.services.processes import free_port, listens, wait_until

pytestmark = pytest.mark.services

CODES = 30
LINKS = 60
CALLERS = 8
LONG = 900_000  # characters


@pytest.fixture
def slow(system: System) -> System:
    """The system, with workers whose provider and whose hosts of files may be slow."""
    system.settings = "tests.services.slow"
    system.beat()
    system.worker()
    return system


def code(number: int) -> float:
    """Seconds from the call of `send()` until the provider has accepted a one-time code."""
    began = time.monotonic()
    to = lookup_connections("acme", [f"+3725{number:07}"])
    wait_for(send(f"Your code is {number:06}", to, traffic="authentication").transmissions.get())
    return time.monotonic() - began


def wait_for(row: Transmission) -> None:
    accepted = Transmission.objects.filter(pk=row.pk, status__gte=Status.ACCEPTED)
    wait_until(accepted.exists, "the code to leave", every=0.005)


def p99(seconds: list[float]) -> float:
    return sorted(seconds)[math.ceil(len(seconds) * 0.99) - 1]


def figures(name: str, seconds: list[float]) -> str:
    middle = sorted(seconds)[len(seconds) // 2]
    return f"{name}: p50 {middle * 1000:.0f} ms, p99 {p99(seconds) * 1000:.0f} ms of {len(seconds)} codes"


def measured(make: Callable[[int], float], first: int) -> list[float]:
    made = []
    for n in range(CODES):
        made.append(make(first + n))
        time.sleep(0.05)
    return made


def test_codes_leave_beside_links_that_never_answer(slow: System) -> None:
    code(1)  # everything is awake
    alone = measured(code, 1000)
    stub = Stub()
    stub.default = hang
    try:
        person = {"+37255501234": lookup_connections("acme", ["+37255501234"])[0]}
        files = [
            Incoming(
                IncomingKind.FILE, "+37255501234", id=f"f-{n}", url=f"{stub.url}/{n}", media_type="image/png"
            )
            for n in range(LINKS)
        ]
        incoming.store(person, files)
        wait_until(lambda: len(stub.requests) >= turns.OF_ONE_HOST, "the files to be asked for")
        beside = measured(code, 2000)
        # all codes were accepted while every link was open; and both worker processes together ask one host for no more
        assert InboundFile.objects.filter(state=InboundFile.State.WAITING, code="").count() == LINKS
        assert (len(stub.requests), stub.ended) == (turns.OF_ONE_HOST, 0)
        print(
            figures("alone", alone),
            figures(f"beside {LINKS} links", beside),
            sep="\n",
        )
    finally:
        stub.close()


def test_codes_leave_beside_messages_of_900_000_characters(slow: System) -> None:
    """Words, marks on one letter, what cannot be seen, and a STOP without an end: each from another person."""
    code(1)  # everything is awake
    alone = measured(code, 1000)
    texts = ["word " * (LONG // 5), "e" + "\u0301" * LONG, "\u200b" * LONG, "STOP" + " now" * (LONG // 4)]
    numbers = [f"+37255502{n:03}" for n in range(3 * len(texts))]
    people = dict(zip(numbers, lookup_connections("acme", numbers), strict=True))
    unrouted = Message.objects.filter(direction=Message.Direction.IN, routed_at=None)
    over, written = threading.Event(), 0

    def write() -> None:
        nonlocal written
        while not over.is_set():
            number, text = numbers[written % len(numbers)], texts[written % len(texts)]
            incoming.store(people, [Incoming(IncomingKind.TEXT, number, id=f"l-{written}", text=text)])
            wake.digest()
            written += 1
            wait_until(lambda: unrouted.count() < len(texts), "the messages to be routed")
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        beside = measured(code, 2000)
    finally:
        over.set()
        writer.join()
    print(
        figures("alone", alone),
        figures(f"beside {written} messages of {LONG} characters", beside),
        sep="\n",
    )
    wait_until(lambda: not unrouted.exists(), "the messages to be routed")
    assert written >= len(texts)


def token_of(name: str, *rights: str) -> dict[str, str]:
    user = User.objects.create_user(name)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return {"Authorization": f"Token {Token.objects.create(user=user).key}"}


@contextmanager
def callers(ask: Callable[[], int]) -> Iterator[list[int]]:
    """Eight clients that ask at the same time, and again a second after each answer, until the block ends."""
    statuses, over = list[int](), threading.Event()

    def work() -> None:
        while not over.is_set():
            statuses.append(ask())
            over.wait(1.0)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        over.set()
        for thread in threads:
            thread.join(60)


@pytest.mark.parametrize("count", [1000, 5, 1])
def test_codes_leave_beside_callers_who_may_only_look(slow: System, count: int) -> None:
    """The codes come by the API of a web server that has two threads; a check takes a second for each phone."""
    port = free_port()
    slow.start("-m", "tests.services.narrow", RCS_NARROW_PORT=str(port))
    wait_until(lambda: listens(port), "the narrow web server")
    api = f"http://127.0.0.1:{port}/rcs/api"
    looker, sender = (
        token_of("looker", "view_connection"),
        token_of("sender", "add_message", "add_connection"),
    )
    slow.post("faults/", on="request", kind="latency", seconds=1.0, method="capabilities")
    numbers = [f"+3725{n:07}" for n in range(count)]

    def ask() -> int:
        body: dict[str, Any] = {"backend": "acme", "identities": numbers}
        return requests.post(f"{api}/capabilities/", json=body, headers=looker, timeout=60).status_code

    def by_api(number: int) -> float:
        began = time.monotonic()
        body = {
            "content": f"Your code is {number:06}",
            "recipients": {"backend": "acme", "identities": [f"+3725{number:07}"]},
            "traffic": "authentication",
        }
        answer = requests.post(f"{api}/messages/", json=body, headers=sender, timeout=60)
        assert answer.status_code == 201, answer.text
        wait_for(Transmission.objects.get(message_id=answer.json()["id"]))
        return time.monotonic() - began

    by_api(1)
    alone = measured(by_api, 1000)
    with callers(ask) as statuses:
        beside = measured(by_api, 2000)
    told = {status: statuses.count(status) for status in sorted(set(statuses))}
    print(
        figures("alone", alone),
        figures(f"beside {CALLERS} callers, {count} phones each", beside),
        told,
        sep="\n",
    )
    assert Question.objects.exists()
