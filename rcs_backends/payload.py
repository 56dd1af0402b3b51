"""Merge a message's `extra` into a request body, and collect the texts of a body that errors must not show."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any


def merged(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `patch` merged in (RFC 7396: objects merge, null removes); neither is changed."""
    result = dict(base)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            old = result.get(key)
            result[key] = merged(old if isinstance(old, Mapping) else {}, value)
        else:
            result[key] = value
    return result


def telling(payload: Any, least: int = 4, besides: Collection[str] = ()) -> set[str]:
    """Return the strings of a payload that an error's text must not repeat.

    `least`: the minimum length in characters; masking shorter strings would hide half of every sentence. `besides`:
    members whose values errors may show.
    """
    return {text for text in _texts(payload, besides) if len(text) >= least}


def _texts(payload: Any, besides: Collection[str]) -> Iterator[str]:
    if isinstance(payload, str):
        yield payload
    elif isinstance(payload, Mapping):
        for name, value in payload.items():
            if name not in besides:
                yield from _texts(value, besides)
    elif isinstance(payload, Iterable):
        for value in payload:
            yield from _texts(value, besides)
