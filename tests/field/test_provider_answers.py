"""What the provider has answered by itself is recorded and not answered again; each backend has its own answers."""

from typing import Any, ClassVar

import pytest
from django.core.checks import run_checks

from rcs_router.contract import Status
from rcs_router.handlers import KeywordHandler
from rcs_router.inbox.consent_words import change_consent
from rcs_router.models import Message
from rcs_router.people import consent
from rcs_router.phases import IncomingMessage, RouterApp
from tests.core import ALICE

from . import wires
from .sites import SMS, TWILIO, site

pytestmark = pytest.mark.django_db
HELP = "Acme: call +372 555 0000"
WELCOME = "Welcome back: you will get our offers again. Answer STOP to end them."


class Talkative(RouterApp):
    """Answers whatever it sees."""

    heard: ClassVar[list[str]] = []

    def handle(self, message: IncomingMessage) -> bool:
        self.heard.append(message.text)
        message.respond(f"You said {message.text}")
        return True


class HelpDesk(KeywordHandler):
    keyword = "help"

    def help(self) -> None:
        self.respond("Which help?")


@pytest.fixture(autouse=True)
def silence() -> None:
    Talkative.heard.clear()


APPS = ["tests.field.test_provider_answers.Talkative"]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("HELP", "HELP"),
        ("info", "HELP"),
        ("ABI MIND", "HELP"),  # a word of the account's own list, and none of ours
        ("STOP", "STOP"),
        ("stopp nüüd", "STOP"),
        ("START", "START"),
        ("UNSTOP", "START"),
        ("mind tagasi", "START"),
        ("HELP", "help"),
    ],
)
def test_a_word_that_twilio_answered_is_answered_by_nobody_else(settings: Any, words: str, kind: str) -> None:
    site(settings, {"tw": TWILIO}, HELP_REPLY=HELP, APPS=APPS)
    wires.twilio_sms(words, OptOutType=kind)
    assert wires.outgoing() == []
    assert Talkative.heard == []
    row = Message.objects.get(direction="in")
    assert (row.text, row.handled_by) == (words, "consent")
    assert row.fields["answered_by"] == "provider"


def test_a_chip_that_twilio_answered_is_answered_by_nobody_else(settings: Any) -> None:
    site(settings, {"tw": TWILIO}, APPS=APPS)
    wires.twilio_sms("End it", OptOutType="STOP", ButtonPayload="end", ButtonText="End it")
    assert (wires.outgoing(), Talkative.heard) == ([], [])
    assert consent.refused([ALICE]) == {ALICE}


def test_a_photo_beside_the_word_is_the_apps_own(settings: Any) -> None:
    site(settings, {"tw": TWILIO}, APPS=APPS)
    photo = {"NumMedia": "1", "MediaUrl0": "https://f.example/1", "MediaContentType0": "image/png"}
    wires.twilio_sms("STOP", OptOutType="STOP", **photo)
    assert Talkative.heard == [""]
    assert consent.refused([ALICE]) == {ALICE}


@pytest.mark.parametrize("words", ["STOP", "stopp nüüd"])
def test_a_stop_that_twilio_answered_counts(settings: Any, words: str) -> None:
    site(settings, {"tw": TWILIO})
    wires.twilio_sms(words, OptOutType="STOP")
    assert wires.promotion(ALICE).status == Status.CANCELLED
    assert wires.outgoing() == ["Boots, 20 % off"]


def test_and_so_does_the_start_after_it(settings: Any) -> None:
    site(settings, {"tw": TWILIO})
    wires.twilio_sms("STOP", OptOutType="STOP")
    wires.twilio_sms("START", OptOutType="START")
    assert wires.promotion(ALICE).status == Status.QUEUED
    assert wires.outgoing() == ["Boots, 20 % off"]


def test_help_that_was_left_to_us_is_answered(settings: Any) -> None:
    site(settings, {"tw": TWILIO}, HELP_REPLY=HELP)
    wires.twilio_sms("HELP")
    assert wires.outgoing() == [HELP]


@pytest.mark.parametrize("kind", ["", "OTHER"])
def test_an_unknown_kind_of_word_is_everybody_s(settings: Any, kind: str) -> None:
    site(settings, {"tw": TWILIO}, APPS=APPS)
    wires.twilio_sms("hello", OptOutType=kind)
    assert wires.outgoing() == ["You said hello"]


