"""Check which keys of a message's `fields["extra"]` a backend allows."""

from collections.abc import Iterable, Mapping
from typing import Any


def sorted_extra(
    extra: Mapping[str, Any], allowed: Iterable[str], path: tuple[str, ...] = ()
) -> tuple[dict[str, Any], list[str]]:
    """Return the allowed part of `extra`, and the dotted paths of the rest. `allowed`: dotted paths, each with its
    subtree.
    """
    known = [tuple(one.split(".")) for one in allowed]
    kept: dict[str, Any] = {}
    refused: list[str] = []
    for name, value in extra.items():
        here = (*path, str(name))
        if here in known or ("*",) in known:
            kept[name] = value
        elif isinstance(value, Mapping) and any(one[: len(here)] == here for one in known):
            inner, others = sorted_extra(value, allowed, here)
            refused += others
            if inner:
                kept[name] = inner
        else:
            refused.append(".".join(here))
    return kept, refused
