"""Kannel's sendsms: show on phones what one GET asks for, and report it to the dlr-url.

Source: Kannel 1.4.5 as observed, and its User Guide (chapter "SMS push"). POST with X-Kannel headers or XML is not
emulated. There is no dedupe: the same request twice shows two SMS. For the ledger, requests that are the same to the
last parameter (so with the same dlr-url) are one message asked for twice; that is how doubles are counted.
"""

import re
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qsl

from django.http import HttpRequest, HttpResponse

from rcs_backends.emulator import delivery
from rcs_backends.emulator.phones import Message, now
from rcs_backends.emulator.state import normalised, world
from rcs_backends.emulator.wire import sms_text
from rcs_backends.emulator.wire.api import Api, Path, Refused
from rcs_backends.emulator.wire.kannel import callbacks

ALIASES = {
    "user": "username",
    "pass": "password",
    "flash": "mclass",
    "dlrmask": "dlr-mask",
    "dlrurl": "dlr-url",
}
RANGES = {  # parameter → Kannel's name for it, least, most
    "mclass": ("MClass", 0, 3),
    "mwi": ("MWI", 0, 7),
    "coding": ("Coding", -1, 2),
    "compress": ("Compress", 0, 1),
    "validity": ("Validity", 0, 10**6),
    "deferred": ("Deferred", 0, 10**6),
    "dlr-mask": ("DLR-Mask", 0, 31),
    "pid": ("PID", 0, 255),
    "rpi": ("RPI", 0, 2),
    "alt-dcs": ("Alt-DCS", 0, 1),
    "priority": ("Priority", 0, 3),
}
REFUSALS = {
    401: "Authorization failed for sendsms",
    403: "Authorization failed for sendsms",
    404: "Unknown request.",
    500: "Internal error.",
    503: "Temporal failure, try again later.",
    429: "Too many requests.",  # not Kannel's own: as a gateway in front of it answers
    400: "Charset or body misformed, rejected",
}
_RECEIVERS = re.compile(rb"[0-9 +\-]+")  # the default of sendsms-chars
_NUMBER = re.compile(r"-?\d{1,7}", re.ASCII)


class Rejected(Refused):
    """An HTTP status and Kannel's text."""

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(status, text or REFUSALS[status])

    def answer(self) -> HttpResponse:
        return _text(self.status, str(self))


def _text(status: int, text: str) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/html")


class KannelApi(Api):
    """sendsms, and nothing else."""

    provider = "kannel"
    refused = Rejected

    def number(self, request: HttpRequest, path: Path) -> str:
        return _first_number(_parameters(request).get("to", b""))

    def wrong_verb(self, verbs: Iterable[str]) -> Rejected:
        return Rejected(400, "Invalid content-type")


class Times(Counter[str]):
    """How often the same request came."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One request, understood."""

    user: str
    sender: str
    receivers: list[str]
    text: str
    validity: int | None  # minutes
    deferred: int  # minutes
    dlr_mask: int
    dlr_url: str
    fingerprint: str


def sendsms(request: HttpRequest) -> HttpResponse:
    """GET (and HEAD, which sends just the same) of cgi-bin/sendsms."""
    return _text(202, _submit(_understood(_parameters(request))))


def _parameters(request: HttpRequest) -> dict[str, bytes]:
    """Raw bytes: `charset` says later what they mean. The first of a repeated parameter counts."""
    found: dict[str, bytes] = {}
    query = request.META.get("QUERY_STRING", "")
    for name, value in parse_qsl(query, keep_blank_values=True, encoding="latin-1"):
        found.setdefault(ALIASES.get(name, name), value.encode("latin-1"))
    return found


def _first_number(to: bytes) -> str:
    try:
        return normalised(to.decode("latin-1").split()[0])
    except (ValueError, IndexError):
        return ""


