"""Twenty turns with one person: by RCS, then by SMS in the middle, and every answer arrives as the same postback."""

from typing import Any

import pytest

from rcs_router.models import Message
from tests.acceptance.stage import Stage
from tests.core import ALICE

TURNS = 20
SWITCH = 10  # after so many turns the phone has no RCS any more


@pytest.fixture(autouse=True)
def quiz(stage: Stage, settings: Any) -> None:
    apps = ["tests.acceptance.apps.Quiz", "rcs_router.handlers.DefaultResponse"]
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"APPS": apps, "DEFAULT_RESPONSE": "What?"}


def test_twenty_turns_with_a_switch_to_sms_in_the_middle(stage: Stage) -> None:
    phone = stage.phone()
    phone.does("text", text="quiz", to="acme", via="rcs")
    stage.work()
    for turn in range(TURNS):
        question = stage.shown()[-1]
        assert question["channel"] == ("rcs" if turn < SWITCH else "sms")
        yes = turn % 3 != 1
        assert question["text"].startswith(f"Question {turn}?")
        if question["channel"] == "rcs":
            assert [chip["label"] for chip in question["suggestions"]] == ["Yes", "No"]
            phone.does("tap", suggestion="Yes" if yes else "No")
        else:
            assert question["text"].endswith("1) Yes\n2) No")
            phone.does("text", text="1" if yes else "no")
        if turn == SWITCH - 1:
            phone.set(rcs=False)
        stage.work()
    heard = Message.objects.filter(direction="in").order_by("created_at")
    expected = [f"quiz_{turn}_{'no' if turn % 3 == 1 else 'yes'}" for turn in range(TURNS)]
    assert [row.postback for row in heard] == ["", *expected]
    assert [row.handled_by for row in heard] == ["tests.acceptance.apps.Quiz"] * (TURNS + 1)
    assert all(row.answers for row in heard[1:]), "each is linked to the question that it answers"
    assert stage.counts() == (SWITCH, TURNS - SWITCH + 1)
    assert stage.shown()[-1]["text"] == "You said yes 13 times."
    assert stage.totals()["doubles"] == 0
    assert stage.statuses() == {200}
    assert {row.connection.identity for row in heard} == {ALICE}
