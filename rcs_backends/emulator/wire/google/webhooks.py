"""Google's webhooks: what a person did or a message became comes in, a signed envelope goes to the agent's address.

Source: guides/integrate/webhooks, guides/build/messages/receive, guides/build/events/receive-events. The values of
X-Goog-Webhook-Type and of the attributes are as seen in independent implementations.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from functools import partial
from http import HTTPStatus

import requests

from rcs_backends.emulator import reach
from rcs_backends.emulator.phones import Json, Message, now, stamp
from rcs_backends.emulator.state import world
from rcs_backends.emulator.webhooks import Built, Webhook, lane_of, outbox
from rcs_backends.emulator.wire.google.store import GoogleStore

SUFFIX = "@rbm.goog"  # agent ids carry it in webhooks, not in requests
LONGEST_WAIT = 600  # seconds between two tries
LIFE = 7 * 24 * 3600  # seconds until the platform gives up; both by the unscaled clock
CARRIER = "Emulated Wireless"  # numbers of the US say their carrier
TIMEOUT = 10


def sign(client_token: str, data: bytes) -> str:
    """X-Goog-Signature: base64 of HMAC-SHA512 over the bytes that base64 decoding of `message.data` gives."""
    digest = hmac.new(client_token.encode(), data, hashlib.sha512).digest()
    return base64.b64encode(digest).decode()


def retry_delay(failures: int) -> float | None:
    """Seconds until the next try: 1, 2, 4 … 600; None when seven days of them have passed."""
    doublings = min(failures, 10)  # 2**9 = 512 is the last below the limit
    waited = 2**doublings - 1 + (failures - doublings) * LONGEST_WAIT
    return None if waited > LIFE else float(min(2 ** (failures - 1), LONGEST_WAIT))


def user_id() -> str:
    """A platform id of something a person did."""
    return "Mx" + secrets.token_urlsafe(18)


def event(message_or_agent: Message | str, number: str, event_type: str, *, subject: str = "") -> None:
    """A UserEvent: DELIVERED and READ name the agent's message, the others name none. Lock held."""
    payload: Json = {"senderPhoneNumber": number, "eventType": event_type, "eventId": user_id()}
    if isinstance(message_or_agent, Message):
        payload["messageId"] = subject = message_or_agent.id
    agent = message_or_agent.agent if isinstance(message_or_agent, Message) else message_or_agent
    if event_type not in ("SUBSCRIBE", "UNSUBSCRIBE"):  # the guide's examples of those carry no time
        payload["sendTime"] = stamp(now())
    _post(agent, number, subject or number, event_type, payload)


def expiry(message: Message, event_type: str) -> None:
    """A ServerEvent, which names the phone by `phoneNumber`. Lock held."""
    payload = {
        "phoneNumber": message.number,
        "messageId": message.id,
        "eventType": event_type,
        "eventId": user_id(),
        "sendTime": stamp(now()),
    }
    _post(message.agent, message.number, message.id, event_type, payload)


def said(
    agent: str,
    number: str,
    content: Json,
    *,
    message_id: str = "",
    delivered: Callable[[], None] | None = None,
) -> str:
    """A UserMessage with this content member; returns its id. Lock held."""
    message_id = message_id or user_id()
    world.store(GoogleStore).user_ids.add((number, message_id))
    payload = {"senderPhoneNumber": number, "messageId": message_id, "sendTime": stamp(now()), **content}
    if number.startswith("+1"):
        payload["carrier"] = CARRIER
        payload["richMessageClassification"] = _class_of(content)
    _post(agent, number, number, next(iter(content)), payload, delivered=delivered)
    return message_id


def tapped_action(agent: str, number: str, label: str, postback: str) -> str:
    """The suggestion response to an action, in the shape that `action_tap_style` asks for. Lock held."""
    style = world.config["google"]["action_tap_style"]
    response = {"postbackData": postback}
    if style == "full":
        return said(agent, number, {"suggestionResponse": {**response, "text": label, "type": "ACTION"}})
    if style == "event":
        response["type"] = "ACTION"
    event_id = user_id()
    world.store(GoogleStore).user_ids.add((number, event_id))
    payload = {"senderPhoneNumber": number, "eventId": event_id, "suggestionResponse": response}
    _post(agent, number, number, "suggestionResponse", payload)
    return event_id


def _class_of(content: Json) -> Json:
    if "userFile" in content or "location" in content:
        return {"classificationType": "RICH_MEDIA_MESSAGE"}
    text = content.get("text") or content.get("suggestionResponse", {}).get("text", "")
    return {"classificationType": "RICH_MESSAGE", "segmentCount": max(1, -(-len(text.encode()) // 160))}


def _post(
    agent: str,
    number: str,
    subject: str,
    what: str,
    payload: Json,
    *,
    delivered: Callable[[], None] | None = None,
) -> None:
    url, client_token = _address(agent)
    if not url:
        return
    payload["agentId"] = agent + SUFFIX
    attributes = {"business_id": agent + SUFFIX, **_attributes(what, payload)}
    webhook = Webhook(
        provider="google",
        number=number,
        subject=subject,
        event=what,
        build=partial(_request, url, client_token, payload, attributes),
        accepted=lambda status: status == HTTPStatus.OK,  # nothing else, not even 204
        delay=retry_delay,
        delivered=delivered,
        lane=lane_of(number),
        url=url,
    )
    outbox.post(webhook)


def _attributes(what: str, payload: Json) -> Json:
    if "eventType" in payload:
        return {"type": "event", "event_type": what}
    return {"type": "message", "message_type": what.upper()}


def _address(agent: str) -> tuple[str, str]:
    """The agent's own webhook and token, else the partner's."""
    google = world.config["google"]
    own = google["agents"].get(agent, {})
    return own.get("webhook") or google["webhook"], own.get("client_token") or google["client_token"]


def _request(url: str, client_token: str, payload: Json, attributes: Json, faults: frozenset[str]) -> Built:
    """Pretty-printed, as the platform does: whoever signs what they parsed and dumped again gets another signature."""
    data = json.dumps(payload, indent=2, ensure_ascii=False).encode()
    signature = sign(client_token + "x" if "bad_signature" in faults else client_token, data)
    if "tampered" in faults:
        data = json.dumps({**payload, "tampered": True}, indent=2, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", "X-Goog-Webhook-Type": "message_callback"}
    if "unsigned" not in faults:
        headers["X-Goog-Signature"] = signature
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
    """Press "Verify": send the handshake to the agent's webhook now, and say what came back. Not with the lock held."""
    url, client_token = _address(agent)
    secret = str(secrets.randbelow(9 * 10**9) + 10**9)
    body = {"clientToken": client_token, "secret": secret}
    with reach.session() as session:
        headers = {"X-Goog-Webhook-Type": "verification"}
        try:
            answer = session.post(url, json=body, headers=headers, timeout=TIMEOUT, allow_redirects=False)
        except (requests.RequestException, ValueError):
            return {"agent": agent, "url": url, "verified": False, "status": None, "answer": ""}
    verified = answer.status_code == HTTPStatus.OK and answer.text == secret
    return {
        "agent": agent,
        "url": url,
        "verified": verified,
        "status": answer.status_code,
        "answer": answer.text[:200],
    }
