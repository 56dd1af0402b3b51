"""The threads that do the work: nobody waits for another's, nothing is doubled, and they end in good order."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from rcs_router import alarms, heartbeat, outbox, receive, send, sweep, tasks, threads, wake
from rcs_router.contract import Outbound, SendResult, Status
from rcs_router.models import DrainSlot, LastRun, Message, Transmission
from rcs_router.outbox import pace
from rcs_router.threads import WorkerThreads
from tests.core import BOB, connection, memory, sent_to
from tests.services.processes import wait_until
from tests.stations import apps

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]
DEADLINE = 20  # seconds


@pytest.fixture
def working() -> Iterator[WorkerThreads]:
    made = WorkerThreads()
    yield made
    made.stop()
    assert not made.stopping, "something goes on"


def status(row: Transmission) -> Status:
    row.refresh_from_db()
    return Status(row.status)


def test_a_wake_up_has_the_work_done_and_local_work_needs_no_broker(
    working: WorkerThreads, settings: Any
) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "APPS": ["rcs_router.handlers.Echo"]}
    receive("echo hello", connection())
    working.wake((wake.DIGEST,))
    wait_until(lambda: [outbound.text for outbound in memory().sent] == ["hello"], "the answer")


def test_a_provider_that_hangs_holds_up_no_other_backend(working: WorkerThreads) -> None:
    """One process; before, its tasks waited for the backend that hung."""
    answers = threading.Event()

    def hangs(outbound: Outbound) -> SendResult:
        answers.wait(DEADLINE)
        return SendResult()

    memory("rcs").outcomes.append(hangs)
    slow, quick = sent_to("rcs"), sent_to("alone", BOB)
    working.wake((wake.DRAIN, "rcs"))
    wait_until(lambda: memory("rcs").sent, "the request that hangs")
    working.wake((wake.DRAIN, "alone"))
    wait_until(lambda: status(quick) == Status.ACCEPTED, "the other backend")
    assert status(slow) == Status.SENDING
    answers.set()
    wait_until(lambda: status(slow) == Status.ACCEPTED, "the slow one")


def test_stop_waits_for_what_is_in_flight_and_gives_the_rest_back(
    working: WorkerThreads, settings: Any
) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "THREADS": 1}
    answers = threading.Event()

    def hangs(outbound: Outbound) -> SendResult:
        answers.wait(DEADLINE)
        return SendResult()

    memory().outcomes.append(hangs)
    message = send("Sale", [connection(f"+3725550{n:04}") for n in range(10)])
    working.wake((wake.DRAIN, "rcs"))
    wait_until(lambda: memory().sent, "the first request")
    stopper = threading.Thread(target=working.stop)
    stopper.start()
    wait_until(lambda: working.stopping, "the stop")
    answers.set()
    stopper.join(DEADLINE)
    assert not stopper.is_alive()
    left = message.transmissions.filter(status=Status.QUEUED, claim=None).count()
    sent = message.transmissions.filter(status=Status.ACCEPTED).count()
    assert (left + sent, sent == len(memory().sent), left > 0) == (10, True, True)


def test_many_wake_ups_make_one_thread(working: WorkerThreads) -> None:
    for _ in range(50):
        working.wake((wake.DRAIN, "rcs"))
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("rcs-drain-rcs")]
    assert len(names) == 1


def test_whoever_works_sweeps(working: WorkerThreads, monkeypatch: pytest.MonkeyPatch) -> None:
    """No beat and no free process of a pool is needed: a dead worker's row comes back while others are sent."""
    lost = sent_to("alone")
    past = timezone.now() - timedelta(hours=1)
    Transmission.objects.update(status=Status.SENDING, claim=lost.pk, lease_until=past)
    working.wake((wake.DRAIN, "rcs"))
    wait_until(lambda: status(lost) == Status.ACCEPTED, "the dead worker's message")
    assert LastRun.objects.get(job="sweep").at