def test_another_person_is_answered_all_the_same(settings: Any) -> None:
    site(settings, {"tw": TWILIO}, HELP_REPLY=HELP)
    wires.twilio_sms("HELP", OptOutType="HELP")
    wires.twilio_sms("HELP", sender="+37255501235")
    assert wires.outgoing() == [HELP]


# Answers of a backend's own

OWN = {"OPT_OUT_REPLY": "Acme: ended.", "OPT_IN_REPLY": "Acme: back.", "HELP_REPLY": "Acme: help."}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({}, ["bye", "hello again", "help"]),
        (OWN, ["Acme: ended.", "Acme: back.", "Acme: help."]),
        (dict.fromkeys(OWN, ""), []),
        ({"OPT_OUT_REPLY": ""}, ["hello again", "help"]),
        ({"HELP_REPLY": "Acme: help."}, ["bye", "hello again", "Acme: help."]),
    ],
)
def test_each_backend_has_its_own_answers(settings: Any, entry: dict[str, str], expected: list[str]) -> None:
    usual = {"OPT_OUT_REPLY": "bye", "OPT_IN_REPLY": "hello again", "HELP_REPLY": "help"}
    site(settings, {"tw": {**TWILIO, **entry}}, **usual)
    for words in ("STOP", "START", "HELP"):
        wires.twilio_sms(words)
    assert wires.outgoing() == expected
    assert consent.has_spoken(ALICE)


def test_an_event_of_the_menu_is_acknowledged_by_the_backend_s_own_answer(settings: Any) -> None:
    site(settings, {"tw": {**TWILIO, **OWN}, "sms": SMS})
    connection = wires.lookup_connections("tw", [ALICE])[0]
    change_consent(connection, opted_out=True, source="provider event")
    assert wires.outgoing() == ["Acme: ended."]


def test_help_is_for_the_apps_where_the_backend_has_no_answer(settings: Any) -> None:
    desk = ["tests.field.test_provider_answers.HelpDesk"]
    site(settings, {"tw": {**TWILIO, "HELP_REPLY": ""}}, HELP_REPLY=HELP, APPS=desk)
    wires.twilio_sms("HELP")
    assert wires.outgoing() == ["Which help?"]


def ids() -> list[str]:
    return [
        str(found.id).removeprefix("rcs_router.") for found in run_checks() if "rcs_router" in str(found.id)
    ]


@pytest.mark.parametrize("name", list(OWN))
@pytest.mark.parametrize("value", [None, 3, ["bye"], b"bye", "b\0ye"])
def test_an_answer_that_is_no_text_is_an_error(settings: Any, name: str, value: Any) -> None:
    site(settings, {"tw": {**TWILIO, name: value}})
    assert "E028" in ids()


def test_answers_that_are_texts_are_none(settings: Any) -> None:
    site(settings, {"tw": {**TWILIO, **OWN, "HELP_REPLY": ""}})
    assert "E028" not in ids()


def test_a_stop_counts_where_the_answer_is_wrong(settings: Any) -> None:
    site(settings, {"tw": TWILIO, "sms": {**SMS, "OPT_OUT_REPLY": 3}})
    change_consent(_connection("sms"), opted_out=True, source="provider event")
    assert consent.refused([ALICE]) == {ALICE}


def _connection(alias: str) -> Any:
    from rcs_router.models import Backend, Connection

    Backend.objects.get_or_create(name=alias)
    return Connection.objects.create(backend_id=alias, identity=ALICE)


@pytest.mark.parametrize(
    ("usual", "own", "warned"), [("", "", False), (HELP, "", False), ("", HELP, True), (HELP, HELP, True)]
)
def test_a_keyword_that_a_backend_s_answer_takes_is_warned_of(
    settings: Any, usual: str, own: str, warned: bool
) -> None:
    desk = ["tests.field.test_provider_answers.HelpDesk"]
    site(settings, {"tw": {**TWILIO, "HELP_REPLY": own}}, HELP_REPLY=usual, APPS=desk)
    assert ("W106" in ids()) is warned
