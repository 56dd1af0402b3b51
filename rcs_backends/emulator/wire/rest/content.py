"""Turn the REST API's messages into bubbles."""

from rcs_backends.emulator.phones import Json, Media, Message, guessed_type
from rcs_backends.emulator.wire.rich import Rich


def fill(message: Message, content: Json) -> None:
    """Give the message its kind, text, cards, media, form and chips."""
    _RICH.fill(message, content)
    if "file" in content:
        message.media = _media(content["file"])
        message.kind = "audio" if message.media.media_type.startswith("audio/") else "file"
    elif "form" in content:
        message.kind, message.form = "form", _form(content)


def _media(source: Json) -> Media:
    return Media(
        source["contentUrl"],
        thumbnail=source.get("thumbnailUrl", ""),
        thumbnail_name=source.get("thumbnailFileName", ""),
        height=source.get("height", "").lower(),
        alt=source.get("contentDescription", ""),
        media_type=source.get("mimeType") or guessed_type(source["contentUrl"]),
        name=source.get("fileName", ""),
    )


def _form(content: Json) -> Json:
    form = content["form"]
    fields = [{"required": False, "options": [], **asked} for asked in form["fields"]]
    return {
        "id": form["id"],
        "title": form["title"],
        "text": content.get("text", ""),
        "submit": form.get("submitText", "Send"),
        "postback": form.get("postbackData", ""),
        "fields": fields,
    }


_RICH = Rich(
    _media,
    {
        "open_url": {"application": "browser"},
        "dial": {"mode": "voice"},
        "calendar_event": {"description": ""},
    },
)
