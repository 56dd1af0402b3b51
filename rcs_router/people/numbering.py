"""Convert a phone number between today's form and the other forms that its country's plan has had.

The phonenumbers library knows only today's plans. Networks still send older forms, and address books and older rows
still hold them. They are listed here, so that a person is the same in every form. Listed are only changes that gave
each old number one new number, and old forms that are not another number today.
"""

import re
from dataclasses import dataclass

VIETNAM = {  # the last three digits of old mobile prefixes → today's (Ministry of Information, September 2018)
    "120": "70",
    "121": "79",
    "122": "77",
    "126": "76",
    "128": "78",
    "123": "83",
    "124": "84",
    "125": "85",
    "127": "81",
    "129": "82",
    **{f"16{n}": f"3{n}" for n in range(2, 10)},
    "186": "56",
    "188": "58",
    "199": "59",
}


@dataclass(frozen=True)
class Change:
    """Another form of mobile numbers and today's form; {0} and {1} stand for digits that both share (`shared`).

    `dialled`: the other form was only dialled, so no row holds it.
    """

    other: str
    today: str
    shared: tuple[str, ...]
    dialled: bool = False

    def to_today(self, number: str) -> str:
        """Return today's form; empty if the number does not have this other form."""
        return self._said(self.other, self.today, number)

    def to_other(self, number: str) -> str:
        """Return the other form; empty if the number never had it."""
        return "" if self.dialled else self._said(self.today, self.other, number)

    def _said(self, read: str, written: str, number: str) -> str:
        pattern = read.replace("+", r"\+").format(*(f"({part})" for part in self.shared))
        match = re.fullmatch(pattern, number, re.ASCII)
        return written.format(*match.groups()) if match else ""


CHANGES = (
    # Mexico, IFT, August 2019: no 1 before mobile numbers any more, and no domestic dialling prefix.
    Change("+521{0}", "+52{0}", (r"[2-9]\d{9}",)),
    *(Change(f"+52{prefix}{{0}}", "+52{0}", (r"[2-9]\d{9}",), True) for prefix in ("01", "044", "045")),
    # Argentina: from abroad, mobile numbers have a 9 that networks leave out; 11, 2… and 3… are areas. Within the
    # country it is a 15 after the area, of two to four digits; address books have both.
    Change("+54{0}", "+549{0}", (r"(?:11|[23]\d)\d{8}",)),
    *(
        Change(f"+54{nine}{{0}}15{{1}}", "+549{0}{1}", (area, rf"\d{{{10 - size}}}"), True)
        for nine in ("9", "")
        for size, area in ((2, "11"), (3, r"[23]\d\d"), (4, r"[23]\d{3}"))
    ),
    # Brazil, Anatel, 2012 to 2016: a 9 before mobile numbers, which began with 6 to 9. Areas have no 0.
    Change("+55{0}{1}", "+55{0}9{1}", ("[1-9][1-9]", r"[6-9]\d{7}")),
    # Côte d'Ivoire, ARTCI, January 2021: ten digits; the second digit of the old number named the network.
    *(
        Change("+225{0}", f"+225{network}{{0}}", (rf"[04-9]{second}\d{{6}}",))
        for network, second in (("01", "[1-3]"), ("05", "[4-6]"), ("07", "[7-9]"))
    ),
    # Benin, ARCEP, November 2024: 01 before all numbers.
    Change("+229{0}", "+22901{0}", (r"\d{8}",)),
    # Cameroon, ART, November 2014: 6 before mobile numbers.
    Change("+237{0}", "+2376{0}", (r"[79]\d{7}",)),
    *(Change(f"+84{old}{{0}}", f"+84{new}{{0}}", (r"\d{7}",)) for old, new in VIETNAM.items()),
)
_COUNTRIES = tuple(sorted({change.today[:3] for change in CHANGES}))


def today(number: str) -> str:
    """Return an E.164 number in the form of its country's current plan. Any other text is returned unchanged."""
    if not number.startswith(_COUNTRIES):
        return number
    return next(filter(None, (change.to_today(number) for change in CHANGES)), number)


def forms(number: str) -> list[str]:
    """Return every form of a number that a row may hold, today's first. Most numbers have one form."""
    if not number.startswith(_COUNTRIES):
        return [number]
    current = today(number)
    return [current, *filter(None, (change.to_other(current) for change in CHANGES))]


def is_same(one: str, other: str) -> bool:
    """Return True if both are numbers of one phone."""
    return today(one) == today(other)