@pytest.mark.parametrize("error", [OperationalError("secret words"), RuntimeError("secret words")])
def test_work_that_fails_is_logged_without_its_words_and_tried_again(
    working: WorkerThreads,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    monkeypatch.setattr(threads, "REST", 0)
    outcomes = iter([error, error])

    def digest() -> int:
        if trouble := next(outcomes, None):
            raise trouble
        return 0

    monkeypatch.setitem(threads._WORK, wake.DIGEST, digest)
    for times in (1, 2):
        working.wake((wake.DIGEST,))
        wait_until(lambda times=times: len(caplog.records) >= times, "the line")  # type: ignore[misc]
    assert [record.getMessage().split()[0].rstrip(":") for record in caplog.records] == [
        "rcs_router.digest"
    ] * 2
    assert "secret words" not in caplog.text


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_ended_by_itself_is_replaced(
    working: WorkerThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A router app that calls `sys.exit()`, or a machine that had no thread left: the next wake-up begins anew."""
    done, start = threading.Event(), threading.Thread.start

    def ends(*args: object) -> int:
        raise SystemExit

    monkeypatch.setitem(threads._WORK, wake.REVOKE, ends)
    working.wake((wake.REVOKE, "rcs"))
    wait_until(lambda: (wake.REVOKE, "rcs") not in {key for key, _ in working._running}, "the thread's end")
    monkeypatch.setitem(threads._WORK, wake.REVOKE, lambda *args: done.set() or 0)
    monkeypatch.setattr(threading.Thread, "start", lambda thread: (_ for _ in ()).throw(RuntimeError))
    with pytest.raises(RuntimeError):
        working.wake((wake.REVOKE, "rcs"))
    monkeypatch.setattr(threading.Thread, "start", start)
    working.wake((wake.REVOKE, "rcs"))
    assert done.wait(DEADLINE)


def test_a_task_that_is_called_directly_works_at_once() -> None:
    row = sent_to()
    tasks.drain("rcs")
    assert status(row) == Status.ACCEPTED


# Sweeping, once over all processes


def test_one_sweep_a_second_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    swept: list[float] = []
    monkeypatch.setattr(sweep, "mend", lambda now, patience: swept.append(patience))
    looked: list[Any] = []
    monkeypatch.setattr(alarms, "look", looked.append)
    start = timezone.now()
    ran = [sweep.run(start + timedelta(seconds=tenth / 10)) for tenth in range(121) for _ in range(3)]
    assert sum(ran) == len(swept) == 14
    assert len(looked) == 2


def test_after_a_gap_living_workers_get_time_to_renew_their_leases(settings: Any) -> None:
    """A database that was away looks like workers that died."""
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "LEASE": 90}
    row = sent_to("sms")
    start = timezone.now()
    Transmission.objects.update(
        status=Status.SENDING, claim=row.pk, started=True, lease_until=start - timedelta(seconds=20)
    )
    for second in range(3):
        assert sweep.run(start + timedelta(seconds=second))
        assert status(row) == Status.SENDING
    sweep.run(start + timedelta(seconds=3.5))
    assert status(row) == Status.REVIEW


@pytest.mark.parametrize("alias", ["rcs", "alone"])
def test_what_a_dead_worker_held_is_free_within_ten_seconds(alias: str, settings: Any) -> None:
    """With the default HEARTBEAT, and a LEASE that is long: others sweep each second, and find it due."""
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "LEASE": 600, "SLOTS": 1}
    row, start = sent_to(alias), timezone.now()
    for second in range(-5, 0):  # somebody has swept all the while
        sweep.run(start + timedelta(seconds=second))
    with pace.slot(alias, start, heartbeat.lease_seconds()):
        [claimed] = outbox.claim(alias, 1, start, heartbeat.lease_seconds(), {})
    # it dies, and gives neither back
    DrainSlot.objects.update(holder=row.pk, lease_until=heartbeat.lease_end(start))
    Transmission.objects.filter(pk=claimed.pk).update(started=True)
    assert (status(row), pace.has_room(alias, start)) == (Status.SENDING, False)
    free = [
        second
        for second in range(1, 11)
        if sweep.run(start + timedelta(seconds=second))
        and (wake.DRAIN, alias) in set(sweep.due(start + timedelta(seconds=second)))
    ]
    assert free, "nobody takes it over"
    assert 6 <= free[0] <= 8
    assert status(row) == Status.QUEUED


def test_where_only_cron_sweeps_a_lost_lease_is_believed_after_lease(settings: Any) -> None:
    row, start = sent_to("rcs"), timezone.now()
    Transmission.objects.update(status=Status.SENDING, claim=row.pk, lease_until=start)
    sweep.run(start + timedelta(seconds=60))
    assert status(row) == Status.SENDING
    sweep.run(start + timedelta(seconds=120))
    assert status(row) == Status.QUEUED


def test_a_backend_whose_places_are_taken_wakes_nobody(settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "SLOTS": 1}
    sent_to("rcs")
    now = timezone.now()
    with pace.slot("rcs", now, 60):
        assert (wake.DRAIN, "rcs") not in list(sweep.due(now))
    assert (wake.DRAIN, "rcs") in list(sweep.due(now))


def test_beat_leaves_a_trace_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "publish_soon", lambda wake_up: None)
    sweep.run(timezone.now())
    assert not LastRun.objects.filter(job="beat").exists()
    sweep.tick()
    assert LastRun.objects.get(job="beat").at


@pytest.mark.services  # takes long
def test_an_app_that_hangs_in_c_holds_up_nobody_else(working: WorkerThreads, settings: Any) -> None:
    """Five people write to an app that never answers: more than there are threads; then somebody else is answered."""
    settings.RCS_ROUTER = {
        **settings.RCS_ROUTER,
        "APPS": ["tests.stations.apps.Hangs", "rcs_router.handlers.Echo"],
        "APP_TIMEOUT": 0.5,
    }
    for number in range(5):
        receive("hang", connection(f"+3725550{number:04}"))
    receive("echo hello", connection(BOB))
    working.wake((wake.DIGEST,))
    wait_until(lambda: [outbound.text for outbound in memory().sent] == ["hello"], "the answer")
    wait_until(lambda: not Message.objects.filter(direction="in", routed_at=None).exists(), "the others")
    assert Message.objects.filter(direction="in", errors__0__app="tests.stations.apps.Hangs").count() == 5
    apps.RELEASE.set()
