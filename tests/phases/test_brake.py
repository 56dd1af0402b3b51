"""Apps that answer too much: a thousand times, or a machine that answers back."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rcs_router import receive
from rcs_router.inbox import intake
from rcs_router.inbox.brake import Brake, brake
from rcs_router.models import Message
from rcs_router.phases import IncomingMessage, RouterApp
from tests.core import ALICE, BOB, connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router", "counted_anew")]


class Thousand(RouterApp):
    def handle(self, message: IncomingMessage) -> bool:
        for n in range(1000):
            message.respond(f"{n}")
        return True


@pytest.fixture
def counted_anew(settings: Any) -> None:
    brake.forget()
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "ANSWERS_A_MINUTE": 5}


def answers(number: str) -> int:
    return Message.objects.filter(direction="out", transmissions__connection__identity=number).count()


def test_an_app_that_answers_a_thousand_times_is_stopped_and_named(settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "APPS": ["tests.phases.test_brake.Thousand"]}
    row = receive("hello", connection())
    intake.digest()
    row.refresh_from_db()
    assert answers(ALICE) == 5
    assert len(row.errors) == 1, "said once"
    assert row.errors[0]["app"] == "tests.phases.test_brake.Thousand"
    assert "two machines" in row.errors[0]["error"]
    assert row.routed_at is not None


def test_two_machines_stop_talking_and_others_are_answered(settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "APPS": ["rcs_router.handlers.Echo"]}
    for _ in range(8):
        receive("echo echo echo", connection())
        intake.digest()
    receive("echo hello", connection(BOB))
    intake.digest()
    assert (answers(ALICE), answers(BOB)) == (5, 1)


def test_the_same_said_ten_times_is_heard_ten_times_and_a_repeat_once() -> None:
    for n in range(10):
        for _ in range(3):
            receive("hello", connection(), external_id=f"m-{n}")
    assert Message.objects.filter(direction="in").count() == 10


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moments=st.lists(st.floats(0, 300, allow_nan=False), max_size=60))
def test_never_more_in_any_minute(moments: list[float]) -> None:
    fresh, allowed = Brake(), []
    for moment in sorted(moments):
        if fresh.allows("alice", moment):
            allowed.append(moment)
    for start in allowed:
        assert sum(start <= moment < start + 60 for moment in allowed) <= 5


def test_who_was_answered_longest_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rcs_router.inbox.brake.PEOPLE", 3)
    fresh = Brake()
    for n in range(10):
        fresh.allows(n, 0.0)
    assert len(fresh._answers) == 3
