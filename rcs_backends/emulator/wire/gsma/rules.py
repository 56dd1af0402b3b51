"""Rules whose refusals have a MaaP code.

Unlike Google's parser this one knows no second spelling of a name and takes no number in quotes.
"""

import re
from collections.abc import Callable, Iterable, Mapping

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wire.gsma.errors import MALFORMED
from rcs_backends.emulator.wire.rules import Fields, Invalid, Rule, join


class Broken(Invalid):
    """The request breaks a rule that has a code of its own."""

    def __init__(self, code: str, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.code = code


def coded(code: str, rule: Rule) -> Rule:
    """Return the same rule; what it refuses without a code has this one."""

    def check(value: object, path: str) -> object:
        try:
            return rule(value, path)
        except Broken:
            raise
        except Invalid as invalid:
            raise Broken(code, invalid.path, invalid.problem) from None

    return check


class Members(Fields):
    """An object with these members and no others. `needs`: member → code where it is missing; `one_of`: it has exactly
    one of these, with the `codes` for none and for several; `ignored`: what some vendors' clients send and no platform
    uses; `also`: what one member asks of another.
    """

    def __init__(
        self,
        rules: Mapping[str, Rule],
        *,
        needs: Mapping[str, str] | None = None,
        one_of: Iterable[str] = (),
        codes: tuple[str, str] = ("", ""),
        ignored: tuple[str, ...] = (),
        also: Callable[[Json, str], None] | None = None,
    ) -> None:
        super().__init__(rules, ignored=ignored, also=also, exact=True)
        self._needs = needs or {}
        self._choice = tuple(one_of)
        self._codes = codes

    def read(self, value: Json, path: str) -> Json:
        given = {name: member for name, member in value.items() if name not in self.ignored}
        chosen = [name for name in self._choice if name in given]
        if self._choice and not chosen:
            raise Broken(self._codes[0], path, f"one of {', '.join(self._choice)} is needed.")
        if len(chosen) > 1:
            raise Broken(self._codes[1], path, f"only one of {', '.join(chosen)} is allowed.")
        for name, code in self._needs.items():
            if name not in given:
                raise Broken(code, join(path, name), "the field is required.")
        for name in given:
            if name not in self.fields:
                raise Broken(MALFORMED, join(path, name), "there is no such field.")
        return {name: self.fields[name](member, join(path, name)) for name, member in given.items()}


def one_of(rules: Mapping[str, Rule], none: str, several: str) -> Members:
    """An object with exactly one of these members and nothing else."""
    return Members(rules, one_of=rules, codes=(none, several))


def several_items(rule: Rule, codes: tuple[str, str], limits: Callable[[], tuple[int, int]]) -> Rule:
    """A list; `codes` for one shorter, or longer, than `limits()` allows."""

    def check(value: object, path: str) -> list[object]:
        if not isinstance(value, list):
            raise Broken(codes[0], path, "a list is needed.")
        least, most = limits()
        if not least <= len(value) <= most:
            code = codes[len(value) > most]
            raise Broken(code, path, f"the list has {len(value)} entries; {least} to {most} are allowed.")
        return [rule(entry, f"{path}[{index}]") for index, entry in enumerate(value)]

    return check


def count(value: object, path: str) -> int:
    """A whole number, 0 or more: bytes, seconds."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Invalid(path, "a whole number that is not negative is needed.")
    return value


def offset(value: object, path: str) -> int:
    """Minutes from UTC; the one number that may be written as a string, as Korean clients do."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,4}", value, re.ASCII):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(path, "a whole number of minutes is needed.")
    return value


def empty(value: object, path: str) -> Json:
    """An object without members."""
    return Members({})(value, path)


def without_nulls(value: object) -> object:
    """Return the same JSON without its null members: null means absent. Raises RecursionError."""
    if isinstance(value, dict):
        return {name: without_nulls(member) for name, member in value.items() if member is not None}
    return [without_nulls(entry) for entry in value] if isinstance(value, list) else value
