"""Read Messente's answers: the id of an accepted message, or the error that its codes mean.

Source: the error models of Messente's Python client 2.7.0. Codes are strings there; numbers are accepted as well.
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

# Messente's codes → ours. The phonebook has others (201 and up), which add nothing to their HTTP status.
CODES = {
    "101": "not_found",
    "102": "forbidden",
    "103": "unauthorized",
    "104": "server_error",
    "105": "invalid_data",
    "106": "missing_data",
    "107": "method_not_allowed",
}
# Refused fields (the last word of `source`), whatever the code: a wrong number concerns this message, a wrong sender
# possibly the whole account.
FIELDS = {"to": "bad_recipient", "sender": "bad_sender"}
ERRORS: http.Errors = {
    "bad_recipient": BadAddress,
    "bad_sender": Forbidden,  # perhaps for one country only, or only the sender that this message sets
    "not_found": Misconfigured,  # there is no such path: base_url is wrong
    "forbidden": Forbidden,  # adds nothing to its status
    "unauthorized": Misconfigured,
    "server_error": Unavailable,
    "invalid_data": Refused,
    "missing_data": Refused,
    "method_not_allowed": Misconfigured,
    404: Misconfigured,
    405: Misconfigured,
    502: Ambiguous,  # a proxy sends these two, and may have passed the message on
    504: Ambiguous,
}


def error(
    reply: http.Reply, secrets: Iterable[str] = (), own: http.Own = http.empty_or_json
) -> SendError | None:
    """Return the error that an answer means, or None for a 2xx."""
    detail = "; ".join(map(_sentence, _entries(reply.json())))
    return http.judge(reply, errors=ERRORS, code_of=_code_of, own=own, secrets=secrets, detail=detail)


def is_explained(reply: http.Reply) -> bool:
    """Return whether Messente itself wrote the error: a bare 404 says nothing about a message or a number."""
    return bool(_entries(reply.json()))


def result(reply: http.Reply) -> SendResult:
    """Return the result of one accepted message. Raises Unreadable for an answer without an id."""
    match reply.json():
        case {"omnimessage_id": str() as name} if name:
            return SendResult(provider_id=name)
    raise Unreadable(http.without(reply, "an omnimessage_id"))


def elements(reply: http.Reply, count: int) -> list[Any]:
    """Return the elements of a bulk answer, one for each of `count` messages; None where it has none."""
    match reply.json():
        case {"messages": [*given]}:
            return [*given[:count], *[None] * (count - len(given))]
    return [None] * count


def outcome(element: Any, to: str, secrets: Iterable[str] = ()) -> SendResult | SendError:
    """Return what an element of a bulk answer says. Its errors mean the same as those of a single answer."""
    match element:
        case {"errors": [_, *_]}:
            alone = http.Reply(400, body=json.dumps(element).encode())
            return error(alone, secrets) or Ambiguous()
        case {"omnimessage_id": str() as name} if name and _is_same(element.get("to", to), to):
            return SendResult(provider_id=name)
    return Unreadable("the answer to the batch does not mention this message")


def _is_same(number: Any, other: str) -> bool:
    """Return whether the numbers match. If not, the elements have another order, and the id is another message's."""
    return re.sub(r"\D", "", str(number)) == re.sub(r"\D", "", other)


def _entries(answer: Any) -> list[Mapping[str, Any]]:
    match answer:
        case {"errors": [*entries]}:
            return [entry for entry in entries if isinstance(entry, Mapping)]
    return []


def _code_of(reply: http.Reply) -> str:
    """Return the deciding code of several: a wrong number stays wrong, whatever else is corrected."""
    if reply.status == 429:  # no code for rate limits is known, so the status decides
        return ""
    codes = [code for code in map(_code_of_entry, _entries(reply.json())) if code]
    return next((code for code in FIELDS.values() if code in codes), codes[0] if codes else "")


def _code_of_entry(entry: Mapping[str, Any]) -> str:
    code = str(entry.get("code", "")).strip()
    field = re.findall(r"\w+", str(entry.get("source") or ""))[-1:]
    if code in {"105", "106"} and field and field[0] in FIELDS:
        return FIELDS[field[0]]
    return CODES.get(code, "")


def _sentence(entry: Mapping[str, Any]) -> str:
    texts = [str(entry[name]) for name in ("title", "detail") if entry.get(name)]
    source = f" ({entry['source']})" if entry.get("source") else ""
    return ": ".join(texts) + source
