"""A request's body → the same with a message's `extra` in it; and the words in it that no error may show."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any


def merged(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `patch` laid over it (RFC 7396: objects merge, null removes); neither is changed."""
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
    """Every string of a payload that tells something: what an error's text must not repeat.

    `least`: characters; shorter strings tell nothing, and would mask half of every sentence. `besides`: members whose
    value errors may name.
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
