"""What whoever is on call hears of each staged failure: its line, its alarm once, one mail; and no secret in any of it.

The trouble goes on over several sweeps and is then over. Providers and phones are the emulator's, over real sockets.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.core import mail

from rcs_router import alarms, sql, sweep
from rcs_router.alarms import counts
from rcs_router.models import StoredWebhook, Transmission
from tests.acceptance.stage import CLIENT_TOKEN, PASSWORD, WEBHOOK_SECRET, Stage
from tests.acceptance.staged import (
    BODY,
    NO_ID,
    SAID,
    WRONG,
    Play,
    Strike,
    app_hangs,
    app_raises,
    beat_is_gone,
    closed,
    code_of_a_paused_backend,
    cut_answers,
    database_is_back,
    done,
    file_is_gone,
    nobody_drains,
    not_taken_back,
    not_the_providers_answer,
    outage,
    past_its_deadline,
    past_its_ttl,
    receipts_come,
    receipts_fail,
    receipts_stop,
    right_credentials,
    senseless_webhook,
    slow_provider,
    still_out,
    stop_without_a_database,
    too_fast,
    without_proof_at_its_end,
    worker_died,
    worker_died_before_sending,
    wrong_credentials,
    wrong_signature,
)
from tests.acceptance.test_secrecy import Log, log  # noqa: F401
from tests.alarms.conftest import heard  # noqa: F401
from tests.alarms.steps import Heard
from tests.core import ALICE


@dataclass(frozen=True)
class Failure:
    """A failure and what is heard of it. `id` names the line's field that has it; none where the line is about many."""

    strike: Strike
    logger: str
    level: int
    alias: str
    id: str
    code: str
    next_step: str
    alarm: str = ""  # its kind; none: one such failure needs nobody at once
    cure: Callable[[Play], None] = done
    goes_on: Callable[[Play], None] = done


W, E, INFO = logging.WARNING, logging.ERROR, logging.INFO
DELIVERY, PACE, EXPIRY, ALARMS = "delivery", "pace", "expiry", "alarms"
T, ON_CALL = "transmission", "see docs/operating.md, “"
WELL = Play.works_again
PAUSED = alarms.PAUSED
FAILURES = [
    Failure(outage, DELIVERY, W, "solo", T, "unavailable", "retried in 30 s", PAUSED, WELL, still_out),
    Failure(outage, PACE, W, "solo", "", "unavailable", "tried again in 60 s", PAUSED, WELL, still_out),
    Failure(outage, ALARMS, E, "solo", "", PAUSED, f"{ON_CALL}Nothing goes out", PAUSED, WELL, still_out),
    Failure(
        too_fast, DELIVERY, W, "solo", T, "throttled", "waits for the paused backend", PAUSED, WELL, still_out
    ),
    Failure(too_fast, PACE, W, "solo", "", "throttled", "tried again in 60 s", PAUSED, WELL, still_out),
    Failure(
        *(wrong_credentials, DELIVERY, W, "sms", T, "authorization_failed", "waits for the paused backend"),
        *(PAUSED, right_credentials),
    ),
    Failure(
        *(not_the_providers_answer, DELIVERY, W, "solo", T, "malformed_reply", "retried in 30 s"),
        *(PAUSED, WELL, still_out),
    ),
    Failure(
        cut_answers,
        DELIVERY,
        W,
        "sms",
        T,
        "ambiguous: outcome unknown",
        "needs review",
        alarms.REVIEW,
        closed,
    ),
    Failure(
        *(code_of_a_paused_backend, DELIVERY, INFO, "acme", T, "its backend is paused", "goes on by sms"),
        *(PAUSED, WELL),
    ),
    Failure(past_its_deadline, DELIVERY, INFO, "acme", T, "deadline", "goes on by sms"),
    Failure(past_its_ttl, EXPIRY, W, "solo", T, "expired before it was sent", "nothing more: expired"),
    Failure(
        without_proof_at_its_end, EXPIRY, W, "sms", T, "expired: waiting for proof", "nobody can be asked"
    ),
    Failure(not_taken_back, EXPIRY, W, "acme", T, "unavailable", "retried in 30 s"),
    Failure(not_taken_back, EXPIRY, W, "acme", T, "expired: waiting for proof", "is to be taken back"),
    Failure(
        *(receipts_fail, "receipts", W, "sms", T, "undelivered", "nothing more: counted"),
        *(alarms.FAILURES, lambda play: play.passes(3600)),
    ),
    Failure(
        *(receipts_stop, ALARMS, E, "sms", "", alarms.NO_RECEIPTS, f"{ON_CALL}Receipts stopped"),
        *(alarms.NO_RECEIPTS, receipts_come),
    ),
    Failure(
        *(
            worker_died,
            DELIVERY,
            W,
            "sms",
            T,
            "its worker stopped while sending: outcome unknown",
            "needs review",
        ),
        *(alarms.REVIEW, closed),
    ),
    Failure(
        *(worker_died_before_sending, DELIVERY, W, "sms", T, "its worker stopped before sending"),
        "retried at once",
    ),
    Failure(wrong_signature, "webhooks", W, "acme", "", "401", "nothing of it is stored"),
    Failure(senseless_webhook, "inbox", E, "acme", "webhook", "KeyError", "digest it again from the admin"),
    Failure(
        app_raises, "phases", E, "acme", "message_id", "ValueError", "the message goes on without this app"
    ),
    Failure(
        app_hangs, "phases", E, "acme", "message_id", "APP_TIMEOUT", "the message goes on without this app"
    ),
    Failure(
        *(stop_without_a_database, "routing", W, "acme", "message_id", "OperationalError"),
        *("waits 1 s for the database", alarms.BACKLOG, database_is_back),
    ),
    Failure(
        *(nobody_drains, ALARMS, E, "solo", "", alarms.BACKLOG, f"{ON_CALL}Codes come late"),
        *(alarms.BACKLOG, WELL),
    ),
    Failure(cut_answers, ALARMS, E, "", "", alarms.REVIEW, f"{ON_CALL}Review grows", alarms.REVIEW, closed),
    Failure(
        *(beat_is_gone, ALARMS, E, "", "", alarms.BEAT, f"{ON_CALL}A worker died"),
        *(alarms.BEAT, lambda play: sweep.note(sweep.BEAT, sql.now(Transmission))),
    ),
    Failure(
        *(slow_provider, ALARMS, E, "sms", "", alarms.SLOW, f"{ON_CALL}A provider is slow"),
        *(alarms.SLOW, lambda play: play.passes(3600)),
    ),
    Failure(file_is_gone, "media", W, "acme", "file_id", "http_404", "nothing more: gone"),
]


