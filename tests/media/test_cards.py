"""Contact cards: what phones send, what strangers send, and where a card is shown."""

import sys
import time
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.base import ContentFile
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from rcs_router.inbox.media import cards
from rcs_router.inbox.media.cards import ContactCard
from rcs_router.models import InboundFile
from tests.admin.pages import page, words
from tests.media.steps import sent

pytest.importorskip("icalendar", reason="the extra vcard is not installed")
MARI = ContactCard("Mari Maasikas", ("+37255501234",))


def card(*lines: str, version: str = "3.0") -> bytes:
    return "\r\n".join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""]).encode()


CARDS: list[tuple[str, bytes, ContactCard]] = [
    ("plain", card("N:Maasikas;Mari;;;", "FN:Mari Maasikas", "TEL:+37255501234"), MARI),
    ("types", card("FN:Mari Maasikas", "TEL;type=CELL;type=pref:+37255501234"), MARI),
    ("groups of an iPhone", card("FN:Mari Maasikas", "item1.TEL:+37255501234", "item1.X-ABLabel:Work"), MARI),
    ("an Android's", card("N:Maasikas;Mari;;;", "TEL;CELL;VOICE:+37255501234", version="2.1"), MARI),
    ("4.0", card("FN:Mari Maasikas", "TEL;VALUE=uri;TYPE=cell:tel:+37255501234", version="4.0"), MARI),
    ("no formatted name", card("N:Maasikas;Mari;;;", "TEL:+37255501234"), MARI),
    ("small letters", card("fn:Mari Maasikas", "tel:+37255501234"), MARI),
    ("folded", card("FN:Mari Maa", " sikas", "TEL:+372555", "\t01234"), MARI),
    ("line feeds", card("FN:Mari Maasikas", "TEL:+37255501234").replace(b"\r", b""), MARI),
    ("a byte order mark", b"\xef\xbb\xbf" + card("FN:Mari Maasikas", "TEL:+37255501234"), MARI),
    ("no end", card("FN:Mari Maasikas", "TEL:+37255501234")[:-11], MARI),
    ("escapes", card(r"FN:Maasikas\, Mari"), ContactCard("Maasikas, Mari")),
    ("one name", card("N:Mari"), ContactCard("Mari")),
    (
        "quoted-printable",
        card("FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=84rm=\r\nas", "TEL;CELL:1", version="2.1"),
        ContactCard("Ärmas", ("1",)),
    ),
    (
        "a picture",
        card("FN:Mari", "PHOTO;ENCODING=b:" + "QUJD" * 9000 + "=", "TEL:1"),
        ContactCard("Mari", ("1",)),
    ),
    ("broken lines", card("FN:Mari", "TEL", "TEL;=x:1", 'TEL;a="x:2', ";;;", "TEL:1"), ContactCard("Mari", ("1",))),
    ("two numbers", card("TEL:1", "TEL:2"), ContactCard("", ("1", "2"))),
    ("NUL", card("FN:Ma\0ri"), ContactCard("Ma\ufffdri")),
    ("nothing", b"", ContactCard()),
    ("no card", b"\xff\xfe\x00", ContactCard()),
]  # fmt: skip


@pytest.mark.parametrize(("data", "told"), [row[1:] for row in CARDS], ids=[row[0] for row in CARDS])
def test_what_a_card_says(data: bytes, told: ContactCard) -> None:
    assert cards.parsed(data) == told


HOSTILE = {
    "parameters": card("TEL" + ";a=b" * 200 + " x"),
    "many parameters": card("TEL" + ";a=b" * 15000 + ":1"),
    "bare parameters": card("TEL" + ";a" * 30000 + ":1"),
    "quotes": card("TEL" + ';a="b"' * 10000 + '"x'),
    "semicolons": card("TEL" + ";" * 60000),
    "colons": card("TEL" + ":" * 60000),
    "groups": card("a-" * 30000 + "TEL:1"),
    "folds": card("TEL:1" + "\r\n 1" * 15000),
    "soft breaks": card("FN;ENCODING=QUOTED-PRINTABLE:" + "=\r\n" * 20000, version="2.1"),
    "numbers": card(*["TEL:1"] * 9000),
    "names": card(*["FN:"] * 9000),
    "fields of a name": card("N:" + ";" * 60000),
    "backslashes": card("FN:" + "\\" * 60000),
    "cards": b"BEGIN:VCARD\r\n" * 5000,
    "one line": b"FN" * 30000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_card_takes_no_time(name: str) -> None:
    """Measured as the time of this thread: with vobject, the first of them takes longer than a minute."""
    before = time.thread_time()
    told = cards.parsed(HOSTILE[name])
    assert time.thread_time() - before < 1
    assert len(str(told)) <= 2000


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_a_card(data: bytes) -> None:
    str(cards.parsed(card("TEL;") + data)).encode()
    str(cards.parsed(data)).encode()


# Where it is shown


@pytest.fixture
def row(received: Any) -> InboundFile:
    file = sent("https://files.example/mari.vcf", media_type="text/vcard")
    file.media_type, file.state = "text/vcard", InboundFile.State.FETCHED
    file.file.save("mari.vcf", ContentFile(CARDS[0][1]))
    return file


def shown(row: InboundFile, *rights: str) -> str:
    user = User.objects.create_user("kati", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client()
    client.force_login(user)
    return words(client.get(page(row)))


@pytest.mark.django_db
def test_an_app_reads_the_card_of_a_file(row: InboundFile) -> None:
    assert cards.read(row) == MARI


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"media_type": "image/png"}, {"state": "gone"}], ids=["picture", "gone"])
def test_any_other_file_is_no_card(row: InboundFile, change: dict[str, str]) -> None:
    for name, value in change.items():
        setattr(row, name, value)
    assert cards.read(row) is None


@pytest.mark.django_db
def test_the_admin_shows_it_to_those_who_may_read_messages(row: InboundFile) -> None:
    assert "Mari Maasikas, +37255501234" in shown(row, "view_inboundfile", "view_message")


@pytest.mark.django_db
def test_the_admin_shows_it_to_nobody_else(row: InboundFile) -> None:
    assert "Mari Maasikas" not in shown(row, "view_inboundfile")


@pytest.mark.django_db
def test_without_the_extra_the_page_opens_without_it(
    row: InboundFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "icalendar.parser", None)
    assert "Contact card" not in shown(row, "view_inboundfile", "view_message")


@pytest.mark.django_db
def test_without_its_file_the_page_opens_without_it(row: InboundFile) -> None:
    row.file.storage.delete(str(row.file.name))
    assert "Contact card" not in shown(row, "view_inboundfile", "view_message")