def _understood(parameters: dict[str, bytes]) -> Submission:
    """Check the request in Kannel's order. Raises Rejected."""
    kannel = world.config["kannel"]
    user = _word(parameters, "username")
    if not user or kannel["users"].get(user) != _word(parameters, "password"):
        raise Rejected(403)
    receivers = _receivers(parameters)
    sender = _word(parameters, "from") or kannel["default_sender"]
    if not sender:
        raise Rejected(400, "Sender missing and no global set, rejected")
    numbers = {name: _in_range(parameters, name) for name in RANGES}
    coding = numbers["coding"]
    if coding is None or coding < 0:
        coding = 1 if "udh" in parameters else 0
    text = _decoded(parameters, coding, kannel["max_messages"])
    if kannel["link"] == "stopped":
        raise Rejected(403, "Not routable. Do not try again.")
    return Submission(
        user=user,
        sender=sender,
        receivers=receivers,
        text=text,
        validity=numbers["validity"],
        deferred=numbers["deferred"] or 0,
        dlr_mask=numbers["dlr-mask"] or 0,
        dlr_url=_word(parameters, "dlr-url"),
        fingerprint=repr(sorted(parameters.items())),
    )


def _word(parameters: dict[str, bytes], name: str) -> str:
    return parameters.get(name, b"").decode(errors="replace")


def _receivers(parameters: dict[str, bytes]) -> list[str]:
    to = parameters.get("to")
    if to is None:
        raise Rejected(400, "Missing receiver number, rejected")
    if not to:
        raise Rejected(400, "Empty receiver number not allowed, rejected")
    receivers = to.decode("latin-1").split()
    if (
        not _RECEIVERS.fullmatch(to)
        or not all(_first_number(one.encode()) for one in receivers)
        or not receivers
    ):
        raise Rejected(400, "Number(s) has/have been denied by white- and/or black-lists.")
    return receivers


def _in_range(parameters: dict[str, bytes], name: str) -> int | None:
    raw = _word(parameters, name)
    if not raw:
        return None
    label, low, high = RANGES[name]
    if not _NUMBER.fullmatch(raw) or not low <= int(raw) <= high:
        raise Rejected(400, f"{label} field misformed, rejected")
    return int(raw)


def _decoded(parameters: dict[str, bytes], coding: int, parts: int) -> str:
    """Return what the phone will show: Kannel never switches to Unicode by itself."""
    raw = parameters.get("text", b"")
    if coding == 1:
        return raw.decode("latin-1")
    charset = _word(parameters, "charset")
    try:
        if charset:
            text = raw.decode(charset)
        else:  # nothing is converted, so nothing is refused: the phone shows rubbish
            text = raw.decode("UTF-16BE" if coding == 2 else "UTF-8", errors="replace")
        text.encode()  # half a surrogate pair is no text
    except (LookupError, ValueError):
        raise Rejected(400) from None
    text = text if coding == 2 else sms_text.gsm7(text)
    return sms_text.cut(text, parts, ucs2=coding == 2)


def _submit(submission: Submission) -> str:
    """Take the message for every receiver, and return Kannel's answer."""
    for receiver in submission.receivers:
        _take(submission, receiver)
    up = world.config["kannel"]["link"] == "up"
    return "0: Accepted for delivery" if up else "3: Queued for later delivery"


def _take(submission: Submission, receiver: str) -> None:
    number = normalised(receiver)
    ledger_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{number} {submission.fingerprint}"))
    times = world.store(Times)
    times[ledger_id] += 1
    count = times[ledger_id]
    message = Message(
        ledger_id if count == 1 else f"{ledger_id}-{count}",
        "kannel",
        submission.sender,
        number,
        channel="sms",
        text=submission.text,
        ledger_id=ledger_id,
        report=callbacks.reporter(
            submission.dlr_url, submission.dlr_mask, user=submission.user, receiver=receiver
        ),
    )
    if submission.validity:
        message.expires_at = now() + timedelta(minutes=submission.validity)
    delivery.accept(message, deferred=submission.deferred * 60)
