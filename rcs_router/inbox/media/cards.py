"""Read the name and the numbers of a contact card (vCard) that a person has sent. Needs the extra `vcard`.

icalendar splits the lines, whose syntax cards and calendars share. The card is untrusted: only the first characters of
the card and of each line are read, so that reading takes little time whatever it contains.
"""

import quopri
import re
from collections import defaultdict
from dataclasses import dataclass

from rcs_router.content.characters import storable
from rcs_router.models import InboundFile

MOST = 65536  # bytes of a card: a long picture comes after the names and numbers
LINE = 1000  # characters of a line
NUMBERS = 20  # numbers of a card

_WANTED = re.compile(r"(?:[\w-]+\.)?(FN|N|TEL)(?=[;:])", re.IGNORECASE)  # "item1.TEL" belongs to a group
_BARE = re.compile(r";([\w-]+)(?=[;:])")  # "TEL;CELL:" of vCard 2.1 is "TEL;TYPE=CELL:"
_SOFT_BREAK = re.compile(rb"=\r?\n(?![\r\n])")


@dataclass(frozen=True)
class ContactCard:
    """The contents of a contact card as written; the numbers are not checked."""

    name: str = ""
    numbers: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ", ".join(part for part in (self.name, *self.numbers) if part)


def read(file: InboundFile) -> ContactCard | None:
    """Return the contact card in `file`, or None for any other file. Raises ImportError without the extra."""
    if file.state != InboundFile.State.FETCHED or file.media_type != "text/vcard":
        return None
    with file.file.open() as card:
        return parsed(card.read(MOST))


def parsed(data: bytes) -> ContactCard:
    """Return the contents of a card; lines that cannot be parsed are left out."""
    from icalendar.parser import Contentlines

    if b"QUOTED-PRINTABLE" in data.upper():
        data = _SOFT_BREAK.sub(b"", data)
    told: dict[str, list[str]] = defaultdict(list)
    for line in Contentlines.from_ical(data.decode("utf-8-sig", "replace")):
        if wanted := _WANTED.match(line):
            told[wanted[1].upper()].append(_value(line[wanted.end() :]))
    name = next(filter(None, told["FN"] + [_spoken(name) for name in told["N"]]), "")
    return ContactCard(name, tuple(filter(None, told["TEL"][:NUMBERS])))


def _value(rest: str) -> str:
    """Return the value of a line without its name; empty if it cannot be parsed."""
    from icalendar.parser import Contentline

    head, colon, value = rest[:LINE].partition(":")
    try:
        _, parameters, value = Contentline("X" + _BARE.sub(r";TYPE=\1", head + colon) + value).parts()
    except ValueError:
        return ""
    if str(parameters.get("ENCODING")).upper() == "QUOTED-PRINTABLE":
        value = quopri.decodestring(value.encode()).decode("utf-8", "replace")
    return storable(value).strip().removeprefix("tel:")


def _spoken(name: str) -> str:
    """Return "Mari Maasikas" of "Maasikas;Mari;;;"."""
    family, given, *_ = [*name.split(";"), ""]
    return f"{given} {family}".strip()