@pytest.fixture
def play(stage: Stage, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    settings.ADMINS = [("Kati", "kati@shop.example")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counts, "_counts", counts._Counts())
        stage.drain("acme")  # nothing yet; the slots are made
        yield Play(stage, settings, monkeypatch)


def lines(log: Log, failure: Failure) -> list[logging.LogRecord]:  # noqa: F811
    name = f"rcs_router.{failure.logger}"
    return [record for record in log.records if (record.name, record.levelno) == (name, failure.level)]


def said(record: logging.LogRecord, failure: Failure, key: Any) -> bool:
    """Does the line name all, in words and as fields?"""
    text, fields = record.getMessage(), vars(record)
    wanted = {"alias": failure.alias, "code": failure.code, "next_step": failure.next_step}
    in_words = all(value in text for value in wanted.values())
    as_fields = all(str(fields.get(name, "")).startswith(value) for name, value in wanted.items())
    has_id = key == NO_ID or not failure.id or (str(fields.get(failure.id)) == str(key) and str(key) in text)
    return in_words and as_fields and has_id


def mailed() -> list[str]:
    for thread in threading.enumerate():
        if thread.name == "rcs-alarm-mail":
            thread.join(5)
    return [f"{one.subject} {one.body}" for one in mail.outbox]


def leaks(log: Log) -> set[str]:  # noqa: F811
    """Everything that was told, and holds what nobody may read."""
    secrets = [CLIENT_TOKEN, PASSWORD, WEBHOOK_SECRET, WRONG, BODY, SAID, ALICE.lstrip("+")]
    written = [record for record in log.records if record.levelno >= logging.INFO]
    texts = [logging.Formatter().format(record) for record in written]
    fields = [repr(vars(record)) for record in written if record.name.startswith(("rcs_", "celery"))]
    stored = StoredWebhook.objects.values_list("traceback", flat=True)
    told = (*texts, *fields, *mailed(), *stored)
    return {line[:500] for line in told for word in secrets if word in line}


@pytest.mark.services  # takes long
@pytest.mark.parametrize("failure", FAILURES, ids=lambda one: f"{one.strike.__name__}-{one.logger}")
def test_a_failure_is_told(failure: Failure, play: Play, log: Log, heard: Heard) -> None:  # noqa: F811
    key = failure.strike(play)
    play.sweeps(2)
    found = lines(log, failure)
    assert any(said(record, failure, key) for record in found), [r.getMessage() for r in found]
    failure.goes_on(play)
    play.sweeps(3)
    kinds = [failure.alarm] if failure.alarm else []
    assert [kind for kind, _ in heard.began] == kinds
    assert heard.ended == []
    assert len(mailed()) == len(kinds)
    failure.cure(play)
    play.sweeps(2)
    assert [kind for kind, _ in heard.ended] == kinds
    assert [kind for kind, _ in heard.began] == kinds
    assert len(mailed()) == len(kinds)
    assert leaks(log) == set()


def test_every_kind_of_alarm_is_staged() -> None:
    assert {failure.alarm for failure in FAILURES} == {"", *alarms.KINDS}


def test_the_strikes_are_more_than_ten() -> None:
    assert len({failure.strike for failure in FAILURES}) > 10
