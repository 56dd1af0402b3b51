"""From Messente's JSON to a bubble: a checked message of a channel comes in, what the phone shows goes out.

A phone here has two inboxes, so Viber and WhatsApp land where SMS do: as text, with the links that belong to it.
"""

import mimetypes

from rcs_backends.emulator.phones import Card, Json, Media, Message, Suggestion, stamp
from rcs_backends.emulator.wire import sms_text

TWO_SEPTETS = "^{}\\[~]|€\f"  # the extension table of GSM 03.38


def fill(message: Message, channel: str, content: Json) -> None:
    """Give the message its kind, text, cards, media and chips."""
    if channel == "rcs":
        _fill_rcs(message, content)
    elif channel == "sms":
        message.text = content["text"]
    else:
        message.text = "\n".join(_viber(content) if channel == "viber" else _whatsapp(content))


def _fill_rcs(message: Message, content: Json) -> None:
    message.suggestions = _suggestions(content)
    if "text" in content:
        message.text = content["text"]
    elif "content_info" in content:
        message.kind, message.media = "file", _media(content["content_info"], "")
    elif "standalone_card" in content["rich_card"]:
        standalone = content["rich_card"]["standalone_card"]
        card = _card(standalone["card_content"])
        card.orientation = standalone["card_orientation"].lower()
        card.alignment = standalone["thumbnail_image_alignment"].lower()
        message.kind, message.cards = "card", [card]
    else:
        carousel = content["rich_card"]["carousel_card"]
        message.kind, message.card_width = "carousel", carousel["card_width"].lower()
        message.cards = [_card(one) for one in carousel["card_contents"]]


def _card(content: Json) -> Card:
    media = content.get("media")
    return Card(
        title=content.get("title", ""),
        description=content.get("description", ""),
        media=_media(media["content_info"], media["height"].lower()) if media else None,
        suggestions=_suggestions(content),
    )


def _media(info: Json, height: str) -> Media:
    media = Media(info["file_url"], thumbnail=info.get("thumbnail_url", ""), height=height)
    media.media_type = mimetypes.guess_type(media.url.partition("?")[0])[0] or ""
    return media


def _suggestions(holder: Json) -> list[Suggestion]:
    return [_suggestion(one) for one in holder.get("suggestions", ())]


def _suggestion(one: Json) -> Suggestion:
    if "reply" in one:
        return Suggestion(one["reply"]["text"], "reply", one["reply"]["postback_data"], {})
    action = one["action"]
    name = next(name for name in KINDS if name in action)
    kind, detail_of = KINDS[name]
    detail = detail_of(action[name])
    if "fallback_url" in action:
        detail["fallback_url"] = action["fallback_url"]
    return Suggestion(action["text"], kind, action["postback_data"], detail)


def _open_url(fields: Json) -> Json:
    detail = {"url": fields["url"], "application": fields["application"].lower()}
    if "webview_view_mode" in fields:
        detail["view_mode"] = fields["webview_view_mode"].lower()
    if "description" in fields:
        detail["description"] = fields["description"]
    return detail


def _place(fields: Json) -> Json:
    return {
        **fields.get("lat_long", {}),
        **{name: fields[name] for name in ("label", "query") if name in fields},
    }


def _event(fields: Json) -> Json:
    return {
        "start": stamp(fields["start_time"]),
        "end": stamp(fields["end_time"]),
        "title": fields["title"],
        "description": fields["description"],
    }


KINDS = {  # Messente's action → the phone's kind of suggestion, and what it needs to know
    "dial_action": ("dial", lambda fields: {"phone": fields["phone_number"], "mode": "voice"}),
    "open_url_action": ("open_url", _open_url),
    "view_location_action": ("show_location", _place),
    "create_calendar_event_action": ("calendar_event", _event),
    "share_location_action": ("request_location", lambda fields: {}),
}


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
    """How many messages the operator counts: an SMS is cut where it is full, everything else is one."""
    if channel != "sms":
        return 1
    text: str = content["text"]
    if sms_text.is_gsm7(text):
        units = len(text) + sum(text.count(character) for character in TWO_SEPTETS)
        single, each = sms_text.GSM7
    else:
        units = len(text.encode("utf-16-be")) // 2
        single, each = sms_text.UCS2
    return 1 if units <= single else -(-units // each)
