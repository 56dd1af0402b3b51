"""The bytes of a text and the charset that a gateway names for it → the text; or, where they do not fit, both.

Kannel writes a text in the charset of its `charset` parameter (%C), percent-encoded; a web framework reads all of an
address as UTF-8. Source: the Kannel User Guide, and what Kannel 1.4.5 did when it was tried (November 2026).
"""

import codecs
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote_from_bytes

RAW = "raw"  # name of the percent-encoded bytes of a text that could not be read
UTF_16 = re.compile(r"(UTF-?16(BE|LE)?|(ISO-10646-)?UCS-?2(BE|LE)?)", re.IGNORECASE)
# Charsets of Python that are no charsets of a text message; two of them take a time that grows with the square.
NO_CHARSETS = frozenset({"idna", "punycode", "raw_unicode_escape", "unicode_escape", "undefined"})


def values_of(query: bytes) -> dict[str, bytes]:
    """The parameters of a query string, each as its bytes; of several with one name, the last."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    return {name: value.encode("latin-1") for name, value in pairs}


def read(query: Mapping[str, str], raw: bytes) -> dict[str, str]:
    """The parameters with `raw` as their text: in UTF-8, or as well as it can be read, with its bytes as RAW."""
    words = None if is_binary(query) else decoded(raw, query.get("charset", ""), query.get("coding", ""))
    if words is None:
        unread = {"text": raw.decode("utf-8", "replace").replace("\0", "\ufffd"), RAW: quote_from_bytes(raw)}
        return {**query, **unread}
    return {**query, "text": words.replace("\0", "\ufffd"), "charset": "UTF-8"}


def recovered(query: Mapping[str, str]) -> Mapping[str, str]:
    """The same of a query that was read as UTF-8 before anybody looked at its charset, as far as that can be undone."""
    if RAW in query or "\ufffd" in query.get("text", "") or not UTF_16.fullmatch(query.get("charset", "")):
        return query
    return read(query, query.get("text", "").encode())


def is_binary(query: Mapping[str, str]) -> bool:
    """Is it a message of bytes (8-bit data) and no text?"""
    return query.get("charset", "").upper() == "8-BIT" or query.get("coding") == "1"


def is_garbled(query: Mapping[str, str]) -> bool:
    """Is nothing of the text to be read, after `read`? In other charsets, whatever is of ASCII can be."""
    return is_binary(query) or bool(UTF_16.fullmatch(query.get("charset", "")))


def decoded(raw: bytes, charset: str, coding: str = "") -> str | None:
    """The text; None for bytes that are none in this charset. One that nobody knows is taken for UTF-8.

    Without a charset, coding 2 means UCS-2, as it does for Kannel, and everything else UTF-8.
    """
    name = charset.strip() or ("UTF-16BE" if coding == "2" else "UTF-8")
    if wide := UTF_16.fullmatch(name):
        return _utf_16(raw, little=(wide[2] or wide[4] or "").upper() == "LE")
    return _strict(raw, _codec(name))


def _codec(charset: str) -> str:
    """Python's name for it."""
    try:
        name = codecs.lookup(charset).name
        b"0".decode(name, "ignore")  # some codecs make no text of bytes
    except (LookupError, ValueError):  # ValueError: a NUL in the name
        return "utf-8"
    return "utf-8" if name in NO_CHARSETS else name


def _utf_16(raw: bytes, *, little: bool) -> str | None:
    """The most significant byte comes first, unless a byte order mark or the charset's name says otherwise."""
    for mark, codec in ((codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF16_LE, "utf-16-le")):
        if raw.startswith(mark):
            return _strict(raw[2:], codec)
    return _strict(raw, "utf-16-le" if little else "utf-16-be")


def _strict(raw: bytes, codec: str) -> str | None:
    try:
        return raw.decode(codec)
    except UnicodeError:
        return None
