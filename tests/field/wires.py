"""Requests as the providers make them: signed, in the provider's form, through Django's test client."""

import base64
import hmac
import itertools
import json
from typing import Any
from urllib.parse import urlencode

from django.test import Client

from rcs_router import lookup_connections, send
from rcs_router.contract import Status
from rcs_router.inbox import intake
from rcs_router.models import Message, Transmission
from tests.core import ALICE

from .sites import OURS, PASSWORD, SECRET, SITE, TOKEN

SENT_SID = "SM" + "a" * 32
_numbers = itertools.count()


def twilio_signature(address: str, params: dict[str, str], token: str = TOKEN) -> str:
    """X-Twilio-Signature: HMAC-SHA1 of the address and of the sorted parameters."""
    told = address + "".join(name + value for name, value in sorted(params.items()))
    return base64.b64encode(hmac.new(token.encode(), told.encode(), "sha1").digest()).decode()


def twilio(params: dict[str, str], *, query: str = "", path: str = "webhooks/tw/", **client: Any) -> Any:
    """POST a form for the alias `tw`, as it arrives behind a proxy that ends TLS."""
    tail = f"?{query}" if query else ""
    return Client(**client).post(
        f"/rcs/{path}{tail}",
        urlencode(params),
        content_type="application/x-www-form-urlencoded; charset=UTF-8",
        headers={"host": "shop.example", "x-twilio-signature": twilio_signature(SITE + path + tail, params)},
        secure=True,
    )


def twilio_sms(text: str, sender: str = ALICE, **more: str) -> Any:
    """A person's SMS over Twilio, digested."""
    sid = f"SM{next(_numbers):032x}"
    told = {
        "MessageSid": sid,
        "SmsStatus": "received",
        "From": sender,
        "To": OURS,
        "Body": text,
        "NumMedia": "0",
    }
    answer = twilio({**told, **more})
    intake.digest()
    return answer


def twilio_status(transmission: Transmission, word: str, **more: str) -> Any:
    """A status callback for a message of ours; `inbox.digest()` is left to the test."""
    told = {"MessageSid": SENT_SID, "MessageStatus": word, "From": OURS, "To": ALICE, **more}
    return twilio(told, query=f"id={transmission.pk}")


def messente_report(transmission: Transmission, status: str, err: int) -> Any:
    """A delivery report of Messente for the alias `me`, digested."""
    report = {
        "status": status,
        "err": err,
        "error": "",
        "channel": "rcs",
        "to": ALICE,
        "message_id": "part-1",
    }
    report |= {"omnimessage_id": transmission.provider_id, "timestamp": "2026-11-28T07:00:00Z"}
    answer = signed_json(f"webhooks/me/?id={transmission.pk}", report, "x-messente-signature", PASSWORD)
    intake.digest()
    return answer


def rest_message(text: str = "hello", **more: Any) -> dict[str, Any]:
    """A person's text as the guide's REST API tells it."""
    told = {"conversationId": ALICE, "messageId": "m-1", "interactionType": "TEXT_RECEIVED", "text": text}
    return {**told, "timestamp": "2026-11-28T07:00:00Z", **more}


def gsma_message(text: str = "hello") -> dict[str, Any]:
    """A person's text as a GSMA MaaP platform tells it."""
    message = {"msgId": "M-1", "textMessage": text, "timestamp": "2026-11-28T07:00:00Z"}
    return {"event": "message", "RCSMessage": message, "messageContact": {"userContact": ALICE}}


def hmac_sha256(body: bytes, key: str = SECRET) -> str:
    return hmac.new(key.encode(), body, "sha256").hexdigest()


def signed_json(path: str, payload: Any, header: str, key: str = SECRET) -> Any:
    """POST JSON with the hexadecimal HMAC-SHA256 of its body in `header`."""
    body = json.dumps(payload).encode()
    return Client().post(
        f"/rcs/{path}", body, content_type="application/json", headers={header: hmac_sha256(body, key)}
    )


def accepted(alias: str, provider_id: str = SENT_SID, number: str = ALICE) -> Transmission:
    """A message that the provider has taken."""
    transmission: Transmission = send("Your order", lookup_connections(alias, [number])).transmissions.get()
    Transmission.objects.filter(pk=transmission.pk).update(status=Status.ACCEPTED, provider_id=provider_id)
    transmission.refresh_from_db()
    return transmission


def incoming() -> list[tuple[str, str]]:
    """(identity, text) of each incoming message, the oldest first."""
    rows = Message.objects.filter(direction="in").order_by("created_at")
    return list(rows.values_list("connection__identity", "text"))


def outgoing() -> list[str]:
    """The texts of our messages, the oldest first."""
    return list(Message.objects.filter(direction="out").order_by("created_at").values_list("text", flat=True))


def promotion(number: str, alias: str = "tw") -> Transmission:
    message = send("Boots, 20 % off", lookup_connections(alias, [number]), traffic="promotion")
    return message.transmissions.get()
