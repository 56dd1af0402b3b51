"""Play a scripted conversation on the handsets of a World, and compare strictly what they show.

    # a comment
    +37255501234 > menu                               sends this text
    +37255501234 < What would you like? [Boots|Tent]  is shown exactly this next, with exactly these chips
    +37255501234 ! Boots                              taps a label or a postback; in an SMS, answers its number
    +37255501234 ~ sms                                loses RCS; `rcs`: has RCS again; `off`, `on`: its power
    +37255501234 < Boots … EUR                        … or ... stands for any text

The words of a card are its title and its description. Several spaces and line breaks count as one space.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Protocol

from rcs_router.testing.comparison import ScriptFailed
from rcs_router.testing.handset import Handset

_LINE = re.compile(r"^(\S+)\s+([<>!~])(?:\s+(.*))?$")
_SWITCHES = {"sms": "loses_rcs", "rcs": "has_rcs", "off": "switches_off", "on": "switches_on"}


class Stage(Protocol):
    """What a script needs of a World."""

    phones: dict[str, Handset]

    def handset(self, number: str = "") -> Handset:
        """Return the phone with this number."""

    def work(self) -> None:
        """Do everything that is due."""


@dataclass(frozen=True)
class Step:
    """One line of a script. `sign`: > sends, < is shown, ! taps, ~ switches."""

    number: int  # of the line, counted from 1
    phone: str
    sign: str
    text: str


def read(script: str) -> list[Step]:
    """Return the steps of a script. Raises ValueError that names the wrong line."""
    steps = []
    for number, line in enumerate(script.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        found = _LINE.match(line)
        if not found:
            raise ValueError(f"line {number} of the script is not “number > text”: {line}")
        step = Step(number, found[1], found[2], (found[3] or "").strip())
        if step.sign == "~" and step.text not in _SWITCHES:
            raise ValueError(
                f"line {number} of the script: ~ takes {', '.join(_SWITCHES)}, not {step.text!r}"
            )
        steps.append(step)
    return steps


def play(world: Stage, script: str) -> None:
    """Play a script. Raises ScriptFailed that names the line, or ValueError for a line that cannot be read."""
    expected: list[Step] = []
    last = 1  # the line of the last action
    for step in read(script):
        if step.sign == "<":
            expected.append(step)
            continue
        _check_shown(world, expected, last)
        _act(world.handset(step.phone), step)
        expected, last = [], step.number
    _check_shown(world, expected, last)


def _check_shown(world: Stage, expected: list[Step], last: int) -> None:
    """Check that each phone was shown exactly what the script expects, and that no other phone was shown anything."""
    wanted: dict[Any, list[Step]] = defaultdict(list)
    for step in expected:
        wanted[world.handset(step.phone)].append(step)
    world.work()
    for phone in [*wanted, *(phone for phone in list(world.phones.values()) if phone not in wanted)]:
        steps = wanted.get(phone, [])
        try:
            phone.hears(*[step.text for step in steps])
        except ScriptFailed as failure:
            where = steps[0].number if steps else last
            raise ScriptFailed(f"line {where} of the script: {failure}") from None


def _act(phone: Any, step: Step) -> None:
    try:
        if step.sign == "~":
            getattr(phone, _SWITCHES[step.text])()
        elif step.sign == "!":
            phone.taps(step.text)
        else:
            phone.says(step.text)
    except ScriptFailed as failure:
        raise ScriptFailed(f"line {step.number} of the script: {failure}") from None
    except Exception as error:
        error.add_note(f"in line {step.number} of the script: {step.phone} {step.sign} {step.text}")
        raise
