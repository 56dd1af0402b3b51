"""The fallback chain: try an omnimessage's channels one after the other, and call back every change.

Which statuses move on to the next channel is our reading of the vendor's product description: the failures do, at
once, and so does the channel's time-out; a channel without a time limit waits. Lock held everywhere.
"""

from functools import partial

from rcs_backends.emulator import delivery
from rcs_backends.emulator.phones import Message, now
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.messente import callbacks, content
from rcs_backends.emulator.wire.messente.store import Leg, MessenteStore, Omnimessage

ARRIVED = ("DELIVRD", "SEEN")
FAILURES = ("UNDELIV", "FAILED", "REJECTD", "NACK", "EXPIRED", "DELETED")
ERR = {  # status → its usual `err`
    "ACK": 0,
    "DELIVRD": 0,
    "SEEN": 10,
    "DELETED": 0,  # nothing failed: it was asked for
    "UNDELIV": 1,
    "FAILED": 1,
    "REJECTD": 8,
    "NACK": 9,
    "EXPIRED": 2,
    "UNKNOWN": 999,
}


def accept(omnimessage: Omnimessage, wait: float) -> None:
    """Keep an omnimessage, and begin: now, or after `wait` seconds, until which it can be cancelled."""
    store = world.store(MessenteStore)
    store.omnimessages[omnimessage.id] = omnimessage
    for leg in omnimessage.legs:
        store.talks[leg.sender, omnimessage.to] = omnimessage.account
    if wait > 0:
        world.after(wait, _begin, omnimessage)
    else:
        _begin(omnimessage)


def cancel(omnimessage: Omnimessage) -> bool:
    """Take a scheduled omnimessage back; False when it is no longer one."""
    if omnimessage.state != "scheduled":
        return False
    omnimessage.state = "cancelled"
    for leg in omnimessage.legs:
        _set(omnimessage, leg, "DELETED")
    return True


def _begin(omnimessage: Omnimessage) -> None:
    if omnimessage.state == "scheduled":
        omnimessage.state = "started"
        _try_next(omnimessage)


def _try_next(omnimessage: Omnimessage) -> None:
    if omnimessage.tried + 1 >= len(omnimessage.legs):
        return
    omnimessage.tried += 1
    leg = omnimessage.legs[omnimessage.tried]
    if omnimessage.to in world.store(MessenteStore).blacklist:
        world.after(world.config["delivery_delay"], _settle, omnimessage, leg, "REJECTD")
        return
    leg.bubble = Message(
        leg.message_id,
        "messente",
        leg.sender,
        omnimessage.to,
        channel="rcs" if leg.channel == "rcs" else "sms",
        ledger_id=leg.ledger_id,
        report=partial(_heard, omnimessage, leg),
    )
    content.fill(leg.bubble, leg.channel, leg.content)
    delivery.accept(leg.bubble)
    if leg.limit is not None:
        world.after(leg.limit * world.config["messente"]["time_scale"], _time_out, omnimessage, leg)


def _heard(omnimessage: Omnimessage, leg: Leg, message: Message, event: str) -> None:
    """Note what the phone's network says of a leg. It does not tell that an SMS was read."""
    if event == "submitted":
        _submitted(omnimessage, leg, message)
    elif event == "delivered" and leg.status != "UNKNOWN":
        _settle(omnimessage, leg, "DELIVRD")
    elif event == "read" and leg.channel != "sms" and leg.status == "DELIVRD":
        _settle(omnimessage, leg, "SEEN")


def _submitted(omnimessage: Omnimessage, leg: Leg, message: Message) -> None:
    """Settle what the operator makes of a leg: what the dials say, unless the phone has no RCS."""
    if leg.channel == "rcs" and not world.handset(omnimessage.to).rcs:
        message.state = "expired"  # it will never be shown
        _settle(omnimessage, leg, "UNDELIV")
        return
    outcome = world.config["messente"][f"{leg.channel}_outcome"]
    _settle(omnimessage, leg, "ACK")
    if outcome == "unknown":  # shown, but nobody learns that
        _settle(omnimessage, leg, "UNKNOWN")
    elif outcome != "delivered":
        message.state = "expired"
        _settle(omnimessage, leg, outcome.upper(), world.config["messente"]["err"] or None)


def _time_out(omnimessage: Omnimessage, leg: Leg) -> None:
    """End a channel's time. The dial `late` leaves its message with the operator: it may still be shown."""
    if leg.status in (*ARRIVED, *FAILURES):
        return
    message = leg.bubble
    if message and not world.config["messente"]["late"] and delivery.revoke(message):
        message.state = "expired"
    _settle(omnimessage, leg, "EXPIRED")


def _settle(omnimessage: Omnimessage, leg: Leg, status: str, err: int | None = None) -> None:
    """Note and report a status; the next channel follows a failure of the newest one."""
    _set(omnimessage, leg, status, err)
    if status in FAILURES and leg is omnimessage.legs[omnimessage.tried]:
        _try_next(omnimessage)


def _set(omnimessage: Omnimessage, leg: Leg, status: str, err: int | None = None) -> None:
    leg.status, leg.err, leg.at = status, ERR[status] if err is None else err, now()
    callbacks.changed(omnimessage, leg)
