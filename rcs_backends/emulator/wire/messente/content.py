"""Turn Messente's messages of each channel into bubbles, and count their parts.

A phone here has two inboxes, so Viber and WhatsApp land where SMS do: as text, with the links that belong to it.
"""

import re
from typing import Any

from rcs_backends.emulator.phones import Json, Message
from rcs_backends.emulator.wire import sms_text
from rcs_backends.emulator.wire.rich import Rich, media_at

_LOW_LINE = re.compile("_([a-z])")
_RICH = Rich(known={"dial": {"mode": "voice"}})


def fill(message: Message, channel: str, content: Json) -> None:
    if channel == "rcs":
        _fill_rcs(message, content)
    elif channel == "sms":
        message.text = content["text"]
    else:
        message.text = "\n".join(_viber(content) if channel == "viber" else _whatsapp(content))


def _fill_rcs(message: Message, content: Json) -> None:
    in_googles_names = camel_case(content)
    _RICH.fill(message, in_googles_names)
    if "content_info" in content:
        message.kind, message.media = "file", media_at(in_googles_names)


def camel_case(value: Any) -> Any:
    """Return JSON in the names of Google's API, which Messente's are in snake_case."""
    if isinstance(value, dict):
        return {_LOW_LINE.sub(_capital, name): camel_case(part) for name, part in value.items()}
    return [camel_case(part) for part in value] if isinstance(value, list) else value


def _capital(found: re.Match[str]) -> str:
    return found[1].upper()


def _viber(content: Json) -> list[str]:
    lines = [content["text"]] if "text" in content else []
    if "template" in content:
        lines += [content["template"]["id"], *content["template"].get("params", {}).values()]
    if "image_url" in content:
        lines.append(content["image_url"])
    if "video" in content:
        lines.append(content["video"]["url"])
    if "button_text" in content:
        lines.append(f"{content['button_text']}: {content.get('button_url', '')}".removesuffix(": "))
    for item in content.get("carousel", {}).get("items", ()):
        lines.append(f"{item['title']}: {item['primary_button']['action_url']}")
    return lines


def _whatsapp(content: Json) -> list[str]:
    if "text" in content:
        return [content["text"]["body"]]
    if "template" in content:
        given = [
            one for part in content["template"].get("components", ()) for one in part.get("parameters", ())
        ]
        return [content["template"]["name"], *(one["text"] for one in given if "text" in one)]
    media = next(
        content[name] for name in ("image", "video", "audio", "document", "sticker") if name in content
    )
    return [text for text in (media.get("caption"), media.get("link") or media.get("id")) if text]


def parts(channel: str, content: Json) -> int:
    """Return how many messages the operator counts: an SMS is cut where it is full, everything else is one."""
    if channel != "sms":
        return 1
    text: str = content["text"]
    ucs2 = not sms_text.is_gsm7(text)
    units = sum(sms_text.costs(text, ucs2=ucs2))
    single, each = sms_text.UCS2 if ucs2 else sms_text.GSM7
    return 1 if units <= single else -(-units // each)
