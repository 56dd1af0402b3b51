"""Parse Twilio's callbacks and incoming messages, given as parameters, into receipts and incoming events.

Source: Twilio's pages "Track Outbound Message Status" and "Webhook request", read in November 2026.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from rcs_backends import http
from rcs_backends.reading import decoded, digest, member, storable, text, time, uuid
from rcs_backends.twilio_sms.errors import ERRORS, EXPIRED, OPTED_OUT, error_code
from rcs_router.contract import Incoming, IncomingKind, Parsed, Receipt, ReceiptKind

STATUSES = {
    "accepted": ReceiptKind.ACCEPTED,
    "scheduled": ReceiptKind.ACCEPTED,
    "queued": ReceiptKind.ACCEPTED,
    "sending": ReceiptKind.ACCEPTED,
    "sent": ReceiptKind.ACCEPTED,
    "delivered": ReceiptKind.DELIVERED,
    "read": ReceiptKind.READ,
    "undelivered": ReceiptKind.FAILED,
    "failed": ReceiptKind.FAILED,
    "canceled": ReceiptKind.REVOKED,
}
INCOMING = frozenset({"receiving", "received"})
CONSENT = {"STOP": IncomingKind.UNSUBSCRIBE, "START": IncomingKind.SUBSCRIBE}
NO_CHANNELS = frozenset({"tel", "sip", "sips", "sms"})  # prefixes of a plain number
ANSWERED = frozenset({*CONSENT, "HELP"})  # values of OptOutType: Twilio has already replied to the keyword
MAX_MEDIA = 10  # maximum of files in one message
# Parameters that become attributes of an Incoming; all others are stored in its fields.
ATTRIBUTES = re.compile(
    r"(AccountSid|ApiVersion|Body|ButtonPayload|ButtonText|From|Label|Latitude|Longitude|NumMedia|To)"
    r"|(Message|Sms|SmsMessage)Sid|SmsStatus|Media(Url|ContentType)\d+"
)
CHANNEL_METADATA = "channel_metadata"


def dedupe_key(params: Mapping[str, str], name: str = "") -> str | None:
    """Return a key from the message's sid, and for a status also our id; None without a sid."""
    sid = _sid(params)
    if not sid:
        return None
    if _is_incoming(params):
        return f"mo:{digest(sid)}"
    return f"status:{digest(sid, name, _status(params), params.get('ErrorCode', ''))}"


def parse(params: Mapping[str, str], name: str = "") -> list[Parsed]:
    """Parse the parameters. `name`: our id, from the callback's URL. Raises ValueError when they make no sense."""
    params = {key: text(value) for key, value in params.items()}
    return list(_incomings(params)) if _is_incoming(params) else list(_callback(params, uuid(name)))


def receipt(transmission: UUID | None, sid: str, status: str, code: str = "", detail: str = "") -> Receipt:
    """Return a message's status as a receipt. `code`: Twilio's error number."""
    kind, name = STATUSES.get(status, ReceiptKind.UNKNOWN), error_code(code) if code else status[:60]
    if kind is ReceiptKind.FAILED and code in EXPIRED:
        kind = ReceiptKind.EXPIRED
    codes = dict.fromkeys((ReceiptKind.FAILED, ReceiptKind.EXPIRED), name)
    codes[ReceiptKind.UNKNOWN] = status[:60]
    return Receipt(
        kind,
        transmission=transmission,
        provider_id=sid,
        event_id=f"{sid}:{status}"[:150],
        code=codes.get(kind, ""),
        detail=http.redact(detail),
        error=ERRORS.get(name) if kind is ReceiptKind.FAILED else None,
    )


def _callback(params: Mapping[str, str], transmission: UUID | None) -> Iterator[Parsed]:
    """Yield the receipt, and an opt-out that Twilio reports for a message that may not be ours."""
    sid, status, code = _sid(params), _status(params), params.get("ErrorCode", "")
    if not status or not (sid or transmission):
        raise ValueError("a callback without MessageStatus or MessageSid")
    yield receipt(transmission, sid, status, code, params.get("ChannelStatusMessage", ""))
    if code == OPTED_OUT and params.get("To") and transmission is None:
        channel, to = _address(params["To"])
        fields = {"error": OPTED_OUT, **channel}
        yield Incoming(IncomingKind.UNSUBSCRIBE, to, fields=fields, answered=True)


