"""Router apps that do not come to an end: recorded, left out, and nobody else waits for them."""

import logging
import threading
import time
from typing import Any

import pytest
from django.db import connections as databases

from rcs_router import receive, timelimit
from rcs_router.inbox import intake, queue
from rcs_router.models import Contact, Message
from tests.core import ALICE, BOB, CAROL, connection
from tests.phases.apps import calls, script
from tests.phases.test_timelimit import Blocked, in_a_thread, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def short(settings: Any, scripted: None) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "APP_TIMEOUT": 0.3}


def answers() -> list[str]:
    return sorted(Message.objects.filter(direction="out").values_list("text", flat=True))


def digested() -> None:
    try:
        intake.digest()
    finally:
        databases.close_all()


def hear(where: str) -> Message:
    row = receive("hello", connection())
    if where == "main":
        intake.digest()
    else:
        in_a_thread(digested)[0].join(30)
    row.refresh_from_db()
    return row


def say(text: str) -> Any:
    return lambda message: message.respond(text) and None


def hang(message: Any) -> None:
    while True:
        time.sleep(0.01)


def write_and_hang(message: Any) -> None:
    Contact.objects.create(name="B's")
    hang(message)


@pytest.mark.parametrize("where", ["main", "thread"])
@pytest.mark.parametrize("does", [hang, write_and_hang])
@pytest.mark.parametrize("phase", ["filter", "parse", "handle", "default", "cleanup"])
def test_an_app_whose_time_is_up_counts_as_one_that_raised(
    where: str, does: Any, phase: str, caplog: pytest.LogCaptureFixture
) -> None:
    script["A", "parse"] = lambda message: Contact.objects.create(name="A's") and None
    script["B", phase] = does
    script["C", "handle"] = say("from C")
    with caplog.at_level(logging.ERROR):
        row = hear(where)
    assert row.errors == [{"app": "tests.phases.apps.B", "phase": phase, "error": "no answer within 0.3 s"}]
    assert (answers(), row.routed_at is None) == (["from C"], False)
    assert [c.name for c in Contact.objects.all()] == ["A's"]
    told = "\n".join(record.getMessage() for record in caplog.records)
    assert "tests.phases.apps.B" in told
    assert str(row.pk) in told
    assert "0.3 s" in told
    assert "goes on without this app" in told


def test_it_is_not_asked_about_this_message_again() -> None:
    script["B", "filter"] = hang
    hear("main")
    assert [phase for app, phase in calls if app == "B"] == ["filter"]


def test_the_limit_is_for_all_phases_together() -> None:
    """Two phases, each of which stays within it."""
    for phase in ("parse", "handle"):
        script["B", phase] = lambda message: time.sleep(0.2)
    assert [error["phase"] for error in hear("main").errors] == ["handle"]


@pytest.mark.parametrize("seconds", [None, 20])
def test_an_app_may_take_its_time(seconds: float | None, settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "APP_TIMEOUT": seconds}
    script["A", "handle"] = lambda message: time.sleep(0.5)
    assert hear("main").errors == []


@pytest.mark.parametrize("writes", [False, True])
def test_an_app_that_cannot_be_interrupted_is_left_behind(writes: bool) -> None:
    """Blocked in a socket, in a thread: the message goes on elsewhere; the thread commits nothing when it wakes."""
    blocked, woke = Blocked(), []

    def wait(message: Any) -> None:
        if writes:
            Contact.objects.create(name="B's")
        blocked()
        woke.append(1)
        message.respond("too late")

    script["A", "parse"] = lambda message: Contact.objects.create(name="A's") and None
    script["B", "handle"] = wait
    script["C", "handle"] = say("from C")
    row = receive("hello", connection())
    thread, _ = in_a_thread(digested)
    wait_for(lambda: Message.objects.get(pk=row.pk).errors)
    assert timelimit.abandoned(thread)
    assert thread.is_alive()
    wait_for(lambda: Message.objects.get(pk=row.pk).claim is None)
    intake.digest()
    blocked.release()
    thread.join(30)
    row.refresh_from_db()
    assert not thread.is_alive()
    assert row.routed_at
    assert row.errors == [
        {"app": "tests.phases.apps.B", "phase": "handle", "error": "no answer within 0.3 s"}
    ]
    assert answers() == ["from C"]
    assert [c.name for c in Contact.objects.all()] == ["A's"]
    assert row.lost_leases == 0


def test_who_waits_behind_a_slow_app_goes_elsewhere(settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "APP_TIMEOUT": 20}
    blocked = Blocked()

    def one_hangs(message: Any) -> None:
        if message.text == "hang":
            blocked()
        message.respond(f"to {message.text}")

    script["A", "handle"] = one_hangs
    for text, number in (("hang", ALICE), ("bob", BOB), ("carol", CAROL)):
        receive(text, connection(number))
    thread, _ = in_a_thread(digested)
    wait_for(lambda: timelimit.stuck(thread))
    wait_for(lambda: Message.objects.filter(direction="in", claim=None).count() == 2)
    began = time.monotonic()
    intake.digest()
    assert answers() == ["to bob", "to carol"]
    assert time.monotonic() - began < 5
    blocked.release()
    thread.join(30)
    assert answers() == ["to bob", "to carol", "to hang"]


def test_a_batch_that_takes_long_is_given_back_so_that_a_stop_goes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue, "TURN", 0)
    seen: list[str] = []

    def stop_comes(message: Any) -> None:
        seen.append(message.text)
        if message.text == "0":
            receive("STOP", connection(CAROL))
        else:
            stop = Message.objects.get(text="STOP")
            seen.append("stopped" if stop.routed_at else "waits")

    script["A", "handle"] = stop_comes
    for n, number in enumerate((ALICE, BOB)):
        receive(str(n), connection(number))
    intake.digest()
    assert seen == ["0", "1", "stopped"]


def test_sockets_of_the_database_are_cut_from_another_thread() -> None:
    """The owner's transaction is rolled back, and its next statement fails."""
    from django.db import DatabaseError, InterfaceError, transaction

    from rcs_router.inbox.transactions import cut

    begun, go_on, failed = threading.Event(), threading.Event(), []
    wrappers: list[Any] = []

    def owner() -> None:
        wrappers.append(databases["default"])
        try:
            with transaction.atomic():
                Contact.objects.create(name="lost")
                begun.set()
                go_on.wait(20)
                Contact.objects.create(name="never")
        except (DatabaseError, InterfaceError) as error:
            failed.append(error)
        finally:
            databases.close_all()

    thread, _ = in_a_thread(owner)
    assert begun.wait(20)
    cut(wrappers[0])
    Contact.objects.create(name="ours")  # on SQLite: nobody has the write lock
    go_on.set()
    thread.join(20)
    assert failed
    assert [c.name for c in Contact.objects.all()] == ["ours"]
