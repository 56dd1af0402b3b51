"""Store one message for a request to send, however often the request is repeated with its Idempotency-Key."""

import hashlib
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from rest_framework.request import Request

from rcs_router.api import recipients
from rcs_router.api.bodies import Outgoing
from rcs_router.api.exceptions import Problem, bad_request, conflict
from rcs_router.api.parsers import parse_body
from rcs_router.models import Message
from rcs_router.router import send

MAX_KEY_LENGTH = 120  # characters; the column also holds the user's id
FIELDS_KEY = "api"  # in Message.fields: the user, and the hash of the body, to compare repeated requests with


def stored_key(user: Any, key: str) -> str:
    """Return an Idempotency-Key as it is stored. Each user has their own keys."""
    return f"api:{user.pk}:{key}"


def client_key(user: Any, message: Message) -> str | None:
    """Return the key as this user wrote it. Keys of other users and of Python code are returned as they are stored."""
    stored = message.idempotency_key
    return stored.removeprefix(stored_key(user, "")) if stored else None


def accept_message(request: Request) -> Message:
    """Return the message of this request, which an earlier request with the same key may have stored.

    The key is unique in the database: of two requests at once one stores the message, and send() returns the same row
    to the other. Raises APIError 409 if the earlier body was different, APIError 400 and ContentError for this one.
    """
    key, origin = _key(request), {"user": str(request.user.pk), "body": _hash(request.data)}
    message = Message.objects.filter(idempotency_key=key).first() if key else None
    if message is None:
        message = _send(parse_body(request, Outgoing), key, origin)
    if key and message.fields.get(FIELDS_KEY, origin) != origin:
        raise conflict(
            "idempotency_key_reused", "an earlier request had this key and another body", "Idempotency-Key"
        )
    return message


def _send(body: Outgoing, key: str | None, origin: dict[str, str]) -> Message:
    if FIELDS_KEY in body.fields:
        raise bad_request(
            Problem("reserved", f"{FIELDS_KEY!r} is reserved for the API", f"fields.{FIELDS_KEY}")
        )
    answered = _message(body.in_response_to)
    to = recipients.resolve(body.recipients)
    try:
        return send(
            body.content,
            to,
            traffic=body.traffic,
            ttl=timedelta(seconds=body.ttl) if body.ttl else None,
            fall_back_after=body.fall_back_after,
            fallback_text=body.fallback_text,
            send_at=body.send_at,
            time_critical=body.time_critical,
            strict=body.strict,
            in_response_to=answered,
            fields={**body.fields, FIELDS_KEY: origin},
            idempotency_key=key,
        )
    except (ValueError, TypeError) as error:
        if type(error) not in {ValueError, TypeError}:  # our own errors say more
            raise
        raise bad_request(Problem("invalid", str(error), _about(str(error)))) from None


def _about(sentence: str) -> str:
    """Return the option that an error of send() is about: its sentence names it."""
    return next((name for name in ("fields", "traffic") if name in sentence), "")


def _message(key: UUID | None) -> Message | None:
    if key is None:
        return None
    if found := Message.objects.filter(pk=key).first():
        return found
    raise bad_request(Problem("not_found", f"there is no message {key}", "in_response_to"))


def _key(request: Request) -> str | None:
    """Return the header as it is stored; None without the header. Raises APIError 400."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not (0 < len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()):
        sentence = f"use 1 to {MAX_KEY_LENGTH} printable ASCII characters"
        raise bad_request(Problem("invalid_header", sentence, "Idempotency-Key"))
    return stored_key(request.user, key)


def _hash(data: Any) -> str:
    """Return the hash of a body, whatever its blanks and the order of its keys."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
