"""The end of a message's time: the provider's events and our own timer in every order; what the person gets."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.google.store import GoogleStore
from rcs_router.contract import Status
from rcs_router.inbox import intake
from rcs_router.models import Transmission
from rcs_router.outbox import expiry
from tests.acceptance.stage import DEADLINE, Stage, causes, fallback, status
from tests.core import ALICE

TTL = timedelta(minutes=5)


@pytest.fixture
def waiting(stage: Stage) -> Transmission:
    """A message that the provider has, for a phone that is away."""
    return sent(stage)


def sent(stage: Stage, **options: Any) -> Transmission:
    stage.phone(online=False)
    t = stage.send(ttl=TTL, **options)
    stage.drain()
    assert status(t) == Status.ACCEPTED
    return t


def comes_back(stage: Stage) -> None:
    stage.phone(online=True)
    stage.work()


def ends(t: Transmission, stage: Stage) -> tuple[Any, ...]:
    child = fallback(t)
    return status(t), status(child) if child else None, stage.counts()


SMS_INSTEAD = (Status.EXPIRED, Status.DELIVERED, (0, 1))
BOTH = (Status.DELIVERED, Status.DELIVERED, (1, 1))
RCS_ALONE = (Status.DELIVERED, None, (1, 0))
IN_TIME = (Status.DELIVERED, Status.CANCELLED, (1, 0))


def test_the_providers_own_clock(stage: Stage) -> None:
    """One true wait for a ttl; the tests below turn the clock."""
    stage.phone(online=False)
    t = stage.send(ttl=timedelta(seconds=2))
    stage.drain()
    assert world.wait_for(
        lambda: world.store(GoogleStore).messages["acme", str(t.pk)].state == "expired", DEADLINE
    )
    stage.work()
    assert status(t) == Status.EXPIRED
    comes_back(stage)
    assert ends(t, stage) == SMS_INSTEAD


def test_expired_and_revoked(waiting: Transmission, stage: Stage) -> None:
    stage.provider_expires(waiting)
    stage.work()
    assert "expired" in causes(waiting)
    comes_back(stage)
    assert ends(waiting, stage) == SMS_INSTEAD
    assert not waiting.late_rcs


def test_the_provider_could_not_revoke_and_we_can(waiting: Transmission, stage: Stage) -> None:
    stage.dial(google={"expiry": "revoke_failed"})
    stage.provider_expires(waiting)
    stage.work()
    assert (status(waiting), waiting.reason) == (Status.EXPIRED, "taken back: its time is up")
    comes_back(stage)
    assert ends(waiting, stage) == SMS_INSTEAD


@pytest.mark.parametrize("time_critical", [False, True])
def test_nobody_could_revoke(time_critical: bool, stage: Stage) -> None:
    """It was on the phone when the provider gave up: only a code is worth an SMS besides."""
    t = sent(stage, time_critical=time_critical)
    stage.dial(google={"expiry": "revoke_failed"})
    stage.provider_expires(t)
    stage.fault("lost", "webhook", provider="google")  # DELIVERED
    stage.phone(online=True)
    stage.work()
    child = Status.DELIVERED if time_critical else None
    assert ends(t, stage)[:2] == (Status.ACCEPTED, child)
    assert stage.counts() == (1, int(time_critical))


def test_a_revoke_that_lost_the_race(waiting: Transmission, stage: Stage) -> None:
    """The provider said 200 and delivered all the same: both truths are kept."""
    stage.dial(google={"revoke": "lost_race"})
    stage.too_late(waiting)
    stage.work()
    assert status(waiting) == Status.EXPIRED
    comes_back(stage)
    assert ends(waiting, stage) == BOTH
    assert waiting.late_rcs
    assert waiting.message.status == Status.DELIVERED


def test_a_revoke_that_lost_the_race_before_the_sms_left(waiting: Transmission, stage: Stage) -> None:
    stage.dial(google={"revoke": "lost_race"})
    stage.too_late(waiting)
    expiry.sweep(timezone.now())
    expiry.revoke_due("acme")
    stage.phone(online=True)
    stage.quiet()
    stage.work()
    assert ends(waiting, stage) == IN_TIME


@pytest.mark.parametrize("order", ["delivered first", "expired first", "at once"])
def test_both_events(order: str, waiting: Transmission, stage: Stage) -> None:
    stage.dial(google={"expiry": "both"})
    if order == "delivered first":
        stage.phone(online=True)
        stage.work()
        word = {"eventType": "TTL_EXPIRATION_REVOKED", "messageId": str(waiting.pk), "eventId": "sv-1"}
        says(stage, {"phoneNumber": ALICE, **word})
        stage.work()
        assert ends(waiting, stage) == RCS_ALONE
        return
    stage.provider_expires(waiting)
    if order == "expired first":
        stage.work()
    comes_back(stage)
    assert ends(waiting, stage) == (BOTH if order == "expired first" else RCS_ALONE)
    assert waiting.late_rcs == (order == "expired first")


def says(stage: Stage, payload: dict[str, Any]) -> None:
    """Google posts this, signed."""
    from rcs_backends.emulator.wire.google import webhooks as google_webhooks

    with world.change():
        google_webhooks._post("acme", ALICE, ALICE, str(payload.get("eventType")), payload)
    stage.quiet()


def test_neither_event(waiting: Transmission, stage: Stage) -> None:
    stage.dial(google={"expiry": "neither"})
    stage.provider_expires(waiting)
    stage.work()
    assert status(waiting) == Status.ACCEPTED, "nobody has said anything"
    stage.too_late(waiting)
    comes_back(stage)
    assert ends(waiting, stage) == SMS_INSTEAD


def test_shown_but_every_event_lost(waiting: Transmission, stage: Stage) -> None:
    """Our timer asks; what cannot be taken back is no reason for an SMS."""
    stage.fault("lost", "webhook", provider="google")
    comes_back(stage)
    stage.too_late(waiting)
    stage.work()
    assert ends(waiting, stage) == (Status.ACCEPTED, None, (1, 0))
    assert waiting.reason == "expired: waiting for proof"
    assert causes(waiting)[-1] == "too late"
    with world.change():
        world.faults.clear()
    stage.phone().does("read")
    stage.work()
    assert status(waiting) == Status.READ


@pytest.mark.parametrize("word", ["DELIVERED", "READ"])
def test_proof_after_the_sms_went_out(word: str, waiting: Transmission, stage: Stage) -> None:
    stage.provider_expires(waiting)
    comes_back(stage)
    assert ends(waiting, stage) == SMS_INSTEAD
    says(
        stage,
        {"senderPhoneNumber": ALICE, "eventType": word, "eventId": "ev-9", "messageId": str(waiting.pk)},
    )
    stage.work()
    assert (status(waiting), waiting.late_rcs) == (Status[word], True)
    child = fallback(waiting)
    assert child is not None
    assert status(child) == Status.DELIVERED
    assert waiting.message.status == Status[word]


def test_a_code_goes_by_sms_when_our_time_is_up(stage: Stage) -> None:
    """Late is worse than double: the SMS does not wait for the revoke, which has no answer yet."""
    t = sent(stage, time_critical=True)
    stage.fault("503", method="revoke")
    stage.too_late(t)
    stage.work()
    assert (status(t), t.reason) == (Status.ACCEPTED, "expired: late is worse than double")
    comes_back(stage)
    assert ends(t, stage) == BOTH
    assert t.late_rcs


def test_a_message_that_waits_for_a_resting_backend_expires_unsent(stage: Stage) -> None:
    stage.fault("429", method="agentMessages", retry_after=600)
    t = stage.send(ttl=TTL)
    stage.work()
    assert status(t) == Status.QUEUED
    stage.too_late(t)
    stage.later()
    stage.work()
    assert ends(t, stage) == SMS_INSTEAD
    assert t.reason == "expired before it was sent"


def test_the_sms_has_its_own_time(stage: Stage) -> None:
    """It begins when the fallback opens; nothing can take an SMS back, so silence is only noted."""
    stage.phone(rcs=False, online=False)
    t = stage.send(ttl=TTL)
    stage.work()
    child = fallback(t)
    assert child is not None
    assert child.expires_at
    stage.too_late(child)
    stage.work()
    assert (status(child), child.reason, child.expiry_seen) == (
        Status.ACCEPTED,
        "expired: waiting for proof",
        True,
    )
    comes_back(stage)
    assert ends(t, stage) == (Status.FAILED, Status.DELIVERED, (0, 1))


def test_events_before_the_answer_was_written(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """DELIVERED is digested while the request's own thread still holds the answer."""
    from django.db import connections

    from rcs_backends.google_rbm import GoogleRBM

    ask = GoogleRBM.send
    seen: list[int] = []

    def slowly(self: GoogleRBM, outbound: Any) -> Any:
        answer = ask(self, outbound)
        stage.quiet()
        try:
            seen.append(intake.digest())
        finally:
            connections.close_all()
        return answer

    monkeypatch.setattr(GoogleRBM, "send", slowly)
    t = stage.send()
    stage.drain()
    assert seen == [1]
    assert status(t) == Status.DELIVERED
    assert t.accepted_at
    assert t.delivered_at
    assert (t.attempts, t.claim, t.lease_until) == (1, None, None)
    stage.work()
    assert ends(t, stage) == RCS_ALONE
