"""Turn MaaP messages into bubbles."""

from rcs_backends.emulator.phones import Card, Json, Media, Message, Suggestion
from rcs_backends.emulator.wire.rich import detail_of

KINDS = {
    "openUrl": "open_url",
    "dialPhoneNumber": "dial",
    "dialEnrichedCall": "dial",
    "dialVideoCall": "dial",
    "showLocation": "show_location",
    "requestLocationPush": "request_location",
    "createCalendarEvent": "calendar_event",
    "composeTextMessage": "compose_text",
    "composeRecordingMessage": "compose_recording",
    "requestDeviceSpecifics": "request_device_specifics",
    "disableAnonymization": "disable_anonymization",
    "enableDisplayedNotifications": "enable_displayed_notifications",
}
MODES = {"dialPhoneNumber": "voice", "dialEnrichedCall": "enriched", "dialVideoCall": "video"}


def fill(message: Message, content: Json) -> None:
    message.suggestions = _suggestions(content.get("suggestedChipList", {}))
    message.text = content.get("textMessage", "")
    if "richcardMessage" in content:
        _fill_cards(message, content["richcardMessage"]["message"])
    elif "fileMessage" in content:
        message.kind, message.media = "file", _file(content["fileMessage"])
    elif "audioMessage" in content:
        message.kind, message.media = "audio", _file(content["audioMessage"])
    elif "geolocationPushMessage" in content:
        place = content["geolocationPushMessage"]
        message.kind, message.location, message.text = "location", place["pos"], place.get("label", "")


def _file(file: Json) -> Media:
    return Media(
        file["fileUrl"],
        thumbnail=file.get("thumbnailUrl", ""),
        thumbnail_name=file.get("thumbnailFileName", ""),
        alt=file.get("fileName", ""),
        media_type=file.get("fileMIMEType", ""),
        name=file.get("fileName", ""),
        size=file.get("fileSize", 0),
        seconds=file.get("playingLength", 0),
    )


def _fill_cards(message: Message, rich: Json) -> None:
    if "generalPurposeCard" in rich:
        layout = rich["generalPurposeCard"]["layout"]
        card = _card(rich["generalPurposeCard"]["content"])
        card.orientation = layout["cardOrientation"].lower()
        card.alignment = layout.get("imageAlignment", "LEFT").lower()
        message.kind, message.cards = "card", [card]
    else:
        carousel = rich["generalPurposeCardCarousel"]
        message.kind = "carousel"
        message.card_width = carousel["layout"]["cardWidth"].removesuffix("_WIDTH").lower()
        message.cards = [_card(content) for content in carousel["content"]]


def _card(content: Json) -> Card:
    return Card(
        title=content.get("title", ""),
        description=content.get("description", ""),
        media=_media(content["media"]) if "media" in content else None,
        suggestions=_suggestions(content),
    )


def _media(media: Json) -> Media:
    return Media(
        media["mediaUrl"],
        thumbnail=media.get("thumbnailUrl", ""),
        height=media["height"].removesuffix("_HEIGHT").lower(),
        alt=media.get("contentDescription", ""),
        media_type=media["mediaContentType"],
        size=media["mediaFileSize"],
    )


def _suggestions(holder: Json) -> list[Suggestion]:
    return [_suggestion(one) for one in holder.get("suggestions", ())]


def _suggestion(one: Json) -> Suggestion:
    shown = one.get("reply") or one["action"]
    postback = shown.get("postback", {}).get("data", "")
    if "reply" in one:
        return Suggestion(shown["displayText"], "reply", postback, {})
    name, fields = _action(shown)
    mode = {"mode": MODES[name]} if name in MODES else {}
    return Suggestion(shown["displayText"], KINDS[name], postback, mode | detail_of(fields))


def _action(shown: Json) -> tuple[str, Json]:
    """Return the one action of its one group."""
    group = next(value for name, value in shown.items() if name not in ("displayText", "postback"))
    name, fields = next(iter(group.items()))
    return name, fields
