"""The rules of the incoming phases: who is asked, what stops, what an app that raises can and cannot do."""

import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError
from django.utils import timezone

from rcs_router import outbox, phases, receive
from rcs_router.content import Location, Text
from rcs_router.contract import Status
from rcs_router.inbox import intake, queue
from rcs_router.inbox.route import route
from rcs_router.models import Backend, Connection, Contact, Message, Transmission
from rcs_router.phases import Asking
from rcs_router.router_apps import router_apps
from tests.core import BOB, connection, memory
from tests.phases import apps
from tests.phases.apps import PHASES, calls, script, seen

pytestmark = pytest.mark.django_db(transaction=True)


def hear(text: str = "hello", **options: Any) -> Message:
    row = receive(text, connection(), **options)
    intake.digest()
    row.refresh_from_db()
    return row


def answers() -> list[str]:
    return list(Message.objects.filter(direction="out").order_by("created_at").values_list("text", flat=True))


def say(text: str, verdict: Any = None) -> Any:
    def answer(message: Any) -> Any:
        message.respond(text)
        return verdict

    return answer


def fail(message: Any) -> None:
    raise RuntimeError("on purpose")


def test_each_phase_goes_over_all_apps_before_the_next_begins() -> None:
    hear()
    assert calls == [(app, phase) for phase in PHASES for app in "ABC"]


def test_apps_are_made_once_per_process() -> None:
    made = router_apps()
    hear()
    hear()
    assert router_apps() is made


def test_filter_stops_everything() -> None:
    script["B", "filter"] = say("you are blocked", True)
    row = hear()
    assert "".join(seen(phase) for phase in PHASES) == "AB"
    assert row.handled_by == "filtered by tests.phases.apps.B"
    assert row.routed_at is not None
    assert answers() == ["you are blocked"]


def test_a_very_long_name_of_the_app_that_filters() -> None:
    script["A", "filter"] = lambda message: True
    long = type("A" * 250, (apps.A,), {"filter": lambda self, message: True})
    message = phases.IncomingMessage(Message(direction="in"), connection())
    phases.run_incoming([long()], message, Asking(lambda: pytest.MonkeyPatch().context()))
    assert len(message.row.handled_by) <= 200


@pytest.mark.parametrize("verdict", [None, False, 1, "yes", [True], object(), 0, ""])
@pytest.mark.parametrize("phase", ["filter", "handle", "default"])
def test_only_the_literal_true_is_a_verdict(phase: str, verdict: Any) -> None:
    script["A", phase] = lambda message: verdict
    assert hear().handled_by == ""
    assert calls == [(app, phase) for phase in PHASES for app in "ABC"]


@pytest.mark.parametrize("phase", ["parse", "cleanup"])
def test_some_phases_have_no_verdict(phase: str) -> None:
    script["A", phase] = lambda message: True
    hear()
    assert seen(phase) == "ABC"


def test_handle_stops_handle_and_default_but_not_cleanup() -> None:
    script["B", "handle"] = say("done", True)
    row = hear()
    assert (seen("handle"), seen("default"), seen("cleanup")) == ("AB", "", "ABC")
    assert row.handled_by == "tests.phases.apps.B"
    assert answers() == ["done"]


def test_default_stops_later_defaults() -> None:
    script["A", "default"] = say("pardon?", True)
    row = hear()
    assert (seen("default"), seen("cleanup")) == ("A", "ABC")
    assert row.handled_by == "tests.phases.apps.A"


def test_who_answers_and_says_nothing_of_it_is_followed_by_the_others() -> None:
    script["A", "handle"] = say("from handle")
    script["C", "default"] = say("from default")
    hear()
    assert seen("handle") == "ABC"
    assert answers() == ["from handle", "from default"]


def test_an_app_may_mark_a_message_as_handled() -> None:
    script["A", "parse"] = lambda message: setattr(message, "handled", True)
    hear()
    assert (seen("handle"), seen("default"), seen("cleanup")) == ("ABC", "", "ABC")


def test_cleanup_sees_what_became_of_the_message() -> None:
    states: list[tuple[bool, bool]] = []
    script["A", "handle"] = lambda message: True
    script["B", "cleanup"] = lambda message: states.append((message.handled, message.processed))
    hear()
    assert states == [(True, True)]


