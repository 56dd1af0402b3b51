"""SMS segmentation against the vectors of the GSM 03.38 alphabet and of concatenated messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcs_router.content.segments import Segments, encoding, segments

VECTORS = [
    ("", Segments("gsm7", 0, 1)),
    ("a" * 160, Segments("gsm7", 160, 1)),
    ("a" * 161, Segments("gsm7", 161, 2)),
    ("a" * 306, Segments("gsm7", 306, 2)),
    ("a" * 307, Segments("gsm7", 307, 3)),
    ("€" * 80, Segments("gsm7", 160, 1)),
    ("€" * 81, Segments("gsm7", 162, 2)),
    ("€" * 152, Segments("gsm7", 304, 2)),
    ("€" * 153, Segments("gsm7", 306, 3)),  # 153 septets hold 76 whole escape pairs, not 76.5
    ("a" * 159 + "^", Segments("gsm7", 161, 2)),
    ("д" * 70, Segments("ucs2", 70, 1)),
    ("д" * 71, Segments("ucs2", 71, 2)),
    ("д" * 134, Segments("ucs2", 134, 2)),
    ("д" * 135, Segments("ucs2", 135, 3)),
    ("😀" * 35, Segments("ucs2", 70, 1)),
    ("😀" * 36, Segments("ucs2", 72, 2)),
    ("😀" * 67, Segments("ucs2", 134, 3)),  # 67 code units hold 33 whole surrogate pairs
]


@pytest.mark.parametrize(
    ("text", "expected"), VECTORS, ids=lambda v: repr(v)[:12] if isinstance(v, str) else ""
)
def test_vectors(text: str, expected: Segments) -> None:
    assert segments(text) == expected


@pytest.mark.parametrize("character", "@£Ç\n€[]{}\\~^|\fÅΩñ")
def test_gsm_alphabet(character: str) -> None:
    assert encoding("ok" + character) == "gsm7"


@pytest.mark.parametrize("character", "`ç“\u2019\u2013…\u00a0\t😀д\x1b")
def test_one_foreign_character_turns_the_text_into_ucs2(character: str) -> None:
    assert encoding("a" * 50 + character) == "ucs2"


@given(st.text(max_size=400))
def test_parts_hold_the_units_and_grow_with_the_text(text: str) -> None:
    result = segments(text)
    room = 153 if result.encoding == "gsm7" else 67
    assert result.parts == 1 or (result.parts - 1) * (room - 1) < result.units <= result.parts * room
    assert segments(text + "a").parts >= result.parts
