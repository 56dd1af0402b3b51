"""Odd values from the wire → what can be kept, or the refusal that everybody expects."""

import hashlib
import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from rcs_backends.reading import decoded, degrees, digest, is_one_of, text, time, uuid

ID = "5f1c9f0e-3c7b-4d1e-9c63-0a1b2c3d4e5f"


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"<html>", b'{"a": ', b"\xff", b"{'a': 1}", b'{"a": 1} {}'),
        *(b"NaN", b'{"a": NaN}', b"[Infinity]", b"[-Infinity]"),
        *(b'{"a":' * 100_000, b"[" * 100_000, b"9" * 5000),
    ],
)
def test_what_is_no_json(data: bytes) -> None:
    assert decoded(data) is None


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"null", None),
        (b"7", 7),
        (b'"NaN"', "NaN"),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),  # with a byte order mark
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'"\\u0000\\ud800"', "\0\ud800"),  # legal, and no text of ours before text()
    ],
)
def test_json(data: bytes, value: Any) -> None:
    assert decoded(data) == value


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        *((value, "") for value in (None, True, False, [], ["a"], {}, {"a": "b"}, b"a", 1j)),
        ("", ""),
        ("a\0b", "ab"),
        ("\0", ""),
        ("\ud800", "?"),
        ("\U0001f600 õ ", "\U0001f600 õ "),  # nothing is stripped
        (0, "0"),
        (-7, "-7"),
        (37255501234, "37255501234"),
        (2.5, "2.5"),
        (math.inf, "inf"),
    ],
)
def test_text(value: Any, kept: str) -> None:
    assert text(value) == kept


@pytest.mark.parametrize("value", ["", "x", "5f1c9f0e", "\ud800", ID + "0", "é" * 32])
def test_an_id_that_is_not_ours(value: str) -> None:
    assert uuid(value) is None


@pytest.mark.parametrize("value", [ID, ID.upper(), ID.replace("-", "")])
def test_our_id(value: str) -> None:
    assert uuid(value) == UUID(ID)


@pytest.mark.parametrize(
    "value",
    [
        *(None, 7, 1e10, True, [], {}, b"2026-01-02"),
        *(
            "",
            "yesterday",
            "2026-13-01",
            "2026-01-02T25:00:00Z",
            "Tue, 06 Jan 2026 09:00:00 +0000",
            "1767600000",
        ),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),  # in UTC they are in no year
    ],
)
def test_a_time_that_cannot_be_read(value: Any) -> None:
    assert time(value) is None


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.123456789Z", datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)),
        ("2026-01-02T05:04:05+02:00", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
    ],
)
def test_a_time_is_in_utc(value: str, at: datetime) -> None:
    read = time(value)
    assert (read, read and read.tzinfo) == (at, UTC)


def test_another_zone_is_the_same_moment() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=-9)))
    assert time(at.isoformat()) == at


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, [], {}, b"1", "", "north", "59,4", "91", "\0"),
        *(91, -90.001, 10**400, math.nan, math.inf, "nan", "inf", "1e999"),
    ],
)
def test_no_angle(value: Any) -> None:
    with pytest.raises(ValueError, match="location"):
        degrees(value, 90)


@pytest.mark.parametrize(
    ("value", "limit", "angle"),
    [
        (0, 90, 0.0),
        (90, 90, 90.0),
        (-90.0, 90, -90.0),
        ("59.437", 90, 59.437),
        (91, 180, 91.0),
        (" 1 ", 90, 1.0),
    ],
)
def test_an_angle(value: Any, limit: float, angle: float) -> None:
    assert degrees(value, limit) == angle


def test_parts_do_not_run_into_each_other() -> None:
    keys = [digest("a", "b"), digest("ab"), digest("a", "b", ""), digest("", "a", "b"), digest("b", "a")]
    assert len(set(keys)) == len(keys)


def test_a_digest_is_the_same_everywhere() -> None:
    """It is stored: another one would let every repeat of yesterday in."""
    assert digest("a", "õ\ud800") == hashlib.sha256("a\0õ?".encode()).hexdigest()


@pytest.mark.parametrize(
    ("given", "known", "is_known"),
    [
        ("", [], False),
        ("", [""], False),
        ("", ["", "a"], False),
        ("a", [], False),
        ("a", ["A"], False),
        ("a", ["a "], False),
        ("a", ["", "ab"], False),
        ("é\ud800", ["a"], False),
        ("a", ["b", "a"], True),
        ("õ", ["õ"], True),
    ],
)
def test_is_one_of_the_secrets(given: str, known: list[str], is_known: bool) -> None:
    assert is_one_of(given, known) is is_known
    assert is_one_of(given, iter(known)) is is_known
