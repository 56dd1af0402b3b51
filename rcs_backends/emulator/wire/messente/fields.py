"""Rules for Messente's JSON, besides the general ones.

Unknown fields are passed over and null counts as absent; both are our choice, for the documentation says nothing of it.
"""

import re
from datetime import UTC, datetime

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wire.messente.errors import Rejected
from rcs_backends.emulator.wire.rules import Fields, Invalid, Rule, join

NUMBER = r"\+[1-9]\d{6,14}"  # E.164
_FIELD = re.compile(r"[^.\[]*")
_TIME_TO_SEND = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII
)  # with and without seconds, with and without a zone


class Missing(Invalid):
    """A field that must be there is not."""


def rejected(invalid: Invalid, channel: str = "") -> Rejected:
    """Return the refusal: `source` ends at the field of the message, as the vendor shows; the detail names it all."""
    first = _FIELD.match(invalid.path)
    field = f"[{first[0]}]" if first and first[0] else ""
    source = f"payload[{channel}]{field}" if channel else f"payload{field}"
    detail = f"{invalid.path}: {invalid.problem}" if invalid.path else invalid.problem
    return Rejected(400, detail, source, missing=isinstance(invalid, Missing))


class Record(Fields):
    """An object with these fields, and perhaps others. `one_of`: exactly one of them is set; `also`: a last check."""

    def none_chosen(self, path: str) -> Invalid:
        return Invalid(path or self.one_of[0], f"exactly one of {', '.join(self.one_of)} must be set.")

    def read(self, value: Json, path: str) -> Json:
        result: Json = {}
        for name, rule in self.fields.items():
            if value.get(name) is not None:
                result[name] = rule(value[name], join(path, name))
            elif name in self.needs:
                raise Missing(join(path, name), "the field is required.")
        return result


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


def names_to(rule: Rule) -> Rule:
    """An object of any names whose values keep to one rule."""

    def check(value: object, path: str) -> Json:
        if not isinstance(value, dict):
            raise Invalid(path, "an object is needed.")
        return {name: rule(one, join(path, name)) for name, one in value.items()}

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
