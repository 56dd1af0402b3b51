"""Verify, deduplicate and parse Google's webhook requests.

Sources: guides/integrate/webhooks, guides/build/messages/receive, guides/build/events/receive-events,
reference/rest/v1/UserMessage, UserEvent, ServerEvent, AgentLaunchEvent. Only `message.data` is signed.
"""

import base64
import hashlib
import hmac
import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any

from rcs_backends.reading import decoded, degrees, digest, is_one_of, member, text, time, uuid
from rcs_router.contract import (
    Incoming,
    IncomingKind,
    Parsed,
    Receipt,
    ReceiptKind,
    WebhookAnswer,
    WebhookRequest,
)
from rcs_router.errors import WebhookRefused

logger = logging.getLogger(__name__)
SUFFIX = "@rbm.goog"  # suffix of agent ids in webhooks, but not in requests

RECEIPTS = {
    "DELIVERED": ReceiptKind.DELIVERED,
    "READ": ReceiptKind.READ,
    "TTL_EXPIRATION_REVOKED": ReceiptKind.EXPIRED,
    "TTL_EXPIRATION_REVOKE_FAILED": ReceiptKind.EXPIRY_UNCERTAIN,
}
CONTENT = ("location", "suggestionResponse", "text", "userFile")
EVENTS = {
    "IS_TYPING": IncomingKind.TYPING,
    "SUBSCRIBE": IncomingKind.SUBSCRIBE,
    "UNSUBSCRIBE": IncomingKind.UNSUBSCRIBE,
}


def handshake(request: WebhookRequest, tokens: Iterable[str]) -> WebhookAnswer | None:
    """Answer the console's Verify button with the given secret, if the caller knows one of our client tokens."""
    is_verification = request.headers.get("x-goog-webhook-type", "") == "verification"
    body = decoded(request.body)
    if not isinstance(body, Mapping) or "message" in body or not {"clientToken", "secret"} <= body.keys():
        if is_verification:
            raise WebhookRefused("a verification needs clientToken and secret", status=400)
        return None
    if not is_one_of(str(body["clientToken"]), tokens):
        raise WebhookRefused("the client token of the verification does not match", status=403)
    if not isinstance(body["secret"], str | int):
        raise WebhookRefused("the secret of the verification is not a string", status=400)
    return WebhookAnswer(body=str(body["secret"]))


def verify(request: WebhookRequest, tokens: Iterable[str]) -> None:
    """Check X-Goog-Signature: base64 of the HMAC-SHA512 over the decoded `message.data`. Raises WebhookRefused."""
    signature = request.headers.get("x-goog-signature", "")
    if request.method != "POST":
        raise WebhookRefused("not a POST", status=405)
    if not signature:
        raise WebhookRefused("no X-Goog-Signature")
    data = _data(request)
    expected = [
        base64.b64encode(hmac.digest(token.encode(), data, "sha512")).decode() for token in tokens if token
    ]
    if not is_one_of(signature, expected):
        raise WebhookRefused("the signature does not match")


def dedupe_key(request: WebhookRequest) -> str:
    """Return a key from the payload's own ids: the envelope's id changes with every publication and is not signed."""
    data = _data(request)
    payload = decoded(data)
    if not isinstance(payload, Mapping):
        payload = {}
    names = ("eventId", "eventType", "messageId", "senderPhoneNumber")
    event, kind, message, sender = (str(payload.get(name) or "") for name in names)
    if event and kind:
        return f"event:{digest(event, kind, message, sender)}"
    if (name := message or event) and not kind:
        parts = [part for part in CONTENT if part in payload]  # an action may share the id of its result
        return f"message:{digest(name, sender, *parts)}"
    return f"data:{hashlib.sha256(data).hexdigest()}"


def parse(request: WebhookRequest, agent: str) -> list[Parsed]:
    """Parse the payload for `agent` (its id without suffix). Raises ValueError when it makes no sense.

    Payloads for other agents are ignored: a partner's webhook receives those of all its agents, and for any answer but
    200, Google would repeat them for a week and hold up ours. Give each agent its own webhook.
    """
    payload = decoded(_data(request))
    if not isinstance(payload, Mapping):
        raise ValueError("message.data is not a JSON object")
    recipient = str(payload.get("agentId") or "").removesuffix(SUFFIX)
    if recipient and recipient != agent:
        logger.debug("Ignored a webhook payload of agent %s, which is not ours (%s)", recipient, agent)
        return []
    return _parsed(payload, _attributes(request))


def _parsed(payload: Mapping[str, Any], attributes: Mapping[str, Any]) -> list[Parsed]:
    """Tell the payload types apart by their fields, because the documentation names no discriminator."""
    kind = text(payload.get("eventType"))
    if _is_launch(payload, attributes):
        logger.info("Agent launch state: %s", text(payload.get("newLaunchState")))
        return []
    if kind in RECEIPTS:
        return [_receipt(payload, RECEIPTS[kind])]
    if kind in EVENTS:
        return [_incoming(payload, EVENTS[kind])]
    if kind and payload.get("messageId"):
        return [_receipt(payload, ReceiptKind.UNKNOWN)]
    if kind:
        return [_incoming(payload, fields={"event_type": kind})]
    return [_user_message(payload)]


