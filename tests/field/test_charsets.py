"""SMS in whatever charset a Kannel gateway names, and requests whose values look like our secrets: nothing is lost."""

from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlencode

import pytest
from django.test import Client

from rcs_router.inbox import intake
from rcs_router.models import Message, StoredWebhook
from tests.core import ALICE

from . import wires
from .sites import GSMA, KANNEL, SECRET, TWILIO, options, site

pytestmark = pytest.mark.django_db


def kannel(settings: Any, raw: bytes | str, **parameters: str) -> Message:
    """An SMS as Kannel's get-url tells it, `raw` as its percent-encoded text."""
    site(settings, {"ka": KANNEL})
    query = urlencode({"secret": SECRET, "from": "37255501234", "to": "123", **parameters})
    assert Client().get(f"/rcs/webhooks/ka/?{query}&text={quote(raw, safe='')}").status_code == 200
    intake.digest()
    return Message.objects.get(direction="in")


READ = [
    ("ISO-8859-1", "0", "très café".encode("latin-1"), "très café"),
    ("iso-8859-1", "0", "ÄÖÜ ß".encode("latin-1"), "ÄÖÜ ß"),
    ("iso8859-15", "0", "20 €".encode("iso8859-15"), "20 €"),
    ("WINDOWS-1252", "0", b"\x9320 \x80\x94 \x96 \x85", "\u201c20 €\u201d \u2013 \u2026"),
    ("windows-1251", "0", "Привет".encode("cp1251"), "Привет"),
    ("KOI8-R", "0", "Да".encode("koi8-r"), "Да"),
    ("GB2312", "0", "你好".encode("gb2312"), "你好"),
    ("UTF-8", "0", "très 你好 😘".encode(), "très 你好 😘"),
    ("utf8", "-1", "Õ".encode(), "Õ"),
    ("", "0", "Õ".encode(), "Õ"),
    ("US-ASCII", "0", b"plain", "plain"),
    ("UTF-16BE", "2", "Привет €é".encode("utf-16-be"), "Привет €é"),
    ("UTF-16LE", "2", "Привет".encode("utf-16-le"), "Привет"),
    ("UTF-16", "2", "Привет".encode("utf-16-be"), "Привет"),
    ("UTF-16", "2", b"\xff\xfe" + "Привет".encode("utf-16-le"), "Привет"),
    ("UTF-16BE", "2", b"\xfe\xff" + "Да".encode("utf-16-be"), "Да"),
    ("UCS-2", "2", "你好".encode("utf-16-be"), "你好"),
    ("UCS2", "2", "STOP".encode("utf-16-be"), "STOP"),
    ("ISO-10646-UCS-2", "2", "õ".encode("utf-16-be"), "õ"),
    ("utf-16be", "2", "😘".encode("utf-16-be"), "😘"),
    ("", "2", "Привет".encode("utf-16-be"), "Привет"),
    ("klingon", "0", b"plain", "plain"),
    ("klingon", "0", "Õ".encode(), "Õ"),
    ("base64", "0", b"aGk=", "aGk="),  # a codec of Python that is no charset
    ("punycode", "0", b"hello", "hello"),
    ("\0", "0", b"hello", "hello"),
    ("UTF-8", "0", b"", ""),
    ("ISO-8859-1", "0", b"", ""),
    ("UTF-8", "0", b"a+b%20c&d=e", "a+b%20c&d=e"),
    ("ISO-8859-1", "0", b"one\0two", "one\ufffdtwo"),
]


@pytest.mark.parametrize(("charset", "coding", "raw", "text"), READ)
def test_a_text_is_read_in_its_charset(
    settings: Any, charset: str, coding: str, raw: bytes, text: str
) -> None:
    row = kannel(settings, raw, coding=coding, **({"charset": charset} if charset else {}))
    assert (row.kind, row.text) == ("text", text)
    assert row.fields == {"to": "123"}
    assert row.connection is not None
    assert row.connection.identity == ALICE


