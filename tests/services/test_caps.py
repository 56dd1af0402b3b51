"""Several processes send promotions to the same people at once, and one is killed: no cap is exceeded."""

import threading
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection as database
from django.db import connections
from django.db.models import Q

from rcs_router import lookup_connections, send, sql, sweep
from rcs_router.conf import Cap
from rcs_router.contract import Status
from rcs_router.models import Tally, Transmission
from rcs_router.people import caps
from tests.services import capped
from tests.services.conftest import System
from tests.services.processes import Process, python, wait_until

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

PEOPLE = [f"+3725552{n:04}" for n in range(40)]
OFFERS = 12  # messages to everybody, on two backends in turn
DRAINS = """
import django, time
django.setup()
from rcs_router import delivery
while True:
    if not delivery.drain("rcs", budget=1) + delivery.drain("sms", budget=1):
        time.sleep(0.05)
"""


def process() -> Process:
    env = System(broker="").env() | {"DJANGO_SETTINGS_MODULE": "tests.services.capped"}
    return python("-c", DRAINS, **env)


def due() -> int:
    """Return how many transmissions are due or being sent, after the sweep has released lost leases."""
    now = sql.now(Transmission)
    sweep.mend(now)
    return Transmission.objects.filter(
        Q(status=Status.SENDING) | Q(status=Status.QUEUED, due_at__lte=now)
    ).count()


def left() -> Counter[str]:
    """Return how many messages may have reached each person."""
    gone = Q(attempts__gt=0) | Q(unknown=True) | Q(status__gte=Status.ACCEPTED, status__lt=Status.CANCELLED)
    rows = Transmission.objects.filter(gone).values_list("connection__identity", "message_id").distinct()
    return Counter(identity for identity, _ in rows)


def test_processes_that_send_at_once_exceed_no_cap(settings: Any) -> None:
    assert database.vendor == "postgresql", "run the service tests with `make services-test`"
    settings.RCS_BACKENDS, settings.RCS_ROUTER = capped.RCS_BACKENDS, capped.RCS_ROUTER
    for number in range(OFFERS):
        people = lookup_connections("rcs" if number % 2 else "sms", PEOPLE)
        send(f"Offer {number}", people, traffic="promotion")
    running = [process() for _ in range(3)]
    try:
        wait_until(lambda: sum(left().values()) > 5, "the first to leave", 60, 0.001)
        running[0].kill()
        running.append(process())
        wait_until(lambda: not due(), "everything to have left, or to wait", 90)
    finally:
        for one in running:
            one.kill()
    assert left() == dict.fromkeys(PEOPLE, 2)
    waiting = Transmission.objects.filter(status=Status.QUEUED).values_list("reason", flat=True)
    assert set(waiting) == {"frequency cap"}


def test_threads_that_reserve_at_once_exceed_no_cap() -> None:
    """Eight threads reserve at the same time, for the same people in two orders, and give some back."""
    assert database.vendor == "postgresql", "run the service tests with `make services-test`"
    now, together = datetime.now(UTC), threading.Barrier(8)
    granted: list[caps.Wish] = []
    kept: list[caps.Wish] = []

    def work(number: int) -> None:
        try:
            for turn in range(15):
                wishes = [caps.Wish(who, uuid4()) for who in (PEOPLE if number % 2 else PEOPLE[::-1])[:10]]
                together.wait(30)
                caps.reserve("shop", wishes, [Cap(5, 86400.0)], now)
                own = [wish for wish in wishes if wish.wait_until is None]
                granted.extend(own)
                if turn % 3 == 0:
                    caps.give_back("shop", own)
                else:
                    kept.extend(own)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(granted) > len(kept)
    counted = Counter(wish.subject for wish in kept)
    assert set(counted.values()) == {5}
    assert {row.subject: len(row.used) for row in Tally.objects.all()} == counted
