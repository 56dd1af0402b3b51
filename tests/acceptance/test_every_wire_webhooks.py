"""What every wire's webhooks go through on their way; and what is found out at the end of a message's time."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError

from example_project.phones import Phone
from rcs_backends.emulator.state import world
from rcs_backends.emulator.webhooks import outbox as webhooks
from rcs_router import lookup_connections, send
from rcs_router.backends import backends
from rcs_router.content import Card, Reply
from rcs_router.contract import Status
from rcs_router.inbox import intake
from rcs_router.models import Consent, Message, Transmission
from tests.acceptance.sides import SIDES, TEXTS
from tests.acceptance.stage import DEADLINE, Stage, causes, fallback, status, stored
from tests.acceptance.test_every_wire import on_every_wire
from tests.acceptance.test_webhook_faults import FORGED, HONEST, answers, said
from tests.core import ALICE

pytestmark = pytest.mark.services  # each provider and each fault takes long: make services-test

ACCEPTED, EXPIRED, DELIVERED, READ = Status.ACCEPTED, Status.EXPIRED, Status.DELIVERED, Status.READ
OFFER = Card("Boots", suggestions=(Reply("Keep", "keep_7"), Reply("Return", "return_7")))
TTL = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def shop(stage: Stage, settings: Any) -> None:
    apps = ["tests.acceptance.apps.Keep", "rcs_router.handlers.DefaultResponse"]
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"APPS": apps, "DEFAULT_RESPONSE": "What?"}


def talk(stage: Stage) -> Transmission:
    """Delivered, read, tapped, said."""
    t, phone = stage.send(OFFER), stage.phone()
    stage.drain()
    phone.does("read")
    phone.does("tap", suggestion="Keep")
    phone.does("text", text="Thanks")
    stage.work()
    return t


@on_every_wire
@pytest.mark.parametrize("kind", HONEST)
def test_everything_is_told_in_its_own_way(kind: str, stage: Stage) -> None:
    """Late, twice, or behind the next one: it is understood once, and answered once."""
    stage.fault(kind, "webhook", provider=stage.provider, seconds=0.05, times=4)
    t = talk(stage)
    overtaken = kind == "reorder"  # what nothing came after is still held back
    assert status(t) in ({DELIVERED, READ} if overtaken else {READ})
    assert t.delivered_at
    assert said() == [("Thanks", "DefaultResponse"), ("keep_7", "Keep")]
    assert answers() == ["Order 7 is yours", "What?"]
    assert (stage.counts(), stage.totals()["doubles"]) == ((3, 0), 0)
    assert {code // 100 for code in stage.statuses()} == {2}


@on_every_wire
@pytest.mark.parametrize("kind", FORGED)
def test_what_was_not_signed_is_not_believed(kind: str, stage: Stage) -> None:
    """A MaaP platform signs nothing: what is changed on the way, under the right secret, cannot be noticed."""
    stage.fault(kind, "webhook", provider=stage.provider)
    t = talk(stage)
    if kind == "tampered" and not stage.side.signs:
        assert (status(t), stage.statuses()) == (READ, {200})
        return
    stage.phone().does("unsubscribe")
    stage.work()
    assert (status(t), stored(), said(), stage.statuses()) == (ACCEPTED, 0, [], {401})
    assert not Consent.objects.exists()


@pytest.mark.parametrize("stage", [("google", name) for name in TEXTS], indirect=True, ids=TEXTS)
@pytest.mark.parametrize("kind", HONEST)
def test_what_is_told_of_an_sms(kind: str, stage: Stage) -> None:
    phone, child = by_sms(stage, kind, times=2)
    phone.does("text", text="1")
    phone.does("text", text="Thanks")
    stage.work()
    assert status(child) == DELIVERED
    assert said() == [("Thanks", "DefaultResponse"), ("keep_7", "Keep")]
    assert answers() == ["Order 7 is yours", "What?"]
    assert (stage.counts(), stage.totals()["doubles"]) == ((0, 3), 0)
    assert stage.statuses() == {200}


@pytest.mark.parametrize("stage", [("google", "twilio")], indirect=True, ids=["twilio"])
@pytest.mark.parametrize("kind", FORGED)
def test_what_twilio_did_not_sign_is_not_believed(kind: str, stage: Stage) -> None:
    """Kannel signs nothing but the address: forging that is tried by hand elsewhere."""
    phone, child = by_sms(stage, kind)
    phone.does("text", text="STOP")
    stage.work()
    assert (status(child), said(), stored(), stage.statuses()) == (ACCEPTED, [], 0, {401})
    assert not Consent.objects.exists()


def by_sms(stage: Stage, kind: str, **more: Any) -> tuple[Phone, Transmission]:
    """An offer that RCS could not carry."""
    phone = stage.phone(rcs=False)
    stage.fault(kind, "webhook", provider=stage.text, seconds=0.05, **more)
    t = stage.send(OFFER)
    stage.work()
    child = fallback(t)
    assert child is not None
    return phone, child


@on_every_wire
def test_what_could_not_be_stored_comes_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    accept, failures = intake.accept, iter([DatabaseError, DatabaseError])

    def away_at_first(*request: Any) -> None:
        if failure := next(failures, None):
            raise failure
        accept(*request)

    monkeypatch.setattr(intake, "accept", away_at_first)
    t = stage.send()
    stage.drain()
    assert world.wait_for(lambda: not webhooks.waiting, DEADLINE)
    stage.work()
    assert status(t) == DELIVERED
    assert stage.statuses() == {200, 503}


# Every event is lost: only asking helps.


@on_every_wire
def test_what_was_shown_and_never_reported_is_found_out(stage: Stage) -> None:
    """At the end of its time, where the provider can be asked; an SMS besides would be a double."""
    stage.fault("lost", "webhook")
    t = stage.send(ttl=TTL)
    stage.work()
    assert (status(t), stored()) == (ACCEPTED, 0)
    stage.too_late(t)
    stage.work()
    if backends["acme"].capabilities.status:
        assert (status(t), t.reason) == (DELIVERED, "")
    else:
        assert (status(t), t.reason) == (ACCEPTED, "expired: waiting for proof")
    assert (fallback(t), stage.counts()) == (None, (1, 0))


@pytest.mark.parametrize("stage", [("google", "twilio")], indirect=True, ids=["twilio"])
def test_an_sms_that_was_never_reported_is_found_out(stage: Stage) -> None:
    stage.fault("lost", "webhook")
    t = stage.send(alias="sms", ttl=TTL)
    stage.work()
    assert (status(t), stored()) == (ACCEPTED, 0)
    stage.too_late(t)
    stage.work()
    assert (status(t), stage.counts()) == (DELIVERED, (0, 1))


# The phone is away until the message's time is up.


@pytest.fixture
def waiting(stage: Stage) -> Transmission:
    stage.phone(online=False)
    t = stage.send(ttl=TTL)
    stage.drain()
    assert status(t) == ACCEPTED
    return t


def comes_back(stage: Stage) -> None:
    stage.phone(online=True)
    stage.work()
    assert stage.totals()["doubles"] == 0


@pytest.mark.parametrize(
    "stage", [(name,) for name, side in SIDES.items() if side.expires], indirect=True, ids=lambda one: one[0]
)
def test_the_provider_ends_it(waiting: Transmission, stage: Stage) -> None:
    stage.provider_expires(waiting)
    stage.work()
    comes_back(stage)
    child = fallback(waiting)
    assert child is not None
    assert (status(waiting), status(child), stage.counts()) == (EXPIRED, DELIVERED, (0, 1))
    assert not waiting.late_rcs


@on_every_wire
@pytest.mark.parametrize("time_critical", [False, True], ids=["in-time", "at-once"])
def test_our_own_clock_ends_it(time_critical: bool, stage: Stage) -> None:
    """Taken back where that can be done at any time; where not, only a code goes by SMS without proof."""
    stage.phone(online=False)
    t = stage.send(ttl=TTL, time_critical=time_critical)
    stage.drain()
    stage.too_late(t)
    stage.work()
    comes_back(stage)
    child = fallback(t)
    if stage.provider in ("google", "gsma"):
        assert (status(t), status(child) if child else None) == (EXPIRED, DELIVERED)
        assert stage.counts() == (0, 1)
    else:
        assert (status(t), stage.counts()) == (DELIVERED, (1, int(time_critical)))
        assert t.late_rcs == time_critical
        assert "expired: " in str(causes(t))


@on_every_wire
def test_a_campaign_is_told_of_every_message(stage: Stage) -> None:
    """Receipts come while others still leave; none is lost and none counts twice."""
    stage.fault("duplicate", "webhook", rate=0.3)
    numbers = [f"+3725550{n:04}" for n in range(40)]
    message = send("Sale", lookup_connections("acme", numbers), traffic="promotion")
    stage.work()
    assert set(message.transmissions.values_list("status", flat=True)) == {DELIVERED}
    assert stage.totals()["doubles"] == 0
    assert stage.totals()["shown"] == len(numbers)
    assert (stage.counts(ALICE), Message.objects.count()) == ((0, 0), 1)
