"""Start what every script needs: PostgreSQL, Redis, a web server with the emulator, beat, and Celery workers."""

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import django
import psycopg

from faults.figures import Table
from tests.services.processes import PostgreSQL, redis, wait_until
from tests.services.system import System


@contextmanager
def stage(port: int, **env: str) -> Iterator[System]:
    """Start the whole system without its workers; this process can send. `env` is for all processes."""
    os.environ |= env
    postgresql = PostgreSQL()
    try:
        with redis() as broker:
            system = System(broker, port, database=postgresql.url, settings="faults.settings")
            try:
                _start(system)
                yield system
            except BaseException:
                system.print_logs()
                raise
            finally:
                system.close()
    finally:
        postgresql.close()


def _start(system: System) -> None:
    system.web()
    os.environ |= system.env()
    django.setup()
    from django.core.management import call_command

    import tests.services.celery

    tests.services.celery.app.set_default()  # the settings may import the example project, which has an app of its own
    call_command("migrate", verbosity=0)
    system.beat()


def warm_up(system: System, *aliases: str) -> None:
    """Deliver one message on each backend, so that nothing happens for the first time later."""
    from rcs_router import lookup_connections, send

    for alias in aliases:
        send("Good morning", lookup_connections(alias, ["+37258000000"]), traffic="authentication")
    wait_until(lambda: not unfinished(), "the first messages to be delivered", 60)


def unfinished() -> set[str]:
    """Return the numbers with a message that is still on its way."""
    from rcs_router.contract import Status
    from rcs_router.models import Transmission

    rows = Transmission.objects.filter(status__in=[Status.QUEUED, Status.SENDING, Status.ACCEPTED])
    return set(rows.values_list("connection__identity", flat=True))


def in_review() -> set[str]:
    """Return the numbers whose message waits for a person's decision."""
    from rcs_router.contract import Status
    from rcs_router.models import Transmission

    return set(
        Transmission.objects.filter(status=Status.REVIEW).values_list("connection__identity", flat=True)
    )


def add_losses(table: Table, name: str, people: Collection[str], counts: Mapping[str, int]) -> None:
    """Add the goals that no message is lost, doubled or late. `counts`: how often each number was shown something."""
    late, review = unfinished(), in_review()
    unseen = {who for who in people if not counts.get(who)}
    table.goal(f"{name}lost", len(unseen - late - review), 0)
    table.goal(f"{name}doubled", sum(counts.get(who, 0) > 1 for who in people), 0)
    table.goal(f"{name}not delivered in time", len(unseen & late), 0)


def accepted(system: System) -> dict[str, float]:
    """Return when the emulator accepted the first message to each number, in UNIX seconds."""
    times: dict[str, float] = {}
    for entry in system.get("ledger/")["accepted"]:
        times.setdefault(entry["to"], datetime.fromisoformat(entry["at"]).timestamp())
    return times


def shown(system: System) -> dict[str, int]:
    """Return how often phones showed a message of ours, by number."""
    counts: dict[str, int] = {}
    for entry in system.get("ledger/")["shown"]:
        counts[entry["number"]] = counts.get(entry["number"], 0) + entry["count"]
    return counts


class Watch:
    """Asks the database the same question every tenth of a second. `seen` has (time asked, answer)."""

    def __init__(self, system: System, question: str) -> None:
        self._url, self._question = system.database, question
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self.seen: list[tuple[float, Any]] = []

    def _ask(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as database:
            while not self._ended.wait(0.1):
                row = database.execute(self._question).fetchone()
                self.seen.append((time.time(), row and row[0]))

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join()


def evenly(count: int, seconds: float, work: Callable[[int], object]) -> None:
    """Call `work(0)`, `work(1)`, … at even intervals over `seconds`. Late calls are made up for."""
    began = time.monotonic()
    for n in range(count):
        time.sleep(max(0.0, began + n * seconds / count - time.monotonic()))
        work(n)


def side_by_side(*works: Callable[[], object]) -> None:
    """Run all calls at once and wait for all. Raises the first error."""
    with ThreadPoolExecutor(len(works)) as pool:
        for future in [pool.submit(work) for work in works]:
            future.result()
