"""A form over wires that have none: the address that a phone shows is opened, filled in, and answered by an app."""

import re
from datetime import timedelta
from typing import Any

import pytest
import requests

from rcs_router import lookup_connections, send
from rcs_router.content import Form, FormField
from rcs_router.contract import Status
from rcs_router.models import Message, Transmission
from tests.acceptance.sides import TEXTS
from tests.acceptance.stage import Stage, fallback, status
from tests.core import ALICE

DELIVERED = Status.DELIVERED
TABLE = Form(
    "Book a table",
    (
        FormField("name", "Your name", required=True),
        FormField("people", "How many?", "number", required=True),
        FormField("day", "Which day?", "date"),
        FormField("where", "Where?", "select", options=("Inside", "At the window")),
        FormField("high", "A high chair", "checkbox"),
    ),
    postback="book_7",
    button="Book",
)
GIVEN = {"name": "Mari Õ.", "people": "4", "day": "2026-12-24", "where": "At the window", "high": "on"}
STORED = {**GIVEN, "high": True}
ANSWER = "Table 7 for 4, Mari Õ."
WIRES = [("google",), ("gsma",), ("messente",)]
on_every_wire = pytest.mark.parametrize("stage", WIRES, indirect=True, ids=[name for (name,) in WIRES])


@pytest.fixture(autouse=True)
def shop(stage: Stage, settings: Any) -> None:
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"APPS": ["tests.acceptance.apps.Booked"]}


class Browser:
    """The page at an address, as a phone's browser has it: with cookies, and the token that stands in the page."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.token = ""  # of the page that was opened last

    def open(self) -> requests.Response:
        page = self.session.get(self.url, timeout=20)
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        self.token = found[1] if found else ""
        return page

    def send(self, answers: dict[str, str], token: str | None = None) -> requests.Response:
        if not self.token:
            self.open()
        data = {**answers, "csrfmiddlewaretoken": self.token if token is None else token}
        return self.session.post(self.url, data=data, timeout=20)


def chip_url(stage: Stage) -> str:
    """Where the button of the newest message leads."""
    (chip,) = [one for one in stage.shown()[-1]["suggestions"] if one["label"] == "Book"]
    return str(chip["detail"]["url"])


def text_url(stage: Stage) -> str:
    found = re.search(r"Book: (\S+)", stage.shown(channel="sms")[-1]["text"])
    assert found, stage.shown()
    return found[1]


@on_every_wire
def test_a_form_is_filled_in_and_answered_over_rcs(stage: Stage) -> None:
    t = stage.send(TABLE)
    stage.work()
    (shown,) = stage.shown()
    assert (status(t), shown["kind"], shown["text"]) == (DELIVERED, "text", "Book a table")
    stage.phone().does("tap", suggestion="Book")  # the tap is told, too, and no app takes it for the form
    browser = Browser(chip_url(stage))
    assert [name for name in GIVEN if f'name="{name}"' in browser.open().text] == list(GIVEN)
    assert browser.send(GIVEN).status_code == 200
    stage.work()
    row = Message.objects.get(kind="form")
    assert (row.postback, row.fields["form"], row.answers) == ("book_7", STORED, t)
    assert (row.in_response_to, row.handled_by.rpartition(".")[2]) == (t.message, "Booked")
    assert [(m["channel"], m["text"]) for m in stage.shown()][1:] == [("rcs", ANSWER)]


@pytest.mark.parametrize("stage", [("google", name) for name in TEXTS], indirect=True, ids=TEXTS)
@pytest.mark.parametrize("way", ["fallback", "sms"])
def test_a_form_by_sms(way: str, stage: Stage) -> None:
    stage.phone(rcs=False)
    t = stage.send(TABLE, "acme" if way == "fallback" else "sms")
    stage.work()
    t = fallback(t) or t
    assert (status(t), t.backend_id) == (DELIVERED, "sms")
    assert Browser(text_url(stage)).send(GIVEN).status_code == 200
    stage.work()
    row = Message.objects.get(direction="in")
    assert (row.kind, row.postback, row.fields["form"], row.answers) == ("form", "book_7", STORED, t)
    assert [(m["channel"], m["text"]) for m in stage.shown()][1:] == [("sms", ANSWER)]


@on_every_wire
def test_each_person_has_a_page_of_their_own(stage: Stage) -> None:
    numbers = [ALICE, "+37255501239"]
    send(TABLE, lookup_connections("acme", numbers))
    stage.work()
    for number in numbers:
        (chip,) = stage.shown(number)[-1]["suggestions"]
        Browser(chip["detail"]["url"]).send({**GIVEN, "name": number})
    stage.work()
    rows = Message.objects.filter(kind="form")
    assert {row.connection.identity: row.fields["form"]["name"] for row in rows} == {n: n for n in numbers}
    assert {row.answers.connection.identity for row in rows} == set(numbers)


# Faults, on one wire: the page is the same for all.


@pytest.fixture
def browser(stage: Stage) -> Browser:
    stage.send(TABLE)
    stage.work()
    return Browser(chip_url(stage))


def nothing_came_of_it(stage: Stage) -> bool:
    stage.work()
    return not Message.objects.filter(direction="in").exists() and len(stage.shown()) == 1


@pytest.mark.parametrize(
    "spoilt",
    [
        {"people": "many"},
        {"people": ""},
        {"name": " "},
        {"day": "Christmas"},
        {"where": "On the roof"},
        {"name": "x" * 3000},
    ],
    ids=repr,
)
def test_what_is_wrong_is_asked_again(spoilt: dict[str, str], browser: Browser, stage: Stage) -> None:
    answer = browser.send({**GIVEN, **spoilt})
    assert (answer.status_code, 'name="people"' in answer.text) == (400, True)
    assert nothing_came_of_it(stage)
    assert browser.send(GIVEN).status_code == 200
    stage.work()
    assert stage.shown()[-1]["text"] == ANSWER


def test_whoever_presses_twice_answers_once(browser: Browser, stage: Stage) -> None:
    for people in ("4", "5"):
        assert browser.send({**GIVEN, "people": people}).status_code == 200
    stage.work()
    assert [m["text"] for m in stage.shown()][1:] == [ANSWER]


@pytest.mark.parametrize("token", ["", "x" * 64])
def test_without_the_pages_own_token_nothing_is_taken(token: str, browser: Browser, stage: Stage) -> None:
    assert browser.send(GIVEN, token).status_code == 403
    assert nothing_came_of_it(stage)


def test_an_address_that_was_changed(browser: Browser, stage: Stage) -> None:
    browser.url = browser.url.replace("/forms/", "/forms/A")
    assert browser.open().status_code == 404
    assert browser.send(GIVEN, "x" * 64).status_code in (403, 404)
    assert nothing_came_of_it(stage)


def test_an_address_that_is_too_old(browser: Browser, stage: Stage, settings: Any) -> None:
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"FORM_LIFE": 0.001}
    assert browser.open().status_code == 410
    assert nothing_came_of_it(stage)


def test_a_form_that_was_read_later_by_sms_is_the_same_question(stage: Stage) -> None:
    """RCS took it and lost it; the SMS that follows has a page of its own, and one answer is enough."""
    stage.phone(online=False)
    t = stage.send(TABLE, ttl=timedelta(minutes=5))
    stage.drain()
    stage.provider_expires(t)
    stage.phone(online=True)
    stage.work()
    Browser(text_url(stage)).send(GIVEN)
    stage.work()
    row = Message.objects.get(direction="in")
    assert (row.answers, row.in_response_to) == (Transmission.objects.get(fallback_of=t), t.message)
