"""One story from end to end over every wire: a card, its tap, the answer, an SMS with numbers, a STOP that holds."""

from typing import Any

import pytest

from example_project.phones import Phone
from rcs_router.content import Card, Media, Reply
from rcs_router.contract import Status
from rcs_router.models import Message, StoredWebhook, Transmission
from tests.acceptance.sides import SIDES, TEXTS
from tests.acceptance.stage import Stage, fallback, status
from tests.core import ALICE, BOB

CARD = Card(
    "Order 7",
    "Trail boots",
    Media("https://shop.example/boots.png", "tall", media_type="image/png", size=20_000),
    suggestions=(Reply("Keep", "keep_7"), Reply("Return", "return_7")),
)
YOURS = "Order 7 is yours"
BY_SMS = "Order 7\nTrail boots\nhttps://shop.example/boots.png\n1) Keep\n2) Return"
PAIRS = [(rcs, sms) for rcs in SIDES for sms in TEXTS]
on_every_pair = pytest.mark.parametrize("stage", PAIRS, indirect=True, ids="-".join)
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
    """How many did not: after a STOP to its number Twilio lets nothing pass, not even the acknowledgement."""
    for number in (ALICE, BOB):
        order = stage.send("Your parcel is here", number=number)
        stage.work()
        blocked = number == BOB and stage.text == "twilio"
        assert order.message.status == (Status.CANCELLED if blocked else Status.DELIVERED)
        assert [m["text"] for m in stage.shown(number)].count("Your parcel is here") == (not blocked)
    return 2 if stage.text == "twilio" else 0


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
