"""The rules for what Messente takes: JSON, of which only times change their type.

Source: the vendor's OpenAPI description 2.1.0 and its page "RCS Message"; `text` of Viber is limited by an older page.
Our choice, for the documentation says nothing of it: unknown fields are passed over, null counts as absent, a card must
hold something, a place needs coordinates or a search text, and the source of a top-level field is payload[to].
"""

import re

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wire.messente.request import Missing, Rejected, rejected
from rcs_backends.emulator.wire.rich import RichRules
from rcs_backends.emulator.wire.rules import (
    E164,
    Fields,
    Invalid,
    Rule,
    anything,
    boolean,
    enum,
    items,
    join,
    parsed,
    snake_case,
    text,
    url,
    utc,
)

# With and without seconds, with and without a zone.
_TIME_TO_SEND = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)


class Record(Fields):
    """An object with these fields, and perhaps others. `one_of`: exactly one of them is set; `also`: a last check."""

    def none_chosen(self, path: str) -> Invalid:
        return Invalid(path or self.one_of[0], f"exactly one of {', '.join(self.one_of)} must be set.")

    def read(self, value: Json, path: str) -> Json:
        result: Json = {}
        for name, rule in self.fields.items():
            if value.get(name) is not None:
                result[name] = rule(value[name], join(path, name))
            elif name in self.needs:
                raise Missing(join(path, name), "the field is required.")
        return result


