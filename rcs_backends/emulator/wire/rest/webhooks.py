"""The REST platform's webhooks: what a message became or a person did comes in, signed JSON goes to the client.

Source: the integration guide (delivery, read and interaction webhooks, X-Signature, the delays of a retry). It shows
the interaction of a tapped action; the bodies of the others are our decision.
"""

import hashlib
import hmac
import json
from functools import partial

from rcs_backends.emulator.phones import Json, now, stamp
from rcs_backends.emulator.state import world
from rcs_backends.emulator.webhooks import Built, Webhook, lane_of, outbox
from rcs_backends.emulator.wire.rest import names
from rcs_backends.emulator.wires import Delivered

DELAYS = (5.0, 30.0, 300.0)  # seconds before the second, third and fourth try; then it is given up


def sign(secret: str, body: bytes) -> str:
    """X-Signature: HMAC-SHA256 of the raw body in lower-case hex."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def retry_delay(failures: int) -> float | None:
    return DELAYS[failures - 1] if failures <= len(DELAYS) else None


def status(conversation: str, number: str, message_id: str, name: str, error: Json | None = None) -> None:
    """A delivery or read webhook: SENT, DELIVERED, READ, FALLBACK, or FAILED with its error. Lock held."""
    payload = _envelope(conversation, message_id, name)
    if error:
        payload["error"] = error
    _post(number, message_id, name, payload)


def interaction(
    conversation: str, number: str, message_id: str, kind: str, details: Json, delivered: Delivered
) -> None:
    """An interaction webhook: `kind` is its interactionType, `details` what it adds to the envelope. Lock held."""
    payload = {**_envelope(conversation, message_id, "INTERACTED"), "interactionType": kind, **details}
    _post(number, number, kind, payload, delivered)


def _envelope(conversation: str, message_id: str, name: str) -> Json:
    return {
        "conversationId": conversation,
        "messageId": message_id,
        "messageStatus": name,
        "timestamp": stamp(now()),
    }


def _post(number: str, subject: str, event: str, payload: Json, delivered: Delivered | None = None) -> None:
    dials = world.config["rest"]
    if not dials["webhook"]:
        return
    webhook = Webhook(
        provider="rest",
        number=number,
        subject=subject,
        event=event,
        build=partial(_request, dials["webhook"], dials["webhook_secret"], names.theirs(payload)),
        accepted=lambda code: 200 <= code < 300,
        delay=retry_delay,
        delivered=delivered,
        lane=lane_of(number),
        url=dials["webhook"],
    )
    outbox.post(webhook)


def _request(url: str, secret: str, payload: Json, faults: frozenset[str]) -> Built:
    body = json.dumps(payload, ensure_ascii=False).encode()
    signature = sign(secret + "x" if "bad_signature" in faults else secret, body)
    if "tampered" in faults:
        body = json.dumps({**payload, "tampered": True}, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json"}
    if "unsigned" not in faults:
        headers["X-Signature"] = signature
    return url, body, headers