LOST = [
    ("klingon", "0", b"caf\xe9", "text", "caf"),
    ("UTF-8", "0", b"caf\xe9", "text", "caf"),
    ("US-ASCII", "0", b"caf\xe9", "text", "caf"),
    ("UTF-16BE", "2", b"\x04", "unknown", ""),
    ("UTF-16BE", "2", b"\xd8\x00", "unknown", ""),
    ("UCS-2", "2", b"\xff\xfe\xfd", "unknown", ""),
    ("8-BIT", "1", b"\x00\x01\xff", "unknown", ""),
    ("UTF-8", "1", b"\xff\x80", "unknown", ""),
]


@pytest.mark.parametrize(("charset", "coding", "raw", "kind", "begins"), LOST)
def test_bytes_that_cannot_be_read_are_kept(
    settings: Any, charset: str, coding: str, raw: bytes, kind: str, begins: str
) -> None:
    row = kannel(settings, raw, coding=coding, charset=charset)
    assert (row.kind, row.text.startswith(begins)) == (kind, True)
    assert unquote_to_bytes(row.fields["raw"]) == raw
    assert row.fields["charset"] == charset


@pytest.mark.parametrize("charset", ["UTF-16BE", "UCS-2", "ISO-8859-1", "klingon"])
def test_a_stop_is_heard_in_any_charset(settings: Any, charset: str) -> None:
    wide = charset in {"UTF-16BE", "UCS-2"}
    row = kannel(settings, "STOP".encode("utf-16-be" if wide else "ascii"), charset=charset)
    assert row.handled_by == "consent"


def test_a_gateway_that_repeats_is_stored_once(settings: Any) -> None:
    for _ in range(2):
        kannel(settings, "Õ".encode("latin-1"), charset="ISO-8859-1", sms_id="i-1")
    assert StoredWebhook.objects.count() == 1


def test_what_an_older_release_has_stored_is_still_read(settings: Any) -> None:
    """It read everything as UTF-8, and undid that for UTF-16 where no byte was lost."""
    site(settings, {"ka": KANNEL})
    words = "Да".encode("utf-16-be").decode()
    query = {"from": "37255501234", "charset": "UTF-16BE", "coding": "2", "text": words}
    StoredWebhook.objects.create(backend="ka", method="GET", query=query)
    intake.digest()
    assert wires.incoming() == [(ALICE, "Да")]


# Secrets are dropped by the name of what carries them


@pytest.mark.parametrize("text", ["", SECRET, "p", "u"])
def test_an_sms_that_says_one_of_our_secrets_is_heard(settings: Any, text: str) -> None:
    assert kannel(settings, text, charset="UTF-8").text == text


@pytest.mark.parametrize("body", ["", "the-account-s-token"])
def test_so_is_one_by_twilio(settings: Any, body: str) -> None:
    site(settings, {"tw": TWILIO})
    wires.twilio_sms(body)
    assert wires.incoming() == [(ALICE, body)]


def test_our_own_secret_is_not_stored(settings: Any) -> None:
    kannel(settings, "hello", charset="UTF-8")
    row = StoredWebhook.objects.get()
    assert "secret" not in row.query
    assert SECRET not in f"{row.query} {row.headers} {bytes(row.body)!r}"


@pytest.mark.parametrize("given", [SECRET, f"Bearer {SECRET}"])
def test_nor_is_a_header_that_carries_it(settings: Any, given: str) -> None:
    site(settings, {"gs": GSMA})
    body = wires.gsma_message()
    answer = Client().post(
        "/rcs/webhooks/gs/", body, content_type="application/json", headers={"authorization": given}
    )
    assert answer.status_code == 200
    row = StoredWebhook.objects.get()
    assert SECRET not in f"{row.query} {row.headers}"
    intake.digest()
    assert wires.incoming() == [(ALICE, "hello")]


def test_a_number_that_is_a_secret_too_is_heard(settings: Any) -> None:
    """Secrets are often chosen badly."""
    site(settings, {"ka": options(KANNEL, webhook_secret="123")})
    Client().get("/rcs/webhooks/ka/?secret=123&from=37255501234&to=123&text=123")
    intake.digest()
    row = Message.objects.get()
    assert (row.text, row.fields) == ("123", {"to": "123"})
