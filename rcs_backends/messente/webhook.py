"""Verify, deduplicate and parse Messente's webhook requests.

Sources: Messente's pages “Security”, “Delivery Report” and “Inbound Messages”. They describe inbound SMS only: this
reads an RCS reply as the same structure, with `postback_data` when a chip was tapped.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rcs_backends.messente.reports import receipt
from rcs_backends.reading import decoded, digest, is_one_of, text, time, uuid
from rcs_router.contract import Incoming, IncomingKind, Parsed, WebhookRequest
from rcs_router.errors import WebhookRefused


def verify(request: WebhookRequest, passwords: Sequence[str], inbound_secrets: Sequence[str]) -> None:
    """Check X-Messente-Signature: the hexadecimal HMAC-SHA256 over the raw body. Raises WebhookRefused.

    Only the password signs delivery reports: a person who knows the secret of an inbound number can forge messages, but
    not the delivery of one.
    """
    given = request.headers.get("x-messente-signature", "").strip().lower()
    if request.method != "POST":
        raise WebhookRefused("not a POST", status=405)
    if not given:
        raise WebhookRefused("no X-Messente-Signature")
    keys = passwords if _is_report(decoded(request.body)) else (*passwords, *inbound_secrets)
    expected = (hmac.digest(key.encode(), request.signed, "sha256").hex() for key in keys if key)
    if not is_one_of(given, expected):
        raise WebhookRefused("the signature does not match")


def dedupe_key(request: WebhookRequest) -> str:
    """Return a key from the payload's own ids.

    The URL is not signed, so it is not part of the key: a report that is repeated with another message's id in the URL
    is a duplicate.
    """
    payload = decoded(request.body)
    if _is_report(payload) and (part := text(payload.get("message_id"))):
        return f"report:{digest(part, text(payload['status']))}"
    if _is_message(payload):
        return f"mo:{digest(text(payload['msg_id']), text(payload.get('sub_msg_id')))}"
    return f"body:{hashlib.sha256(request.body).hexdigest()}"


def parse(request: WebhookRequest, channels: Sequence[str]) -> list[Parsed]:
    """Parse one report or one message. Raises ValueError for any other request."""
    payload = decoded(request.body)
    if _is_report(payload):
        return [receipt(payload, channels, uuid(request.query.get("id", "")))]
    if _is_message(payload):
        return [_incoming(payload)]
    raise ValueError("neither a delivery report (status) nor a message (msg_id)")


def _is_report(payload: Any) -> bool:
    return isinstance(payload, Mapping) and "status" in payload


def _is_message(payload: Any) -> bool:
    return isinstance(payload, Mapping) and "status" not in payload and bool(text(payload.get("msg_id")))


def _incoming(payload: Mapping[str, Any]) -> Incoming:
    sender = _number(text(payload.get("sender")).strip())
    if not sender:
        raise ValueError("a message without sender")
    postback, parts = text(payload.get("postback_data")), [payload["msg_id"], payload.get("sub_msg_id")]
    fields = {"to": text(payload.get("recipient")), "channel": text(payload.get("channel"))}
    return Incoming(
        _kind(payload, postback),
        sender,
        id="/".join(filter(None, map(text, parts))),
        text=text(payload.get("text")),
        postback=postback,
        at=time(payload.get("time")),
        fields={name: value for name, value in fields.items() if value},
    )


def _kind(payload: Mapping[str, Any], postback: str) -> IncomingKind:
    if postback:
        return IncomingKind.SUGGESTION
    return IncomingKind.TEXT if isinstance(payload.get("text"), str) else IncomingKind.UNKNOWN


def _number(sender: str) -> str:
    """Return a number as E.164 even without its plus; short codes and names are not changed."""
    return f"+{sender}" if re.fullmatch(r"[1-9][0-9]{8,14}", sender) else sender
