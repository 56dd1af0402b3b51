"""What only Twilio has: a STOP of its own, which it enforces, an address that is signed, and times to send."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rcs_backends.emulator.wire.twilio import callbacks
from rcs_router.contract import Status
from rcs_router.models import Consent, ConsentRecord, Message
from rcs_router.outbox import operate
from tests.acceptance.stage import Stage, fallback, status, stored
from tests.core import ALICE

pytestmark = pytest.mark.parametrize("stage", [("google", "twilio")], indirect=True, ids=["twilio"])
CANCELLED, DELIVERED = Status.CANCELLED, Status.DELIVERED
PUBLIC = "https://shop.example"


def test_a_stop_that_only_twilio_heard_is_recorded(stage: Stage) -> None:
    """Its webhook is lost; error 21610 tells, and promotions are refused on both roads from then on."""
    stage.fault("lost", "webhook", times=1)
    stage.phone(rcs=False).does("text", text="STOP", via="twilio")
    stage.work()
    assert not Consent.objects.exists()
    t = stage.send("Your order", "sms")
    stage.work()
    assert (status(t), t.reason, stage.counts()) == (CANCELLED, "opted_out", (0, 0))
    assert Consent.objects.get().opted_out
    assert ConsentRecord.objects.get().source == "send error"
    for alias in ("acme", "sms"):
        offer = stage.send("Sale!", alias, traffic="promotion")
        stage.work()
        assert (status(offer), offer.reason) == (CANCELLED, "opted_out")


@pytest.mark.parametrize("advanced", [True, False], ids=["advanced", "plain"])
@pytest.mark.parametrize("fault", [None, "duplicate", "late"])
def test_stop_and_start_by_sms(fault: str | None, advanced: bool, stage: Stage) -> None:
    """Told once or twice, as a word or as a word with its meaning: one opt-out, and one coming back."""
    stage.dial(twilio={"advanced_opt_out": advanced})
    if fault:
        stage.fault(fault, "webhook", provider="twilio", seconds=0.05, times=2)
    phone = stage.phone()
    phone.does("text", text="STOP", via="twilio")
    stage.work()
    assert Consent.objects.get().opted_out
    offer = stage.send("Sale!", traffic="promotion")
    order = stage.send("Your order")
    stage.work()
    assert (status(offer), status(order)) == (CANCELLED, DELIVERED)
    phone.does("text", text="START", via="twilio")
    stage.work()
    assert not Consent.objects.get().opted_out
    again = stage.send("Sale!", "sms", traffic="promotion")
    stage.work()
    assert status(again) == DELIVERED
    ours = [] if advanced else ["Welcome"]  # with Advanced Opt-Out Twilio has welcomed them by itself
    assert [m["text"][:7] for m in stage.shown(channel="sms")] == [*ours, "Sale!"]
    assert Message.objects.filter(direction="in").count() == 2


def test_what_twilio_says_of_a_number(stage: Stage) -> None:
    stage.dial(twilio={"outcome": "undelivered", "error_code": 30005})
    t = stage.send(alias="sms")
    stage.work()
    assert (status(t), t.reason, fallback(t)) == (Status.FAILED, "twilio_30005", None)


# The signature covers the address as Twilio knows it, which a proxy may hide from us.


@pytest.fixture
def behind_a_proxy(stage: Stage, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Twilio calls shop.example, and signs that; what reaches our server is its inner address."""
    sign, request = callbacks.sign, callbacks._request

    def signed(token: str, url: str, params: Any) -> str:
        return sign(token, url.replace(stage.url, PUBLIC), params)

    def called(url: str, *rest: Any) -> Any:
        return request(url.replace(PUBLIC, stage.url), *rest)

    monkeypatch.setattr(callbacks, "sign", signed)
    monkeypatch.setattr(callbacks, "_request", called)
    return stage


@pytest.mark.parametrize("told", [True, False], ids=["told", "not-told"])
def test_our_public_address_is_what_is_signed(told: bool, behind_a_proxy: Stage, settings: Any) -> None:
    stage = behind_a_proxy
    if told:
        settings.RCS_ROUTER = settings.RCS_ROUTER | {"PUBLIC_URL": f"{PUBLIC}/rcs/"}
    t = stage.send(alias="sms")
    stage.work()
    stage.phone().does("text", text="Hello", via="twilio")
    stage.work()
    assert stage.statuses() == ({200} if told else {401})
    assert status(t) == (DELIVERED if told else Status.ACCEPTED)
    assert (stored() > 0) == told


def test_what_is_scheduled_can_be_taken_back(stage: Stage, settings: Any) -> None:
    later = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    service = "MG" + "2" * 32
    account = next(iter(stage.dials()["twilio"]["accounts"]))
    stage.dial(twilio={"accounts": {account: {"messaging_services": {service: ["+3725550000"]}}}})
    settings.RCS_BACKENDS = {"sms": stage.sms(messaging_service_sid=service, sender="")}
    extra = {"sms": {"SendAt": later, "ScheduleType": "fixed"}}
    t = stage.send(alias="sms", fields={"extra": extra})
    stage.work()
    assert (status(t), stage.counts(ALICE)) == (Status.ACCEPTED, (0, 0))
    assert operate.revoke(t)
    stage.work()
    assert (status(t), stage.counts(ALICE)) == (CANCELLED, (0, 0))
