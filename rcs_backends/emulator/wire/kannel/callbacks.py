"""Kannel's calls to its application: delivery reports to the dlr-url, and what people write to the mo_url.

Source: Kannel 1.4.5 as observed, and its User Guide (escapes of dlr-url and get-url). Answers are ignored, as with
`max-messages = 0`. Nothing is retried unless `http_request_retry` says so.
"""

import re
import uuid
from collections.abc import Callable
from urllib.parse import quote_plus

from rcs_backends.emulator.phones import Message, now
from rcs_backends.emulator.state import world
from rcs_backends.emulator.webhooks import Built, Faults, Webhook, outbox
from rcs_backends.emulator.wire import sms_text
from rcs_backends.emulator.wires import Delivered

DELIVERED, FAILED, SUBMITTED, REJECTED = 1, 2, 8, 16  # bits of dlr-mask; 4, buffered, is never reported
OUTCOMES = {  # what the network says when it takes a message, by the dial `outcome`
    "delivered": [(SUBMITTED, "ACK/")],
    "failed": [(SUBMITTED, "ACK/"), (FAILED, "Undelivered")],
    "rejected": [(REJECTED, "NACK/REJECTED")],
}
HEADERS = {"User-Agent": "Kannel/1.4.5"}
Escapes = dict[str, str | bytes]
_ESCAPE = re.compile(r"%(.?)")
_HEX = re.compile(r"[0-9A-Fa-f]{2}")


def filled(url: str, escapes: Escapes) -> str:
    """Return the URL with its escapes replaced, URL-encoded (%S is not). Other text reads the same on arrival."""

    def value(found: re.Match[str]) -> str:
        letter = found[1]
        if letter not in escapes:
            percent_encoded = _HEX.match(url, found.start() + 1)
            return found[0] if percent_encoded else f"%25{letter.removeprefix('%')}"
        text = escapes[letter]
        return str(text) if letter == "S" else quote_plus(text)

    return _ESCAPE.sub(value, url)


def reporter(dlr_url: str, mask: int, *, user: str, receiver: str) -> Callable[[Message, str], None]:
    """Return the `report` of an SMS: it turns what becomes of it into the delivery reports that the mask asks for."""

    def report(message: Message, event: str) -> None:
        if event == "submitted" and world.config["kannel"]["outcome"] != "delivered":
            message.state = "expired"  # it will never be shown
        for status, reply in _statuses(event):
            if dlr_url and mask & status:
                url = filled(dlr_url, _dlr_escapes(message, status, reply, user, receiver))
                _post(url, message.number, message.id, f"DLR {status}")

    return report


def _statuses(event: str) -> list[tuple[int, str]]:
    """Return which reports an event gives, with the network's words. An SMS has no READ."""
    if event == "submitted":
        return OUTCOMES[world.config["kannel"]["outcome"]]
    return {"delivered": [(DELIVERED, "")], "expired": [(FAILED, "Expired")]}.get(event, [])


def _dlr_escapes(message: Message, status: int, reply: str, user: str, receiver: str) -> Escapes:
    return _common(receiver, message.agent) | {
        "d": str(status),
        "A": reply,
        "a": reply,
        "b": reply,
        "F": message.id,
        "n": user,
    }


def _common(sender: str, receiver: str) -> Escapes:
    """Return the escapes of every call. %p is whom the event comes from: the phone, in a report too."""
    at = now()
    return {
        "p": sender,
        "P": receiver,
        "q": f"00{sender[1:]}" if sender.startswith("+") else sender,
        "Q": f"00{receiver[1:]}" if receiver.startswith("+") else receiver,
        "i": world.config["kannel"]["smsc_id"],
        "I": str(uuid.uuid4()),  # Kannel's own, another one for every event
        "t": at.strftime("%Y-%m-%d %H:%M:%S"),
        "T": str(int(at.timestamp())),
        **dict.fromkeys("BRDofxuOvV", ""),
    }


def mo(number: str, short_code: str, text: str, delivered: Delivered) -> None:
    """Bring what a person wrote to a short code: one GET of `mo_url`, if that dial is set. Lock held."""
    url = world.config["kannel"]["mo_url"]
    if url:
        _post(filled(url, _mo_escapes(number, short_code, text)), number, number, "MO", delivered)


def _mo_escapes(number: str, short_code: str, text: str) -> Escapes:
    recoded = world.config["kannel"]["mo_recode"] or sms_text.is_gsm7(text)
    charset, coding = ("UTF-8", "0") if recoded else ("UTF-16BE", "2")
    words = text.split()
    return _common(number, short_code) | {
        "a": " ".join(words).encode(charset),
        "b": text.encode(charset),
        "e": text.encode(charset).hex(),
        "k": words[0] if words else "",
        "s": words[1] if len(words) > 1 else "",
        "S": words[1] if len(words) > 1 else "",
        "r": " ".join(words[1:]),
        "c": coding,
        "C": charset,
        "n": "default",
        "m": "-1",
        "M": "-1",
        "F": "",
    }


def _post(url: str, number: str, subject: str, event: str, delivered: Delivered | None = None) -> None:
    def build(faults: Faults) -> Built:
        return url, None, HEADERS

    webhook = Webhook("kannel", number, subject, event, url, build, _retry_delay, ordered=False)
    webhook.delivered = delivered
    outbox.post(webhook)


def _retry_delay(failures: int) -> float | None:
    """http-request-retry and http-queue-delay of the smsbox group; by default nothing is tried again."""
    kannel = world.config["kannel"]
    return float(kannel["http_queue_delay"]) if failures <= kannel["http_request_retry"] else None
