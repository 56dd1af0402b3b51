"""What a network makes of a text in an SMS: its alphabet and its parts (GSM 03.38)."""

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = "^{}\\[~]|€\f"  # two septets each
_COST = dict.fromkeys(_BASIC, 1) | dict.fromkeys(_EXTENDED, 2)
GSM7 = (160, 153)  # septets of a single message, and of each part of a longer one
UCS2 = (70, 67)  # UTF-16 units, likewise
_PLAINER = str.maketrans(  # what Unicode has and GSM 7 bit has something like
    "\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb`\u2010\u2011\u2012\u2013\u2014\u2212\u00a0\u2009\u202f\t",
    '\'\'\'"""""\'------    ',
    "\u200b\u2060\ufeff",
) | {ord("\u2026"): "..."}


def gsm7(text: str) -> str:
    """Return the text with a question mark for every character that GSM 7 bit lacks, as Kannel does with coding 0."""
    return "".join(character if character in _COST else "?" for character in text)


def is_gsm7(text: str) -> bool:
    return all(character in _COST for character in text)


def plainer(text: str) -> str:
    """Return the text with look-alikes of GSM 7 bit for typographic characters, as Twilio's SmartEncoded does."""
    return text.translate(_PLAINER)


def segments(text: str) -> int:
    """Return how many parts the text needs, in GSM 7 bit where it can be; an empty text needs one."""
    return len(_split(text, ucs2=not is_gsm7(text)))


def cut(text: str, parts: int, *, ucs2: bool) -> str:
    """Return as much of the text as fits into that many parts; the rest is dropped silently, as Kannel does."""
    if parts > 1:
        return "".join(_split(text, ucs2=ucs2)[:parts])
    return text[: _fitting(costs(text, ucs2=ucs2), (UCS2 if ucs2 else GSM7)[0])]


def _split(text: str, *, ucs2: bool) -> list[str]:
    taken = costs(text, ucs2=ucs2)
    single, each = UCS2 if ucs2 else GSM7
    if sum(taken) <= single:
        return [text]
    parts, start = [], 0
    while start < len(text):
        end = start + _fitting(taken[start:], each)
        parts.append(text[start:end])
        start = end
    return parts


def costs(text: str, *, ucs2: bool) -> list[int]:
    """Return what each character takes: septets, or UTF-16 units."""
    return [_units(character) if ucs2 else _COST[character] for character in text]


def _units(character: str) -> int:
    return 2 if ord(character) > 0xFFFF else 1


def _fitting(costs: list[int], room: int) -> int:
    """Return how many characters fit; a pair of units is never torn apart."""
    for index, cost in enumerate(costs):
        room -= cost
        if room < 0:
            return index
    return len(costs)
