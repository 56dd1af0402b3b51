"""The dials, which settings.RCS_EMULATOR and POST config/ set: one checked dict that the providers read.

Fault dials are set by POST faults/, and strike requests and webhooks.
"""

import itertools
import random
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass

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


# Faults

REFUSALS = ("429", "500", "503", "401", "403", "404")
REQUEST_KINDS = ("latency", *REFUSALS, "hang", "cut_before", "cut_after", "html", "half_json", "empty")
WEBHOOK_KINDS = ("duplicate", "late", "reorder", "unsigned", "bad_signature", "lost", "tampered")
KINDS = {"request": REQUEST_KINDS, "webhook": WEBHOOK_KINDS}


@dataclass(slots=True)
class Fault:
    """One dial. `times` counts down to removal (None: until removed); `rate` is the share that it strikes (0 to 1).

    `method` narrows it to one method of the provider; without it the token endpoint is spared, so that a fault
    meant for a message is not used up by the log-in before it.
    """

    id: str
    on: str
    kind: str
    provider: str | None = None
    times: int | None = None
    rate: float = 1.0
    seconds: float = 1.0
    retry_after: float | None = None
    number: str | None = None
    method: str | None = None

    def matches(self, provider: str, method: str, number: str) -> bool:
        if self.method is None and method == "token":
            return False
        wanted = ((self.provider, provider), (self.number, number), (self.method, method))
        return all(want is None or want == have for want, have in wanted) and random.random() < self.rate  # noqa: S311

    def as_json(self) -> Json:
        return {key: value for key in self.__slots__ if (value := getattr(self, key)) is not None}


class Faults:
    """The dials that are set, in the order in which they were."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._ids = itertools.count(1)

    def add(self, body: Json) -> Fault:
        """Set a dial from JSON. Raises Problem."""
        fault = Fault(id=str(next(self._ids)), **_checked_fault(body))
        self._faults[fault.id] = fault
        return fault

    def remove(self, fault_id: str) -> bool:
        return self._faults.pop(fault_id, None) is not None

    def clear(self) -> None:
        self._faults.clear()

    def as_json(self) -> list[Json]:
        return [fault.as_json() for fault in self._faults.values()]

    def for_request(self, provider: str, method: str, number: str) -> list[Fault]:
        """Return what strikes a request: at most one latency, and the first of the others."""
        return self._take("request", provider, method, number, lambda fault: fault.kind == "latency")

    def for_webhook(self, provider: str, number: str) -> dict[str, Fault]:
        """Return what strikes a webhook: at most one of each kind."""
        return {
            fault.kind: fault
            for fault in self._take("webhook", provider, "", number, lambda fault: fault.kind)
        }

    def _take(
        self, on: str, provider: str, method: str, number: str, group: Callable[[Fault], object]
    ) -> list[Fault]:
        taken: dict[object, Fault] = {}
        for fault in list(self._faults.values()):
            if fault.on == on and group(fault) not in taken and fault.matches(provider, method, number):
                taken[group(fault)] = fault
                self._spend(fault)
        return list(taken.values())

    def _spend(self, fault: Fault) -> None:
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                del self._faults[fault.id]


def _checked_fault(body: Json) -> Json:
    known = {key: value for key, value in body.items() if key != "id" and value is not None}
    if extra := sorted(set(known) - set(Fault.__slots__)):
        raise Problem(f"A fault has no {extra[0]!r}.")
    if known.get("on") not in tuple(KINDS):
        raise Problem("on must be request or webhook.")
    known["kind"] = str(known.get("kind"))
    _one_of(known, "kind", KINDS[known["on"]])
    _one_of(known, "provider", tuple(wires()))
    _one_of(known, "method", _methods())
    for key in ("times", "rate", "seconds", "retry_after"):
        value = known.get(key, 1)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise Problem(f"{key} must be a number that is not negative.")
    if not isinstance(known.get("number", ""), str):
        raise Problem("number must be a string.")
    if known.get("times") == 0:
        raise Problem("times must be at least 1.")
    return known


def _methods() -> tuple[str, ...]:
    return (*dict.fromkeys(method for wire in wires().values() for method in wire.methods), "token")


def _one_of(body: Json, key: str, allowed: tuple[str, ...]) -> None:
    if key in body and body[key] not in allowed:
        raise Problem(f"{key} must be one of {', '.join(allowed)}.")
