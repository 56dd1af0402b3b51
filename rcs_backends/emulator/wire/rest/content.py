"""From the REST API's JSON to a bubble: a checked `message` comes in, what the phone shows goes out."""

import mimetypes

from rcs_backends.emulator.phones import Card, Json, Media, Message, Suggestion, stamp


def fill(message: Message, content: Json) -> None:
    """Give the message its kind, text, cards, media, form and chips."""
    message.text = content.get("text", "")
    message.suggestions = _suggestions(content)
    if "richCard" in content:
        _fill_cards(message, content["richCard"])
    elif "file" in content:
        message.media = _media(content["file"])
        message.kind = "audio" if message.media.media_type.startswith("audio/") else "file"
    elif "form" in content:
        message.kind, message.form = "form", _form(content)


def _fill_cards(message: Message, rich_card: Json) -> None:
    if "standaloneCard" in rich_card:
        standalone = rich_card["standaloneCard"]
        card = _card(standalone["cardContent"])
        card.orientation = standalone.get("cardOrientation", card.orientation).lower()
        card.alignment = standalone.get("thumbnailImageAlignment", card.alignment).lower()
        message.kind, message.cards = "card", [card]
    else:
        carousel = rich_card["carouselCard"]
        message.kind = "carousel"
        message.card_width = carousel.get("cardWidth", "MEDIUM").lower()
        message.cards = [_card(content) for content in carousel["cardContents"]]


def _card(content: Json) -> Card:
    return Card(
        title=content.get("title", ""),
        description=content.get("description", ""),
        media=_media(content["media"]) if "media" in content else None,
        suggestions=_suggestions(content),
    )


def _media(source: Json) -> Media:
    url = source["contentUrl"]
    return Media(
        url,
        thumbnail=source.get("thumbnailUrl", ""),
        thumbnail_name=source.get("thumbnailFileName", ""),
        height=source.get("height", "").lower(),
        alt=source.get("contentDescription", ""),
        media_type=source.get("mimeType") or mimetypes.guess_type(url.partition("?")[0])[0] or "",
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


def _suggestions(holder: Json) -> list[Suggestion]:
    return [_suggestion(one) for one in holder.get("suggestions", ())]


def _suggestion(one: Json) -> Suggestion:
    """A button without an action of its own only sends its postback; its kind is `action`."""
    if "reply" in one:
        return Suggestion(one["reply"]["text"], "reply", one["reply"].get("postbackData", ""), {})
    action = one["action"]
    kind, detail = _what_it_does(action)
    return Suggestion(action["text"], kind, action.get("postbackData", ""), detail)


def _what_it_does(action: Json) -> tuple[str, Json]:
    if opened := action.get("openUrlAction"):
        detail = {"url": opened["url"], "application": opened.get("application", "BROWSER").lower()}
        if "webviewViewMode" in opened:
            detail["view_mode"] = opened["webviewViewMode"].lower()
        if "description" in opened:
            detail["description"] = opened["description"]
        return "open_url", detail
    if dialled := action.get("dialAction"):
        return "dial", {"phone": dialled["phoneNumber"], "mode": "voice"}
    if shown := action.get("viewLocationAction"):
        if "query" in shown:
            return "show_location", {"query": shown["query"]}
        return "show_location", {**shown["latLong"], "label": shown.get("label", "")}
    if event := action.get("createCalendarEventAction"):
        times = {"start": stamp(event["startTime"]), "end": stamp(event["endTime"])}
        return "calendar_event", {
            **times,
            "title": event["title"],
            "description": event.get("description", ""),
        }
    return ("request_location" if "shareLocationAction" in action else "action"), {}