def whole(least: int = 0, most: int | None = None) -> Rule:
    """A whole number, as a number."""

    def rule(value: object, path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Invalid(path, "a whole number is needed.")
        if value < least or (most is not None and value > most):
            raise Invalid(
                path, f"the number must be at least {least}" + (f", at most {most}." if most else ".")
            )
        return value

    return rule


def names_to(rule: Rule) -> Rule:
    """An object of any names whose values keep to one rule."""

    def check(value: object, path: str) -> Json:
        if not isinstance(value, dict):
            raise Invalid(path, "an object is needed.")
        return {name: rule(one, join(path, name)) for name, one in value.items()}

    return check


time_to_send = parsed(_TIME_TO_SEND, utc, "an ISO 8601 time is needed.")
# The channel rcs

RCS_CONTENTS = ("text", "rich_card", "content_info")


def _is_a_place(place: Json, path: str) -> None:
    if not ("lat_long" in place or "query" in place):
        raise Invalid(path, "lat_long or query is needed.")


class _Rules(RichRules):
    """In snake_case, and with more fields that must be there."""

    objects = Record
    needed = {
        "reply": ("postbackData",),
        "action": ("postbackData",),
        "openUrl": ("application",),
        "event": ("description",),
        "standalone": ("cardOrientation", "thumbnailImageAlignment"),
        "carousel": ("cardWidth",),
    }
    actions = (
        "dialAction",
        "openUrlAction",
        "viewLocationAction",
        "createCalendarEventAction",
        "shareLocationAction",
    )
    orientations = ("VERTICAL", "HORIZONTAL")
    card_parts = ("title", "description", "media")
    phone = {"pattern": E164.pattern}
    place = {"also": _is_a_place}

    def spelled(self, name: str) -> str:
        return snake_case(name)


_content_info = Record(
    {"file_url": url(), "thumbnail_url": url(), "force_refresh": boolean}, needs=("file_url", "force_refresh")
)
_rich_media = Record(
    {"height": enum("SHORT", "MEDIUM", "TALL"), "content_info": _content_info},
    needs=("height", "content_info"),
)
_rules = _Rules(_rich_media)
RCS: dict[str, Rule] = {
    "text": text(3072, least=1),
    "rich_card": _rules.rich_card(),
    "content_info": _content_info,
    "suggestions": items(_rules.suggestion(), 11),
}


# The channels sms, viber and whatsapp

MEGABYTE = 1024 * 1024

SMS: dict[str, Rule] = {
    "text": text(least=1),
    # the vendor's YAML turned on and off into true and false, and its clients know only those
    "autoconvert": enum("on", "off", "full", "true", "false"),
    "udh": text(pattern=r"([0-9A-Fa-f]{2})+"),
}

VIBER_COMBINATIONS = (
    {"image_url"},
    {"text"},
    {"text", "button_text", "button_url"},
    {"text", "image_url", "button_text", "button_url"},
    {"video"},
    {"video", "text"},
    {"video", "text", "button_text"},
    {"video", "text", "button_text", "button_url"},
    {"carousel", "text"},
    {"template"},
)
_button = Record({"label": text(least=1), "action_url": url()}, needs=("label", "action_url"))
_item = Record(
    {
        "title": text(38, least=2),
        "image_url": url(),
        "primary_button": _button,
        "secondary_button": _button,
    },
    needs=("title", "image_url", "primary_button"),
)
_viber_video = Record(
    {
        "url": url(),
        "thumbnail": url(),
        "file_size": whole(1, 200 * MEGABYTE),
        "duration": whole(1, 600),
    },
    needs=("url", "thumbnail", "file_size", "duration"),
)
VIBER: dict[str, Rule] = {
    "text": text(1000, least=1),
    "image_url": url(),
    "button_url": url(),
    "button_text": text(least=1),
    "video": _viber_video,
    "template": Record(
        {"id": text(least=1), "lang": text(least=1), "params": names_to(text())}, needs=("id", "lang")
    ),
    "carousel": Record({"items": items(_item, 5, least=2)}, needs=("items",)),
}


def viber_combination(message: Json, path: str) -> None:
    """Not every set of fields is a Viber message."""
    if {name for name in VIBER if name in message} not in VIBER_COMBINATIONS:
        raise Invalid("text", "these fields cannot stand together in a Viber message.")


def _has_a_file(media: Json, path: str) -> None:
    if ("id" in media) == ("link" in media):
        raise Invalid(join(path, "link"), "exactly one of id, link must be set.")


def _media(**more: Rule) -> Record:
    return Record({"id": text(least=1), "link": url(), "mime_type": text(), **more}, also=_has_a_file)


_component = Record(
    {
        "type": text(least=1),
        "sub_type": text(),
        "index": whole(),
        "parameters": items(Record({"type": text(least=1), "text": text()}, needs=("type",)), 100),
    },
    needs=("type",),
)
_template = Record(
    {
        "name": text(least=1),
        "language": Record({"code": text(least=1), "policy": text()}, needs=("code",)),
        "components": items(_component, 100),
    },
    needs=("name", "language"),
)
WHATSAPP: dict[str, Rule] = {
    "text": Record({"body": text(least=1), "preview_url": boolean}, needs=("body",)),
    "image": _media(caption=text()),
    "video": _media(caption=text()),
    "audio": _media(),
    "document": _media(caption=text(), file_name=text()),
    "sticker": _media(animated=boolean),
    "template": _template,
}


# The omnimessage

LONGEST = 60 * 24 * 3600  # seconds; the longest time limit


def _one_time_limit(message: Json, path: str) -> None:
    if "ttl" in message and "validity" in message:
        raise Invalid("ttl", "validity is set already; set one of them.")


def _viber(message: Json, path: str) -> None:
    _one_time_limit(message, path)
    viber_combination(message, path)


def _of_every_channel(fields: dict[str, Rule]) -> dict[str, Rule]:
    # both bounds are our choice: the vendor's client lets every number pass
    return {"sender": text(least=1), "validity": whole(1, LONGEST // 60), "ttl": whole(1, LONGEST), **fields}


CHANNELS = {
    "rcs": Record(_of_every_channel(RCS), one_of=RCS_CONTENTS, also=_one_time_limit),
    "sms": Record(_of_every_channel(SMS), needs=("text",), also=_one_time_limit),
    "viber": Record(_of_every_channel(VIBER), also=_viber),
    "whatsapp": Record(
        _of_every_channel(WHATSAPP),
        one_of=tuple(WHATSAPP),
        also=_one_time_limit,
    ),
}


_envelope = Record(
    {
        "to": text(pattern=E164.pattern),
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
