"""Files as phones and programs write them: what they are is recognised, wherever their signature stands."""

from typing import Any

import pytest

from rcs_router.inbox.media import kinds
from rcs_router.models import InboundFile

from .files import sent_file

pytestmark = pytest.mark.django_db
State = InboundFile.State

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n" + b" " * 100
VCARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Mari Maasikas\r\nTEL:+37255501234\r\nEND:VCARD\r\n"


def atom(name: bytes, body: bytes = b"", size: int | None = None) -> bytes:
    """An atom of QuickTime's file format: its size with its header, its name, its content."""
    return (8 + len(body) if size is None else size).to_bytes(4, "big") + name + body


MOVIE = atom(b"mdat", bytes(200)) + atom(b"moov", bytes(50))
KEPT: list[tuple[str, bytes, str, str]] = [
    ("a PDF", PDF, "application/pdf", "application/pdf"),
    ("a PDF after a byte order mark", b"\xef\xbb\xbf" + PDF, "application/pdf", "application/pdf"),
    ("a PDF after blank lines", b"\r\n\r\n \t" + PDF, "application/pdf", "application/pdf"),
    ("a PDF after both", b"\xef\xbb\xbf\n\n" + PDF, "application/pdf", "application/pdf"),
    ("a PDF after zeros", bytes(16) + PDF, "application/pdf", "application/pdf"),
    ("a PDF that nobody named", b"\n" + PDF, "application/octet-stream", "application/pdf"),
    ("QuickTime, wide first", atom(b"wide") + MOVIE, "video/quicktime", "video/quicktime"),
    ("QuickTime, mdat first", MOVIE, "video/quicktime", "video/quicktime"),
    (
        "QuickTime, a long mdat first",
        atom(b"mdat", bytes(200), size=1),
        "video/quicktime",
        "video/quicktime",
    ),
    ("QuickTime, mdat to the end", atom(b"mdat", bytes(200), size=0), "video/quicktime", "video/quicktime"),
    ("QuickTime, moov first", atom(b"moov", bytes(50)) + MOVIE, "video/quicktime", "video/quicktime"),
    ("QuickTime, free first", atom(b"free") + MOVIE, "video/quicktime", "video/quicktime"),
    ("QuickTime, skip first", atom(b"skip", bytes(9)) + MOVIE, "video/quicktime", "video/quicktime"),
    ("QuickTime, pnot first", atom(b"pnot", bytes(12)) + MOVIE, "video/quicktime", "video/quicktime"),
    ("QuickTime that nobody named", atom(b"wide") + MOVIE, "", "video/quicktime"),
    ("QuickTime called MP4", atom(b"free") + MOVIE, "video/mp4", "video/mp4"),
    ("QuickTime with ftyp", atom(b"ftyp", b"qt  " + bytes(12)), "video/quicktime", "video/quicktime"),
    ("3GP", atom(b"ftyp", b"3gp5" + bytes(200)), "video/3gpp", "video/3gpp"),
    ("3GP with a voice in it", atom(b"ftyp", b"3gp4" + bytes(200)), "audio/3gpp", "audio/3gpp"),
    ("3GPP2", atom(b"ftyp", b"3g2a" + bytes(200)), "video/3gpp2", "video/3gpp2"),
    ("a phone's HEIC called JPEG", atom(b"ftyp", b"heic" + bytes(200)), "image/jpeg", "image/heic"),
    ("HEIF", atom(b"ftyp", b"mif1" + bytes(200)), "image/heif", "image/heif"),
    ("HEIC of ten bits", atom(b"ftyp", b"heix" + bytes(200)), "image/heic", "image/heic"),
    ("AVIF", atom(b"ftyp", b"avif" + bytes(200)), "image/avif", "image/avif"),
    ("WebP called JPEG", b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(50), "image/jpeg", "image/webp"),
    ("AMR", b"#!AMR\n" + bytes(50), "audio/amr", "audio/amr"),
    ("wide-band AMR", b"#!AMR-WB\n" + bytes(50), "audio/amr-wb", "audio/amr-wb"),
    ("a voice of an iPhone", b"caff\x00\x01\x00\x00desc" + bytes(50), "audio/x-caf", "audio/x-caf"),
    ("M4A", atom(b"ftyp", b"M4A " + bytes(50)), "audio/mp4", "audio/mp4"),
    ("M4V", atom(b"ftyp", b"M4V " + bytes(50)), "video/x-m4v", "video/x-m4v"),
    ("a person's address", VCARD, "text/vcard", "text/vcard"),
    ("an address by its old name", VCARD, "text/x-vcard", "text/vcard"),
    ("an address by its oldest name", VCARD, "text/directory", "text/vcard"),
    ("an address in small letters", VCARD.replace(b"BEGIN:VCARD", b"begin:vcard"), "text/x-vCard", "text/vcard"),
    ("an address after a byte order mark", b"\xef\xbb\xbf" + VCARD, "text/vcard", "text/vcard"),
    ("an address after a blank line", b"\r\n" + VCARD, "text/plain", "text/vcard"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "declared", "kind"), [row[1:] for row in KEPT], ids=[row[0] for row in KEPT]
)
def test_a_file_is_kept_as_what_it_is(settings: Any, body: bytes, declared: str, kind: str) -> None:
    row = sent_file(settings, body, declared)
    assert (row.state, row.code, row.media_type) == (State.FETCHED, "", kind)


PAGE = b"<!doctype html><script>alert(1)</script>"
REFUSED: list[tuple[str, bytes, str]] = [
    ("a page with a PDF in it", b"<html>%PDF-1.4</html>", "application/pdf"),
    ("a PDF behind other things", b"x" * 5000 + PDF, "application/pdf"),
    ("a PDF behind a word", b"hello\n" + PDF, "application/pdf"),
    ("a PDF behind too many blanks", b" " * 5000 + PDF, "application/pdf"),
    ("no PDF at all", b"no pdf at all", "application/pdf"),
    ("a page called QuickTime", PAGE, "video/quicktime"),
    ("words that have an atom's name in them", b"the free lunch", "video/quicktime"),
    ("the same called text", b"the free lunch", "text/plain"),
    ("a program called AMR", b"#!/bin/sh\necho", "audio/amr"),
    ("a page called an address", PAGE, "text/vcard"),
    ("a page after a byte order mark", b"\xef\xbb\xbf \n" + PAGE, "text/vcard"),
    ("words called an address", b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "text/vcard"),
    ("words called an address by its old name", b"hello", "text/x-vcard"),
    ("an animation called HEIC", b"hello", "image/heic"),
]


@pytest.mark.parametrize(("body", "declared"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_only_has_the_name_is_not_kept(settings: Any, body: bytes, declared: str) -> None:
    row = sent_file(settings, body, declared)
    assert (row.state, row.code, row.file.name) == (State.REFUSED, "type", "")


@pytest.mark.parametrize("body", [row[1] for row in KEPT], ids=[row[0] for row in KEPT])
def test_no_more_than_the_head_is_looked_at(body: bytes) -> None:
    assert kinds.detect(body[: kinds.HEAD], ["application/pdf"]) == kinds.detect(body, ["application/pdf"])


def test_an_address_ends_in_vcf(settings: Any) -> None:
    assert str(sent_file(settings, VCARD, "text/x-vcard").file.name).endswith(".vcf")


def test_what_was_fetched_can_be_read(settings: Any) -> None:
    assert sent_file(settings, VCARD, "text/vcard").file.read() == VCARD
