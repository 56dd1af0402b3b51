"""Secrets, bodies and numbers that are known: none of them is in a log line, a traceback, a mail or an answer."""

import logging
import threading
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from rcs_router import alarms, health, outbox, sql
from rcs_router.contract import Receipt, ReceiptKind, WebhookRequest
from rcs_router.errors import BackendBug, Misconfigured, Refused, SendError, Unavailable, WebhookRefused
from rcs_router.models import Alarm, BackendState, Transmission
from rcs_router.testing import MemoryBackend
from tests.acceptance.test_secrecy import Log, log  # noqa: F401
from tests.core import BACKENDS, drain, memory, sent_to

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]
SECRET, BODY, NUMBER, TOKEN = "canary-s3cret", "canary-body", "+37255509876", "canary-t0ken"
WORDS = [SECRET, BODY, NUMBER.lstrip("+"), TOKEN]
QUOTING = f"key {SECRET} is wrong for {NUMBER}"


class Quoting(MemoryBackend):
    """A backend whose provider quotes our secret and the number in all that it says."""

    def verify(self, request: WebhookRequest) -> None:
        raise WebhookRefused(QUOTING)


@pytest.fixture(autouse=True)
def quoting(router: None, settings: Any) -> None:
    entry = {"BACKEND": f"{__name__}.Quoting", "OPTIONS": {"secret": SECRET}}
    settings.RCS_BACKENDS = BACKENDS | {"alone": entry}
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"HEALTH_TOKEN": TOKEN}
    settings.ADMINS = [("Kati", "kati@shop.example")]


def leaks(log: Log, *more: str) -> set[str]:  # noqa: F811
    for thread in threading.enumerate():
        if thread.name == "rcs-alarm-mail":
            thread.join(5)
    mails = [f"{one.subject} {one.body}" for one in mail.outbox]
    return {said[:300] for said in (*log.lines, *mails, *more) for word in WORDS if word in said}


FAILURES: list[SendError] = [
    *(Unavailable(QUOTING), Misconfigured(QUOTING), Refused(QUOTING), BackendBug(QUOTING)),
    Unavailable(QUOTING, code=f"no {NUMBER}"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda one: type(one).__name__)
def test_a_provider_that_quotes(failure: SendError, log: Log) -> None:  # noqa: F811
    sent_to("alone", NUMBER, BODY)
    memory("alone").outcomes.append(failure)
    drain("alone")
    assert leaks(log) == set()


def test_a_webhook_that_is_refused(log: Log) -> None:  # noqa: F811
    answer = Client().post("/rcs/webhooks/alone/", {"text": BODY, "from": NUMBER}, "application/json")
    assert answer.status_code == 401
    assert [line for line in log.lines if "refused a webhook request from 127.0.0.1: key … is wrong" in line]
    assert leaks(log, answer.content.decode()) == set()


def test_receipts_that_fail_and_their_alarm(log: Log) -> None:  # noqa: F811
    rows = [sent_to("alone", NUMBER, BODY) for _ in range(10)]
    drain("alone")
    said = [
        Receipt(ReceiptKind.FAILED, transmission=row.pk, code=f"bad {NUMBER}", detail=QUOTING) for row in rows
    ]
    now = sql.now(Transmission)
    outbox.apply_receipts("alone", said, now)
    alarms.look(now)
    assert Alarm.objects.get().kind == alarms.FAILURES
    assert leaks(log) == set()
    assert len(mail.outbox) == 1
    assert [line for line in log.lines if "is reported as failed (bad …76): nothing more: counted" in line]


def test_a_pause_with_the_providers_words(log: Log) -> None:  # noqa: F811
    sent_to("alone", NUMBER, BODY)
    now = sql.now(Transmission)
    alarms.begin(alarms.PAUSED, "alone", f"misconfigured: {QUOTING}", now=now)
    BackendState.objects.update_or_create(
        backend_id="alone", defaults={"pauses": 1, "reason": "misconfigured", "detail": QUOTING}
    )
    shown = Client().get("/rcs/health/", headers={"Authorization": f"Bearer {TOKEN}"})
    assert "key … is wrong for …76" in shown.content.decode()
    assert leaks(log, shown.content.decode(), str(health.findings(now))) == set()
    assert "key … is wrong for …76" in mail.outbox[0].body
    assert logging.getLogger("rcs_router").isEnabledFor(logging.DEBUG)
