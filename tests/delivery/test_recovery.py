"""Workers that die, freeze or lose their database: what they held is soon free, and only what left is in doubt."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from rcs_router import heartbeat, lookup_connections, outbox, send, sql
from rcs_router.contract import Outbound, SendResult, Status
from rcs_router.models import DrainSlot, Transmission
from rcs_router.outbox import drain as drain_module
from rcs_router.outbox import pace
from rcs_router.outbox.senders import Flight
from tests.core import ALICE, BACKENDS, BOB, drain, memory, sent_to
from tests.services.processes import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]
DEADLINE = 20  # seconds


def lease_of(row: Transmission) -> Any:
    return Transmission.objects.values_list("lease_until", flat=True).get(pk=row.pk)


@pytest.mark.parametrize(("lease", "beat", "seconds"), [(90, 2, 6), (90, 1, 3), (5, 2, 5)])
def test_a_lease_is_short_whatever_lease_says(
    settings: Any, lease: float, beat: float, seconds: float
) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "LEASE": lease, "HEARTBEAT": beat}
    assert heartbeat.lease_seconds() == seconds
    now = timezone.now()
    assert heartbeat.lease_end(now) == now + timedelta(seconds=seconds)


def test_what_is_in_flight_stays_ours_while_we_live(settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "HEARTBEAT": 0.1}
    row = sent_to()
    leases: list[Any] = []

    def slow(outbound: Outbound) -> SendResult:
        leases.append(lease_of(row))
        wait_until(lambda: lease_of(row) > leases[0] + timedelta(seconds=0.5), "five renewals")
        leases.append(DrainSlot.objects.filter(holder__isnull=False).values_list("lease_until").get()[0])
        return SendResult()

    memory().outcomes.append(slow)
    drain("rcs")
    assert leases[1] > leases[0]
    row.refresh_from_db()
    assert (row.status, row.lease_until) == (Status.ACCEPTED, None)


def test_no_claim_is_renewed_for_longer_than_lease(settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "LEASE": 20}
    sent_to()
    now = sql.now(Transmission)
    with pace.slot("rcs", now, 60) as slot:
        assert slot
        run = drain_module.Drain("rcs", slot, time.monotonic() + 60)
        run.hold = heartbeat.Hold(run.renew, time.monotonic() + 60)
        run.claim(1)
        later = now + timedelta(hours=1)
        run.renew(now, later)
        assert lease_of(run.waiting[0].row) == later
        run.claims = {token: time.monotonic() - 1 for token in run.claims}
        run.renew(now, later + timedelta(hours=1))
        assert lease_of(run.waiting[0].row) == later


def test_a_request_that_never_comes_back_holds_up_nobody_for_longer_than_lease(
    settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else its drain would keep the slot, and a process its only thread for this backend, for ever."""
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "LEASE": 1, "HEARTBEAT": 0.1, "SLOTS": 1, "THREADS": 1}
    settings.RCS_BACKENDS = {**BACKENDS, "rcs": {**BACKENDS["rcs"], "OPTIONS": {"timeout": 0.1}}}
    monkeypatch.setattr(drain_module, "MARGIN", 0.1)
    comes_back, hung = threading.Event(), sent_to()

    def never(outbound: Outbound) -> SendResult:
        comes_back.wait(DEADLINE)
        return SendResult()

    memory().outcomes.append(never)
    began = time.monotonic()
    drain("rcs")
    assert time.monotonic() - began < 4, "it waited for the request"
    hung.refresh_from_db()
    assert (hung.status, hung.lease_until is None) == (Status.SENDING, False)
    assert f"{hung.pk} has not come back" in caplog.text
    later = sent_to(number=BOB)
    drain("rcs")
    later.refresh_from_db()
    comes_back.set()
    assert later.status == Status.ACCEPTED, "other threads carry what comes after it"


def test_what_leaves_beside_something_that_may_not_leave_is_kept() -> None:
    lost, leaves = sent_to(number=ALICE), sent_to(number=BOB)
    now = sql.now(Transmission)
    with pace.slot("rcs", now, 60) as slot:
        assert slot
        run = drain_module.Drain("rcs", slot, time.monotonic() + 60)
        run.hold = heartbeat.Hold(run.renew, time.monotonic() + 60)
        run.claim(2)
        Transmission.objects.filter(pk=lost.pk).update(status=Status.QUEUED, claim=None)
        assert [flight.row for flight in run.write([], run.startable())] == [leaves]
        run.renew(now, now + timedelta(hours=1))
    assert lease_of(leaves) == now + timedelta(hours=1)


@pytest.mark.parametrize(
    ("fence", "valid", "may"), [(10, 10, True), (-1, 10, False), (10, -1, False), (10, 0.5, False)]
)
def test_nothing_leaves_when_the_claim_was_not_renewed_in_time(fence: float, valid: float, may: bool) -> None:
    now = time.monotonic()
    hold = heartbeat.Hold(lambda now, until: None, now + valid)
    assert Flight(sent_to(), now + fence, hold).may_leave(now) is may


def test_a_heartbeat_survives_a_database_that_is_away(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "HEARTBEAT": 0.05}
    beats = threading.Semaphore(0)

    def renew(now: Any, until: Any) -> None:
        beats.release()
        if len(caplog.records) < 1:
            raise OperationalError("secret words")

    with heartbeat.holding(renew) as hold:
        before = hold.valid_until
        for _ in range(3):
            assert beats.acquire(timeout=DEADLINE)
        wait_until(lambda: hold.valid_until > before, "a renewal")
    assert "leases are not renewed" in caplog.text
    assert "secret words" not in caplog.text


# C5: only what is really in flight may be in doubt


class Killed(BaseException):
    pass


@pytest.mark.parametrize(
    ("path", "traffic", "most"),
    [
        ("tests.delivery.test_bulk.Many", "transaction", 4),
        ("tests.delivery.test_bulk.Many", "promotion", 16),  # four requests of four
        ("rcs_router.testing.MemorySMS", "promotion", 4),
        ("rcs_router.testing.MemoryBackend", "transaction", 12),  # it drops repeats: thrice the threads
    ],
)
def test_a_killed_worker_leaves_only_what_was_in_flight_in_doubt(
    settings: Any, monkeypatch: pytest.MonkeyPatch, path: str, traffic: str, most: int
) -> None:
    settings.RCS_BACKENDS = {**BACKENDS, "many": {"BACKEND": path}}
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "THREADS": 4}
    message = send("x", lookup_connections("many", [f"+3725550{n:04}" for n in range(50)]), traffic=traffic)
    monkeypatch.setattr(drain_module.Drain, "submit", lambda self, starting: (_ for _ in ()).throw(Killed))
    monkeypatch.setattr(drain_module.Drain, "release", lambda self: None)
    with pytest.raises(Killed):
        drain_module.drain("many")
    assert message.transmissions.filter(status=Status.SENDING, started=True).count() == most
    outbox.reap(timezone.now() + timedelta(minutes=5))
    doubted = message.transmissions.filter(unknown=True).count()
    assert (doubted, message.transmissions.filter(status=Status.QUEUED, unknown=False).count()) == (
        most,
        50 - most,
    )
