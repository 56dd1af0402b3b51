"""What is logged, at DEBUG and by everybody, while things go right and wrong: no secret and nobody's words."""

import logging
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from rcs_backends.google_rbm import GoogleRBM
from rcs_router.content import Card, Reply
from rcs_router.inbox import intake
from rcs_router.phases import RouterApp
from tests.acceptance.stage import CLIENT_TOKEN, PASSWORD, WEBHOOK_SECRET, Stage
from tests.acceptance.test_webhook_requests import Post, ask, event
from tests.core import ALICE

OUT, IN, TITLE = "parole-nightingale", "countersign-kestrel", "title-goshawk"
CARD = Card(TITLE, OUT, suggestions=(Reply("Keep", "postback-merlin"),))


class Log(logging.Handler):
    """Everything that a record would show, whoever formats it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        trace = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""
        self.lines.append(f"{record.name} {record.getMessage()} {record.args!r} {trace}")


@pytest.fixture
def log() -> Iterator[Log]:
    """At the root and at every logger that keeps its records to itself."""
    handler = Log()
    known = [one for one in logging.Logger.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    before = [(one, one.level, one.disabled) for one in (logging.root, *known)]
    listened = [one for one in (logging.root, *known) if one is logging.root or not one.propagate]
    for one, *_ in before:
        one.setLevel(logging.DEBUG)
        one.disabled = False
    for one in listened:
        one.addHandler(handler)
    yield handler
    for one in listened:
        one.removeHandler(handler)
    for one, level, disabled in before:
        one.setLevel(level)
        one.disabled = disabled


@pytest.fixture
def words(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What may not be seen: secrets, words, and every access token that was given out."""
    from rcs_backends.google_rbm.auth import Tokens

    found = [CLIENT_TOKEN, PASSWORD, WEBHOOK_SECRET, OUT, IN, TITLE, "postback-merlin"]
    found.append(stage.account["private_key"].splitlines()[1])
    get = Tokens.get

    def overheard(self: Tokens) -> str:
        found.append(get(self))
        return found[-1]

    monkeypatch.setattr(Tokens, "get", overheard)
    return found


def told(log: Log, words: list[str]) -> set[str]:
    return {line[:400] for line in log.lines for word in words if word in line}


class Broken(RouterApp):
    """An app that quotes what it cannot handle."""

    def handle(self, message: Any) -> None:
        raise ValueError(message.text)


def test_a_good_day(stage: Stage, log: Log, words: list[str]) -> None:
    stage.send(CARD)
    stage.send(OUT, "sms")
    stage.work()
    for via in ("rcs", "sms"):
        stage.phone().does("text", text=IN, via=via)
    stage.phone().does("tap", suggestion="Keep")
    stage.work()
    google = [word for word in words if word.startswith("ya29.")]
    assert google, "the token was heard"
    assert told(log, words) == set()


@pytest.mark.parametrize(
    "kind", ["429", "500", "401", "403", "404", "cut_before", "cut_after", "html", "half_json", "empty"]
)
def test_bad_days(kind: str, stage: Stage, log: Log, words: list[str]) -> None:
    stage.fault(kind)
    stage.send(CARD)
    stage.send(OUT, "sms")
    stage.work()
    assert told(log, words) == set()


@pytest.mark.parametrize("kind", ["500", "html", "empty", "403"])
def test_a_bad_day_for_log_ins(kind: str, stage: Stage, log: Log, words: list[str]) -> None:
    stage.fault(kind, method="token")
    stage.send(CARD)
    stage.work()
    assert told(log, words) == set()


def test_strangers_and_broken_requests(stage: Stage, log: Log, words: list[str]) -> None:
    said = {"senderPhoneNumber": ALICE, "messageId": "m", "text": IN}
    Post(said, token="wrong").send(stage)
    Post(said, body=(IN * 10).encode()).send(stage)
    Post(None, data=IN.encode()).send(stage)
    Post({**said, "text": None, IN: IN, "eventType": "WAVED"}).send(stage)
    Post({"text": IN}).send(stage)
    Post(event("DELIVERED", messageId=IN)).send(stage)
    Post({"clientToken": CLIENT_TOKEN, "secret": IN}, body=None).send(stage)
    stage.work()
    assert [line for line in log.lines if "refused a webhook" in line]
    assert [line for line in log.lines if "cannot be digested" in line]
    assert told(log, words) == set()


def test_kannels_address_is_never_logged(stage: Stage, log: Log, words: list[str]) -> None:
    stage.send(OUT, "sms")
    stage.work()
    stage.phone().does("text", text=IN, via="sms")
    stage.phone().does("text", text="STOP", via="sms")
    stage.work()
    assert intake.digest() == 0
    assert told(log, words) == set()


def test_code_that_breaks(stage: Stage, settings: Any, log: Log, words: list[str], monkeypatch: Any) -> None:
    """A backend and an app that quote the message in what they raise."""
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"APPS": ["tests.acceptance.test_secrecy.Broken"]}

    def break_(self: GoogleRBM, outbound: Any) -> None:
        raise ValueError(f"{outbound.text} {self.options.client_token}")

    monkeypatch.setattr(GoogleRBM, "send", break_)
    stage.send(CARD)
    stage.work()
    stage.phone().does("text", text=IN, via="rcs", to="acme")
    stage.work()
    assert [line for line in log.lines if "which is not a SendError" in line]
    assert [line for line in log.lines if "Broken raised ValueError" in line]
    assert told(log, words) == set()


def test_a_refusal_that_quotes_the_message(stage: Stage, log: Log, words: list[str]) -> None:
    stage.phone(features=[])
    stage.send(CARD, "solo")
    stage.work()
    assert ask(stage, {"secret": "wrong", "text": "x", "from": ALICE}) == 403
    assert told(log, words) == set()


def test_nothing_shows_in_what_people_print(stage: Stage, words: list[str]) -> None:
    from rcs_router.backends import backends

    shown = " ".join(f"{backends[alias]!r} {backends[alias].options!r}" for alias in backends)
    assert [word for word in words if word in shown] == []
