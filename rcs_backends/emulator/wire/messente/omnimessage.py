"""Check a request to send: an omnimessage with a message for each of its channels.

Source: the vendor's OpenAPI description 2.1.0. The source of a top-level field (payload[to]) is our choice.
"""

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wire.messente import other_channels, rcs
from rcs_backends.emulator.wire.messente.errors import Rejected
from rcs_backends.emulator.wire.messente.fields import NUMBER, Record, rejected, time_to_send, whole
from rcs_backends.emulator.wire.rules import Invalid, Rule, anything, enum, items, text, url

LONGEST = 60 * 24 * 3600  # seconds; the longest time limit


def _one_time_limit(message: Json, path: str) -> None:
    if "ttl" in message and "validity" in message:
        raise Invalid("ttl", "validity is set already; set one of them.")


def _viber(message: Json, path: str) -> None:
    _one_time_limit(message, path)
    other_channels.viber_combination(message, path)


def _of_every_channel(fields: dict[str, Rule]) -> dict[str, Rule]:
    # both bounds are our choice: the vendor's client lets every number pass
    return {"sender": text(least=1), "validity": whole(1, LONGEST // 60), "ttl": whole(1, LONGEST), **fields}


CHANNELS = {
    "rcs": Record(_of_every_channel(rcs.FIELDS), one_of=rcs.CONTENTS, also=_one_time_limit),
    "sms": Record(_of_every_channel(other_channels.SMS), needs=("text",), also=_one_time_limit),
    "viber": Record(_of_every_channel(other_channels.VIBER), also=_viber),
    "whatsapp": Record(
        _of_every_channel(other_channels.WHATSAPP),
        one_of=tuple(other_channels.WHATSAPP),
        also=_one_time_limit,
    ),
}


_envelope = Record(
    {
        "to": text(pattern=NUMBER),
        "messages": items(anything, 100, least=1),
        "dlr_url": url(),
        "text_store": enum("nostore", "plaintext", "sha256"),
        "time_to_send": time_to_send,
        "priority": enum("low", "regular", "high"),
    },
    needs=("to", "messages"),
)


def checked(body: object, senders: Json) -> Json:
    """Return the omnimessage with a channel and a sender in each of its messages, in the order in which they are tried.

    `senders`: `default` by channel (rcs, other), `allowed` (empty: any). Raises Rejected.
    """
    try:
        omnimessage = _envelope(body, "")
    except Invalid as invalid:
        raise rejected(invalid) from None
    omnimessage["messages"] = [_message(one, senders) for one in omnimessage["messages"]]
    channels = [message["channel"] for message in omnimessage["messages"]]
    if len(set(channels)) < len(channels):
        raise Rejected(400, "No two messages may have the same channel", "payload[messages]")
    return omnimessage


def _message(message: object, senders: Json) -> Json:
    if not isinstance(message, dict):
        raise Rejected(400, "A message must be an object", "payload[messages]")
    channel = message.get("channel")
    if channel is None:
        raise Rejected(400, "A message needs a channel", "payload[messages]", missing=True)
    if not isinstance(channel, str) or channel not in CHANNELS:
        raise Rejected(400, f"channel must be one of {', '.join(CHANNELS)}", "payload[messages]")
    try:
        found = CHANNELS[channel](message, "")
    except Invalid as invalid:
        raise rejected(invalid, channel) from None
    return {**found, "channel": channel, "sender": _sender(found, channel, senders)}


def _sender(message: Json, channel: str, senders: Json) -> str:
    source = f"payload[{channel}][sender]"
    sender = message.get("sender") or senders["default"].get("rcs" if channel == "rcs" else "other")
    if not sender:
        raise Rejected(400, "The sender is missing and the account has no default", source, missing=True)
    if senders["allowed"] and sender not in senders["allowed"]:
        raise Rejected(400, "Invalid or disallowed sender", source)
    return str(sender)
