"""`manage.py rcs_worker`: the whole system without a broker, until nothing is due or a signal comes."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from rcs_router import receive, wake
from rcs_router.backends import backends
from rcs_router.contract import Status, WebhookRequest
from rcs_router.errors import Throttled, Unavailable, Unreachable
from rcs_router.inbox import intake
from rcs_router.models import Message, StoredWebhook, Transmission
from tests.core import ALICE, ROUTER, connection, memory, sent_to

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 20  # seconds
once = pytest.mark.django_db(transaction=True)
in_memory = pytest.mark.usefixtures("router")


def statuses() -> list[tuple[str, Status]]:
    rows = Transmission.objects.order_by("created_at", "backend_id")
    return [(row.backend_id, Status(row.status)) for row in rows]


@once
@in_memory
def test_once_goes_on_until_nothing_is_due():
    memory().outcomes.append(Unreachable())
    sent_to()
    call_command("rcs_worker", once=True)
    assert statuses() == [("rcs", Status.FAILED), ("sms", Status.ACCEPTED)]
    assert [sent.to for sent in memory("sms").sent] == [ALICE]


@once
@in_memory
def test_once_retries_what_is_due_again_at_once():
    memory().outcomes.extend([Unavailable(), Unavailable()])
    sent_to()
    call_command("rcs_worker", once=True)
    assert statuses() == [("rcs", Status.ACCEPTED)]


@once
@in_memory
def test_once_digests_routes_and_sends_the_answer(settings):
    settings.RCS_ROUTER = {**ROUTER, "APPS": ["rcs_router.handlers.Echo"]}
    intake.accept(backends["rcs"], WebhookRequest("POST", f"text {ALICE} echo hello".encode()))
    call_command("rcs_worker", once=True)
    assert [(sent.to, sent.text) for sent in memory().sent] == [(ALICE, "hello")]
    assert not StoredWebhook.objects.filter(digested_at=None).exists()


@once
@in_memory
def test_once_takes_back_what_is_to_be_taken_back():
    row = sent_to("alone")
    Transmission.objects.update(status=Status.ACCEPTED, revoke_at=timezone.now(), revoke_for="cancel")
    call_command("rcs_worker", once=True)
    assert memory("alone").revoked == [row.pk]
    assert statuses() == [("alone", Status.CANCELLED)]


@once
@in_memory
def test_once_leaves_what_is_not_due_and_what_rests():
    sent_to("sms", send_at=timezone.now() + timedelta(hours=1))
    memory("alone").outcomes.append(Throttled(retry_after=60))
    sent_to("alone")
    call_command("rcs_worker", once=True)
    assert statuses() == [("sms", Status.QUEUED), ("alone", Status.QUEUED)]
    assert len(memory("alone").sent) == 1


@once
@in_memory
@pytest.mark.parametrize(("error", "recorded"), [(OperationalError, 0), (RuntimeError, 1)])
def test_once_ends_although_a_message_cannot_be_routed(error, recorded, monkeypatch):
    def broken(*args: Any) -> None:
        raise error

    monkeypatch.setattr("rcs_router.inbox.queue.route", broken)
    receive("hello", connection())
    call_command("rcs_worker", once=True)
    message = Message.objects.get()
    assert (message.routed_at, len(message.errors)) == (None, recorded)


@once
@in_memory
def test_nobody_rings_for_celery_while_it_works_and_afterwards_they_do_again(settings, monkeypatch):
    rung: list[Any] = []
    monkeypatch.setattr(wake._publisher, "add", rung.append)
    settings.RCS_ROUTER = {**ROUTER, "WAKE": True}
    memory().outcomes.append(Unreachable())
    sent_to()
    rung.clear()
    call_command("rcs_worker", once=True)
    assert statuses() == [("rcs", Status.FAILED), ("sms", Status.ACCEPTED)]
    assert rung == []
    sent_to()
    assert rung == [(wake.DRAIN, "rcs")]


def test_without_backends_there_is_nothing_to_do(settings):
    settings.RCS_BACKENDS = {}
    with pytest.raises(CommandError, match="RCS_BACKENDS is empty"):
        call_command("rcs_worker")


# The process


class World:
    """A database file and a provider behind a gate, and the processes that use them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.commands.worker_settings",
            "RCS_TEST_FOLDER": str(folder),
        }
        self.processes: list[subprocess.Popen[str]] = []
        self.run("migrate", "--verbosity", "0")

    def run(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=DEADLINE
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def worker(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-u", "manage.py", "rcs_worker"]
        process = subprocess.Popen(
            command, cwd=ROOT, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "Serving gate. Ctrl-C ends it.\n"
        return process

    def files(self, begin: str) -> set[str]:
        """Ids of the transmissions whose requests began or ended."""
        return {path.name.removeprefix(begin) for path in self.folder.glob(f"{begin}*")}

    def rows(self) -> dict[str, Status]:
        with sqlite3.connect(self.folder / "db.sqlite3", timeout=20) as database:
            found = database.execute("SELECT id, status FROM rcs_router_transmission").fetchall()
        database.close()
        return {f"{key[:8]}-{key[8:12]}-{key[12:16]}-{key[16:20]}-{key[20:]}": Status(s) for key, s in found}

    def open_gate(self) -> None:
        (self.folder / "open").touch()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    for process in made.processes:
        process.kill()
        process.communicate()


def until(fact: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while not fact():
        assert time.monotonic() < deadline, f"not seen: {what}"
        time.sleep(0.02)


@pytest.mark.services
def test_what_another_process_stores_is_sent(world):
    worker = world.worker()
    world.open_gate()
    world.run("rcs_send", ALICE, "Hello")
    until(lambda: list(world.rows().values()) == [Status.ACCEPTED], "the message is accepted")
    worker.send_signal(signal.SIGTERM)
    said, complaints = worker.communicate(timeout=DEADLINE)
    assert (worker.returncode, complaints) == (0, "")
    assert said == "Stopped; what was in flight is settled.\n"


@pytest.mark.services
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_what_is_in_flight_end_and_leaves_the_rest(world, number):
    world.run("rcs_send", *[f"+3725550{n:04}" for n in range(12)], "Hello")
    worker = world.worker()
    until(lambda: len(world.files("began-")) == 2, "both threads have sent their requests")
    worker.send_signal(number)
    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(timeout=1.5)  # it waits for the two answers
    world.open_gate()
    _, complaints = worker.communicate(timeout=DEADLINE)
    assert (worker.returncode, complaints) == (0, "")
    rows = world.rows()
    accepted = {key for key, status in rows.items() if status == Status.ACCEPTED}
    assert accepted == world.files("began-") == world.files("ended-")
    assert set(rows.values()) == {Status.ACCEPTED, Status.QUEUED}


@pytest.mark.services
def test_a_second_signal_ends_it_at_once(world):
    world.run("rcs_send", ALICE, "Hello")
    worker = world.worker()
    until(lambda: world.files("began-"), "the request has left")
    worker.send_signal(signal.SIGTERM)
    until(lambda: worker.send_signal(signal.SIGTERM) or worker.poll() is not None, "the worker is gone")
    assert worker.returncode == -signal.SIGTERM
    assert list(world.rows().values()) == [Status.SENDING]
