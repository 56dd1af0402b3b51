"""Fault dials: the control API sets them, and they strike requests and webhooks."""

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wires import Problem, wires

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
        fault = Fault(id=str(next(self._ids)), **_checked(body))
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


def _checked(body: Json) -> Json:
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
