"""Messente's answers → what became of a message: an id, or the error that its codes mean.

Source: the error models of Messente's Python client 2.7.0. Codes are strings there; numbers are understood as well.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from rcs_backends import http
from rcs_router.contract import SendResult
from rcs_router.errors import (
    Ambiguous,
    BadAddress,
    Forbidden,
    Misconfigured,
    Refused,
    SendError,
    Unavailable,
    Unreadable,
)

# Their codes → our words. The phonebook has others (201 and up), which say no more than its HTTP status.
WORDS = {
    "101": "not_found",
    "102": "forbidden",
    "103": "unauthorized",
    "104": "server_error",
    "105": "invalid_data",
    "106": "missing_data",
    "107": "method_not_allowed",
}
# A field that Messente refuses (the last word of `source`), whatever the code: the number is the message's own
# trouble, the sender may be that of our account.
FIELDS = {"to": "bad_recipient", "sender": "bad_sender"}
ERRORS: http.Errors = {
    "bad_recipient": BadAddress,
    "bad_sender": Forbidden,  # perhaps for one country only, or the sender that this message names
    "not_found": Misconfigured,  # there is no such address: base_url is another one
    "forbidden": Forbidden,  # says no more than its status
    "unauthorized": Misconfigured,
    "server_error": Unavailable,
    "invalid_data": Refused,
    "missing_data": Refused,
    "method_not_allowed": Misconfigured,
    404: Misconfigured,
    405: Misconfigured,
    502: Ambiguous,  # these two come from a proxy, which may have passed the message on
    504: Ambiguous,
}


def error(
    reply: http.Reply, secrets: Iterable[str] = (), own: http.Own = http.empty_or_json
) -> SendError | None:
    """The error that an answer means; None for a 2xx."""
    detail = "; ".join(map(_sentence, _entries(reply.json())))
    return http.judge(reply, errors=ERRORS, code_of=_word, own=own, secrets=secrets, detail=detail)


def is_explained(reply: http.Reply) -> bool:
    """Whether an error is Messente's own: by a bare 404 nothing is known of a message or a number."""
    return bool(_entries(reply.json()))


def result(reply: http.Reply) -> SendResult:
    """Of one message that was taken. Raises Unreadable for an answer without an id."""
    match reply.json():
        case {"omnimessage_id": str() as name} if name:
            return SendResult(provider_id=name)
    raise Unreadable(http.without(reply, "an omnimessage_id"))


def elements(reply: http.Reply, count: int) -> list[Any]:
    """Of a bulk answer: one for each of `count` messages, None where it says nothing."""
    match reply.json():
        case {"messages": [*given]}:
            return [*given[:count], *[None] * (count - len(given))]
    return [None] * count


def outcome(element: Any, to: str, secrets: Iterable[str] = ()) -> SendResult | SendError:
    """What a bulk answer says of the message to `to`. An error means the same as in an answer of its own."""
    match element:
        case {"errors": [_, *_]}:
            alone = http.Reply(400, body=json.dumps(element).encode())
            return error(alone, secrets) or Ambiguous()
        case {"omnimessage_id": str() as name} if name and _is_same(element.get("to", to), to):
            return SendResult(provider_id=name)
    return Unreadable("the answer to the whole batch says nothing of this message")


def _is_same(number: Any, other: str) -> bool:
    """An element for another number means that the order is not ours: its id would be a wrong one."""
    return re.sub(r"\D", "", str(number)) == re.sub(r"\D", "", other)


def _entries(answer: Any) -> list[Mapping[str, Any]]:
    match answer:
        case {"errors": [*entries]}:
            return [entry for entry in entries if isinstance(entry, Mapping)]
    return []


def _word(reply: http.Reply) -> str:
    """Of several the one that decides: a wrong number stays wrong, whatever else is mended."""
    if reply.status == 429:  # too fast, whichever code its body has: none is known for that
        return ""
    words = [word for word in map(_word_of, _entries(reply.json())) if word]
    return next((word for word in FIELDS.values() if word in words), words[0] if words else "")


def _word_of(entry: Mapping[str, Any]) -> str:
    code = str(entry.get("code", "")).strip()
    field = re.findall(r"\w+", str(entry.get("source") or ""))[-1:]
    if code in {"105", "106"} and field and field[0] in FIELDS:
        return FIELDS[field[0]]
    return WORDS.get(code, "")


def _sentence(entry: Mapping[str, Any]) -> str:
    said = [str(entry[name]) for name in ("title", "detail") if entry.get(name)]
    source = f" ({entry['source']})" if entry.get("source") else ""
    return ": ".join(said) + source
