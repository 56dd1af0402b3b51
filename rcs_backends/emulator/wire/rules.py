"""Rules for JSON. A rule is a function of a value and its path, which returns the checked value or raises Invalid.

By default they read as a parser of proto-JSON does: a name in lowerCamelCase may be written in snake_case, numbers may
be strings, and null counts as absent. `exact=True` allows none of that, as a plain JSON API would not.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from rcs_backends.emulator.phones import Json

Rule = Callable[[object, str], Any]
_DURATION = re.compile(r"(-?\d{1,12})(\.\d{1,9})?s", re.ASCII)
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_URL = re.compile(r"[!#-;=?-\[\]_a-z~%]+", re.ASCII)  # the characters of RFC 3986
E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_HUMP = re.compile(r"[A-Z]")


class Invalid(Exception):
    """The request breaks a rule of the provider. `path` names the field."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"Invalid value at '{path}': {problem}")


def text(most: int | None = None, *, least: int = 0, pattern: str = "") -> Rule:
    """A string of `least` to `most` characters (code points)."""
    compiled = re.compile(pattern, re.ASCII) if pattern else None

    def rule(value: object, path: str) -> str:
        if not isinstance(value, str):
            raise Invalid(path, "a string is needed.")
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise Invalid(path, "the string is not valid UTF-8.")
        if len(value) < least:
            raise Invalid(path, "the string is empty.")
        if most is not None and len(value) > most:
            raise Invalid(
                path, f"the text is {len(value)} characters long and exceeds the maximum of {most}."
            )
        if compiled and not compiled.fullmatch(value):
            raise Invalid(path, f"the string does not match {pattern}.")
        return value

    return rule


def url(most: int | None = None, *, web: bool = True) -> Rule:
    """An absolute URI (RFC 3986); `web`: http or https with a host."""
    string = text(most, least=1)

    def rule(value: object, path: str) -> str:
        checked = str(string(value, path))
        try:
            parts = urlsplit(checked)
        except ValueError:
            raise Invalid(path, "not a valid URI.") from None
        good = parts.scheme in ("http", "https") and parts.hostname if web else parts.scheme
        if not good or not _URL.fullmatch(checked):
            raise Invalid(path, "not a valid URI.")
        return checked

    return rule


def tested(is_good: Callable[[Any], bool], problem: str) -> Rule:
    """Return the rule for values of which something is true."""

    def rule(value: object, path: str) -> object:
        if not is_good(value):
            raise Invalid(path, problem)
        return value

    return rule


def parsed(pattern: re.Pattern[str], read: Callable[[str], Any], problem: str) -> Rule:
    """Return the rule for strings of a pattern that `read` makes something of."""

    def rule(value: object, path: str) -> object:
        try:
            if isinstance(value, str) and pattern.fullmatch(value):
                return read(value)
        except (ValueError, OverflowError):
            pass
        raise Invalid(path, problem)

    return rule


def enum(*names: str) -> Rule:
    return tested(
        lambda value: isinstance(value, str) and value in names, f"one of {', '.join(names)} is needed."
    )


boolean = tested(lambda value: isinstance(value, bool), "true or false is needed.")


def anything(value: object, path: str) -> object:
    return value


def number(low: float, high: float, *, exact: bool = False) -> Rule:
    """A number, or (unless `exact`) a string that holds one, within the bounds."""
    types = (int, float) if exact else (int, float, str)

    def rule(value: object, path: str) -> float:
        try:
            if isinstance(value, bool) or not isinstance(value, types):
                raise ValueError
            converted = float(value)
        except (ValueError, OverflowError):
            raise Invalid(path, "a number is needed.") from None
        if not low <= converted <= high:
            raise Invalid(path, f"the number must be from {low:g} to {high:g}.")
        return converted

    return rule


def utc(text: str) -> datetime:
    """Read ISO 8601 or RFC 3339; without a zone it is UTC."""
    at = datetime.fromisoformat(text)
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


timestamp = parsed(_TIMESTAMP, utc, "an RFC 3339 timestamp is needed.")


def duration(value: object, path: str) -> timedelta:
    """Decimal seconds followed by s, e.g. 3.5s"""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise Invalid(path, 'a duration such as "3.5s" is needed.')
    try:
        return timedelta(seconds=float(found[0][:-1]))
    except OverflowError:
        raise Invalid(path, "the duration is out of range.") from None


def items(rule: Rule, most: int, *, least: int = 0) -> Rule:
    """A list of `least` to `most` values."""

    def check(value: object, path: str) -> list[object]:
        if not isinstance(value, list):
            raise Invalid(path, "a list is needed.")
        if not least <= len(value) <= most:
            raise Invalid(path, f"the list has {len(value)} entries; {least} to {most} are allowed.")
        return [rule(entry, f"{path}[{index}]") for index, entry in enumerate(value)]

    return check


class Fields:
    """An object with these fields and no others. `one_of`: a union of which exactly one member is set;
    `ignored`: output-only fields, which a request may repeat without effect; `also`: what one field asks of another;
    `exact`: names only as they are spelled here, and null is a value like any other.
    """

    def __init__(
        self,
        fields: Mapping[str, Rule],
        *,
        needs: tuple[str, ...] = (),
        one_of: tuple[str, ...] = (),
        at_most_one_of: tuple[str, ...] = (),
        ignored: tuple[str, ...] = (),
        also: Callable[[Json, str], None] | None = None,
        exact: bool = False,
    ) -> None:
        self.fields = fields
        self.needs = needs
        self.ignored = ignored
        self.one_of = one_of
        self._union = one_of or at_most_one_of
        self._also = also
        self._exact = exact
        known = (*fields, *ignored)
        spelled = {} if exact else {snake_case(name): name for name in known}
        self._names = spelled | {name: name for name in known}

    def __call__(self, value: object, path: str) -> Json:
        if not isinstance(value, dict):
            raise Invalid(path, "an object is needed.")
        result = self.read(value, path)
        chosen = [name for name in self._union if name in result]
        if len(chosen) > 1:
            raise Invalid(join(path, chosen[1]), f"{chosen[0]} is set already; set one of them.")
        if self.one_of and not chosen:
            raise self.none_chosen(path)
        if self._also:
            self._also(result, path)
        return result

    def none_chosen(self, path: str) -> Invalid:
        return Invalid(path, f"one of {', '.join(self.one_of)} is needed.")

    def read(self, value: Json, path: str) -> Json:
        """Return the fields that are given, checked."""
        result: Json = {}
        for key, raw in value.items():
            name = self._names.get(key)
            if name is None:
                raise Invalid(join(path, key), "Cannot find field.")
            if name in result:
                raise Invalid(join(path, name), "the field is given twice.")
            if name in self.fields and (self._exact or raw is not None):
                result[name] = self.fields[name](raw, join(path, name))
        for name in self.needs:
            if name not in result:
                raise Invalid(join(path, name), "the field is required.")
        return result


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def snake_case(name: str) -> str:
    """Return a name in lowerCamelCase as snake_case."""
    return _HUMP.sub(lambda found: f"_{found[0].lower()}", name)
