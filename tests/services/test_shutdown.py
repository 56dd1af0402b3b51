"""A Celery worker that is stopped finishes the requests in flight, and releases what it has not sent."""

import pytest

from rcs_router import lookup_connections, send
from rcs_router.contract import Status
from rcs_router.models import DrainSlot
from tests.services.conftest import System
from tests.services.processes import wait_until

pytestmark = pytest.mark.services


def test_a_worker_that_ends_leaves_nothing_in_doubt(system: System) -> None:
    system.post("faults/", on="request", kind="latency", seconds=1.0)
    system.post("config/", delivery_delay=60)
    system.beat()
    worker = system.worker()
    numbers = [f"+3725{n:07}" for n in range(200)]
    rows = send("Your order has shipped", lookup_connections("acme", numbers)).transmissions
    wait_until(lambda: rows.filter(status=Status.ACCEPTED).count() >= 8, "the first answers", 60)
    assert worker.stop() == 0
    stands = set(rows.values_list("status", "claim", "unknown"))
    assert stands == {(Status.QUEUED, None, False), (Status.ACCEPTED, None, False)}
    assert not DrainSlot.objects.filter(holder__isnull=False).exists()
