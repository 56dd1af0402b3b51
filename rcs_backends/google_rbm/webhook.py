"""Google's webhook requests → whether to believe them, a key against repeats, and receipts and incomings.

Sources: guides/integrate/webhooks, guides/build/messages/receive, guides/build/events/receive-events,
reference/rest/v1/UserMessage, UserEvent, ServerEvent, AgentLaunchEvent. Nothing but `message.data` is signed.
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
SUFFIX = "@rbm.goog"  # agent ids end so in webhooks, and not in requests

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
    """Answer to the console's Verify button: the bare secret, for a caller that knows a client token of ours."""
    announced = request.headers.get("x-goog-webhook-type", "") == "verification"
    body = decoded(request.body)
    if not isinstance(body, Mapping) or "message" in body or not {"clientToken", "secret"} <= body.keys():
        if announced:
            raise WebhookRefused("a verification without clientToken and secret", status=400)
        return None
    if not is_one_of(str(body["clientToken"]), tokens):
        raise WebhookRefused("a verification with another client token", status=403)
    if not isinstance(body["secret"], str | int):
        raise WebhookRefused("a verification whose secret is no string", status=400)
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
    """By the payload's own ids: the envelope's id is new for every publication, and it is not signed."""
    data = _data(request)
    payload = decoded(data)
    if not isinstance(payload, Mapping):
        payload = {}
    names = ("eventId", "eventType", "messageId", "senderPhoneNumber")
    event, kind, message, sender = (str(payload.get(name) or "") for name in names)
    if event and kind:
        return f"event:{digest(event, kind, message, sender)}"
    if (name := message or event) and not kind:
        parts = [part for part in CONTENT if part in payload]  # an action may have the id of what it led to
        return f"message:{digest(name, sender, *parts)}"
    return f"data:{hashlib.sha256(data).hexdigest()}"


def parse(request: WebhookRequest, agent: str) -> list[Parsed]:
    """What the payload says to `agent` (its id without suffix). Raises ValueError when it makes no sense.

    Payloads of other agents say nothing here: a partner's webhook gets those of all its agents, and any answer
    but 200 would make Google repeat them for a week and hold up our own. Give each agent its own webhook.
    """
    payload = decoded(_data(request))
    if not isinstance(payload, Mapping):
        raise ValueError("message.data is not a JSON object")
    named = str(payload.get("agentId") or "").removesuffix(SUFFIX)
    if named and named != agent:
        logger.debug("Ignored a webhook payload of agent %s, which is not ours (%s)", named, agent)
        return []
    return _understood(payload, _attributes(request))


def _understood(payload: Mapping[str, Any], attributes: Mapping[str, Any]) -> list[Parsed]:
    """Tell the objects apart by their fields, as the documentation does not name a discriminator."""
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
    """The attribute is Google's discriminator, but nobody signs it: a payload about a person is never one."""
    said = attributes.get("type") == "agent_launch_event" and "senderPhoneNumber" not in payload
    return "newLaunchState" in payload or (said and "eventType" not in payload)


def _receipt(payload: Mapping[str, Any], kind: ReceiptKind) -> Receipt:
    name = text(payload.get("messageId"))
    if not name:
        raise ValueError(f"a {payload.get('eventType')} event without messageId")
    ours, event = uuid(name), text(payload.get("eventId"))
    return Receipt(
        kind,
        transmission=ours,
        provider_id="" if ours else name,
        at=time(payload.get("sendTime")),
        event_id=f"{event}:{name}" if event else "",  # an event's id is unique for one person only
        code="" if kind is not ReceiptKind.UNKNOWN else text(payload.get("eventType")).lower(),
    )


def _user_message(payload: Mapping[str, Any]) -> Incoming:
    match payload:
        case {"suggestionResponse": Mapping() as tap}:
            fields = {"suggestion_type": text(tap["type"]).lower()} if "type" in tap else {}
            postback, label = text(tap.get("postbackData")), text(tap.get("text"))
            return _incoming(payload, IncomingKind.SUGGESTION, text=label, postback=postback, fields=fields)
        case {"location": Mapping() as place}:  # proto-JSON leaves a zero out
            latitude, longitude = (
                degrees(place.get("latitude", 0), 90),
                degrees(place.get("longitude", 0), 180),
            )
            return _incoming(payload, IncomingKind.LOCATION, latitude=latitude, longitude=longitude)
        case {"userFile": {"payload": Mapping() as file} as user_file}:
            url, media_type = text(file.get("fileUri")), text(file.get("mimeType"))
            fields = _file_fields(file, user_file.get("thumbnail"), user_file.get("category"))
            return _incoming(payload, IncomingKind.FILE, url=url, media_type=media_type, fields=fields)
        case {"text": str() as words}:
            return _incoming(payload, IncomingKind.TEXT, text=text(words))
    logger.info(
        "A webhook payload of unknown form, with fields %s", ", ".join(sorted(map(text, payload)))[:200]
    )
    return _incoming(payload)


def _incoming(payload: Mapping[str, Any], kind: IncomingKind = IncomingKind.UNKNOWN, **said: Any) -> Incoming:
    sender = text(
        payload.get("senderPhoneNumber") or payload.get("phoneNumber")
    ).strip()  # server events: latter
    if not sender:
        raise ValueError("a payload without senderPhoneNumber")
    sender = f"+{sender}" if sender.isdecimal() else sender
    said["fields"] = {**said.get("fields", {}), **_us_fields(payload)}
    name = text(payload.get("messageId")) or text(payload.get("eventId"))  # action taps have either
    return Incoming(kind, sender, id=name, at=time(payload.get("sendTime")), **said)


def _file_fields(file: Mapping[str, Any], thumbnail: Any, category: Any = None) -> dict[str, Any]:
    """Names, types and sizes of the file and its thumbnail; `file_category` is one of Google's older words."""
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
    """What comes with numbers of the United States only: the network, and how Google bills the message."""
    billed = payload.get("richMessageClassification")
    fields = {
        "carrier": text(payload.get("carrier")),
        "classification": text(member(billed, "classificationType")),
        "segment_count": number(member(billed, "segmentCount")),
    }
    return {name: value for name, value in fields.items() if value not in ("", None)}


def number(value: Any) -> int | None:
    """A whole number, also as a string, as proto-JSON writes int64; None for anything else."""
    written = "" if isinstance(value, bool) else str(value)
    return int(written) if re.fullmatch(r"[0-9]{1,18}", written) else None


# Reading what came over the wire. The request is not trusted before `verify`: every failure there is a refusal.


def _data(request: WebhookRequest) -> bytes:
    """The signed bytes. Raises WebhookRefused when the envelope is not one."""
    match decoded(request.body):
        case {"message": {"data": str() as data}}:
            try:
                return base64.b64decode(data, validate=True)
            except ValueError:
                raise WebhookRefused("message.data is not base64", status=400) from None
    raise WebhookRefused("not an envelope with message.data", status=400)


def _attributes(request: WebhookRequest) -> Mapping[str, Any]:
    match decoded(request.body):
        case {"message": {"attributes": Mapping() as attributes}}:
            return attributes
    return {}
