"""One story from end to end over every wire: a card, its tap, the answer, an SMS with numbers, a STOP that holds."""

from contextlib import nullcontext
from typing import Any

import pytest

from example_project.phones import EmulatorRefused, Phone
from rcs_backends.emulator.state import world
from rcs_router.content import (
    Card,
    Dial,
    Location,
    Media,
    OpenUrl,
    Reply,
    RequestLocation,
    ShowLocation,
    Text,
)
from rcs_router.contract import Status
from rcs_router.models import Message, StoredWebhook, Transmission
from tests.acceptance.sides import SIDES, TEXTS
from tests.acceptance.stage import DEADLINE, Stage, fallback, status
from tests.core import ALICE, BOB

pytestmark = pytest.mark.services  # each provider and each fault takes long: make services-test

CARD = Card(
    "Order 7",
    "Trail boots",
    Media("https://shop.example/boots.png", "tall", media_type="image/png", size=20_000),
    suggestions=(Reply("Keep", "keep_7"), Reply("Return", "return_7")),
)
YOURS = "Order 7 is yours"
BY_SMS = "Order 7\nTrail boots\nhttps://shop.example/boots.png\n1) Keep\n2) Return"
# `make test` plays every wire once for RCS and twice for SMS; the other pairs are left to `make services-test`.
PAIRS = [
    pytest.param((rcs, sms), marks=[pytest.mark.services] if (n + m) % 2 else [], id=f"{rcs}-{sms}")
    for n, rcs in enumerate(SIDES)
    for m, sms in enumerate(TEXTS)
]
on_every_pair = pytest.mark.parametrize("stage", PAIRS, indirect=True)
on_every_wire = pytest.mark.parametrize("stage", [(name,) for name in SIDES], indirect=True, ids=list(SIDES))


@pytest.fixture(autouse=True)
def shop(stage: Stage, settings: Any) -> None:
    apps = ["tests.acceptance.apps.Keep", "rcs_router.handlers.DefaultResponse"]
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"APPS": apps, "DEFAULT_RESPONSE": "What?"}


def heard(number: str) -> Message:
    return Message.objects.filter(direction="in", connection__identity=number).latest("created_at")


