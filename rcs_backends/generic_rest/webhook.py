"""Verify the platform's webhook requests, tell repeats, and read receipts and what people said.

Envelope, tapped action and signature are as in the guide "RCS API Integration"; delivery, read and the other
interactions follow its pattern.
"""

import hashlib
import hmac
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from rcs_backends import http
from rcs_backends.generic_rest.dialect import Dialect
from rcs_backends.reading import decoded, degrees, digest, is_one_of, text, time, uuid
from rcs_router.contract import Incoming, IncomingKind, Parsed, Receipt, ReceiptKind, WebhookRequest
from rcs_router.errors import BadAddress, Misconfigured, Refused, Throttled, Unreachable, WebhookRefused

logger = logging.getLogger(__name__)

# The platform's words for errors, in answers and in webhooks.
ERRORS: http.Errors = {
    "device_not_supported": Unreachable,
    "rcs_not_supported": Unreachable,
    "rcs_disabled": Unreachable,
    "invalid_phone_number": BadAddress,
    "id_reused": Refused,
    400: Refused,
    401: Misconfigured,
    404: Unreachable,  # no such conversation
    429: Throttled,
}
RECEIPTS = {
    "QUEUED": ReceiptKind.ACCEPTED,
    "SENT": ReceiptKind.ACCEPTED,
    "DELIVERED": ReceiptKind.DELIVERED,
    "READ": ReceiptKind.READ,
    "FALLBACK": ReceiptKind.DELIVERED,  # the platform sent an SMS instead: a success with a code of its own
    "FAILED": ReceiptKind.FAILED,
}
# The kind of each interaction. Taps and forms answer a message of ours, so it was read. SAID: where its words are.
KINDS = {
    "ACTION_TAPPED": IncomingKind.SUGGESTION,
    "REPLY_TAPPED": IncomingKind.SUGGESTION,
    "FORM_SUBMITTED": IncomingKind.FORM,
    "TEXT_RECEIVED": IncomingKind.TEXT,
    "FILE_RECEIVED": IncomingKind.FILE,
    "LOCATION_RECEIVED": IncomingKind.LOCATION,
}
ANSWERS = frozenset({IncomingKind.SUGGESTION, IncomingKind.FORM})
SIGNED = "signed:"  # prefix of keys that are made of the bytes of a request
SAID = (
    *(("text",), ("file", "contentUrl")),
    *(("action", "postbackData"), ("reply", "postbackData"), ("form", "postbackData")),
)


def verify(request: WebhookRequest, header: str, secrets: Iterable[str]) -> None:
    """Check the signature, the lower-case hex HMAC-SHA256 of the raw body. Raises WebhookRefused."""
    if request.method != "POST":
        raise WebhookRefused("not a POST", status=405)
    given = request.headers.get(header.lower(), "")
    if not given:
        raise WebhookRefused(f"no {header}")
    expected = [hmac.digest(secret.encode(), request.signed, "sha256").hex() for secret in secrets if secret]
    if not is_one_of(given, expected):
        raise WebhookRefused("the signature does not match")


def dedupe_key(request: WebhookRequest, dialect: Dialect) -> str:
    """Return the key of the event; of the whole signed request where nothing in it tells one event from the next."""
    payload = decoded(request.body)
    key = _key(payload, dialect) if isinstance(payload, Mapping) else ""
    return key or f"{SIGNED}{hashlib.sha256(request.signed).hexdigest()}"


def parse(request: WebhookRequest, dialect: Dialect) -> list[Parsed]:
    """Return a receipt; or what a person did, after the READ receipt that a tap or a form implies.

    Raises ValueError for a request that makes no sense.
    """
    payload = decoded(request.body)
    if not isinstance(payload, Mapping):
        raise ValueError("the body is not a JSON object")
    if not _is_interaction(payload, dialect):
        return [_receipt(payload, dialect)]
    incoming = _incoming(payload, dialect)
    ours = uuid(text(dialect.read(payload, "messageId")))
    if ours is None:
        return [incoming]
    answer = replace(incoming, answers=ours)
    if incoming.kind not in ANSWERS:  # `messageId` of a text may be the message that it answers, or its own
        return [answer]
    return [
        Receipt(ReceiptKind.READ, transmission=ours, at=incoming.at, event_id=_key(payload, dialect)),
        answer,
    ]


def error_word(error: Any, dialect: Dialect) -> str:
    """Return the word of an `error` object in lower case: its status, or else its code.

    Numbers do not count, and neither do sentences, which may repeat what was said.
    """
    words = (text(dialect.read(error, name)).strip().lower() for name in ("status", "code"))
    return next((word for word in words if re.fullmatch(r"[\w.-]+", word) and not word.isdigit()), "")[:60]


def _is_interaction(payload: Mapping[str, Any], dialect: Dialect) -> bool:
    said = dialect.read(payload, "interactionType")
    return bool(said) or dialect.word(dialect.read(payload, "messageStatus")) == "INTERACTED"


