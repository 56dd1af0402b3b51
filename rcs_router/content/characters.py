"""Find texts in JSON data that a database or a provider cannot store."""

import re
from collections.abc import Iterator
from typing import Any

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def problem_of(text: str) -> str:
    """Return what is wrong with the characters of `text`; empty if nothing is."""
    found = _UNSTORABLE.search(text)
    if not found:
        return ""
    return "has a NUL" if found[0] == "\0" else "has half of a surrogate pair, which is not a character"


def first_problem(data: Any) -> tuple[str, str] | None:
    """Return the path in `data`, such as `cards[3].title`, and the problem there; None if all of it can be stored."""
    for path, text in _texts(data):
        if problem := problem_of(text):
            return path, problem
    return None


def storable(said: str) -> str:
    """Return `said` with U+FFFD instead of each character that cannot be stored, so that no message is lost."""
    return _UNSTORABLE.sub("\ufffd", said)


def _texts(data: Any) -> Iterator[tuple[str, str]]:
    """Yield every text in `data` with its path, including the names of members; without recursion."""
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