@pytest.mark.parametrize("phase", PHASES)
def test_an_app_that_raises_is_recorded_and_stops_nobody(phase: str) -> None:
    script["B", phase] = fail
    row = hear()
    assert calls == [(app, phase) for phase in PHASES for app in "ABC"]
    problem = {"app": "tests.phases.apps.B", "phase": phase, "error": "RuntimeError: on purpose"}
    problem["at"] = f"{Path(__file__).name}:{fail.__code__.co_firstlineno + 1} in fail"
    assert row.errors == [problem]
    assert row.routed_at is not None


def test_stop_iteration_is_an_error_like_any_other() -> None:
    def stop(message: Any) -> None:
        raise StopIteration

    script["A", "filter"] = stop
    assert hear().errors[0]["error"].startswith("StopIteration")
    assert seen("cleanup") == "ABC"


def test_every_error_is_kept() -> None:
    for phase in PHASES:
        script["A", phase] = script["C", phase] = fail
    assert [(e["app"][-1], e["phase"]) for e in hear().errors] == [(a, p) for p in PHASES for a in "AC"]


def test_a_very_long_error_is_cut() -> None:
    def shout(message: Any) -> None:
        raise RuntimeError("x" * 10_000)

    script["A", "handle"] = shout
    assert len(hear().errors[0]["error"]) == 500


def test_what_a_raising_app_wrote_is_undone_and_nothing_else() -> None:
    def write_and_fail(message: Any) -> None:
        Contact.objects.create(name="B's")
        raise RuntimeError

    script["A", "parse"] = lambda message: Contact.objects.create(name="A's")
    script["B", "handle"] = write_and_fail
    script["C", "cleanup"] = lambda message: Contact.objects.create(name="C's")
    hear()
    assert sorted(Contact.objects.values_list("name", flat=True)) == ["A's", "C's"]


def test_an_app_that_breaks_the_transaction_breaks_only_its_own() -> None:
    def twice(message: Any) -> None:
        Backend.objects.create(name="double")
        Backend.objects.bulk_create([Backend(name="double")])

    script["A", "parse"] = twice
    script["B", "handle"] = say("still here", True)
    row = hear()
    assert row.errors[0]["error"].startswith("IntegrityError")
    assert (answers(), row.handled_by) == (["still here"], "tests.phases.apps.B")
    assert not Backend.objects.filter(name="double").exists()


def test_responses_made_before_the_app_raised_are_sent() -> None:
    def answer_and_fail(message: Any) -> None:
        message.respond("one")
        raise RuntimeError

    script["A", "handle"] = answer_and_fail
    script["B", "handle"] = say("two", True)
    hear()
    assert answers() == ["one", "two"]


def test_responses_leave_once_and_in_their_order() -> None:
    def answer(message: Any) -> bool:
        for n in range(5):
            message.respond(f"answer {n}")
        return True

    script["A", "handle"] = answer
    row = hear()
    intake.digest()
    assert route(row) is None
    assert answers() == [f"answer {n}" for n in range(5)]
    assert Transmission.objects.count() == 5


def test_two_threads_route_a_message_once() -> None:
    script["A", "handle"] = say("once", True)
    row = receive("hello", connection())
    results = [route(row), route(row)]
    assert [result is None for result in results] == [False, True]
    assert answers() == ["once"]


def test_a_response_belongs_to_what_it_answers() -> None:
    script["A", "handle"] = lambda message: message.error("sorry")
    row = hear()
    answer = Message.objects.get(direction="out")
    assert (answer.in_response_to, answer.is_error, answer.text) == (row, True, "sorry")
    assert answer.transmissions.get().connection == row.connection


def test_a_response_has_the_options_of_send() -> None:
    def answer(message: Any) -> None:
        message.respond(
            Location(59.4, 24.7), connections=[other], traffic="authentication", in_response_to=None
        )

    other = connection(BOB)
    script["A", "handle"] = answer
    hear()
    sent = Message.objects.get(direction="out")
    assert (sent.traffic, sent.in_response_to) == ("authentication", None)
    assert sent.transmissions.get().connection == other


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("x" * 4000, {}),
        ("fine", {"connections": []}),
        ("fine", {"connections": "+37255501234"}),
        ("fine", {"traffic": "spam"}),
        ("fine", {"no_such_option": 1}),
        ("fine", {"send_at": timezone.now().replace(tzinfo=None)}),
    ],
)
def test_a_response_that_cannot_be_sent_is_recorded_and_the_others_leave(
    content: str, options: dict[str, Any]
) -> None:
    def answer(message: Any) -> bool:
        message.respond("before")
        message.respond(content, **options)
        message.respond("after")
        return True

    script["A", "handle"] = answer
    row = hear()
    assert answers() == ["before", "after"]
    assert [(e["app"], e["phase"]) for e in row.errors] == [("tests.phases.apps.A", "respond")]


