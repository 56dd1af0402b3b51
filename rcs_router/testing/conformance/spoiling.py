"""Variants of a JSON value: with a field left out, or with an unexpected value in its place."""

import copy
from collections.abc import Iterator
from typing import Any

ODD: list[Any] = [
    *(None, "", " ", "\0", "\ud800", 7, -1.5, 10**400, True),
    *([], {}, [[None]], {"a": {}}, "x" * 10_000),
]
Path = tuple[Any, ...]


def spoiled(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield a name and the whole value for each field: once without it, and once with each unexpected value."""
    for path in _paths(value):
        name = ".".join(map(str, path))
        yield f"without {name}", _changed(value, path)
        for odd in ODD:
            yield f"{name} = {repr(odd)[:40]}", _changed(value, path, odd)


def _paths(value: Any, above: Path = ()) -> Iterator[Path]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*above, key)
        yield from _paths(item, (*above, key))


def _changed(value: Any, path: Path, *odd: Any) -> Any:
    value = copy.deepcopy(value)
    place = value
    for key in path[:-1]:
        place = place[key]
    if odd:
        place[path[-1]] = odd[0]
    else:
        del place[path[-1]]
    return value
