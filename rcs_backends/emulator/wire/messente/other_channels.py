"""The rules for what Messente takes on the channels sms, viber and whatsapp.

Source: the vendor's OpenAPI description 2.1.0. `text` of Viber is limited by an older page.
"""

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wire.messente.fields import Record, names_to, whole
from rcs_backends.emulator.wire.rules import Invalid, Rule, boolean, enum, items, join, text, url

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