@pytest.mark.parametrize("content", ["", "  ", None, 7, {"type": "text"}])
def test_broken_content_is_recorded_with_the_place_where_it_was_said(content: Any) -> None:
    script["A", "handle"] = lambda message: message.respond(content) and True
    row = hear()
    assert (answers(), row.handled_by) == ([], "tests.phases.apps.A")
    assert [(e["app"], e["phase"], e["at"].partition(":")[0]) for e in row.errors] == [
        ("tests.phases.apps.A", "respond", "test_incoming.py")
    ]


def test_nothing_is_half_done_when_the_database_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    script["A", "handle"] = say("one", True)
    script["B", "parse"] = lambda message: Contact.objects.create(name="written")
    enqueue = outbox.enqueue

    def broken(*args: Any, **kwargs: Any) -> None:
        enqueue(*args, **kwargs)
        raise OperationalError("the database has gone away")

    monkeypatch.setattr(outbox, "enqueue", broken)
    row = hear()
    assert (row.routed_at, answers(), Contact.objects.count()) == (None, [], 0)
    monkeypatch.setattr(outbox, "enqueue", enqueue)
    Message.objects.update(lease_until=None)  # the pause is over
    intake.digest()
    row.refresh_from_db()
    assert (row.handled_by, answers(), Contact.objects.count()) == ("tests.phases.apps.A", ["one"], 1)


def test_routing_that_always_fails_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any) -> None:
        raise DatabaseError("always")

    monkeypatch.setattr(queue, "route", broken)
    row = receive("hello", connection())
    for _ in range(len(queue.RETRIES) + 1):
        assert Message.objects.get(pk=row.pk).set_aside_at is None
        Message.objects.update(lease_until=None)
        intake.digest()
    row.refresh_from_db()
    assert row.set_aside_at is not None
    assert len(row.errors) == len(queue.RETRIES) + 1


def test_what_an_app_sees() -> None:
    contact = Contact.objects.create(name="Alice")
    Connection.objects.filter(pk=connection().pk).update(contact=contact)
    seen_: list[Any] = []
    script["A", "handle"] = seen_.append
    row = hear(" hello ", fields={"a": 1}, external_id="x-1", said_at=timezone.now())
    message = seen_[0]
    assert (message.id, message.row, str(message)) == (row.pk, row, " hello ")
    assert (message.text, message.raw_text, message.kind) == (" hello ", " hello ", "text")
    assert (message.postback, message.suggestion, message.content, message.interaction) == (
        "",
        "",
        None,
        None,
    )
    assert (message.fields, message.received_at) == ({"a": 1}, row.created_at)
    assert (message.connections, message.contact) == ([connection()], contact)


def test_an_app_without_a_contact() -> None:
    seen_: list[Any] = []
    script["A", "handle"] = seen_.append
    hear()
    assert seen_[0].contact is None


def test_a_tap_knows_what_it_answers() -> None:
    from rcs_router import send
    from rcs_router.content import Reply
    from tests.core import drain

    asked = send(Text("Keep it?", suggestions=[Reply("Keep", "keep_7")]), connection())
    drain("rcs")
    seen_: list[Any] = []
    script["A", "handle"] = seen_.append
    hear("Keep", postback="keep_7")
    message = seen_[0]
    assert (message.kind, message.suggestion, message.postback) == ("suggestion", "Keep", "keep_7")
    assert (message.interaction, message.in_response_to) == (asked.transmissions.get(), asked)


def test_typing_and_read_marks_reach_the_provider() -> None:
    told = threading.Event()

    class Told(list[tuple[str, str]]):
        def append(self, item: tuple[str, str]) -> None:
            super().append(item)
            if len(self) == 2:
                told.set()

    def polite(message: Any) -> None:
        message.typing()
        message.mark_read()

    script["A", "handle"] = polite
    backend = memory()
    backend.told = Told()
    hear(external_id="x-1")
    assert told.wait(5)
    assert sorted(backend.told) == [("read", "x-1"), ("typing", connection().identity)]


def test_a_response_waits_in_the_outbox() -> None:
    script["A", "handle"] = say("later")
    hear()
    assert Transmission.objects.get().status == Status.QUEUED
    assert memory().sent == []
