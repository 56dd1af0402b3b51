"""Compare texts as people type or paste them: without invisible characters, case and decoration.

Every function looks at the first MOST characters only, so that a long message takes no longer than a short one.
"""

import re
import unicodedata

MOST = 1000  # characters that are looked at; a longer text is not a keyword, option or number…
LONGEST = 200  # …and neither is a text with more visible characters than this

# Code points that show nothing: format characters (category Cf), controls except blanks, variation selectors, and the
# others that Unicode calls default ignorable. A test compares the list with Python's own tables.
INVISIBLE = (
    "\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160"
    "\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_INVISIBLE = re.compile(f"[{INVISIBLE}]+")
_NOTHING = re.compile(rf"[\s{INVISIBLE}]*")
_TONES = re.compile("[\U0001f3fb-\U0001f3ff]")  # the skin colour of an emoji
_DASHES = re.compile("[\u2010-\u2015\u2043\u2212\ufe58\ufe63\uff0d]")
_REFUSING = re.compile("[\u26d4\u2716\u2717\u2718\u274c\u274e\U0001f44e\U0001f645\U0001f6ab\U0001f6d1]")
# Emoji that NFKC turns into letters, the blank of Braille, and the keycaps of 10 and of other digits.
_SIGNS = str.maketrans(
    {**dict.fromkeys("\u2139\u2122\xa9\xae\u24c2\u3297\u3299\u2800", " "), "\U0001f51f": "10"}
)
_KEYCAP = "\u20e3"
_MARKS = 8  # how many more characters a text may have than a keyword, as marks on its last letter

_NUMBER = re.compile(r"(\d{1,4})")
_COPIED = re.compile(r"\W*(\d{1,4})\W+(\w.*)", re.DOTALL)  # such as "2) Return"
_NO_DECORATION = frozenset("%\u2030&@/\\")  # after a number: "2 %" is a different answer from "2"


def visible(text: str) -> str:
    """Return `text` without invisible characters."""
    return _INVISIBLE.sub("", text)


def begins_with(text: str, keyword: str) -> int:
    """Return where `keyword` ends if `text` begins with it as a whole word; else 0.

    Both are compared as `folded`: letters may be composed differently, and capitals may have more or fewer characters
    (ß, SS).
    """
    wanted, begin = folded(keyword), _NOTHING.match(text).end()  # type: ignore[union-attr]  # it always matches
    for end in range(begin + 1, min(begin + MOST, len(text)) + 1) if wanted else ():
        if _NOTHING.fullmatch(text, end - 1, end):
            continue  # it adds nothing to what stands before it
        head = folded(text[begin:end])
        if head == wanted and not goes_on(text, end):
            return end
        if len(head) > len(wanted) + _MARKS:
            break
    return 0


def goes_on(text: str, end: int) -> bool:
    """Return True if a word continues there: with a letter, a digit, or a mark on the letter before."""
    after = _INVISIBLE.match(text, end)
    start = after.end() if after else end
    rest = text[start : start + 1]
    return bool(rest) and (rest.isalnum() or rest == "_" or unicodedata.category(rest) in {"Mn", "Mc"})


def folded(text: str) -> str:
    """Return `text` for comparison: without case and invisible characters, and with single blanks between words.

    The composition and width of letters and the kind of dash make no difference. Empty if longer than LONGEST.
    """
    seen = visible(stripped) if len(stripped := text.strip()) <= MOST else ""
    if len(seen) > LONGEST:
        return ""
    plain = _TONES.sub("", seen).translate(_SIGNS)
    plain = _DASHES.sub("-", unicodedata.normalize("NFKC", plain)).casefold().replace("i\u0307", "i")
    return " ".join(unicodedata.normalize("NFKC", plain).split())  # a Turkish capital I had its dot


def core(text: str, keep: str = "") -> str:
    """Return `folded` text without signs, quotes and emoji before its first letter or digit and after its last.

    `keep`: Unicode categories, such as "Sc Sm", whose characters count as letters.
    """
    said = folded(text)
    held = [n for n, character in enumerate(said) if _counts(character, keep)]
    if not held:
        return ""
    end = held[-1] + 1
    while end < len(said) and unicodedata.category(said[end]) in {"Mn", "Mc"}:
        end += 1  # many scripts end words with a vowel sign
    return said[held[0] : end]


def word(text: str) -> str:
    """Return the `core` of `text` with blanks for dashes: “Opt-out!” is "opt out"."""
    return " ".join(core(text).replace("-", " ").split())


def number(text: str) -> int | None:
    """Return the number that the whole text is: "2", "2.", "(2)", a keycap, digits of any script; else None.

    Nothing is guessed: "2 or 1", "2.5", "-2", "2 %", "²" and "2 👎" are not numbers.
    """
    said = _digits(text)
    found = list(_NUMBER.finditer(said))
    if len(found) != 1 or refuses(text) or any(map(_is_raised, text[:MOST])):
        return None
    before, after = said[: found[0].start()], said[found[0].end() :]
    if (before and before[-1] in ".,-") or not all(map(_decorates, before + after)):
        return None
    return int(found[0][1])


def copied(text: str) -> tuple[int, str] | None:
    """Return number and label of a line such as "2) Return", copied from a list of options; else None."""
    match = _COPIED.fullmatch(_digits(text))
    return (int(match[1]), match[2]) if match else None


def refuses(text: str) -> bool:
    """Return True if an emoji in it says no, so that it may reverse the meaning of its words."""
    return bool(_REFUSING.search(text[:MOST]))


def _counts(character: str, keep: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "LN" or category in keep


def _decorates(character: str) -> bool:
    """Return True if it may stand beside a number without a meaning: a blank, a bracket, a full stop, an emoji."""
    category = unicodedata.category(character)
    return character not in _NO_DECORATION and (category[0] in "PZ" or category in {"So", "Sk"})


def _is_raised(character: str) -> bool:
    return unicodedata.decomposition(character).startswith(("<super>", "<sub>"))


def _digits(text: str) -> str:
    """Return `folded` text with digits in circles and on keycaps as plain digits."""
    return "".join(map(_digit, folded(text).replace(_KEYCAP, "")))


def _digit(character: str) -> str:
    if unicodedata.category(character) != "No":
        return character
    value = unicodedata.numeric(character)
    return str(int(value)) if value == int(value) else character
