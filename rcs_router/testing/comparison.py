"""Compare what a phone was shown with what was expected, and describe the difference."""

import difflib
import re
from collections.abc import Sequence

SHOWN = 12  # lines of the conversation that a failure repeats


class ScriptFailed(AssertionError):
    """The conversation differs from the script."""


def compare(number: str, expected: Sequence[str], shown: Sequence[str], transcript: list[str]) -> None:
    """Raise ScriptFailed unless both are equal line by line. Append what was shown to `transcript`."""
    wanted = [" ".join(line.split()) for line in expected]
    for position, line in enumerate(shown[: len(wanted)]):
        if _matches(wanted[position], line):
            wanted[position] = line
    before = list(transcript)
    transcript += [f"{number} < {line}" for line in shown]
    if wanted == list(shown):
        return
    lines = [line for line in difflib.ndiff(wanted, list(shown)) if not line.startswith("?")]
    difference = "\n".join(f"  {_SIGNS[line[0]]} {line[2:]}" for line in lines)
    earlier = "\n".join(f"    {line}" for line in before[-SHOWN:]) or "    (nothing)"
    raise ScriptFailed(f"{number} {_verdict(wanted, shown)}:\n{difference}\nbefore that:\n{earlier}")


_SIGNS = {"-": "missing:    ", "+": "unexpected: ", " ": "as expected:"}


def _verdict(wanted: Sequence[str], shown: Sequence[str]) -> str:
    if sorted(wanted) == sorted(shown):
        return "was shown the right messages in the wrong order"
    if not shown:
        return "was shown nothing"
    if not wanted:
        return "was shown something that nobody expected"
    return "was shown something else"


def _matches(wanted: str, line: str) -> bool:
    if wanted == line:
        return True
    pieces = re.split(r"…|\.\.\.", wanted)
    return len(pieces) > 1 and re.fullmatch(".*".join(map(re.escape, pieces)), line) is not None
