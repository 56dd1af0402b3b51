"""What a network makes of a text: characters come in, what an SMS can carry of them comes out (GSM 03.38)."""

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = "^{}\\[~]|€\f"  # two septets each
_COST = dict.fromkeys(_BASIC, 1) | dict.fromkeys(_EXTENDED, 2)
GSM7 = (160, 153)  # septets of a single message, and of each part of a longer one
UCS2 = (70, 67)  # UTF-16 units, likewise


def gsm7(text: str) -> str:
    """The text with a question mark for every character that GSM 7 bit lacks, as Kannel does with coding 0."""
    return "".join(character if character in _COST else "?" for character in text)


def is_gsm7(text: str) -> bool:
    return all(character in _COST for character in text)


def cut(text: str, parts: int, *, ucs2: bool) -> str:
    """As much of the text as fits into so many parts; what is beyond is dropped silently, as Kannel does."""
    costs = [_units(character) if ucs2 else _COST[character] for character in text]
    single, each = UCS2 if ucs2 else GSM7
    if sum(costs) <= single:
        return text
    if parts <= 1:
        return text[: _fitting(costs, single)]
    end = 0
    for _ in range(parts):
        end += _fitting(costs[end:], each)
    return text[:end]


def _units(character: str) -> int:
    return 2 if ord(character) > 0xFFFF else 1


def _fitting(costs: list[int], room: int) -> int:
    """How many characters fit; a pair of units is never torn apart."""
    for index, cost in enumerate(costs):
        room -= cost
        if room < 0:
            return index
    return len(costs)
