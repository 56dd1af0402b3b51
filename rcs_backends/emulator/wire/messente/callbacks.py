"""Tell Messente's clients what became of messages and what people wrote.

Source: the vendor's pages "Delivery Report", "Inbound Messages" and "Security". When a failed call is tried again, and
the whole of what a person says over RCS (channel rcs, postback_data for a tap), is our choice: nothing is published.
"""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from http import HTTPStatus
from typing import Any

from rcs_backends.emulator.phones import Json, Message, now
from rcs_backends.emulator.state import world
from rcs_backends.emulator.webhooks import SignedJson, Webhook, hex_sha256, outbox, pauses
from rcs_backends.emulator.wire.messente.content import parts
from rcs_backends.emulator.wire.messente.request import account
from rcs_backends.emulator.wire.messente.store import Leg, MessenteStore, Omnimessage
from rcs_backends.emulator.wires import Delivered, Problem, Said

_retry_delay = pauses(10.0, 60.0, 300.0)
PRICE = Decimal("0.05")  # of one part, in euros
PAID = ("ACK", "DELIVRD", "SEEN")
ERRORS = {  # err → what `error` says
    0: None,
    1: "Delivery failure",
    2: "Sending message expired",
    3: "Invalid number",
    4: "Error crediting account",
    5: "Invalid number format",
    6: "Too many identical messages",
    7: "Sender name not allowed",
    8: "Operator blacklisted",
    9: "Unroutable",
    10: None,  # seen
    999: "General temporary error",
}


_SIGNED = SignedJson("X-Messente-Signature", hex_sha256)


def stamp(at: datetime, zone: str = "") -> str:
    """Write a time with microseconds always. Reports of delivery name no zone, inbound messages do; both mean UTC."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + zone


def report(leg: Leg) -> Json:
    """Return what is known of a leg, as polling tells it: null for what is not known yet."""
    return {
        "status": leg.status,
        "channel": leg.channel,
        "message_id": leg.message_id,
        "error": None if leg.err is None else ERRORS.get(leg.err),
        "err": leg.err,
        "timestamp": stamp(leg.at) if leg.at else None,
        "sender": leg.sender,
        "price_info": _price(leg) if leg.status in PAID else None,
    }


def _price(leg: Leg) -> Json:
    count = parts(leg.channel, leg.content)
    return {"part_price": str(PRICE), "parts_count": count, "total_price": str(PRICE * count)}


def changed(omnimessage: Omnimessage, leg: Leg) -> None:
    """Post a leg's new status to the dlr_url, signed with the password that it was sent with. Lock held."""
    if not omnimessage.dlr_url:
        return
    payload = {**report(leg), "to": omnimessage.to, "omnimessage_id": omnimessage.id}
    secret = account(omnimessage.account).get("password", "")
    _post(
        omnimessage.dlr_url,
        secret,
        payload,
        f"{leg.channel} {leg.status}",
        number=omnimessage.to,
        subject=leg.message_id,
        accepted=lambda status: HTTPStatus.OK <= status < HTTPStatus.BAD_REQUEST,
    )


def said(message: Message, what: Said, delivered: Delivered) -> None:
    """Post what a person says to the account's mo_url, signed with its shared secret. Lock held.

    Raises Problem for what Messente cannot tell.
    """
    if what.kind not in ("text", "reply", "action") or (what.kind != "text" and message.channel != "rcs"):
        raise Problem(f"Messente tells only texts and taps, nothing like {what.kind}.")
    owner = account(_owner(message))
    if not owner.get("mo_url"):
        return
    payload = {
        "msg_id": message.id,
        "sub_msg_id": str(uuid.uuid4()),
        "channel": message.channel,
        "recipient": message.agent,
        "time": stamp(now(), "Z"),
        "text": what.text or what.label,
        "sender": message.number,
    }
    if what.kind != "text":
        payload["postback_data"] = what.postback
    _post(
        owner["mo_url"],
        owner.get("shared_secret", ""),
        payload,
        f"{message.channel} MO",
        number=message.number,
        subject=message.number,
        delivered=delivered,
    )


def _owner(message: Message) -> str:
    """Return the account of a sender: that which wrote to the phone last, which lists it, or the only one there is."""
    accounts: Json = world.config["messente"]["accounts"]
    last = world.store(MessenteStore).talks.get((message.agent, message.number))
    if last in accounts:
        return last
    listed = (name for name, settings in accounts.items() if message.agent in senders_of(settings))
    return next(listed, next(iter(accounts), ""))


def senders_of(settings: Json) -> list[str]:
    """Return every sender that an account is known to have."""
    named = [settings.get("rcs_sender", ""), settings.get("sender", ""), *settings.get("senders", ())]
    return list(dict.fromkeys(name for name in named if name))


def _post(url: str, secret: str, payload: Json, event: str, **more: Any) -> None:
    build = partial(_SIGNED.request, url, secret, payload)
    outbox.post(Webhook("messente", event=event, url=url, build=build, delay=_retry_delay, **more))
