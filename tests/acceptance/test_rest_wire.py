"""What only a REST platform has: repeats that are dropped, other names for its fields, its own SMS, forms."""

from typing import Any

import pytest

from rcs_router.content import Form, FormField
from rcs_router.contract import Status
from rcs_router.models import Message
from tests.acceptance.stage import Stage, fallback, status
from tests.acceptance.test_every_wire import BY_SMS, CARD, YOURS
from tests.core import ALICE

pytestmark = pytest.mark.parametrize("stage", [("rest",)], indirect=True, ids=["rest"])
DELIVERED, READ = Status.DELIVERED, Status.READ
NAMES = {
    "conversationId": "chat_id",
    "messageId": "msg_id",
    "message": "content",
    "text": "body",
    "postbackData": "payload",
    "messageStatus": "state_of",
    "interactionType": "what",
    "fallbackText": "sms",
}
TABLE = Form(
    "Book a table",
    (
        FormField("name", "Your name", required=True),
        FormField("people", "How many?", "number", required=True),
        FormField("window", "At the window", "checkbox"),
    ),
    postback="book_7",
)


@pytest.fixture(autouse=True)
def shop(stage: Stage, settings: Any) -> None:
    apps = ["tests.acceptance.apps.Keep", "tests.acceptance.apps.Booked"]
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"APPS": apps}


def test_a_repeat_is_shown_once(stage: Stage) -> None:
    stage.fault("cut_after", method="messages", times=2)
    t = stage.send()
    stage.drain()
    stage.work()
    assert (status(t), stage.counts(), stage.totals()["doubles"]) == (DELIVERED, (1, 0), 0)


def test_a_repeat_that_is_asked_for_each_time(stage: Stage) -> None:
    """No report comes between, so every attempt is made, and the platform drops all but the first."""
    stage.fault("lost", "webhook")
    stage.fault("cut_after", method="messages", times=3)
    t = stage.send()
    stage.work()
    assert (status(t), stage.counts(), stage.totals()["doubles"]) == (Status.ACCEPTED, (1, 0), 0)
    (copies,) = stage.emulator.accepted(ALICE, "rest")
    assert copies >= 3


def test_a_look_alike_with_other_names(stage: Stage, settings: Any) -> None:
    stage.dial(rest={"renamed": NAMES})
    settings.RCS_BACKENDS = stage.backends(names=NAMES)
    t = stage.send(CARD)
    stage.work()
    assert (status(t), t.detail) == (DELIVERED, "")
    stage.phone().does("read")
    stage.phone().does("tap", suggestion="Keep")
    stage.work()
    assert status(t) == READ
    tap = Message.objects.get(direction="in")
    assert (tap.postback, tap.text, tap.answers) == ("keep_7", "Keep", t)
    assert [m["text"] for m in stage.shown()] == ["", YOURS]


def test_a_look_alike_whose_names_we_were_not_told(stage: Stage) -> None:
    """Everything is refused, and the person gets the SMS; nothing is lost in silence."""
    stage.dial(rest={"renamed": NAMES})
    t = stage.send(CARD)
    stage.work()
    assert (status(t), stage.counts()) == (Status.FAILED, (0, 1))
    assert t.detail


@pytest.mark.parametrize("rcs", [True, False], ids=["rcs", "no-rcs"])
def test_the_platforms_own_sms(rcs: bool, stage: Stage, settings: Any) -> None:
    """The state FALLBACK is a success: its SMS took the message's place, and there is none of ours."""
    stage.dial(rest={"own_fallback": True})
    settings.RCS_BACKENDS = {"acme": stage.rcs("acme", own_fallback=True)}
    phone = stage.phone(rcs=rcs)
    t = stage.send(CARD)
    stage.work()
    assert (status(t), t.reason, fallback(t)) == (DELIVERED, "" if rcs else "fallback", None)
    assert stage.counts() == (int(rcs), int(not rcs))
    if rcs:
        return
    assert [m["text"] for m in stage.shown()] == [BY_SMS]
    phone.does("text", text="1")
    stage.work()
    tap = Message.objects.get(direction="in")
    assert (tap.postback, tap.answers) == ("keep_7", t)


@pytest.mark.parametrize("fault", [None, "duplicate", "late"])
def test_a_form_that_is_filled_in_on_the_phone(fault: str | None, stage: Stage) -> None:
    t = stage.send(TABLE)
    stage.work()
    (shown,) = stage.shown()
    assert (status(t), shown["kind"], shown["form"]["title"]) == (DELIVERED, "form", "Book a table")
    if fault:
        stage.fault(fault, "webhook", seconds=0.05, times=1)
    stage.phone().does("form", data={"name": "Alice", "people": "4", "window": True})
    stage.work()
    row = Message.objects.get(direction="in")
    assert (row.kind, row.postback, row.answers) == ("form", "book_7", t)
    assert row.fields["form"] == {"name": "Alice", "people": "4", "window": True}
    assert (row.in_response_to, status(t)) == (t.message, READ)
    assert [m["text"] for m in stage.shown()][1:] == ["Table 7 for 4, Alice"]
    assert row.handled_by.endswith("Booked")
