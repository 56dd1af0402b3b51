"""Decode the text of an incoming SMS from the charset that the gateway names; keep its bytes where that fails.

Kannel writes a text in the charset of its `charset` parameter (%C), percent-encoded; a web framework decodes the whole
query string as UTF-8. Source: the Kannel User Guide, and a test of Kannel 1.4.5 (November 2026).
"""

import codecs
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote_from_bytes

RAW = "raw"  # key of the percent-encoded bytes of a text that could not be decoded
UTF_16 = re.compile(r"(UTF-?16(BE|LE)?|(ISO-10646-)?UCS-?2(BE|LE)?)", re.IGNORECASE)
# Python codecs that are not charsets of a text message; two of them take quadratic time.
NO_CHARSETS = frozenset({"idna", "punycode", "raw_unicode_escape", "unicode_escape", "undefined"})


def values_of(query: bytes) -> dict[str, bytes]:
    """Return the parameters of a query string as bytes; the last value counts when a name is repeated."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    return {name: value.encode("latin-1") for name, value in pairs}


def read(query: Mapping[str, str], raw: bytes) -> dict[str, str]:
    """Return `query` with `raw` decoded as its text. The bytes of a text that cannot be decoded are kept as RAW."""
    decoded_text = (
        None if is_binary(query) else decoded(raw, query.get("charset", ""), query.get("coding", ""))
    )
    if decoded_text is None:
        unread = {"text": raw.decode("utf-8", "replace").replace("\0", "\ufffd"), RAW: quote_from_bytes(raw)}
        return {**query, **unread}
    return {**query, "text": decoded_text.replace("\0", "\ufffd"), "charset": "UTF-8"}


def recovered(query: Mapping[str, str]) -> Mapping[str, str]:
    """Decode the text of a query again, if it was decoded as UTF-8 although its charset is UTF-16."""
    if RAW in query or "\ufffd" in query.get("text", "") or not UTF_16.fullmatch(query.get("charset", "")):
        return query
    return read(query, query.get("text", "").encode())


def is_binary(query: Mapping[str, str]) -> bool:
    """Return whether the message is binary (8-bit data), not text."""
    return query.get("charset", "").upper() == "8-BIT" or query.get("coding") == "1"


def is_garbled(query: Mapping[str, str]) -> bool:
    """Return whether nothing of the text can be read after `read`. In other charsets, the ASCII characters can be."""
    return is_binary(query) or bool(UTF_16.fullmatch(query.get("charset", "")))


def decoded(raw: bytes, charset: str, coding: str = "") -> str | None:
    """Return the decoded text, or None for bytes that are not valid in this charset. An unknown charset means UTF-8.

    Without a charset, coding 2 means UCS-2, as in Kannel, and everything else UTF-8.
    """
    name = charset.strip() or ("UTF-16BE" if coding == "2" else "UTF-8")
    if wide := UTF_16.fullmatch(name):
        return _utf_16(raw, little=(wide[2] or wide[4] or "").upper() == "LE")
    return _strict(raw, _codec(name))


def _codec(charset: str) -> str:
    """Return Python's name of the charset, or UTF-8 for one that cannot be used."""
    try:
        name = codecs.lookup(charset).name
        b"0".decode(name, "ignore")  # some codecs do not decode bytes to text
    except (LookupError, ValueError):  # ValueError: the name contains a NUL
        return "utf-8"
    return "utf-8" if name in NO_CHARSETS else name


def _utf_16(raw: bytes, *, little: bool) -> str | None:
    """Decode UTF-16, big-endian unless a byte order mark or the charset's name says otherwise."""
    for mark, codec in ((codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF16_LE, "utf-16-le")):
        if raw.startswith(mark):
            return _strict(raw[2:], codec)
    return _strict(raw, "utf-16-le" if little else "utf-16-be")


def _strict(raw: bytes, codec: str) -> str | None:
    try:
        return raw.decode(codec)
    except UnicodeError:
        return None
