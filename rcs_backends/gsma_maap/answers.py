"""An answer of a MaaP platform → what it says of a message, or the error that it means.

Platforms explain errors in `reason`; some wrap it into `error`. The numbers are those of Samsung's MaaP core, the
only list that is known; what has none of them is judged by its HTTP status.
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

OURS = (*range(40001, 40008), 42001, 42006)  # token, scope, a bot that is not launched or for tests only
TROUBLE = (41000, 41001, 41004, 41005, 41006)  # the platform or its RCS server
TOO_FAST = (41003, 42601)
NO_RCS = (41110, 41200, 41201, 41210, 41211, 41212, 41240)  # no such user, or a phone that cannot show it
NO_NUMBER = (42005,)  # the recipient's number is not one
REFUSED = (
    *(41002, 41007, 41008, 41009, 41010, 41011, 41300),
    *range(42002, 42005),
    *range(42007, 42016),  # 42007: not one of the testers, which may change any minute
    *range(42031, 42061),
    *range(42100, 42109),
    *range(42201, 42209),
    *(42401, 42402),
)
DUPLICATE = 42514  # it has a message with this id: repeating is pointless, and so would be an SMS

MAX_ID = 200  # characters of an id that is kept; no platform's is half as long
EXPIRED = frozenset({"41007", "41008"})
REVOKED = frozenset({"41011"})  # it was taken back before
DELIVERED_ALL_THE_SAME = frozenset({"41010"})
REVOKE_FAILED = frozenset({"41002", "41009"})  # says nothing about the message itself
TOKEN_CODES = frozenset({"40003", "40004", "40005"})  # another token may help

CODES: http.Errors = {
    str(code): kind
    for kind, codes in (
        (Misconfigured, OURS),
        (Unavailable, TROUBLE),
        (Throttled, TOO_FAST),
        (Unreachable, NO_RCS),
        (BadAddress, NO_NUMBER),
        (Refused, REFUSED),
        (Ambiguous, (DUPLICATE,)),
    )
    for code in codes
}
ERRORS: http.Errors = {**CODES, 404: Refused}  # an unknown message or file
# To a user: 404 is a phone without RCS (or an unknown bot), 409 a message that the platform already has.
USER_ERRORS: http.Errors = {**CODES, 404: Unreachable, 409: Ambiguous}


def error_of(
    reply: http.Reply, errors: http.Errors, secrets: Iterable[str], own: http.Own = http.empty_or_json
) -> SendError | None:
    """What a failure means; None for a success. Some platforms send errors with status 200."""
    body = _object(reply.json())
    if 200 <= reply.status < 300:
        if not isinstance(body.get("error"), Mapping) or "RCSMessage" in body:
            return None
        reply = replace(reply, status=_status(body["error"]))
    told = list(reasons(body))
    detail = next((words for _, words in told if words), "")
    return http.judge(reply, errors=errors, code_of=code_of, own=own, secrets=secrets, detail=detail)


def is_explained(reply: http.Reply) -> bool:
    """Whether an error is the platform's own: by a bare 404 nothing is known of a message or a person."""
    return any(code or words for code, words in reasons(_object(reply.json())))


def code_of(reply: http.Reply) -> str:
    """The platform's number, if it is one of those that we know. A 404 says more than that something was wrong."""
    code = next((code for code, _ in reasons(_object(reply.json())) if code in CODES), "")
    return "" if reply.status == 404 and CODES.get(code) is Refused else code


def reasons(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Code and text of every explanation: `reason`, what `error` wraps, `error` itself; either may be empty."""
    error = said.get("error")
    for one in (said.get("reason"), _object(error).get("reason"), error):
        if isinstance(one, Mapping):
            yield _word(one.get("code")), _first(one, "text", "message", "status")
        elif isinstance(one, str):
            yield "", text(one)


def message_of(reply: http.Reply) -> Mapping[str, Any]:
    """The RCSMessage of an answer; empty where there is none."""
    return _object(_object(reply.json()).get("RCSMessage"))


def message_id(reply: http.Reply) -> str:
    """The platform's name for the message it took; empty where the answer has none."""
    name = _word(message_of(reply).get("msgId"))
    return name if len(name) <= MAX_ID else ""


def _status(error: Mapping[str, Any]) -> int:
    code = error.get("code")
    return code if isinstance(code, int) and 400 <= code < 600 else 400


def _first(inner: Mapping[str, Any], *names: str) -> str:
    return next((words for name in names if (words := text(inner.get(name)))), "")


def _word(value: Any) -> str:
    return "" if isinstance(value, float) else text(value).strip()


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
