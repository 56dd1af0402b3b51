"""Tell the REST platform's client by webhooks what became of messages and what people did.

Source: the integration guide (delivery, read and interaction webhooks, X-Signature, the delays of a retry). It shows
the interaction of a tapped action; the bodies of the others are our decision.
"""

from functools import partial

from rcs_backends.emulator.phones import Json, now, stamp
from rcs_backends.emulator.state import world
from rcs_backends.emulator.webhooks import SignedJson, Webhook, hex_sha256, outbox, pauses
from rcs_backends.emulator.wire.rest.store import theirs
from rcs_backends.emulator.wires import Delivered

retry_delay = pauses(5.0, 30.0, 300.0)


_SIGNED = SignedJson("X-Signature", hex_sha256, {"ensure_ascii": False})


def status(conversation: str, number: str, message_id: str, name: str, error: Json | None = None) -> None:
    """Post a delivery or read webhook: SENT, DELIVERED, READ, FALLBACK, or FAILED with its error. Lock held."""
    payload = _envelope(conversation, message_id, name)
    if error:
        payload["error"] = error
    _post(number, message_id, name, payload)


def interaction(
    conversation: str, number: str, message_id: str, kind: str, details: Json, delivered: Delivered
) -> None:
    """Post an interaction webhook: `kind` is its interactionType, `details` what it adds to the envelope. Lock held."""
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
    url, secret = dials["webhook"], dials["webhook_secret"]
    build = partial(_SIGNED.request, url, secret, theirs(payload))
    outbox.post(Webhook("rest", number, subject, event, url, build, retry_delay, delivered=delivered))