def _incomings(params: Mapping[str, str]) -> Iterator[Incoming]:
    """Yield consent first, then the text or location, then the files: one Twilio message may hold several of ours."""
    channel, sender = _address(params.get("From", ""))
    if not sender:
        raise ValueError("an incoming message without From")
    sid, opt_out = _sid(params), params.get("OptOutType", "").upper()
    fields = {"to": params.get("To", ""), **_extras(params), **channel}
    common = Incoming(
        IncomingKind.TEXT,
        sender,
        at=_sent_at(fields.get(CHANNEL_METADATA)),
        answers_id=params.get("OriginalRepliedMessageSid", ""),
        answered=opt_out in ANSWERED,
        fields={name: value for name, value in fields.items() if value},
    )
    if opt_out in CONSENT:
        yield replace(common, kind=CONSENT[opt_out])
    files = list(_files(params))
    kind, content = _content(params)
    if content.get("text") or kind is not IncomingKind.TEXT or not files:
        yield replace(common, kind=kind, id=sid, **content)
    for number, (url, media_type) in enumerate(files):
        name = f"{sid}/{number}" if sid else ""
        file: dict[str, Any] = {"url": url, "media_type": media_type, "answered": False}
        yield replace(common, kind=IncomingKind.FILE, id=name, **file)


def _extras(params: Mapping[str, str]) -> dict[str, Any]:
    """Return all other parameters under their names in snake case: button_type, channel_metadata, profile_name…"""
    extras: dict[str, Any] = {
        re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()[:60]: value
        for name, value in params.items()
        if value and not ATTRIBUTES.fullmatch(name)
    }
    for name in ("opt_out_type", "button_type"):
        if name in extras:
            extras[name] = extras[name].lower()
    metadata = extras.get(CHANNEL_METADATA)
    if isinstance(read := decoded(str(metadata).encode()), Mapping):
        extras[CHANNEL_METADATA] = storable(read)
    return extras


def _sent_at(metadata: Any) -> datetime | None:
    """Return the only time that Twilio sends, available where the channel is RCS."""
    return time(member(metadata, "data", "context", "channelPayload", "sendTime"))


def _content(params: Mapping[str, str]) -> tuple[IncomingKind, dict[str, Any]]:
    body = params.get("Body", "")
    if payload := params.get("ButtonPayload", ""):
        return IncomingKind.SUGGESTION, {"text": params.get("ButtonText") or body, "postback": payload}
    place = [_degrees(params.get(name, ""), limit) for name, limit in (("Latitude", 90), ("Longitude", 180))]
    if None not in place:
        label = params.get("Label") or params.get("Address") or body
        return IncomingKind.LOCATION, {"latitude": place[0], "longitude": place[1], "text": label}
    return IncomingKind.TEXT, {"text": body}


def _files(params: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for number in range(MAX_MEDIA):
        if url := params.get(f"MediaUrl{number}"):
            yield url, params.get(f"MediaContentType{number}", "")


def _is_incoming(params: Mapping[str, str]) -> bool:
    """Return whether it is an incoming message: a callback has its own status, if only under the old name SmsStatus."""
    return _status(params) in INCOMING or (not _status(params) and "From" in params and "Body" in params)


def _status(params: Mapping[str, str]) -> str:
    return (params.get("MessageStatus") or params.get("SmsStatus") or "").lower()


def _sid(params: Mapping[str, str]) -> str:
    """Return the sid, limited to the length of a stored id; Twilio's have 34 characters."""
    return (params.get("MessageSid") or params.get("SmsSid") or "")[:100]


def _address(value: str) -> tuple[dict[str, str], str]:
    """Split `rcs:+3725…` into a channel field and the number; an SMS has no prefix, and `tel:` is not a channel."""
    channel, colon, rest = value.strip().partition(":")
    if not colon or channel.lower() in NO_CHANNELS:
        return {}, value.strip()
    return {"channel": channel}, rest


def _degrees(value: str, limit: float) -> float | None:
    """Return an angle, or None for an invalid one, so that the text around it still counts."""
    if not re.fullmatch(r"[+-]?[0-9]{1,3}(\.[0-9]{1,20})?", value):
        return None
    return degrees if abs(degrees := float(value)) <= limit else None
