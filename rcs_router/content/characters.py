"""JSON data in; the first text in it that neither a database nor a provider can hold, out."""

import re
from collections.abc import Iterator
from typing import Any

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def problem_of(text: str) -> str:
    """Say what is wrong with the characters of `text`; empty when nothing is."""
    found = _UNSTORABLE.search(text)
    if not found:
        return ""
    return "has a NUL" if found[0] == "\0" else "has half of a surrogate pair, which is no character"


def first_problem(data: Any) -> tuple[str, str] | None:
    """Return where in `data` it is, such as `cards[3].title`, and what it is; None when all of it can be stored."""
    for path, text in _texts(data):
        if problem := problem_of(text):
            return path, problem
    return None


def storable(said: str) -> str:
    """`said` with U+FFFD in the place of what cannot be stored: what a person said may not be lost over it."""
    return _UNSTORABLE.sub("\ufffd", said)


def _texts(data: Any) -> Iterator[tuple[str, str]]:
    """Every text in `data` with its path, the names of members too; without recursion, however deep it is."""
    rest: list[tuple[str, Any]] = [("", data)]
    while rest:
        path, value = rest.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            for name, item in value.items():
                rest += [(path, name), (f"{path}.{name}" if path else str(name), item)]
        elif isinstance(value, list | tuple):
            rest += [(f"{path}[{number}]", item) for number, item in enumerate(value)]
