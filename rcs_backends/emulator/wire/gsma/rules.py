"""Refusals as a MaaP platform writes them: JSON with a `reason`, which has a code and a sentence; and rules with codes.

The codes are those of Samsung's MaaP core, the only published list; which HTTP status goes with which is our choice.
Unlike Google's parser this one knows no second spelling of a name and takes no number in quotes.
"""

import re
from collections.abc import Callable, Iterable, Mapping

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wire.api import Refused
from rcs_backends.emulator.wire.rules import Fields, Invalid, Rule, join, tested

MALFORMED = "42002"  # a required field is missing, or something is malformed
STATUSES = {  # by code; every other one is a 400
    "40001": 401,  # no Authorization header
    "40002": 401,  # no token in it
    "40003": 401,  # unknown token
    "40004": 401,  # expired token
    "40006": 403,  # another bot's token
    "40007": 403,  # the scope is too small
    "41000": 500,  # internal error
    "41005": 503,  # the RCS server is down
    "41110": 404,  # unknown user: a chatId that nobody has, or has any more
    "41200": 404,  # unknown user: a phone without RCS
    "42001": 403,  # the bot is not launched
    "42514": 409,  # the bot used this message id before
    "42601": 429,  # too many requests
}
CAUSES = {  # why a message that was taken has failed
    "41007": "The message expired before it was delivered.",
    "41110": "The user was not found.",
    "41201": "The message is not acceptable.",
    "41210": "The user cannot receive text messages.",
    "41211": "The user cannot receive files.",
    "41212": "The user cannot receive rich cards.",
    "41240": "The user cannot be asked for a location.",
}
FAULTS = {  # what a fault dial's status is called; 400: a body larger than Django takes
    400: (MALFORMED, "The request is too large.", 413),
    401: ("40003", "The access token is invalid.", 401),
    403: ("40006", "The access token belongs to another bot.", 403),
    404: ("41200", "The user was not found.", 404),
    429: ("42601", "Too many requests.", 429),
    500: ("41000", "Internal error.", 500),
    503: ("41005", "The RCS server is not available.", 503),
}


class GsmaError(Refused):
    """A numeric code as a string, a sentence, and an HTTP status where the code's own does not fit."""

    challenge = "Bearer"

    def __init__(self, code: str, text: str, *, status: int = 0) -> None:
        self.code = code
        super().__init__(status or STATUSES.get(code, 400), text)

    def body(self) -> Json:
        return {"reason": reason(self.code, self.message)}


def reason(code: str, text: str) -> Json:
    return {"code": code, "text": text}


def of_fault(status: int) -> GsmaError:
    code, text, status = FAULTS[status]
    return GsmaError(code, text, status=status)


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
    """An object with these members and no others. `needs`: those that must be there, perhaps with a code for each;
    `one_of`: it has exactly one of these, with the `codes` for none and for several; `ignored`: what some vendors'
    clients send and no platform uses; `also`: what one member asks of another.
    """

    def __init__(
        self,
        rules: Mapping[str, Rule],
        *,
        needs: Mapping[str, str] | tuple[str, ...] = (),
        one_of: Iterable[str] = (),
        codes: tuple[str, str] = ("", ""),
        ignored: tuple[str, ...] = (),
        also: Callable[[Json, str], None] | None = None,
    ) -> None:
        super().__init__(rules, ignored=ignored, also=also, exact=True)
        self._required = needs if isinstance(needs, Mapping) else dict.fromkeys(needs, MALFORMED)
        self._choice = tuple(one_of)
        self._codes = codes

    def read(self, value: Json, path: str) -> Json:
        given = {name: member for name, member in value.items() if name not in self.ignored}
        chosen = [name for name in self._choice if name in given]
        if self._choice and not chosen:
            raise Broken(self._codes[0], path, f"one of {', '.join(self._choice)} is needed.")
        if len(chosen) > 1:
            raise Broken(self._codes[1], path, f"only one of {', '.join(chosen)} is allowed.")
        for name, code in self._required.items():
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


count = tested(  # bytes, seconds
    lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
    "a whole number that is not negative is needed.",
)


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
