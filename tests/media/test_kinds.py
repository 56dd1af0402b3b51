"""What a file is, by its bytes and its names; and what of that is kept."""

import pytest

from rcs_router.inbox.media.kinds import detect, extension, is_allowed

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00"
DEFAULT = ("image/*", "video/*", "audio/*", "application/pdf")


@pytest.mark.parametrize(
    ("head", "names", "wanted"),
    [
        (JPEG, [], "image/jpeg"),
        (JPEG, ["image/png"], "image/jpeg"),
        (JPEG, ["text/html"], "image/jpeg"),
        (PNG, ["application/octet-stream"], "image/png"),
        (b"GIF89a\x01\x00", [], "image/gif"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", [], "image/webp"),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", ["audio/x-wav"], "audio/x-wav"),
        (b"\x00\x00\x00\x18ftypheic", [], "image/heic"),
        (MP4, [], "video/mp4"),
        (MP4, ["audio/mp4"], "audio/mp4"),
        (MP4, ["", "audio/3gpp"], "audio/3gpp"),
        (MP4, ["image/jpeg"], "video/mp4"),
        (b"\x00\x00\x00\x14ftyp3gp5", ["audio/3gpp"], "audio/3gpp"),
        (b"\x00\x00\x00\x14ftypqt  ", [], "video/quicktime"),
        (b"\x1aE\xdf\xa3\x01", [], "video/webm"),
        (b"OggS\x00\x02", [], "audio/ogg"),
        (b"ID3\x04\x00", [], "audio/mpeg"),
        (b"\xff\xfb\x90\x00", [], "audio/mpeg"),
        (b"\xff\xf1\x50\x80", [], "audio/aac"),
        (b"#!AMR\n", [], "audio/amr"),
        (b"%PDF-1.7\n", ["image/png"], "application/pdf"),
        (b"PK\x03\x04\x14", ["application/epub+zip"], "application/epub+zip"),
        (b"PK\x03\x04\x14", ["image/png"], "application/zip"),
        (b"MZ\x90\x00", ["image/png"], "application/x-executable"),
        (b"#!/bin/sh\n", ["image/png"], "application/x-executable"),
        # what browsers run, however it is called
        (b"<!DOCTYPE html><p>", ["image/png"], "text/html"),
        (b"\xef\xbb\xbf \r\n\t<html>", ["image/jpeg"], "text/html"),
        (b"\xff\xfe<\x00h\x00t\x00m\x00l\x00", ["image/jpeg"], "text/html"),
        (b"\x00<script>", ["audio/mpeg"], "text/html"),
        (b"<svg onload='x()'>", ["image/svg+xml"], "image/svg+xml"),
        (b"<?xml version='1.0'?><svg>", ["image/png"], "text/html"),
        # bytes without a signature
        (b"BEGIN:VCALENDAR", ["text/calendar", "text/plain"], "text/calendar"),
        (b"BEGIN:VCALENDAR", ["", "text/plain"], "text/plain"),
        (b"BEGIN:VCALENDAR", [], "application/octet-stream"),
        (b"nothing", ["image/x-strange"], "image/x-strange"),
        (b"nothing", ["image/png"], ""),
        (b"nothing", ["application/pdf", "text/plain"], ""),
        (b"", ["image/png"], ""),
    ],
)
def test_bytes_are_believed_before_names(head: bytes, names: list[str], wanted: str) -> None:
    assert detect(head, names) == wanted


@pytest.mark.parametrize(
    ("kind", "patterns", "wanted"),
    [
        ("image/png", DEFAULT, True),
        ("application/pdf", DEFAULT, True),
        ("application/zip", DEFAULT, False),
        ("text/html", DEFAULT, False),
        ("image/svg+xml", DEFAULT, False),
        ("image/svg+xml", ["*/*"], False),
        ("text/html", ["text/*", "*/*"], False),
        ("application/javascript", ["*/*"], False),
        ("image/svg+xml", ["image/svg+xml"], True),
        ("image/png", ["IMAGE/PNG"], True),
        ("text/vcard", ["*/*"], True),
        ("image/png", [], False),
        ("ximage/png", ["image/*"], False),
    ],
)
def test_a_pattern_lets_in_nothing_that_a_browser_runs(kind: str, patterns: list[str], wanted: bool) -> None:
    assert is_allowed(kind, patterns) is wanted


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("image/jpeg", ".jpg"),
        ("image/png", ".png"),
        ("application/pdf", ".pdf"),
        ("audio/amr", ".amr"),
        ("application/x-nobody-knows", ".bin"),
        ("application/x-executable", ".bin"),
        ("../../etc", ".bin"),
    ],
)
def test_extensions(kind: str, wanted: str) -> None:
    assert extension(kind) == wanted
