"""Read the answers of a MaaP platform: message ids, reasons, and the errors that they mean.

Platforms explain errors in `reason`, which some wrap in `error`. The numbers are those of Samsung's MaaP core, the only
list that is known; an answer without one of them is judged by its HTTP status.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from rcs_backends import http
from rcs_backends.reading import text
from rcs_router.errors import (
    Ambiguous,
    BadAddress,
    Misconfigured,
    Refused,
    SendError,
    Throttled,
    Unavailable,
    Unreachable,
)

SETUP = (*range(40001, 40008), 42001, 42006)  # token, scope, or a bot that is not launched or only for tests
PLATFORM_FAULTS = (41000, 41001, 41004, 41005, 41006)  # a fault of the platform or its RCS server
TOO_FAST = (41003, 42601)
NO_RCS = (41110, 41200, 41201, 41210, 41211, 41212, 41240)  # unknown user, or a phone that cannot show it
NO_NUMBER = (42005,)  # the recipient is not a valid number
REFUSED = (
    *(41002, 41007, 41008, 41009, 41010, 41011, 41300),
    *range(42002, 42005),
    *range(42007, 42016),  # 42007: not one of the testers, which may change at any time
    *range(42031, 42061),
    *range(42100, 42109),
    *range(42201, 42209),
    *(42401, 42402),
)
DUPLICATE = 42514  # the platform has this id: repeating is useless, and an SMS would be a duplicate

MAX_ID = 200  # characters of an id that is stored; no known platform uses half as many
EXPIRED = frozenset({"41007", "41008"})
REVOKED = frozenset({"41011"})  # revoked before
ALREADY_DELIVERED = frozenset({"41010"})
REVOKE_FAILED = frozenset({"41002", "41009"})  # says nothing about the message itself
TOKEN_CODES = frozenset({"40003", "40004", "40005"})  # a new token may help

CODES: http.Errors = {
    str(code): kind
    for kind, codes in (
        (Misconfigured, SETUP),
        (Unavailable, PLATFORM_FAULTS),
        (Throttled, TOO_FAST),
        (Unreachable, NO_RCS),
        (BadAddress, NO_NUMBER),
        (Refused, REFUSED),
        (Ambiguous, (DUPLICATE,)),
    )
    for code in codes
}
ERRORS: http.Errors = {**CODES, 404: Refused}  # an unknown message or file
# For requests about a user: 404 is a phone without RCS (or an unknown bot), 409 a message that exists already.
USER_ERRORS: http.Errors = {**CODES, 404: Unreachable, 409: Ambiguous}


def error_of(
    reply: http.Reply, errors: http.Errors, secrets: Iterable[str], own: http.Own = http.empty_or_json
) -> SendError | None:
    """Return the error that an answer means, or None for a success. Some platforms send errors with status 200."""
    body = _object(reply.json())
    if 200 <= reply.status < 300:
        if not isinstance(body.get("error"), Mapping) or "RCSMessage" in body:
            return None
        reply = replace(reply, status=_status(body["error"]))
    detail = next((words for _, words in reasons(body) if words), "")
    return http.judge(reply, errors=errors, code_of=code_of, own=own, secrets=secrets, detail=detail)


def is_explained(reply: http.Reply) -> bool:
    """Return whether the platform itself wrote the error: a bare 404 says nothing about a message or a person."""
    return any(code or words for code, words in reasons(_object(reply.json())))


def code_of(reply: http.Reply) -> str:
    """Return the platform's error number if it is known. A 404 is preferred to a number that means Refused."""
    code = next((code for code, _ in reasons(_object(reply.json())) if code in CODES), "")
    return "" if reply.status == 404 and CODES.get(code) is Refused else code


def reasons(answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield code and text of `reason`, of the reason inside `error` and of `error` itself; either may be empty."""
    error = answer.get("error")
    for reason in (answer.get("reason"), _object(error).get("reason"), error):
        if isinstance(reason, Mapping):
            yield _id(reason.get("code")), _first(reason, "text", "message", "status")
        elif isinstance(reason, str):
            yield "", text(reason)


def message_of(reply: http.Reply) -> Mapping[str, Any]:
    """Return the RCSMessage of an answer, or an empty one."""
    return _object(_object(reply.json()).get("RCSMessage"))


def message_id(reply: http.Reply) -> str:
    """Return the id that the platform gave the message, or an empty string."""
    name = _id(message_of(reply).get("msgId"))
    return name if len(name) <= MAX_ID else ""


def _status(error: Mapping[str, Any]) -> int:
    code = error.get("code")
    return code if isinstance(code, int) and 400 <= code < 600 else 400


def _first(inner: Mapping[str, Any], *names: str) -> str:
    return next((words for name in names if (words := text(inner.get(name)))), "")


def _id(value: Any) -> str:
    return "" if isinstance(value, float) else text(value).strip()


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
