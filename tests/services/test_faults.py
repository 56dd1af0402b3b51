"""Workers are killed, a broker is flushed and a database cuts its connections; the emulator counts what phones show."""

import random
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from rcs_router import lookup_connections, send
from rcs_router.contract import Status
from rcs_router.models import Event, Message, Transmission
from tests.services.conftest import System
from tests.services.processes import wait_until

pytestmark = pytest.mark.services

NUMBERS = [f"+3725{n:07}" for n in range(2000)]
KILLS = 20


def delivered(message: Message) -> int:
    return message.transmissions.filter(status__gte=Status.DELIVERED).count()


def accepted(message: Message) -> int:
    return message.transmissions.filter(status__gte=Status.ACCEPTED).count()


def ledger(system: System) -> Any:
    return system.get("ledger/")["totals"]


def test_nothing_is_lost_or_doubled_when_workers_are_killed(system: System) -> None:
    """`kill -9` in mid-batch, twenty times over two thousand messages, on PostgreSQL and Redis."""
    system.post("faults/", on="request", kind="latency", seconds=0.1)
    system.post("config/", delivery_delay=25)  # long after the lease: no receipt may save a repeat
    system.beat()
    worker = system.worker()
    message = send("Your order has shipped", lookup_connections("acme", NUMBERS), traffic="transaction")
    chance, taken = random.Random(20), 0
    for kill in range(KILLS):
        goal = int((kill + chance.random() * 0.9) * len(NUMBERS) / (KILLS + 1)) + 1
        wait_until(lambda goal=goal: accepted(message) >= goal, f"{goal} messages to be accepted", 90, 0.01)
        worker.kill()
        taken += Transmission.objects.filter(status=Status.SENDING).count()
        worker = system.worker()
    wait_until(lambda: delivered(message) == len(NUMBERS), "everything to be delivered", 180, 0.2)
    totals = system.get("ledger/")
    shown = {entry["id"]: entry["count"] for entry in totals["shown"]}
    ids = {str(pk) for pk in message.transmissions.values_list("pk", flat=True)}
    assert set(shown) == ids, "nothing is lost, nothing is invented"
    assert set(shown.values()) == {1}, "nothing is doubled"
    lost = Event.objects.filter(kind="lease").count()
    repeated = sum(entry["copies"] > 1 for entry in totals["accepted"])
    assert min(taken, lost, repeated) > 0, "they were to be killed in mid-batch"
    print(f"{KILLS} kills: {taken} messages were claimed, {lost} lost a lease, {repeated} were posted twice")


@pytest.mark.parametrize("system", ["redis", "rabbitmq"], indirect=True)
def test_a_message_and_its_answer_over_a_real_broker(system: System) -> None:
    system.beat()
    system.worker()
    message = send("echo", lookup_connections("acme", NUMBERS[:20]))
    wait_until(lambda: delivered(message) == 20, "delivery", 60)
    system.post(f"handsets/{NUMBERS[0]}/actions/", action="text", text="echo hello")
    wait_until(lambda: Message.objects.filter(direction="out", text="hello").exists(), "the answer", 30)
    shown = f"handsets/{NUMBERS[0]}/messages/"
    wait_until(
        lambda: system.get(shown)["messages"][-1]["text"] == "hello", "the phone to show the answer", 30
    )


def test_a_broker_that_forgets_everything_costs_no_message(system: System, redis_url: str) -> None:
    from redis import Redis

    system.post("faults/", on="request", kind="latency", seconds=0.1)
    system.beat()
    system.worker()
    message = send("Your order has shipped", lookup_connections("acme", NUMBERS[:600]))
    for goal in (100, 300, 500):
        wait_until(lambda goal=goal: accepted(message) >= goal, f"{goal} accepted", 60, 0.01)
        Redis.from_url(redis_url).flushdb()
    wait_until(lambda: delivered(message) == 600, "everything to be delivered", 60, 0.1)
    assert ledger(system)["doubles"] == 0


def test_a_database_that_restarts_in_mid_batch_costs_no_message(system: System) -> None:
    """Every connection is cut by the server, as a restart does; workers and web server go on by themselves."""
    system.post("faults/", on="request", kind="latency", seconds=0.1)
    system.beat()
    system.worker()
    message = send("Your order has shipped", lookup_connections("acme", NUMBERS[:600]))
    for goal in (100, 300, 500):
        wait_until(lambda goal=goal: accepted(message) >= goal, f"{goal} accepted", 60, 0.01)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    wait_until(lambda: delivered(message) == 600, "everything to be delivered", 90, 0.1)
    assert ledger(system)["doubles"] == 0


def test_a_worker_killed_between_routing_and_answering_answers_once(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an app has said is stored with the mark that it was asked, or not at all: then it is asked again."""
    monkeypatch.setenv("RCS_MARKS", str(tmp_path))
    system.beat()
    worker = system.worker()
    numbers = NUMBERS[:3]
    for n, number in enumerate(numbers):
        system.post("handsets/", number=number)
        system.post(f"handsets/{number}/actions/", action="text", text=f"slow {n}")
        wait_until((tmp_path / str(n)).exists, "the app to begin", 60)
        worker.kill()
        worker = system.worker()
    out = Message.objects.filter(direction="out")
    wait_until(lambda: out.count() == len(numbers), "an answer to everybody", 60)
    shown = {number: f"handsets/{number}/messages/" for number in numbers}
    for n, number in enumerate(numbers):
        wait_until(lambda path=shown[number]: len(_texts(system, path)) == 1, "the phone to show it", 60)
        assert _texts(system, shown[number]) == [f"done {n}"]
    assert ledger(system)["doubles"] == 0


def _texts(system: System, path: str) -> list[str]:
    return [m["text"] for m in system.get(path)["messages"] if m["direction"] == "in"]
