"""Bodies of requests → the same with what `extra` says, and the words in them that no error may show."""

import copy
from typing import Any

import pytest

from rcs_backends.payload import merged, telling


@pytest.mark.parametrize(
    ("base", "patch", "result"),
    [
        ({}, {}, {}),
        ({"a": 1}, {"a": None}, {}),
        ({}, {"a": None}, {}),
        ({"a": 1}, {"a": {"b": 2}}, {"a": {"b": 2}}),
        ({"a": {"b": 2}}, {"a": 1}, {"a": 1}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),  # lists do not merge
        ({"a": {"b": 1}}, {"a": {"c": 2}}, {"a": {"b": 1, "c": 2}}),
        ({"a": {"b": 1}, "d": 1}, {"a": {"c": 2}, "d": {"e": 3}}, {"a": {"b": 1, "c": 2}, "d": {"e": 3}}),
        ({"a": {"b": 1}, "c": 2}, {"a": {"b": None, "d": {"e": None}}}, {"a": {"d": {}}, "c": 2}),
    ],
)
def test_merging_changes_neither_side(
    base: dict[str, Any], patch: dict[str, Any], result: dict[str, Any]
) -> None:
    before = copy.deepcopy((base, patch))
    assert merged(base, patch) == result
    assert (base, patch) == before


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (None, set()),
        (12345, set()),
        (b"bytes", set()),
        ("abc", set()),
        ("abcd", {"abcd"}),
        ({"long name": "word"}, {"word"}),  # names of members are the provider's
        ({"a": ["word", {"b": ("other", "no")}], "c": 12345}, {"word", "other"}),
        ({"sender": "Acme", "inner": [{"sender": "Acme", "text": "Hello"}]}, {"Acme", "Hello"}),
    ],
)
def test_words_that_tell_something(payload: Any, words: set[str]) -> None:
    assert telling(payload) == words


def test_short_words_and_members_that_may_be_named() -> None:
    assert telling(["12345", "123456"], least=6) == {"123456"}
    payload = [{"sender": "Acme", "inner": {"sender": "Acme", "text": "Hello"}}]
    assert telling(payload, besides={"sender"}) == {"Hello"}
