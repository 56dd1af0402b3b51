"""The body of a webhook request → receipts, incomings, linked identities and reports of files.

One event per request, told by `event` or, where a platform leaves that out, by what it holds. Members that are not
known are ignored; null is the same as absent.
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

START = "new_bot_user_initiation"  # postback data of the start button
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
    """What the body says. Raises ValueError when it makes no sense."""
    body = body_of(data)
    if not body:
        raise ValueError("the body is not a JSON object with members")
    name = event_name(body)
    read = _READERS.get(_folded(name))
    return read(body) if read else _unknown(body, name)


def body_of(data: bytes) -> Event:
    return members(decoded(data))


def subject_of(body: Event) -> Event:
    """What the event is about: RCSMessage; one old platform writes its members at the top."""
    return members(body.get("RCSMessage")) or {
        name: body[name] for name in ("msgId", "status", "timestamp", "reason") if name in body
    }


def file_of(body: Event) -> Event:
    return members(body.get("file"))


def event_name(body: Event) -> str:
    """As the platform writes it, or derived from what the event holds; empty when nothing tells."""
    if name := text(body.get("event")):
        return name
    said, contact = subject_of(body), members(body.get("messageContact"))
    if any(name in said for name in CONTENT):
        return "message"
    if "suggestedResponse" in said or "sharedData" in said:
        return "newUser" if _tap(said)[2].startswith(START) else "response"
    for member, name in (("isTyping", "isTyping"), ("status", "messageStatus")):
        if member in said:
            return name
    if file_of(body):
        return "fileStatus"
    return "alias" if {"userContact", "chatId"} <= contact.keys() else ""


def _folded(name: str) -> str:
    """messageStatus, message_status and MessageStatus are one name."""
    return name.replace("_", "").lower()


# What people say and do.


def _message(body: Event) -> list[Parsed]:
    said = subject_of(body)
    match said:
        case {"textMessage": str() as words}:
            return [_incoming(body, IncomingKind.TEXT, text=text(words))]
        case {"fileMessage": Mapping() as file}:
            return [_incoming(body, IncomingKind.FILE, **_file(file))]
        case {"audioMessage": Mapping() as file}:
            return [_incoming(body, IncomingKind.FILE, **_file(file))]
        case {"geolocationPushMessage": Mapping() as push}:
            return [_incoming(body, IncomingKind.LOCATION, **_location(members(push)))]
    return _unknown(body, "message")


def _file(file: Event) -> dict[str, Any]:
    told = {
        "file_name": text(file.get("fileName")),
        "file_size": number(file.get("fileSize")),
        "seconds": number(file.get("playingLength")),
        "thumbnail_url": text(file.get("thumbnailUrl")),
        "thumbnail_name": text(file.get("thumbnailFileName")),
        "thumbnail_type": text(file.get("thumbnailMIMEType")),
        "thumbnail_size": number(file.get("thumbnailFileSize")),
    }
    fields = {name: value for name, value in told.items() if value not in ("", None)}
    return {
        "url": text(file.get("fileUrl")),
        "media_type": text(file.get("fileMIMEType")),
        "fields": fields,
    }


def _location(push: Event) -> dict[str, Any]:
    """The label is the text, as on other wires.

    Fields: label, radius (metres), time_offset (minutes from UTC), taken_at and expires_at (ISO 8601).
    """
    latitude, longitude = position(push.get("pos"))
    times = {"taken_at": time(push.get("timestamp")), "expires_at": time(push.get("expiry"))}
    told = {
        "label": text(push.get("label")),
        "radius": number(push.get("radius")),
        "time_offset": number(push.get("timeOffset")),
        **{name: at.isoformat() for name, at in times.items() if at},
    }
    fields = {name: value for name, value in told.items() if value not in ("", None)}
    return {"latitude": latitude, "longitude": longitude, "text": told["label"], "fields": fields}


def _typing(body: Event) -> list[Parsed]:
    active = text(subject_of(body).get("isTyping")).lower() == "active"  # idle; one vendor: inactive
    return [_incoming(body, IncomingKind.TYPING, fields={"active": active})]


def _response(body: Event) -> list[Parsed]:
    """A tapped chip, or what the phone tells of itself."""
    said = subject_of(body)
    if kind := _tap(said)[0]:
        return [_tapped(body, {"suggestion_type": kind})]
    match said.get("sharedData"):
        case {"deviceSpecifics": Mapping() as device}:
            return [_incoming(body, IncomingKind.DEVICE, fields={"device": flat(device)})]
    return _unknown(body, "response")


def _new_user(body: Event) -> list[Parsed]:
    """The start button: a tap like others, whose postback the platform chose."""
    return [_tapped(body, {"event": "newUser"})]


def _tapped(body: Event, fields: dict[str, Any]) -> Incoming:
    _, label, postback = _tap(subject_of(body))
    return _incoming(body, IncomingKind.SUGGESTION, text=label, postback=postback, fields=fields)


def _tap(said: Event) -> tuple[str, str, str]:
    """Kind (reply or action), label and postback of a tap; empty where it does not tell."""
    outer = members(said.get("suggestedResponse"))
    response = members(outer.get("response")) or outer
    for kind in ("reply", "action"):
        if chip := members(response.get(kind)):
            data = members(chip.get("postback")).get("data")
            return kind, text(chip.get("displayText")), text(data)
    return "", "", ""


def _unknown(body: Event, name: str) -> list[Parsed]:
    if _sender(body):
        return [_incoming(body, IncomingKind.UNKNOWN, fields={"event": name} if name else {})]
    logger.info("Ignored a webhook event of unknown kind %r that names nobody", name[:40])
    return []


def _incoming(body: Event, kind: IncomingKind, **told: Any) -> Incoming:
    sender, said = _sender(body), subject_of(body)
    if not sender:
        raise ValueError("an event without messageContact")
    return Incoming(kind, sender, id=text(said.get("msgId")), at=time(said.get("timestamp")), **told)


def _sender(body: Event) -> str:
    """The number if there is one, else the token of somebody anonymous."""
    contact = members(body.get("messageContact"))
    return phone(contact.get("userContact")) or text(contact.get("chatId")).strip()


# What the platform says.


def _status(body: Event) -> list[Parsed]:
    return [receipt(subject_of(body), body)]


def receipt(said: Event, around: Event | None = None) -> Receipt:
    """What an RCSMessage with a status means. `around`: where else a reason may stand. Raises ValueError."""
    name, status = text(said.get("msgId")), text(said.get("status")).lower()
    if not name or not status:
        raise ValueError("a message's status without msgId or status")
    code, reason = reason_of(said, around or {})
    kind = _failure(code) if status == "failed" else STATUSES.get(status, ReceiptKind.UNKNOWN)
    return Receipt(
        kind,
        provider_id=name,
        at=time(said.get("timestamp")),
        event_id=":".join(filter(None, [name, status, code]))[:150],
        code=(code or (status if kind is ReceiptKind.UNKNOWN else ""))[:40],
        detail=http.redact(reason),
        error=answers.CODES.get(code) if kind is ReceiptKind.FAILED else None,
    )


def reason_of(said: Event, around: Event) -> tuple[str, str]:
    """Code and words of why a message failed, in the message or beside it; a failure's code decides what it means."""
    told = [*answers.reasons(said), *answers.reasons(around)]
    return next((code for code, _ in told if code), ""), next((words for _, words in told if words), "")