def _is_launch(payload: Mapping[str, Any], attributes: Mapping[str, Any]) -> bool:
    """Return whether the payload reports an agent's launch state.

    The `type` attribute is Google's discriminator, but it is not signed: a payload with a sender is never a launch.
    """
    is_marked = attributes.get("type") == "agent_launch_event" and "senderPhoneNumber" not in payload
    return "newLaunchState" in payload or (is_marked and "eventType" not in payload)


def _receipt(payload: Mapping[str, Any], kind: ReceiptKind) -> Receipt:
    name = text(payload.get("messageId"))
    if not name:
        raise ValueError(f"a {payload.get('eventType')} event without messageId")
    transmission, event = uuid(name), text(payload.get("eventId"))
    return Receipt(
        kind,
        transmission=transmission,
        provider_id="" if transmission else name,
        at=time(payload.get("sendTime")),
        event_id=f"{event}:{name}" if event else "",  # event ids are unique only per person
        code="" if kind is not ReceiptKind.UNKNOWN else text(payload.get("eventType")).lower(),
    )


def _user_message(payload: Mapping[str, Any]) -> Incoming:
    match payload:
        case {"suggestionResponse": Mapping() as tap}:
            fields = {"suggestion_type": text(tap["type"]).lower()} if "type" in tap else {}
            postback, label = text(tap.get("postbackData")), text(tap.get("text"))
            return _incoming(payload, IncomingKind.SUGGESTION, text=label, postback=postback, fields=fields)
        case {"location": Mapping() as place}:  # proto-JSON omits zeros
            latitude, longitude = (
                degrees(place.get("latitude", 0), 90),
                degrees(place.get("longitude", 0), 180),
            )
            return _incoming(payload, IncomingKind.LOCATION, latitude=latitude, longitude=longitude)
        case {"userFile": {"payload": Mapping() as file} as user_file}:
            url, media_type = text(file.get("fileUri")), text(file.get("mimeType"))
            fields = _file_fields(file, user_file.get("thumbnail"), user_file.get("category"))
            return _incoming(payload, IncomingKind.FILE, url=url, media_type=media_type, fields=fields)
        case {"text": str() as body}:
            return _incoming(payload, IncomingKind.TEXT, text=text(body))
    logger.info(
        "A webhook payload has an unknown form, with fields %s", ", ".join(sorted(map(text, payload)))[:200]
    )
    return _incoming(payload)


def _incoming(payload: Mapping[str, Any], kind: IncomingKind = IncomingKind.UNKNOWN, **data: Any) -> Incoming:
    sender = text(payload.get("senderPhoneNumber") or payload.get("phoneNumber")).strip()
    if not sender:
        raise ValueError("a payload without senderPhoneNumber")
    sender = f"+{sender}" if sender.isdecimal() else sender
    data["fields"] = {**data.get("fields", {}), **_us_fields(payload)}
    name = text(payload.get("messageId")) or text(payload.get("eventId"))  # action taps have one of them
    return Incoming(kind, sender, id=name, at=time(payload.get("sendTime")), **data)


def _file_fields(file: Mapping[str, Any], thumbnail: Any, category: Any = None) -> dict[str, Any]:
    """Return the names, types and sizes of the file and its thumbnail; older webhooks have a `file_category`."""
    fields: dict[str, Any] = {
        "file_name": text(file.get("fileName")),
        "file_size": number(file.get("fileSizeBytes")),
    }
    if category := text(category):
        fields["file_category"] = category.lower()
    if isinstance(thumbnail, Mapping) and thumbnail.get("fileUri"):
        fields["thumbnail_url"] = text(thumbnail["fileUri"])
        fields["thumbnail_name"], fields["thumbnail_type"] = map(
            text, (thumbnail.get("fileName"), thumbnail.get("mimeType"))
        )
        fields["thumbnail_size"] = number(thumbnail.get("fileSizeBytes"))
    return {name: value for name, value in fields.items() if value not in ("", None)}


def _us_fields(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return what only US numbers have: the carrier, and how Google bills the message."""
    billing = payload.get("richMessageClassification")
    fields = {
        "carrier": text(payload.get("carrier")),
        "classification": text(member(billing, "classificationType")),
        "segment_count": number(member(billing, "segmentCount")),
    }
    return {name: value for name, value in fields.items() if value not in ("", None)}


def number(value: Any) -> int | None:
    """Return a whole number, also from a string, as proto-JSON writes int64; None for anything else."""
    written = "" if isinstance(value, bool) else str(value)
    return int(written) if re.fullmatch(r"[0-9]{1,18}", written) else None


# Reading the envelope. The request is not trusted before `verify`, so every failure here is a refusal.


def _data(request: WebhookRequest) -> bytes:
    """Return the signed bytes. Raises WebhookRefused when the envelope is not valid."""
    match decoded(request.body):
        case {"message": {"data": str() as data}}:
            try:
                return base64.b64decode(data, validate=True)
            except ValueError:
                raise WebhookRefused("message.data is not base64", status=400) from None
    raise WebhookRefused("the body is not an envelope with message.data", status=400)


def _attributes(request: WebhookRequest) -> Mapping[str, Any]:
    match decoded(request.body):
        case {"message": {"attributes": Mapping() as attributes}}:
            return attributes
    return {}