def _receipt(payload: Mapping[str, Any], dialect: Dialect) -> Receipt:
    name = text(dialect.read(payload, "messageId"))
    state = text(dialect.word(dialect.read(payload, "messageStatus")))
    if not name or not state:
        raise ValueError("the webhook has no messageId or no messageStatus")
    ours, error = uuid(name), dialect.read(payload, "error")
    code = _code(state, error, dialect)
    if state == "FALLBACK":
        logger.info("the platform sent message %s as an SMS", ours or "of another sender")
    return Receipt(
        RECEIPTS.get(state, ReceiptKind.UNKNOWN),
        transmission=ours,
        provider_id="" if ours else name,
        at=time(dialect.read(payload, "timestamp")),
        event_id=_key(payload, dialect),
        code=code,
        detail=http.redact(text(dialect.read(error, "message"))),
        error=ERRORS.get(code) if state == "FAILED" else None,
    )


def _code(state: str, error: Any, dialect: Dialect) -> str:
    if state == "FAILED":
        return error_word(error, dialect) or text(dialect.read(error, "code"))[:60] or "failed"
    return "" if state in RECEIPTS and state != "FALLBACK" else state.lower()[:60]


def _incoming(payload: Mapping[str, Any], dialect: Dialect) -> Incoming:
    sender = text(dialect.read(payload, "conversationId")).strip()
    if not sender:
        raise ValueError("the interaction has no conversationId")
    word = text(dialect.word(dialect.read(payload, "interactionType")))
    kind = KINDS.get(word, IncomingKind.UNKNOWN)
    said = _said(kind, payload, dialect)
    about = {
        "interaction_type": word.lower(),
        "message_id": text(dialect.read(payload, "messageId")),
        "uri": text(dialect.read(payload, "action", "uri")),
    }
    fields = {**said.pop("fields", {}), **{name: value for name, value in about.items() if value}}
    at = time(dialect.read(payload, "timestamp"))
    return Incoming(kind, sender, id=_key(payload, dialect), at=at, fields=fields, **said)


def _said(kind: IncomingKind, payload: Mapping[str, Any], dialect: Dialect) -> dict[str, Any]:
    """Return the fields of Incoming that hold what was said, by kind. Raises ValueError for an impossible place."""
    match kind:
        case IncomingKind.SUGGESTION:
            tap = dialect.read(payload, "action") or dialect.read(payload, "reply")
            postback, label = (dialect.read(tap, name) for name in ("postbackData", "text"))
            return {"postback": text(postback), "text": text(label)}
        case IncomingKind.FORM:
            postback = text(dialect.read(payload, "form", "postbackData"))
            return {"postback": postback, "fields": {"form": _answers(payload, dialect)}}
        case IncomingKind.FILE:
            file = {name: text(dialect.read(payload, "file", name)) for name in ("contentUrl", "mimeType")}
            told = {
                "file_name": text(dialect.read(payload, "file", "fileName")),
                "thumbnail_url": text(dialect.read(payload, "file", "thumbnailUrl")),
            }
            return {
                "url": file["contentUrl"],
                "media_type": file["mimeType"],
                "fields": {name: value for name, value in told.items() if value},
            }
        case IncomingKind.LOCATION:
            return _place(payload, dialect)
    return {"text": text(dialect.read(payload, "text"))}


def _answers(payload: Mapping[str, Any], dialect: Dialect) -> dict[str, Any]:
    """Return the answers to a form by field: a text, a number, yes or no, or a list of texts."""
    data = dialect.read(payload, "form", "data")
    return {text(name): _answer(value) for name, value in data.items()} if isinstance(data, Mapping) else {}


def _answer(value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    return [text(one) for one in value] if isinstance(value, list) else text(value)


def _place(payload: Mapping[str, Any], dialect: Dialect) -> dict[str, Any]:
    place = dialect.read(payload, "location")
    point = dialect.read(place, "latLong") or place
    return {
        "latitude": degrees(dialect.read(point, "latitude"), 90),
        "longitude": degrees(dialect.read(point, "longitude"), 180),
        "text": text(dialect.read(place, "label")),
    }


def _key(payload: Mapping[str, Any], dialect: Dialect) -> str:
    """Return a key that is the same when the platform repeats an event; empty where nothing tells events apart.

    An id of the event is the best. Otherwise the time counts, and what was said, because times are whole seconds.
    Without a time, the id of a message must do: the person's own, or for a tap or a form ours, so that a chip counts
    once.
    """
    names = ("conversationId", "messageId", "messageStatus", "interactionType")
    parts = [text(dialect.read(payload, name)) for name in names]
    event, at = (text(dialect.read(payload, name)) for name in ("eventId", "timestamp"))
    moment = event or at  # an event that is repeated may have the time of its repetition
    if not _is_interaction(payload, dialect):
        return f"state:{digest(*parts, moment)}"
    said = [text(dialect.read(payload, *path)) for path in SAID]
    known = moment or _is_named(parts[1], parts[3], dialect)
    return f"interaction:{digest(*parts, moment, *said)}" if known else ""


def _is_named(name: str, word: str, dialect: Dialect) -> bool:
    """Return whether the id tells one interaction from the next.

    For words, our own id does not: a person may answer "yes" twice to the same message.
    """
    return bool(name) and (uuid(name) is None or KINDS.get(text(dialect.word(word))) in ANSWERS)
