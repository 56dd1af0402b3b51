"""Parse the body of a webhook request into receipts, incoming events, linked identities and file reports.

A request has one event, named by `event` or, where a platform omits that, known by its members. Unknown members are
ignored, and null means absent.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from rcs_backends import http
from rcs_backends.gsma_maap import answers
from rcs_backends.gsma_maap.files import properties
from rcs_backends.gsma_maap.reading import flat, members, number, phone, position
from rcs_backends.reading import decoded, text, time
from rcs_router.contract import FileReport, Incoming, IncomingKind, Linked, Parsed, Receipt, ReceiptKind

logger = logging.getLogger(__name__)
Event = Mapping[str, Any]

START = "new_bot_user_initiation"  # beginning of the start button's postback data
CONTENT = ("textMessage", "fileMessage", "audioMessage", "geolocationPushMessage")
STATUSES = {
    "pending": ReceiptKind.ACCEPTED,
    "sent": ReceiptKind.ACCEPTED,
    "delivered": ReceiptKind.DELIVERED,
    "displayed": ReceiptKind.READ,
    "read": ReceiptKind.READ,
    "cancelled": ReceiptKind.REVOKED,
    "canceled": ReceiptKind.REVOKED,
    "failed": ReceiptKind.FAILED,
}


def parse(data: bytes) -> list[Parsed]:
    """Parse the body. Raises ValueError when it makes no sense."""
    body = body_of(data)
    if not body:
        raise ValueError("the body is not a JSON object with members")
    name = event_name(body)
    reader = _READERS.get(_folded(name))
    return reader(body) if reader else _unknown(body, name)


def body_of(data: bytes) -> Event:
    return members(decoded(data))


def subject_of(body: Event) -> Event:
    """Return the RCSMessage, the subject of the event; one old platform writes its members at the top level."""
    return members(body.get("RCSMessage")) or {
        name: body[name] for name in ("msgId", "status", "timestamp", "reason") if name in body
    }


def file_of(body: Event) -> Event:
    return members(body.get("file"))


def event_name(body: Event) -> str:
    """Return the platform's event name, or one derived from the members; empty if they do not tell."""
    if name := text(body.get("event")):
        return name
    message, contact = subject_of(body), members(body.get("messageContact"))
    if any(name in message for name in CONTENT):
        return "message"
    if "suggestedResponse" in message or "sharedData" in message:
        return "newUser" if _tap(message)[2].startswith(START) else "response"
    for member, name in (("isTyping", "isTyping"), ("status", "messageStatus")):
        if member in message:
            return name
    if file_of(body):
        return "fileStatus"
    return "alias" if {"userContact", "chatId"} <= contact.keys() else ""


def _folded(name: str) -> str:
    """Fold messageStatus, message_status and MessageStatus into one name."""
    return name.replace("_", "").lower()


# What people write and do.


def _message(body: Event) -> list[Parsed]:
    message = subject_of(body)
    match message:
        case {"textMessage": str() as written}:
            return [_incoming(body, IncomingKind.TEXT, text=text(written))]
        case {"fileMessage": Mapping() as file}:
            return [_incoming(body, IncomingKind.FILE, **_file(file))]
        case {"audioMessage": Mapping() as file}:
            return [_incoming(body, IncomingKind.FILE, **_file(file))]
        case {"geolocationPushMessage": Mapping() as push}:
            return [_incoming(body, IncomingKind.LOCATION, **_location(members(push)))]
    return _unknown(body, "message")


def _file(file: Event) -> dict[str, Any]:
    values = {
        "file_name": text(file.get("fileName")),
        "file_size": number(file.get("fileSize")),
        "seconds": number(file.get("playingLength")),
        "thumbnail_url": text(file.get("thumbnailUrl")),
        "thumbnail_name": text(file.get("thumbnailFileName")),
        "thumbnail_type": text(file.get("thumbnailMIMEType")),
        "thumbnail_size": number(file.get("thumbnailFileSize")),
    }
    fields = {name: value for name, value in values.items() if value not in ("", None)}
    return {
        "url": text(file.get("fileUrl")),
        "media_type": text(file.get("fileMIMEType")),
        "fields": fields,
    }


def _location(push: Event) -> dict[str, Any]:
    """Read a location. Its label is the text, as in other backends.

    Fields: label, radius (metres), time_offset (minutes from UTC), taken_at and expires_at (ISO 8601).
    """
    latitude, longitude = position(push.get("pos"))
    times = {"taken_at": time(push.get("timestamp")), "expires_at": time(push.get("expiry"))}
    values = {
        "label": text(push.get("label")),
        "radius": number(push.get("radius")),
        "time_offset": number(push.get("timeOffset")),
        **{name: at.isoformat() for name, at in times.items() if at},
    }
    fields = {name: value for name, value in values.items() if value not in ("", None)}
    return {"latitude": latitude, "longitude": longitude, "text": values["label"], "fields": fields}


