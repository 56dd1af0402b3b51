"""The dial `renamed`: translate JSON between the names of a look-alike of the REST API and ours.

Names change wherever they stand; answers to a form (`data`) have names of the form's own and stay as they are.
"""

from collections.abc import Mapping
from typing import Any

from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.rules import Invalid


def theirs(value: Any) -> Any:
    """Return an answer or webhook in the names that the client knows."""
    return _translated(value, world.config["rest"]["renamed"])


def ours(value: Any) -> Any:
    """Return a request in our names. Raises Invalid for a field that has another name here."""
    renamed = world.config["rest"]["renamed"]
    unknown = set(renamed) - set(renamed.values())
    try:
        if name := next((name for name in _names(value) if name in unknown), ""):
            raise Invalid(name, "Cannot find field.")
        return _translated(value, {their: our for our, their in renamed.items()})
    except RecursionError:
        raise Invalid("message", "the JSON is nested too deep.") from None


def _translated(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            names.get(name, name): part if name == "data" else _translated(part, names)
            for name, part in value.items()
        }
    return [_translated(part, names) for part in value] if isinstance(value, list) else value


def _names(value: Any) -> set[str]:
    """Return the names of all fields, at any depth."""
    if isinstance(value, dict):
        return set(value).union(*map(_names, value.values()))
    return set().union(*map(_names, value)) if isinstance(value, list) else set()
