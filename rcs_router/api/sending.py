"""A send's body and its Idempotency-Key in; one stored message, however often and at once it is asked for, out."""

import hashlib
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from rest_framework.request import Request

from rcs_router.api import recipients
from rcs_router.api.bodies import Outgoing
from rcs_router.api.errors import Problem, conflict, invalid
from rcs_router.api.reading import read
from rcs_router.models import Message
from rcs_router.router import send

LONGEST_KEY = 120  # characters of an Idempotency-Key; the column has room for the user's id besides
MARK = "api"  # in Message.fields: who sent it, and the hash of the body that a repeat is compared with


def own_key(user: Any, key: str) -> str:
    """An Idempotency-Key as it is stored: each user has keys of their own."""
    return f"api:{user.pk}:{key}"


def key_of(user: Any, message: Message) -> str | None:
    """The key as this user wrote it; another user's, and one that was given in Python, as it is stored."""
    stored = message.idempotency_key
    return stored.removeprefix(own_key(user, "")) if stored else None


def accept(request: Request) -> Message:
    """The message that this request asks for: stored now, or by an earlier one with the same key.

    Of two at once one stores it, because the key is unique in the database, and send() gives the other the same row.
    Raises Failure 409 when the earlier body was another, 400 for what is wrong with this one; ContentError.
    """
    key, mark = _key(request), {"user": str(request.user.pk), "body": _hash(request.data)}
    message = Message.objects.filter(idempotency_key=key).first() if key else None
    if message is None:
        message = _send(read(request, Outgoing), key, mark)
    if key and message.fields.get(MARK, mark) != mark:
        raise conflict("idempotency_key_reused", "this key came with another body before", "Idempotency-Key")
    return message


def _send(body: Outgoing, key: str | None, mark: dict[str, str]) -> Message:
    if MARK in body.fields:
        raise invalid([Problem("reserved", f"{MARK!r} is for the API itself", f"fields.{MARK}")])
    answered = _answered(body.in_response_to)
    to = recipients.find(body.recipients)
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
            fields={**body.fields, MARK: mark},
            idempotency_key=key,
        )
    except (ValueError, TypeError) as error:
        if type(error) not in {ValueError, TypeError}:  # ours, which say more
            raise
        raise invalid([Problem("invalid", str(error), _about(str(error)))]) from None


def _about(sentence: str) -> str:
    """Which option send() complains of; its sentences name it."""
    return next((name for name in ("fields", "traffic") if name in sentence), "")


def _answered(key: UUID | None) -> Message | None:
    if key is None:
        return None
    if found := Message.objects.filter(pk=key).first():
        return found
    raise invalid([Problem("not_found", f"there is no message {key}", "in_response_to")])


def _key(request: Request) -> str | None:
    """The header as it is stored; None when it is not there. Raises Failure 400."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        sentence = f"1 to {LONGEST_KEY} printable ASCII characters"
        raise invalid([Problem("invalid_header", sentence, "Idempotency-Key")])
    return own_key(request.user, key)


def _hash(data: Any) -> str:
    """Of what the body says, however it is spaced and ordered."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