def _typing(body: Event) -> list[Parsed]:
    active = text(subject_of(body).get("isTyping")).lower() == "active"  # else idle; one vendor: inactive
    return [_incoming(body, IncomingKind.TYPING, fields={"active": active})]


def _response(body: Event) -> list[Parsed]:
    """Read a tapped chip, or what the phone reports about itself."""
    message = subject_of(body)
    if kind := _tap(message)[0]:
        return [_tapped(body, {"suggestion_type": kind})]
    match message.get("sharedData"):
        case {"deviceSpecifics": Mapping() as device}:
            return [_incoming(body, IncomingKind.DEVICE, fields={"device": flat(device)})]
    return _unknown(body, "response")


def _new_user(body: Event) -> list[Parsed]:
    """Read the start button: an ordinary tap whose postback the platform chose."""
    return [_tapped(body, {"event": "newUser"})]


def _tapped(body: Event, fields: dict[str, Any]) -> Incoming:
    _, label, postback = _tap(subject_of(body))
    return _incoming(body, IncomingKind.SUGGESTION, text=label, postback=postback, fields=fields)


def _tap(message: Event) -> tuple[str, str, str]:
    """Return kind (reply or action), label and postback of a tap; empty strings where they are missing."""
    outer = members(message.get("suggestedResponse"))
    response = members(outer.get("response")) or outer
    for kind in ("reply", "action"):
        if chip := members(response.get(kind)):
            data = members(chip.get("postback")).get("data")
            return kind, text(chip.get("displayText")), text(data)
    return "", "", ""


def _unknown(body: Event, name: str) -> list[Parsed]:
    if _sender(body):
        return [_incoming(body, IncomingKind.UNKNOWN, fields={"event": name} if name else {})]
    logger.info("Ignored a webhook event of unknown kind %r without a sender", name[:40])
    return []


def _incoming(body: Event, kind: IncomingKind, **data: Any) -> Incoming:
    sender, message = _sender(body), subject_of(body)
    if not sender:
        raise ValueError("an event without messageContact")
    return Incoming(kind, sender, id=text(message.get("msgId")), at=time(message.get("timestamp")), **data)


def _sender(body: Event) -> str:
    """Return the phone number if there is one, otherwise the token of an anonymous person."""
    contact = members(body.get("messageContact"))
    return phone(contact.get("userContact")) or text(contact.get("chatId")).strip()


# What the platform reports.


def _status(body: Event) -> list[Parsed]:
    return [receipt(subject_of(body), body)]


def receipt(message: Event, around: Event | None = None) -> Receipt:
    """Return an RCSMessage with a status as a receipt. `around` may hold the reason instead. Raises ValueError."""
    name, status = text(message.get("msgId")), text(message.get("status")).lower()
    if not name or not status:
        raise ValueError("a message's status without msgId or status")
    code, reason = reason_of(message, around or {})
    kind = _failure(code) if status == "failed" else STATUSES.get(status, ReceiptKind.UNKNOWN)
    return Receipt(
        kind,
        provider_id=name,
        at=time(message.get("timestamp")),
        event_id=":".join(filter(None, [name, status, code]))[:150],
        code=(code or (status if kind is ReceiptKind.UNKNOWN else ""))[:40],
        detail=http.redact(reason),
        error=answers.CODES.get(code) if kind is ReceiptKind.FAILED else None,
    )


def reason_of(message: Event, around: Event) -> tuple[str, str]:
    """Return code and text of the reason for a failure, from the RCSMessage or from the body around it."""
    reasons = [*answers.reasons(message), *answers.reasons(around)]
    return next((code for code, _ in reasons if code), ""), next((words for _, words in reasons if words), "")


def _failure(code: str) -> ReceiptKind:
    """Return the receipt kind of a failure: some failures concern the revocation, not the message."""
    if code in answers.EXPIRED:
        return ReceiptKind.EXPIRED
    if code in answers.REVOKED:
        return ReceiptKind.REVOKED
    if code in answers.ALREADY_DELIVERED:
        return ReceiptKind.DELIVERED
    return ReceiptKind.UNKNOWN if code in answers.REVOKE_FAILED else ReceiptKind.FAILED


def _file_report(body: Event) -> list[Parsed]:
    file = file_of(body)
    file_id = text(file.get("fileId"))
    if not file_id:
        raise ValueError("a file's status without fileId")
    return [FileReport(file_id, **properties(file))]


def _alias(body: Event) -> list[Parsed]:
    """Link a token and a number as one person, who is known by the number from now on."""
    contact, message = members(body.get("messageContact")), subject_of(body)
    number_, token = phone(contact.get("userContact")), text(contact.get("chatId")).strip()
    if not number_ or not token:
        raise ValueError("an alias without userContact or chatId")
    return [Linked(number_, (token,), id=text(message.get("msgId")), at=time(message.get("timestamp")))]


_READERS: dict[str, Callable[[Event], list[Parsed]]] = {
    "message": _message,
    "istyping": _typing,
    "messagestatus": _status,
    "filestatus": _file_report,
    "response": _response,
    "alias": _alias,
    "newuser": _new_user,
}
