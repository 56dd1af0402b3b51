"""Twilio's callbacks and incoming messages, as parameters → receipts and incomings.

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
from rcs_backends.twilio_sms.errors import ERRORS, EXPIRED, OPTED_OUT, word
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
NO_CHANNELS = frozenset({"tel", "sip", "sips", "sms"})  # other spellings of a number
ANSWERED = frozenset({*CONSENT, "HELP"})  # values of OptOutType: Twilio has answered the word by itself
MAX_MEDIA = 10  # what a message may hold at most
# Parameters that an incoming message's other attributes say; every other one is kept in its fields.
SAID = re.compile(
    r"(AccountSid|ApiVersion|Body|ButtonPayload|ButtonText|From|Label|Latitude|Longitude|NumMedia|To)"
    r"|(Message|Sms|SmsMessage)Sid|SmsStatus|Media(Url|ContentType)\d+"
)
CHANNEL_METADATA = "channel_metadata"


def dedupe_key(said: Mapping[str, str], name: str = "") -> str | None:
    """A status by the message's sid and our id, an incoming message by its own sid; None without any."""
    sid = _sid(said)
    if not sid:
        return None
    if _is_incoming(said):
        return f"mo:{digest(sid)}"
    return f"status:{digest(sid, name, _status(said), said.get('ErrorCode', ''))}"


def parse(said: Mapping[str, str], name: str = "") -> list[Parsed]:
    """`name`: our own id, from the callback's address. Raises ValueError for what makes no sense."""
    said = {key: text(value) for key, value in said.items()}
    return list(_incomings(said)) if _is_incoming(said) else list(_callback(said, uuid(name)))


def receipt(transmission: UUID | None, sid: str, status: str, code: str = "", detail: str = "") -> Receipt:
    """What a status says of one message. `code`: Twilio's error number."""
    kind, name = STATUSES.get(status, ReceiptKind.UNKNOWN), word(code) if code else status[:60]
    if kind is ReceiptKind.FAILED and code in EXPIRED:
        kind = ReceiptKind.EXPIRED
    words = dict.fromkeys((ReceiptKind.FAILED, ReceiptKind.EXPIRED), name)
    words[ReceiptKind.UNKNOWN] = status[:60]
    return Receipt(
        kind,
        transmission=transmission,
        provider_id=sid,
        event_id=f"{sid}:{status}"[:150],
        code=words.get(kind, ""),
        detail=http.redact(detail),
        error=ERRORS.get(name) if kind is ReceiptKind.FAILED else None,
    )


def _callback(said: Mapping[str, str], transmission: UUID | None) -> Iterator[Parsed]:
    """The receipt; and a STOP that Twilio knows of, for a message that may not be one of ours."""
    sid, status, code = _sid(said), _status(said), said.get("ErrorCode", "")
    if not status or not (sid or transmission):
        raise ValueError("a callback without MessageStatus or MessageSid")
    yield receipt(transmission, sid, status, code, said.get("ChannelStatusMessage", ""))
    if code == OPTED_OUT and said.get("To") and transmission is None:
        channel, to = _address(said["To"])
        fields = {"error": OPTED_OUT, **channel}
        yield Incoming(IncomingKind.UNSUBSCRIBE, to, fields=fields, answered=True)


def _incomings(said: Mapping[str, str]) -> Iterator[Incoming]:
    """Consent first, then the words or the place, then the files: one message of Twilio's may be several of ours."""
    channel, sender = _address(said.get("From", ""))
    if not sender:
        raise ValueError("an incoming message without From")
    sid, opt_out = _sid(said), said.get("OptOutType", "").upper()
    fields = {"to": said.get("To", ""), **_extras(said), **channel}
    common = Incoming(
        IncomingKind.TEXT,
        sender,
        at=_sent_at(fields.get(CHANNEL_METADATA)),
        answers_id=said.get("OriginalRepliedMessageSid", ""),
        answered=opt_out in ANSWERED,
        fields={name: value for name, value in fields.items() if value},
    )
    if opt_out in CONSENT:
        yield replace(common, kind=CONSENT[opt_out])
    files = list(_files(said))
    kind, words = _words(said)
    if words.get("text") or kind is not IncomingKind.TEXT or not files:
        yield replace(common, kind=kind, id=sid, **words)
    for number, (url, media_type) in enumerate(files):
        name = f"{sid}/{number}" if sid else ""
        file: dict[str, Any] = {"url": url, "media_type": media_type, "answered": False}
        yield replace(common, kind=IncomingKind.FILE, id=name, **file)


def _extras(said: Mapping[str, str]) -> dict[str, Any]:
    """Whatever else Twilio tells, by its own names in snake case: button_type, channel_metadata, profile_name…"""
    extras: dict[str, Any] = {
        re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()[:60]: value
        for name, value in said.items()
        if value and not SAID.fullmatch(name)
    }
    for name in ("opt_out_type", "button_type"):
        if name in extras:
            extras[name] = extras[name].lower()
    metadata = extras.get(CHANNEL_METADATA)
    if isinstance(read := decoded(str(metadata).encode()), Mapping):
        extras[CHANNEL_METADATA] = storable(read)
    return extras


def _sent_at(metadata: Any) -> datetime | None:
    """The one time on this wire, where the channel is RCS."""
    return time(member(metadata, "data", "context", "channelPayload", "sendTime"))


def _words(said: Mapping[str, str]) -> tuple[IncomingKind, dict[str, Any]]:
    body = said.get("Body", "")
    if payload := said.get("ButtonPayload", ""):
        return IncomingKind.SUGGESTION, {"text": said.get("ButtonText") or body, "postback": payload}
    place = [_degrees(said.get(name, ""), limit) for name, limit in (("Latitude", 90), ("Longitude", 180))]
    if None not in place:
        label = said.get("Label") or said.get("Address") or body
        return IncomingKind.LOCATION, {"latitude": place[0], "longitude": place[1], "text": label}
    return IncomingKind.TEXT, {"text": body}


def _files(said: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for number in range(MAX_MEDIA):
        if url := said.get(f"MediaUrl{number}"):
            yield url, said.get(f"MediaContentType{number}", "")


def _is_incoming(said: Mapping[str, str]) -> bool:
    """A callback has a status of its own, if only by the old name SmsStatus."""
    return _status(said) in INCOMING or (not _status(said) and "From" in said and "Body" in said)


def _status(said: Mapping[str, str]) -> str:
    return (said.get("MessageStatus") or said.get("SmsStatus") or "").lower()


def _sid(said: Mapping[str, str]) -> str:
    """At most as long as any id of ours is stored; Twilio's have 34 characters."""
    return (said.get("MessageSid") or said.get("SmsSid") or "")[:100]


def _address(value: str) -> tuple[dict[str, str], str]:
    """`rcs:+3725…` → its channel as a field, and the number; an SMS has no channel in front, a `tel:` is none."""
    channel, colon, rest = value.strip().partition(":")
    if not colon or channel.lower() in NO_CHANNELS:
        return {}, value.strip()
    return {"channel": channel}, rest


def _degrees(value: str, limit: float) -> float | None:
    """None for what is no angle: the words around it still count."""
    if not re.fullmatch(r"[+-]?[0-9]{1,3}(\.[0-9]{1,20})?", value):
        return None
    return degrees if abs(degrees := float(value)) <= limit else None