@on_every_pair
def test_the_story(stage: Stage) -> None:
    alice, bob = stage.phone(ALICE), stage.phone(BOB, rcs=False)
    a_card_is_read_and_tapped(stage, alice)
    a_phone_without_rcs_gets_numbers(stage, bob)
    nobody_who_left_gets_offers(stage, alice, bob)
    blocked = orders_arrive_all_the_same(stage)
    assert stage.totals()["doubles"] == 0
    assert {code // 100 for code in stage.statuses()} == {2}
    assert {webhook["state"] for webhook in stage.emulator.get("ledger/")["webhooks"]} == {"delivered"}
    assert not StoredWebhook.objects.exclude(note="").exists()
    assert not Transmission.objects.filter(status__in=[Status.QUEUED, Status.REVIEW]).exists()
    assert Transmission.objects.filter(status=Status.CANCELLED, reason="opted_out").count() == 4 + blocked


def a_card_is_read_and_tapped(stage: Stage, alice: Phone) -> None:
    first = stage.send(CARD)
    stage.work()
    assert (status(first), stage.counts()) == (Status.DELIVERED, (1, 0))
    alice.does("read")
    stage.work()
    assert status(first) == Status.READ
    alice.does("tap", suggestion="Keep")
    stage.work()
    tap = heard(ALICE)
    assert (tap.kind, tap.postback, tap.text) == ("suggestion", "keep_7", "Keep")
    assert (tap.answers, tap.in_response_to) == (first, first.message)
    assert [(m["kind"], m["text"]) for m in stage.shown()] == [("card", ""), ("text", YOURS)]
    answer = Message.objects.get(text=YOURS)
    assert (answer.in_response_to, answer.status) == (tap, Status.DELIVERED)


def a_phone_without_rcs_gets_numbers(stage: Stage, bob: Phone) -> None:
    second = stage.send(CARD, number=BOB)
    stage.work()
    sms = fallback(second)
    assert sms is not None
    assert (status(second), status(sms)) == (Status.FAILED, Status.DELIVERED)
    assert second.reason, "somebody can see why"
    assert second.message.status == Status.DELIVERED
    assert [(m["channel"], m["text"]) for m in stage.shown(BOB)] == [("sms", BY_SMS)]
    bob.does("text", text="1")
    stage.work()
    typed = heard(BOB)
    assert (typed.kind, typed.postback, typed.answers) == ("suggestion", "keep_7", sms)
    assert (typed.fields["typed"], typed.in_response_to) == ("1", second.message)
    assert [(m["channel"], m["text"]) for m in stage.shown(BOB)][1:] == [("sms", YOURS)]


def nobody_who_left_gets_offers(stage: Stage, alice: Phone, bob: Phone) -> None:
    bob.does("text", text="STOP")
    alice.does("unsubscribe")
    stage.work()
    stopped = {number: len(stage.shown(number)) for number in (ALICE, BOB)}
    for number in (ALICE, BOB):
        for alias in ("acme", "sms"):
            offer = stage.send("Sale!", alias, number, traffic="promotion")
            stage.work()
            assert (status(offer), offer.reason) == (Status.CANCELLED, "opted_out")
    assert {number: len(stage.shown(number)) for number in (ALICE, BOB)} == stopped


def orders_arrive_all_the_same(stage: Stage) -> int:
    """How many did not: after a STOP to its number Twilio, which has acknowledged it by itself, lets nothing pass."""
    for number in (ALICE, BOB):
        order = stage.send("Your parcel is here", number=number)
        stage.work()
        blocked = number == BOB and stage.text == "twilio"
        assert order.message.status == (Status.CANCELLED if blocked else Status.DELIVERED)
        assert [m["text"] for m in stage.shown(number)].count("Your parcel is here") == (not blocked)
    return 1 if stage.text == "twilio" else 0


@on_every_pair
def test_stop_after_send_and_before_the_fallback(stage: Stage) -> None:
    stage.phone(BOB, rcs=False)
    offer = stage.send("Sale!", number=BOB, traffic="promotion")
    stage.drain("acme")
    stage.phone(BOB).does("text", text="stop", via=stage.text)
    stage.work()
    child = fallback(offer)
    assert child is not None
    assert (status(child), child.reason) == (Status.CANCELLED, "opted_out")
    assert "Sale!" not in str(stage.shown(BOB))


@on_every_wire
def test_messages_in_a_row_arrive_in_order(stage: Stage) -> None:
    for word in ("one", "two", "three"):
        stage.send(word)
    stage.work()
    assert [m["text"] for m in stage.shown()] == ["one", "two", "three"]


@on_every_wire
@pytest.mark.parametrize("text", ["Täna õhtul 👟", "  two  spaces ", "a\nb", "100% & more = ?", "да"])
def test_every_letter_arrives(text: str, stage: Stage) -> None:
    stage.send("Hello")
    stage.work()
    stage.phone().does("text", text=text)
    stage.work()
    assert Message.objects.get(direction="in").text == text


@pytest.mark.parametrize("stage", [("google", sms) for sms in TEXTS], indirect=True, ids=TEXTS)
@pytest.mark.parametrize("text", ["Täna õhtul 👟 “ja” nii", "@£$¥ [€] {~}^|\\", "x" * 400])
def test_every_letter_leaves_and_comes_by_sms(text: str, stage: Stage) -> None:
    t = stage.send(text, "sms")
    stage.work()
    assert (status(t), [m["text"] for m in stage.shown()]) == (Status.DELIVERED, [text])
    stage.phone().does("text", text=text)
    stage.work()
    assert Message.objects.get(direction="in").text == text


@on_every_wire
def test_each_alias_hears_only_of_its_own(stage: Stage) -> None:
    for alias in stage.aliases:
        stage.send(f"From {alias}", alias)
    stage.work()
    for alias in stage.aliases:
        t = Transmission.objects.get(backend_id=alias)
        assert status(t) == Status.DELIVERED
        stage.phone().does("text", text=f"To {alias}", via=stage.provider, to=alias)
    stage.work()
    rows = Message.objects.filter(direction="in").order_by("created_at")
    assert [(row.backend_id, row.text) for row in rows] == [(one, f"To {one}") for one in stage.aliases]


# What else a phone can say. A wire that has no word for it says so on the phone: nothing is lost on its way.

SAYS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("file", {"url": "https://files.example/u/1.jpg"}, {"media_type": "image/jpeg"}),
    ("file", {"url": "https://files.example/u/1.mp4", "audio": True}, {"media_type": "audio/mp4"}),
    ("location", {"latitude": 59.437, "longitude": -24.75}, {}),
]
UNTOLD = {"messente": {"file", "location"}}


