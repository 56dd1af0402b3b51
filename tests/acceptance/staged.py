"""Failures that can be staged: each function brings one about and returns the id that its log line must name."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError

from rcs_backends.emulator.state import world
from rcs_router import alarms, outbox, sql, sweep
from rcs_router.alarms import counts
from rcs_router.contract import Status
from rcs_router.inbox import intake, queue
from rcs_router.models import (
    BackendMinute,
    BackendState,
    Consent,
    InboundFile,
    LastRun,
    Message,
    StoredWebhook,
    Transmission,
)
from rcs_router.outbox import operate
from rcs_router.phases import RouterApp
from tests.acceptance.stage import Stage
from tests.acceptance.test_webhook_requests import Post
from tests.core import ALICE

BODY, SAID, WRONG = "parole-nightingale", "countersign-kestrel", "wr0ng-credential"
APP = __name__
NO_ID = "no row"  # in the place of an id, where the failure is nobody's in particular
ENOUGH = 12  # more than a share is asked of


class Quoting(RouterApp):
    """An app that quotes what it cannot handle."""

    def handle(self, message: Any) -> None:
        raise ValueError(f"{message.text} of {ALICE}")


class Sleeping(RouterApp):
    """An app that does not come to an end."""

    def handle(self, message: Any) -> None:
        while True:
            time.sleep(0.01)


@dataclass
class Play:
    """A stage, and what the failures need besides it."""

    stage: Stage
    settings: Any
    patch: pytest.MonkeyPatch

    def set(self, **changes: Any) -> None:
        self.settings.RCS_ROUTER = self.settings.RCS_ROUTER | changes

    def send(self, alias: str, count: int = 1, **options: Any) -> Transmission:
        """Messages that wait for their first drain; the last of them."""
        for _ in range(count):
            last = self.stage.send(BODY, alias, **options)
        return last

    def sent(self, alias: str, count: int = 1, **options: Any) -> Transmission:
        last = self.send(alias, count, **options)
        self.stage.drain(alias)
        return last

    def failed(self) -> Any:
        """The id of one whose request has failed."""
        return (
            Transmission.objects.filter(attempts__gt=0).order_by("created_at").values_list("pk", flat=True)[0]
        )

    def hears(self, text: str = SAID) -> Any:
        """Somebody writes."""
        self.stage.phone().does("text", text=text, via="rcs", to="acme")
        self.stage.quiet()
        intake.digest()
        return (
            Message.objects.filter(direction="in").order_by("created_at").values_list("pk", flat=True).last()
        )

    def sweeps(self, times: int = 1) -> None:
        """What the sweep does, and looks for alarms with what has been counted."""
        for _ in range(times):
            now = sql.now(Transmission)
            sweep.mend(now)
            alarms.look(now)

    def passes(self, seconds: float) -> None:
        """Time, for everything that is counted or waits."""
        ago = timedelta(seconds=seconds)
        counts.flush(force=True)
        for row in BackendMinute.objects.all():
            BackendMinute.objects.filter(pk=row.pk).update(minute=row.minute - ago)
        for model, name in (
            (Transmission, "due_at"),
            (Transmission, "created_at"),
            (Message, "created_at"),
            (StoredWebhook, "due_at"),
            (StoredWebhook, "received_at"),
            (LastRun, "at"),
        ):
            for row in model._default_manager.exclude(**{name: None}):
                model._default_manager.filter(pk=row.pk).update(**{name: getattr(row, name) - ago})

    def works_again(self) -> None:
        """The providers are well, every pause is over, and what waits is sent."""
        with world.change():
            world.faults.clear()
        self.stage.later()
        self.stage.work()


Strike = Callable[[Play], Any]


def outage(play: Play) -> Any:
    play.set(BREAKER=3, PAUSES=[60], RETRY_DELAYS=[30])
    play.stage.fault("503", method="agentMessages")
    play.sent("solo", 4)
    return play.failed()


def still_out(play: Play) -> None:
    """The pause ends, the provider is tried, and is still out of order."""
    BackendState.objects.update(paused_until=None)
    Transmission.objects.filter(status=Status.QUEUED).update(due_at=sql.now(Transmission))
    play.stage.drain("solo")


def too_fast(play: Play) -> Any:
    play.stage.fault("429", method="agentMessages", retry_after=60)
    return play.sent("solo").pk


def wrong_credentials(play: Play) -> Any:
    play.set(PAUSES=[60])
    play.settings.RCS_BACKENDS = play.stage.backends() | {"sms": play.stage.kannel(password=WRONG)}
    return play.sent("sms").pk


def right_credentials(play: Play) -> None:
    play.settings.RCS_BACKENDS = play.stage.backends()
    play.works_again()


def not_the_providers_answer(play: Play) -> Any:
    play.set(BREAKER=3, PAUSES=[60], RETRY_DELAYS=[30])
    play.stage.fault("lost", "webhook")
    play.stage.fault("html", method="agentMessages")
    play.sent("solo", 4)
    return play.failed()


def cut_answers(play: Play) -> Any:
    play.set(REVIEW_LIMIT=3)
    play.stage.fault("cut_before", method="sendsms")
    return play.sent("sms", 3).pk


def closed(play: Play) -> None:
    for row in Transmission.objects.filter(status=Status.REVIEW):
        assert operate.act("close", row) == ""


def code_of_a_paused_backend(play: Play) -> Any:
    play.set(PAUSES=[60])
    play.stage.fault("429", method="agentMessages", retry_after=60)
    play.sent("acme")
    return play.sent("acme", traffic="authentication").pk


def past_its_deadline(play: Play) -> Any:
    row = play.send("acme", fall_back_after=timedelta(seconds=30))
    Transmission.objects.update(fall_back_at=sql.now(Transmission))
    return row.pk


def past_its_ttl(play: Play) -> Any:
    row = play.send("solo", ttl=timedelta(minutes=5))
    play.stage.too_late(row)
    return row.pk


def without_proof_at_its_end(play: Play) -> Any:
    play.stage.fault("lost", "webhook")
    row = play.sent("sms", ttl=timedelta(minutes=5))
    play.stage.too_late(row)
    return row.pk


def not_taken_back(play: Play) -> Any:
    play.set(RETRY_DELAYS=[30])
    play.stage.phone(online=False)
    play.stage.fault("503", method="revoke")
    row = play.sent("acme", ttl=timedelta(minutes=5))
    play.stage.too_late(row)
    play.stage.work()
    return row.pk


def receipts_fail(play: Play) -> Any:
    play.stage.dial(kannel={"outcome": "failed"})
    row = play.sent("sms", ENOUGH)
    play.stage.work()
    return row.pk


def receipts_stop(play: Play) -> Any:
    play.stage.fault("lost", "webhook")
    play.sent("sms", 50)
    play.passes(480)
    return NO_ID


def receipts_come(play: Play) -> None:
    play.works_again()
    play.sent("sms")
    play.stage.work()


def worker_died(play: Play) -> Any:
    play.set(REVIEW_LIMIT=1)
    row, now = play.send("sms"), sql.now(Transmission)
    [claimed] = outbox.claim("sms", 1, now, 5, {})
    Transmission.objects.filter(pk=claimed.pk).update(started=True, lease_until=now - timedelta(seconds=1))
    return row.pk


def worker_died_before_sending(play: Play) -> Any:
    row, now = play.send("sms"), sql.now(Transmission)
    assert outbox.claim("sms", 1, now, 5, {})
    Transmission.objects.update(lease_until=now - timedelta(seconds=1))
    return row.pk


def wrong_signature(play: Play) -> Any:
    said = {"senderPhoneNumber": ALICE, "messageId": "m", "text": SAID}
    assert Post(said, token=WRONG).send(play.stage) == 401
    return NO_ID


def senseless_webhook(play: Play) -> Any:
    assert Post({"senderPhoneNumber": ALICE, "text": SAID, "messageId": ["m"]}).send(play.stage) == 200
    play.patch.setattr("rcs_backends.google_rbm.GoogleRBM.parse", quote)
    intake.digest()
    return StoredWebhook.objects.get().pk


def quote(self: Any, request: Any) -> Any:
    """A mistake in `parse` that quotes all it knows."""
    raise KeyError(f"{SAID} of {ALICE} with {self.options.client_token}")


def app_raises(play: Play) -> Any:
    play.set(APPS=[f"{APP}.Quoting"])
    return play.hears()


def app_hangs(play: Play) -> Any:
    play.set(APPS=[f"{APP}.Sleeping"], APP_TIMEOUT=0.2)
    return play.hears()


def stop_without_a_database(play: Play) -> Any:
    def away(*args: Any) -> Any:
        raise OperationalError(f"no connection for {ALICE}: {SAID}")

    play.patch.setattr(queue, "route", away)
    row = play.hears("STOP")
    play.passes(200)
    return row


def database_is_back(play: Play) -> None:
    play.patch.undo()
    Message.objects.update(lease_until=None)
    intake.digest()
    assert Consent.objects.get().opted_out


def nobody_drains(play: Play) -> Any:
    play.send("solo", traffic="authentication")
    play.passes(200)
    return NO_ID


def beat_is_gone(play: Play) -> Any:
    sweep.note(sweep.BEAT, sql.now(Transmission))
    play.passes(61)
    return NO_ID


def slow_provider(play: Play) -> Any:
    play.set(SLOW_AFTER=0.02)
    play.stage.fault("latency", seconds=0.05)
    play.sent("sms", 20)
    play.stage.work()
    return NO_ID


def file_is_gone(play: Play) -> Any:
    play.set(MEDIA_FETCH=True, MEDIA_ALLOW_PRIVATE=True)
    play.stage.phone().does("file", url=f"{play.stage.url}/nothing?key={SAID}", via="rcs", to="acme")
    play.stage.work()
    return InboundFile.objects.get().pk


def done(play: Play) -> None:
    """There is nothing to mend."""
