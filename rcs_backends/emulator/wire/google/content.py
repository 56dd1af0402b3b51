"""From Google's JSON to a bubble: a checked AgentMessage comes in, what the phone shows and needs goes out."""

import mimetypes
from collections.abc import Callable
from datetime import datetime
from math import ceil

from rcs_backends.emulator.phones import Card, Json, Media, Message, Suggestion, stamp

ACTION_KINDS = {
    "openUrlAction": "open_url",
    "dialAction": "dial",
    "viewLocationAction": "show_location",
    "shareLocationAction": "request_location",
    "createCalendarEventAction": "calendar_event",
}
ACTION_FEATURES = {
    "openUrlAction": "ACTION_OPEN_URL",
    "dialAction": "ACTION_DIAL",
    "viewLocationAction": "ACTION_VIEW_LOCATION",
    "shareLocationAction": "ACTION_SHARE_LOCATION",
    "createCalendarEventAction": "ACTION_CREATE_CALENDAR_EVENT",
}
WORDS = ("application", "webviewViewMode")  # in lower case in the control API; unspecified is absent
DETAILS = {  # names in the control API
    "phoneNumber": "phone",
    "startTime": "start",
    "endTime": "end",
    "webviewViewMode": "view_mode",
    "latLong": "",
}
Uploaded = Callable[[str], tuple[str, str]]  # a files/… name → its address and media type


def fill(message: Message, content: Json, uploaded: Uploaded) -> None:
    """Give the message its kind, text, cards, media and chips."""
    message.suggestions = _suggestions(content)
    if "text" in content:
        message.text = content["text"]
    elif "richCard" in content:
        _fill_cards(message, content["richCard"], uploaded)
    else:
        message.kind = "file"
        message.media = _media(content, uploaded)


def _fill_cards(message: Message, rich_card: Json, uploaded: Uploaded) -> None:
    if "standaloneCard" in rich_card:
        standalone = rich_card["standaloneCard"]
        card = _card(standalone["cardContent"], uploaded)
        card.orientation = "horizontal" if standalone.get("cardOrientation") == "HORIZONTAL" else "vertical"
        card.alignment = "right" if standalone.get("thumbnailImageAlignment") == "RIGHT" else "left"
        message.kind, message.cards = "card", [card]
    else:
        carousel = rich_card["carouselCard"]
        message.kind = "carousel"
        message.card_width = "small" if carousel.get("cardWidth") == "SMALL" else "medium"
        message.cards = [_card(content, uploaded) for content in carousel["cardContents"]]


def _card(content: Json, uploaded: Uploaded) -> Card:
    return Card(
        title=content.get("title", ""),
        description=content.get("description", ""),
        media=_media(content["media"], uploaded) if "media" in content else None,
        suggestions=_suggestions(content),
    )


def _media(source: Json, uploaded: Uploaded) -> Media:
    """From any of the three forms in which a file is named."""
    height = source.get("height", "")
    media = Media("", height=height.lower() if height in ("SHORT", "MEDIUM", "TALL") else "")
    media.alt = source.get("contentDescription", "")
    if "contentInfo" in source:
        media.url = source["contentInfo"]["fileUrl"]
        media.thumbnail = source["contentInfo"].get("thumbnailUrl", "")
        media.media_type = mimetypes.guess_type(media.url.partition("?")[0])[0] or ""
        return media
    names = source.get("uploadedRbmFile") or {"fileName": source["fileName"]}
    media.url, media.media_type = uploaded(names["fileName"])
    if "thumbnailName" in names:
        media.thumbnail = uploaded(names["thumbnailName"])[0]
    return media


def file_names(content: Json) -> list[str]:
    """Every files/… name that the content uses."""
    names: list[str] = []
    for source in _sources(content):
        uploaded = source.get("uploadedRbmFile", {})
        found = (uploaded.get("fileName"), uploaded.get("thumbnailName"), source.get("fileName"))
        names += [name for name in found if name]
    return names


def _sources(content: Json) -> list[Json]:
    cards = [card["media"] for card in _card_contents(content) if "media" in card]
    return [*cards, content]


def _card_contents(content: Json) -> list[Json]:
    rich_card = content.get("richCard", {})
    if "standaloneCard" in rich_card:
        return [rich_card["standaloneCard"]["cardContent"]]
    contents: list[Json] = rich_card.get("carouselCard", {}).get("cardContents", [])
    return contents


def _suggestions(holder: Json) -> list[Suggestion]:
    return [_suggestion(one) for one in holder.get("suggestions", ())]


def _suggestion(one: Json) -> Suggestion:
    if "reply" in one:
        return Suggestion(one["reply"]["text"], "reply", one["reply"].get("postbackData", ""), {})
    action = one["action"]
    name = next(name for name in ACTION_KINDS if name in action)
    detail = _detail(action[name])
    if "fallbackUrl" in action:
        detail["fallback_url"] = action["fallbackUrl"]
    return Suggestion(action["text"], ACTION_KINDS[name], action.get("postbackData", ""), detail)


def _detail(fields: Json) -> Json:
    detail: Json = {}
    for name, value in fields.items():
        if name == "latLong":
            detail.update(value)
        elif name in WORDS:
            detail |= {} if value.endswith("_UNSPECIFIED") else {DETAILS.get(name, name): value.lower()}
        else:
            detail[DETAILS.get(name, name)] = stamp(value) if isinstance(value, datetime) else value
    return detail


def missing_feature(content: Json, features: list[str]) -> str | None:
    """The first feature that the content needs and the phone lacks. An action with a fallbackUrl needs none."""
    needed: list[str] = []
    if "richCard" in content:
        carousel = "carouselCard" in content["richCard"]
        needed.append("RICHCARD_CAROUSEL" if carousel else "RICHCARD_STANDALONE")
    for holder in (content, *_card_contents(content)):
        needed += [_action_feature(one["action"]) for one in holder.get("suggestions", ()) if "action" in one]
    return next((feature for feature in needed if feature and feature not in features), None)


def _action_feature(action: Json) -> str:
    return (
        ""
        if "fallbackUrl" in action
        else next(ACTION_FEATURES[name] for name in ACTION_FEATURES if name in action)
    )


def as_answer(value: object) -> object:
    """Checked JSON as Google writes it: times as strings, what is empty or false left out (proto3)."""
    if isinstance(value, dict):
        return {key: as_answer(one) for key, one in value.items() if one == {} or one not in ("", False, [])}
    if isinstance(value, list):
        return [as_answer(one) for one in value]
    return stamp(value) if isinstance(value, datetime) else value


def classification(content: Json) -> Json:
    """The US billing class of a message (carriers/billing/us-billing-model)."""
    simple = "text" in content and all(_is_plain(one) for one in content.get("suggestions", ()))
    if not simple:
        return {"classificationType": "RICH_MEDIA_MESSAGE"}
    return {"classificationType": "RICH_MESSAGE", "segmentCount": ceil(len(content["text"].encode()) / 160)}


def _is_plain(suggestion: Json) -> bool:
    action = suggestion.get("action", {"dialAction": {}})
    return (
        "dialAction" in action
        or action.get("openUrlAction", {"application": "WEBVIEW"}).get("application") != "WEBVIEW"
    )