@on_every_wire
@pytest.mark.parametrize(("action", "details", "fields"), SAYS, ids=["file", "audio", "location"])
def test_a_file_or_a_place_arrives(action: str, details: Any, fields: Any, stage: Stage) -> None:
    stage.send("Hello")
    stage.work()
    if action in UNTOLD.get(stage.provider, set()):
        with pytest.raises(EmulatorRefused, match="tells only texts"):
            stage.phone().does(action, **details)
        return
    stage.phone().does(action, **details)
    stage.work()
    row = Message.objects.get(direction="in")
    assert (row.kind, row.errors) == (action, [])
    assert {name: row.fields[name] for name in fields} == fields
    if action == "location":
        assert row.body == Location(59.437, -24.75)
    else:
        assert row.fields["url"] == details["url"]
    assert stage.shown()[-1]["text"] == "What?"


BUTTONS = (
    OpenUrl("Open", "keep_7", url="https://shop.example/"),
    Dial("Call", "keep_8", phone="+3726000000"),
    ShowLocation("Shop", "keep_9", latitude=59.4, longitude=24.7, place="Acme"),
)


@on_every_wire
@pytest.mark.parametrize("button", BUTTONS, ids=lambda chip: chip.type)
def test_an_action_that_is_tapped(button: Any, stage: Stage) -> None:
    t = stage.send(Card("Boots", suggestions=BUTTONS))
    stage.work()
    stage.fault("duplicate", "webhook", times=1)
    stage.phone().does("tap", suggestion=button.label)
    stage.work()
    row = Message.objects.get(direction="in")
    assert (row.kind, row.postback, row.text, row.answers) == ("suggestion", button.postback, button.label, t)
    assert stage.shown()[-1]["text"] == f"Order {button.postback[5:]} is yours"


@on_every_wire
def test_a_place_that_was_asked_for(stage: Stage) -> None:
    """The tap, and the place where the wire can tell one."""
    stage.send(Text("Where?", (RequestLocation("Here", "keep_7"),)))
    stage.work()
    stage.phone().does("tap", suggestion="Here", latitude=59.4, longitude=0)
    stage.work()
    assert Message.objects.get(direction="in", kind="suggestion").postback == "keep_7"
    place = Message.objects.filter(direction="in", kind="location").first()
    assert (place.body if place else None) == (None if stage.provider == "messente" else Location(59.4, 0))


@on_every_wire
def test_who_types_says_nothing(stage: Stage, settings: Any) -> None:
    """And neither do we, where a wire has no such thing: not a request is made."""
    apps = ["tests.inbox.apps.Typing", "tests.inbox.apps.Read"]
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"APPS": apps}
    stage.send("Hello")
    stage.work()
    phone, able = stage.phone(), stage.provider in ("google", "gsma")
    with nullcontext() if able else pytest.raises(EmulatorRefused):
        phone.does("type")
    stage.work()
    assert not Message.objects.filter(direction="in").exists()
    phone.does("text", text="Hi")
    before = stage.totals()["requests"]
    stage.work()
    wanted = before + (2 if able else 0)
    assert world.wait_for(lambda: world.ledger.requests == wanted, DEADLINE)
