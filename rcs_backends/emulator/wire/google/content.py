"""Turn Google's messages into bubbles, and say what a phone needs to show them."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from math import ceil

from rcs_backends.emulator.phones import Json, Media, Message, stamp
from rcs_backends.emulator.wire.rich import Rich, media_at, word

ACTION_FEATURES = {
    "openUrlAction": "ACTION_OPEN_URL",
    "dialAction": "ACTION_DIAL",
    "viewLocationAction": "ACTION_VIEW_LOCATION",
    "shareLocationAction": "ACTION_SHARE_LOCATION",
    "createCalendarEventAction": "ACTION_CREATE_CALENDAR_EVENT",
}
Uploaded = Callable[[str], tuple[str, str]]  # a files/… name → its address and media type


def fill(message: Message, content: Json, uploaded: Uploaded) -> None:
    media = partial(_media, uploaded=uploaded)
    Rich(media).fill(message, content)
    if "text" not in content and "richCard" not in content:
        message.kind, message.media = "file", media(content)


def _media(source: Json, uploaded: Uploaded) -> Media:
    """Return the file, whichever of the three forms names it."""
    if "contentInfo" in source:
        return media_at(source)
    names = source.get("uploadedRbmFile") or {"fileName": source["fileName"]}
    url, media_type = uploaded(names["fileName"])
    media = Media(url, height=word(source, "height", ""), alt=source.get("contentDescription", ""))
    media.media_type = media_type
    if "thumbnailName" in names:
        media.thumbnail = uploaded(names["thumbnailName"])[0]
    return media


def file_names(content: Json) -> list[str]:
    """Return every files/… name that the content uses."""
    names: list[str] = []
    cards = [card["media"] for card in _card_contents(content) if "media" in card]
    for source in (*cards, content):
        uploaded = source.get("uploadedRbmFile", {})
        found = (uploaded.get("fileName"), uploaded.get("thumbnailName"), source.get("fileName"))
        names += [name for name in found if name]
    return names


def _card_contents(content: Json) -> list[Json]:
    rich_card = content.get("richCard", {})
    if "standaloneCard" in rich_card:
        return [rich_card["standaloneCard"]["cardContent"]]
    contents: list[Json] = rich_card.get("carouselCard", {}).get("cardContents", [])
    return contents


def missing_feature(content: Json, features: list[str]) -> str | None:
    """Return the first feature that the content needs and the phone lacks. An action with a fallbackUrl needs none."""
    needed: list[str] = []
    if "richCard" in content:
        carousel = "carouselCard" in content["richCard"]
        needed.append("RICHCARD_CAROUSEL" if carousel else "RICHCARD_STANDALONE")
    for holder in (content, *_card_contents(content)):
        needed += [_action_feature(one["action"]) for one in holder.get("suggestions", ()) if "action" in one]
    return next((feature for feature in needed if feature and feature not in features), None)


def _action_feature(action: Json) -> str:
    if "fallbackUrl" in action:
        return ""
    return next(ACTION_FEATURES[name] for name in ACTION_FEATURES if name in action)


def as_answer(value: object) -> object:
    """Return checked JSON as Google writes it: times as strings, what is empty or false left out (proto3)."""
    if isinstance(value, dict):
        return {key: as_answer(one) for key, one in value.items() if one == {} or one not in ("", False, [])}
    if isinstance(value, list):
        return [as_answer(one) for one in value]
    return stamp(value) if isinstance(value, datetime) else value


def classification(content: Json) -> Json:
    """Return the US billing class of a message (carriers/billing/us-billing-model)."""
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