def _failure(code: str) -> ReceiptKind:
    """Some failures are those of taking a message back, not of the message."""
    if code in answers.EXPIRED:
        return ReceiptKind.EXPIRED
    if code in answers.REVOKED:
        return ReceiptKind.REVOKED
    if code in answers.DELIVERED_ALL_THE_SAME:
        return ReceiptKind.DELIVERED
    return ReceiptKind.UNKNOWN if code in answers.REVOKE_FAILED else ReceiptKind.FAILED


def _file_report(body: Event) -> list[Parsed]:
    file = file_of(body)
    file_id = text(file.get("fileId"))
    if not file_id:
        raise ValueError("a file's status without fileId")
    return [FileReport(file_id, **properties(file))]


def _alias(body: Event) -> list[Parsed]:
    """A token and a number are one person; from now on they are known by the number."""
    contact, said = members(body.get("messageContact")), subject_of(body)
    number_, token = phone(contact.get("userContact")), text(contact.get("chatId")).strip()
    if not number_ or not token:
        raise ValueError("an alias without userContact or chatId")
    return [Linked(number_, (token,), id=text(said.get("msgId")), at=time(said.get("timestamp")))]


_READERS: dict[str, Callable[[Event], list[Parsed]]] = {
    "message": _message,
    "istyping": _typing,
    "messagestatus": _status,
    "filestatus": _file_report,
    "response": _response,
    "alias": _alias,
    "newuser": _new_user,
}
