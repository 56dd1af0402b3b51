"""The dials, which settings.RCS_EMULATOR and POST config/ set: one checked dict that the providers read."""

from collections.abc import Mapping
from copy import deepcopy

from django.conf import settings

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wires import Problem, wires

GLOBAL: Json = {
    "delivery_delay": 0.05,  # seconds from accepted to shown
    "auto_read": False,  # True: what a phone shows is read at once
    "retry_scale": 1.0,  # the pauses between two tries of a webhook are multiplied by it
    "default_rcs": True,  # does a new phone have RCS?
}


def defaults() -> Json:
    """Return a section for every provider, and the dials that concern them all."""
    return {provider: deepcopy(wire.dials) for provider, wire in wires().items()} | GLOBAL


def _open() -> frozenset[str]:
    """Return the dials whose keys are names, not dials."""
    return frozenset(f"{name}.{dial}" for name, wire in wires().items() for dial in wire.open_dials)


def _choices() -> Mapping[str, tuple[str, ...]]:
    return {f"{name}.{dial}": some for name, wire in wires().items() for dial, some in wire.choices.items()}


def initial() -> Json:
    """Return the defaults, changed by `settings.RCS_EMULATOR` (same shape) if there is one. Raises Problem."""
    return merged(defaults(), getattr(settings, "RCS_EMULATOR", {}))


def merged(current: Json, changes: object) -> Json:
    """Return a copy of `current` with `changes` laid over it, dict by dict; null forgets an agent or user."""
    result = deepcopy(current)
    _merge(result, defaults(), changes, "")
    for provider, wire in wires().items():
        for dial, types in wire.entries.items():
            for name, entry in result[provider][dial].items():
                _check_entry(f"{provider}.{dial}.{name}", entry, types)
        wire.check(result[provider])
    return result


def _check_entry(path: str, entry: object, types: Mapping[str, type]) -> None:
    if not isinstance(entry, dict):
        raise Problem(f"{path} must be an object.")
    for key, value in entry.items():
        if key not in types or not isinstance(value, types[key]):
            raise Problem(f"{path}.{key} is unknown or of the wrong type.")


def _merge(into: Json, model: Json, changes: object, path: str) -> None:
    if not isinstance(changes, dict):
        raise Problem(f"{path or 'the configuration'} must be an object.")
    for key, value in changes.items():
        name = f"{path}.{key}" if path else str(key)
        if path in _open():
            _set_entry(into, key, value)
        elif key not in model:
            raise Problem(f"There is no dial {name}.")
        elif isinstance(model[key], dict):
            _merge(into[key], model[key], value, name)
        else:
            into[key] = _checked(name, model[key], value)


def _set_entry(into: Json, key: str, value: object) -> None:
    if value is None:
        into.pop(key, None)
    elif isinstance(value, dict):
        into[key] = {**into.get(key, {}), **value}
    else:
        into[key] = value


def _checked(name: str, default: object, value: object) -> object:
    """Numbers may be whole or not, but a switch is a switch."""
    wanted = (
        (int, float) if isinstance(default, int | float) and not isinstance(default, bool) else type(default)
    )
    if not isinstance(value, wanted) or (isinstance(value, bool) and not isinstance(default, bool)):
        raise Problem(f"{name} must be like {default!r}.")
    choices = _choices().get(name)
    if choices is not None and value not in choices:
        raise Problem(f"{name} must be one of {', '.join(choices)}.")
    if isinstance(value, int | float) and value < 0:
        raise Problem(f"{name} must not be negative.")
    return value
