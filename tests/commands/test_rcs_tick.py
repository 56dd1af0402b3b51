"""`manage.py rcs_tick`: what is due reaches the broker before the process ends, or the operator hears of it."""

from collections.abc import Iterator
from datetime import timedelta
from queue import Empty
from uuid import uuid4

import pytest
from celery import Celery, current_app
from django.core.management import CommandError, call_command
from django.utils import timezone

from rcs_router import receive
from rcs_router.contract import Status
from rcs_router.models import Transmission
from tests.core import connection, sent_to

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


@pytest.fixture
def broker() -> Iterator[Celery]:
    """A broker in memory, which is the process's current one."""
    before = current_app._get_current_object()
    app = Celery("tests", broker="memory://localhost", set_as_current=True)
    taken(app)
    yield app
    before.set_current()


def taken(app: Celery) -> list[tuple[str, list[str]]]:
    """Task and arguments of everything that waits at the broker."""
    found = []
    with app.connection() as connected:
        queue = connected.SimpleQueue("celery")
        try:
            while True:
                message = queue.get(block=False)
                message.ack()
                found.append((message.headers["task"], list(message.payload[0])))
        except Empty:
            return found


def test_each_kind_of_work_is_rung_for_once(broker):
    sent_to("rcs")
    sent_to("rcs")
    late = sent_to("sms")
    Transmission.objects.filter(pk=late.pk).update(status=Status.ACCEPTED, revoke_at=timezone.now())
    receive("hello", connection())
    call_command("rcs_tick")
    assert sorted(taken(broker)) == [
        ("rcs_router.digest", []),
        ("rcs_router.drain", ["rcs"]),
        ("rcs_router.revoke", ["sms"]),
    ]


def test_nothing_due_rings_nobody(broker):
    sent_to("rcs", send_at=timezone.now() + timedelta(hours=1))
    call_command("rcs_tick")
    assert taken(broker) == []


def test_a_row_whose_worker_is_gone_is_found_and_rung_for(broker):
    row = sent_to("rcs")
    gone = timezone.now() - timedelta(hours=1)
    Transmission.objects.filter(pk=row.pk).update(status=Status.SENDING, claim=uuid4(), lease_until=gone)
    call_command("rcs_tick")
    row.refresh_from_db()
    assert row.status == Status.QUEUED
    assert taken(broker) == [("rcs_router.drain", ["rcs"])]


@pytest.mark.services  # takes long
def test_a_broker_that_is_not_there_is_said_and_the_row_waits(broker):
    Celery("tests", broker="amqp://127.0.0.1:1//", set_as_current=True)
    row = sent_to("rcs")
    with pytest.raises(CommandError, match="Celery's broker cannot be reached"):
        call_command("rcs_tick")
    row.refresh_from_db()
    assert row.status == Status.QUEUED
