"""`manage.py rcs_send`: what people type, and what they type wrongly."""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from rcs_router.content import Card, Carousel, Reply, Text, dump
from rcs_router.contract import Traffic
from rcs_router.models import Message
from rcs_router.people import consent
from tests.core import ALICE, BOB

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("router")]
CARD = Card("Boots", "129 EUR", suggestions=(Reply("Keep", "keep_7"),))


def rcs_send(*arguments: str, **options: Any) -> list[str]:
    out = io.StringIO()
    call_command("rcs_send", *arguments, stdout=out, **options)
    return out.getvalue().splitlines()


def file_with(folder: Path, text: str) -> str:
    path = folder / "card.json"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_every_number_gets_the_text_once_and_the_ids_are_printed():
    lines = rcs_send(ALICE, BOB, ALICE, "Hello")
    message = Message.objects.get()
    assert message.body == Text("Hello")
    rows = message.transmissions.select_related("connection").order_by("connection__identity")
    assert [(row.connection.identity, row.backend_id) for row in rows] == [(ALICE, "rcs"), (BOB, "rcs")]
    assert lines[0] == f"message {message.pk}"
    assert sorted(lines[1:]) == sorted(f"{row.pk}  {row.connection}: queued" for row in rows)


def test_the_options_reach_the_message():
    rcs_send(ALICE, "Hello", "--backend", "sms", "--traffic", "authentication", "--ttl", "2.5")
    message = Message.objects.get()
    assert (message.traffic, message.ttl) == (Traffic.AUTHENTICATION, timedelta(seconds=2.5))
    assert message.transmissions.get().backend_id == "sms"


@pytest.mark.parametrize(
    "content", [CARD, Carousel((CARD, CARD)), Text("Hi", suggestions=(Reply("Yes"),))], ids=lambda c: c.type
)
def test_content_comes_from_a_file_and_the_text_is_for_the_sms(tmp_path, content):
    rcs_send(ALICE, "Your boots", "--card-json", file_with(tmp_path, json.dumps(dump(content))))
    message = Message.objects.get()
    assert (message.body, message.fallback_text) == (content, "Your boots")


def test_a_file_without_a_type_holds_a_card(tmp_path):
    rcs_send(ALICE, "Your boots", "--card-json", file_with(tmp_path, '{"title": "Boots"}'))
    assert Message.objects.get().body == Card("Boots")


def test_content_comes_from_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO('{"title": "Boots"}'))
    rcs_send(ALICE, "Your boots", "--card-json", "-")
    assert Message.objects.get().body == Card("Boots")


def test_who_refused_offers_is_shown_as_cancelled():
    consent.record(ALICE, opted_out=True, source="test")
    assert rcs_send(ALICE, "Sale!", "--traffic", "promotion")[1].endswith(": cancelled (opted_out)")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["12", "Hello"], "'12' is not a phone number"),
        ([ALICE, "hello there", "Hello"], "'hello there' is not a phone number"),
        ([ALICE], "the following arguments are required: text"),
        ([ALICE, " "], "text: may not be blank"),
        ([ALICE, "Hello", "--backend", "fax"], "there is no backend 'fax'; RCS_BACKENDS has rcs, sms, alone"),
        ([ALICE, "Hello", "--traffic", "spam"], "invalid choice: 'spam'"),
        ([ALICE, "Hello", "--ttl", "soon"], "invalid float value: 'soon'"),
        ([ALICE, "Hello", "--ttl", "0"], "ttl must be positive"),
        ([ALICE, "Hello", "--ttl", "-5"], "ttl must be positive"),
        ([ALICE, "Hello", "--ttl", "nan"], "cannot convert float NaN"),
        ([ALICE, "Hello", "--ttl", "inf"], "cannot convert float infinity"),
        ([ALICE, "x" * 3001], "text: 3001 characters, Memory allows 3000"),
        ([ALICE, "Hello", "--card-json", "/nowhere/card.json"], "/nowhere/card.json cannot be read: No such"),
        ([ALICE, "Hello", "--card-json", "/"], "/ cannot be read: Is a directory"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_stored(arguments, problem):
    with pytest.raises(CommandError) as caught:
        rcs_send(*arguments)
    assert problem in str(caught.value)
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not JSON: Expecting value"),
        ('{"title": "Bo', "is not JSON: Unterminated string"),
        ("[" * 100_000, "is not JSON"),
        ('["Boots"]', "must hold a JSON object, not list"),
        ("{}", "a card needs a title, a description or media"),
        ('{"type": "hologram"}', "hologram"),
        ('{"title": "Boots", "suggestions": [{"type": "reply", "label": ""}]}', "suggestions[0].label"),
        ('{"title": "Boots", "colour": "red"}', "colour"),
    ],
)
def test_a_broken_file_is_refused_by_name_and_place(tmp_path, text, problem):
    with pytest.raises(CommandError) as caught:
        rcs_send(ALICE, "Your boots", "--card-json", file_with(tmp_path, text))
    assert problem in str(caught.value)
    assert not Message.objects.exists()


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "card.json"
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(CommandError, match="is not JSON"):
        rcs_send(ALICE, "Your boots", "--card-json", str(path))


def test_without_backends_there_is_nothing_to_send_with(settings):
    settings.RCS_BACKENDS = {}
    with pytest.raises(CommandError, match="RCS_BACKENDS is empty"):
        rcs_send(ALICE, "Hello")
