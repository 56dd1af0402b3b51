"""Rules for Messente's JSON objects, beside the general ones: an object comes in, what we know of it goes out.

Unknown fields are passed over and null counts as absent; both are our choice, for the documentation says nothing of it.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wire.messente.errors import Refused
from rcs_backends.emulator.wire.rules import Invalid, Rule

NUMBER = r"\+[1-9]\d{6,14}"  # E.164
_FIELD = re.compile(r"[^.\[]*")
_TIME_TO_SEND = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII
)  # with and without seconds, with and without a zone


class Missing(Invalid):
    """A field that must be there is not."""


def refused(invalid: Invalid, channel: str = "") -> Refused:
    """`source` goes as far as the field of the message, as the vendor shows; the detail names the whole path."""
    first = _FIELD.match(invalid.path)
    field = f"[{first[0]}]" if first and first[0] else ""
    source = f"payload[{channel}]{field}" if channel else f"payload{field}"
    detail = f"{invalid.path}: {invalid.problem}" if invalid.path else invalid.problem
    return Refused(400, detail, source, missing=isinstance(invalid, Missing))


class Record:
    """An object with these fields, and perhaps others. `one_of`: exactly one of them is set; `also`: a last check."""

    def __init__(
        self,
        fields: Mapping[str, Rule],
        *,
        needs: tuple[str, ...] = (),
        one_of: tuple[str, ...] = (),
        also: Callable[[Json, str], None] | None = None,
    ) -> None:
        self._fields = fields
        self._needs = needs
        self._one_of = one_of
        self._also = also

    def __call__(self, value: object, path: str) -> Json:
        if not isinstance(value, dict):
            raise Invalid(path, "an object is needed.")
        result: Json = {}
        for name, rule in self._fields.items():
            if value.get(name) is not None:
                result[name] = rule(value[name], joined(path, name))
            elif name in self._needs:
                raise Missing(joined(path, name), "the field is required.")
        self._choose(result, path)
        if self._also:
            self._also(result, path)
        return result

    def _choose(self, result: Json, path: str) -> None:
        chosen = [name for name in self._one_of if name in result]
        if len(chosen) > 1:
            raise Invalid(joined(path, chosen[1]), f"{chosen[0]} is set already; set one of them.")
        if self._one_of and not chosen:
            raise Invalid(path or self._one_of[0], f"exactly one of {', '.join(self._one_of)} must be set.")


def joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def whole(least: int = 0, most: int | None = None) -> Rule:
    """A whole number, as a number."""

    def rule(value: object, path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Invalid(path, "a whole number is needed.")
        if value < least or (most is not None and value > most):
            raise Invalid(
                path, f"the number must be at least {least}" + (f", at most {most}." if most else ".")
            )
        return value

    return rule


def degrees(most: float) -> Rule:
    """A number from -most to most."""

    def rule(value: object, path: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Invalid(path, "a number is needed.")
        if not -most <= value <= most:
            raise Invalid(path, f"the number must be from {-most:g} to {most:g}.")
        return float(value)

    return rule


def names_to(rule: Rule) -> Rule:
    """An object of any names whose values keep to one rule."""

    def check(value: object, path: str) -> Json:
        if not isinstance(value, dict):
            raise Invalid(path, "an object is needed.")
        return {name: rule(one, joined(path, name)) for name, one in value.items()}

    return check


def time_to_send(value: object, path: str) -> datetime:
    """ISO 8601; without a zone it is UTC."""
    try:
        if not isinstance(value, str) or not _TIME_TO_SEND.fullmatch(value):
            raise ValueError
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Invalid(path, "an ISO 8601 time is needed.") from None
