"""Tell agents by Google's webhooks what people did and what became of messages.

Source: guides/integrate/webhooks, guides/build/messages/receive, guides/build/events/receive-events. The values of
X-Goog-Webhook-Type and of the attributes are as seen in independent implementations.
"""

import base64
import hashlib
import hmac
import json
import secrets
from functools import partial
from http import HTTPStatus

from rcs_backends.emulator.phones import Json, Message, now, stamp
from rcs_backends.emulator.state import world
from rcs_backends.emulator.webhooks import (
    Built,
    Faults,
    SignedJson,
    Webhook,
    address_of,
    doubling,
    outbox,
    try_out,
)
from rcs_backends.emulator.wire.google.store import GoogleStore
from rcs_backends.emulator.wires import Delivered

SUFFIX = "@rbm.goog"  # agent ids carry it in webhooks, not in requests
retry_delay = doubling(7 * 24 * 3600)
CARRIER = "Emulated Wireless"  # numbers of the US say their carrier


def sign(client_token: str, data: bytes) -> str:
    """Return X-Goog-Signature: base64 of HMAC-SHA512 over the decoded `message.data`."""
    digest = hmac.new(client_token.encode(), data, hashlib.sha512).digest()
    return base64.b64encode(digest).decode()


def user_id() -> str:
    return "Mx" + secrets.token_urlsafe(18)


def event(message_or_agent: Message | str, number: str, event_type: str) -> None:
    """Post a UserEvent: DELIVERED and READ name the agent's message, the others name none. Lock held."""
    payload: Json = {"senderPhoneNumber": number, "eventType": event_type, "eventId": user_id()}
    if isinstance(message_or_agent, Message):
        agent, subject = message_or_agent.agent, message_or_agent.id
        payload["messageId"] = subject
    else:
        agent, subject = message_or_agent, number
    if event_type not in ("SUBSCRIBE", "UNSUBSCRIBE"):  # the guide's examples of those carry no time
        payload["sendTime"] = stamp(now())
    _post(agent, number, subject, event_type, payload)


def expiry(message: Message, event_type: str) -> None:
    """Post a ServerEvent, which names the phone by `phoneNumber`. Lock held."""
    payload = {
        "phoneNumber": message.number,
        "messageId": message.id,
        "eventType": event_type,
        "eventId": user_id(),
        "sendTime": stamp(now()),
    }
    _post(message.agent, message.number, message.id, event_type, payload)


def said(agent: str, number: str, content: Json, message_id: str, delivered: Delivered | None = None) -> None:
    """Post a UserMessage with this content member. Lock held."""
    world.store(GoogleStore).user_ids.add((number, message_id))
    payload = {"senderPhoneNumber": number, "messageId": message_id, "sendTime": stamp(now()), **content}
    if number.startswith("+1"):
        payload["carrier"] = CARRIER
        payload["richMessageClassification"] = _class_of(content)
    _post(agent, number, number, next(iter(content)), payload, delivered=delivered)


def tapped_action(agent: str, number: str, label: str, postback: str) -> None:
    """Post the response to a tapped action, in the shape that `action_tap_style` asks for. Lock held."""
    style = world.config["google"]["action_tap_style"]
    response, event_id = {"postbackData": postback}, user_id()
    if style == "full":
        response |= {"text": label, "type": "ACTION"}
        said(agent, number, {"suggestionResponse": response}, event_id)
        return
    if style == "event":
        response["type"] = "ACTION"
    world.store(GoogleStore).user_ids.add((number, event_id))
    payload = {"senderPhoneNumber": number, "eventId": event_id, "suggestionResponse": response}
    _post(agent, number, number, "suggestionResponse", payload)


def _class_of(content: Json) -> Json:
    if "userFile" in content or "location" in content:
        return {"classificationType": "RICH_MEDIA_MESSAGE"}
    text = content.get("text") or content.get("suggestionResponse", {}).get("text", "")
    return {"classificationType": "RICH_MESSAGE", "segmentCount": max(1, -(-len(text.encode()) // 160))}


def _post(
    agent: str, number: str, subject: str, what: str, payload: Json, *, delivered: Delivered | None = None
) -> None:
    url, client_token = address_of("google", "agents", agent, "client_token")
    payload["agentId"] = agent + SUFFIX
    attributes = {"business_id": agent + SUFFIX, **_attributes(what, payload)}
    build = partial(_request, url, client_token, payload, attributes)
    outbox.post(Webhook("google", number, subject, what, url, build, retry_delay, _accepted, delivered))


def _accepted(status: int) -> bool:
    return status == HTTPStatus.OK  # nothing else, not even 204


def _attributes(what: str, payload: Json) -> Json:
    if "eventType" in payload:
        return {"type": "event", "event_type": what}
    return {"type": "message", "message_type": what.upper()}


# Pretty-printed, as the platform does: a client that signs what it parsed and dumped gets another signature.
_SIGNED = SignedJson("X-Goog-Signature", sign, {"indent": 2, "ensure_ascii": False})


def _request(url: str, client_token: str, payload: Json, attributes: Json, faults: Faults) -> Built:
    data, headers = _SIGNED.body(client_token, payload, faults)
    headers["X-Goog-Webhook-Type"] = "message_callback"
    return url, json.dumps(_envelope(data, attributes)).encode(), headers


def _envelope(data: bytes, attributes: Json) -> Json:
    transport_id = str(secrets.randbelow(9 * 10**16) + 10**16)
    published = stamp(now())
    return {
        "message": {
            "data": base64.b64encode(data).decode(),
            "attributes": {"product": "RBM", "project_number": "100000000001", **attributes},
            "messageId": transport_id,
            "message_id": transport_id,
            "publishTime": published,
            "publish_time": published,
        },
        "subscription": "projects/rcs-emulator/subscriptions/rbm-webhooks",
    }


def verify(agent: str) -> Json:
    """Press "Verify": send the handshake to the agent's webhook now. Do not hold the lock."""
    url, client_token = address_of("google", "agents", agent, "client_token")
    secret = str(secrets.randbelow(9 * 10**9) + 10**9)
    body = {"clientToken": client_token, "secret": secret}
    headers = {"X-Goog-Webhook-Type": "verification"}
    return try_out(agent, "POST", url, expected=secret, json=body, headers=headers)
