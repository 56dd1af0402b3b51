"""An alarm begins once and ends once, however many find it; people hear of it in the log and by mail."""

import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction

from rcs_router import alarms, signals
from rcs_router.alarms import receivers
from rcs_router.models import Alarm
from tests.alarms.steps import NOW, Heard

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


@pytest.fixture(autouse=True)
def admins(settings: Any) -> Iterator[None]:
    settings.ADMINS = [("Kati", "kati@shop.example")]
    yield
    mailed()


def mailed() -> list[str]:
    """Subjects of what has been mailed, once the threads that mail have ended."""
    for thread in threading.enumerate():
        if thread.name == "rcs-alarm-mail":
            thread.join(5)
    return [message.subject for message in mail.outbox]


def test_begin_and_end_are_once(heard: Heard) -> None:
    alarms.begin("backend_paused", "rcs", "unavailable", now=NOW)
    alarms.begin("backend_paused", "rcs", "throttled", now=NOW + timedelta(seconds=1))
    row = Alarm.objects.get()
    assert (row.raised_at, row.detail, row.ended_at) == (NOW, "unavailable", None)
    for seconds in (2, 3):
        alarms.end("backend_paused", "rcs", now=NOW + timedelta(seconds=seconds))
    alarms.begin("backend_paused", "rcs", "again", now=NOW + timedelta(seconds=4))
    assert heard.began == [("backend_paused", "rcs")] * 2
    assert heard.ended == [("backend_paused", "rcs")]
    assert Alarm.objects.get().detail == "again"


def test_what_was_never_raised_does_not_end(heard: Heard) -> None:
    alarms.end("backend_paused", "rcs", now=NOW)
    assert heard.ended == []


def test_many_at_once_begin_one_alarm(heard: Heard) -> None:
    ready = threading.Barrier(6)

    def find() -> None:
        ready.wait()
        for kind in ("slow_provider", "backend_paused", "failure_spike"):
            alarms.begin(kind, "rcs", now=NOW)
        connection.close()

    threads = [threading.Thread(target=find) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(kind for kind, _ in heard.began) == ["backend_paused", "failure_spike", "slow_provider"]
    assert sorted(mailed()) == [
        f"[Django] RCS alarm: {kind} (rcs)" for kind in ("backend_paused", "failure_spike", "slow_provider")
    ]


def test_nobody_hears_of_what_was_rolled_back(heard: Heard) -> None:
    with transaction.atomic():
        alarms.begin("slow_provider", "rcs", now=NOW)
        transaction.set_rollback(True)
    assert (heard.began, mailed()) == ([], [])


def test_an_alarm_is_an_error_in_the_log(caplog: Any) -> None:
    caplog.set_level(logging.INFO)
    alarms.begin("slow_provider", "rcs", "15 of 20 requests", now=NOW)
    alarms.end("slow_provider", "rcs", now=NOW)
    began, ended = [r for r in caplog.records if r.name == "rcs_router.alarms"]
    assert (began.levelname, began.kind, began.backend, began.detail) == (
        *("ERROR", "slow_provider", "rcs"),
        "15 of 20 requests",
    )
    assert "docs/operating.md, “A provider is slow”" in began.getMessage()
    assert (ended.levelname, ended.getMessage()) == ("INFO", "alarm is over: slow_provider rcs")


def test_the_mail_says_what_is_wrong_and_what_to_do() -> None:
    alarms.begin("backend_paused", "rcs", "unavailable: the provider is down for maintenance", now=NOW)
    assert mailed() == ["[Django] RCS alarm: backend_paused (rcs)"]
    body = mail.outbox[0].body
    for words in (
        "A backend is paused",
        "rcs: unavailable: the provider is down for maintenance",
        f"Since {NOW:%Y-%m-%d %H:%M:%S} UTC",
        "docs/operating.md, “Nothing goes out”",
        "manage.py rcs_doctor",
    ):
        assert words in body


def test_one_mail_an_hour_for_each_kind_and_nothing_is_kept_quiet() -> None:
    alarms.begin("backend_paused", "rcs", now=NOW)
    alarms.begin("slow_provider", "rcs", now=NOW)
    alarms.begin("backend_paused", "sms", "the second", now=NOW + timedelta(minutes=10))
    assert len(mailed()) == 2
    receivers.mail_overdue(NOW + timedelta(minutes=59))
    assert len(mailed()) == 2
    receivers.mail_overdue(NOW + timedelta(minutes=61))
    receivers.mail_overdue(NOW + timedelta(minutes=62))
    assert mailed()[2:] == ["[Django] RCS alarm: backend_paused (sms)"]
    assert "the second" in mail.outbox[2].body
    alarms.end("backend_paused", "sms", now=NOW + timedelta(hours=3))
    alarms.begin("backend_paused", "sms", now=NOW + timedelta(hours=4))
    assert len(mailed()) == 4


def test_what_is_over_is_not_mailed_later() -> None:
    alarms.begin("backend_paused", "rcs", now=NOW)
    alarms.begin("backend_paused", "sms", now=NOW)
    alarms.end("backend_paused", "sms", now=NOW)
    receivers.mail_overdue(NOW + timedelta(hours=2))
    assert len(mailed()) == 1


@pytest.mark.parametrize(
    ("router", "admins"), [({"ALARM_MAILS": False}, [("Kati", "kati@shop.example")]), ({}, [])]
)
def test_mails_can_be_switched_off(settings: Any, router: dict[str, Any], admins: list[Any]) -> None:
    settings.RCS_ROUTER, settings.ADMINS = settings.RCS_ROUTER | router, admins
    alarms.begin("backend_paused", "rcs", now=NOW)
    receivers.mail_overdue(NOW + timedelta(hours=2))
    assert mailed() == []
    assert Alarm.objects.get().mailed_at is None


def test_receivers_can_be_disconnected(heard: Heard, caplog: Any) -> None:
    assert signals.alarm.disconnect(dispatch_uid=receivers.LOG)
    assert signals.alarm.disconnect(dispatch_uid=receivers.MAIL)
    try:
        alarms.begin("backend_paused", "rcs", now=NOW)
    finally:
        receivers.connect()
    assert (len(heard.began), mailed(), caplog.records) == (1, [], [])


hang = threading.Event()


class Broken(BaseEmailBackend):
    """A mail server that refuses."""

    def send_messages(self, messages: Any) -> int:
        raise OSError("password s3cret refused")


class Hanging(BaseEmailBackend):
    """A mail server that does not answer before the test is over."""

    def send_messages(self, messages: Any) -> int:
        hang.wait(10)
        return 0


def test_a_mail_server_in_trouble_is_logged(settings: Any, caplog: Any, heard: Heard) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Broken"
    alarms.begin("backend_paused", "rcs", now=NOW)
    assert mailed() == []
    assert "could not be sent: OSError" in caplog.text
    assert "s3cret" not in caplog.text
    assert len(heard.began) == 1


def test_a_mail_server_that_hangs_holds_up_nobody(settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Hanging"
    alarms.begin("backend_paused", "rcs", now=NOW)  # has returned, although the mail is still on its way
    assert [t.name for t in threading.enumerate() if t.name == "rcs-alarm-mail"] == ["rcs-alarm-mail"]
    hang.set()
