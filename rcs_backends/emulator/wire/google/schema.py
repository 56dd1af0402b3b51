"""The rules for what Google takes: they return JSON in lowerCamelCase, of which only times change their type.

Source of every limit: developers.google.com/business-communications/rcs-business-messaging, reference
rest/v1/phones.agentMessages, guides/learn/rich-cards and guides/build/messages/send, as of November 2026. What the
pages leave open is marked "our choice".
"""

from datetime import timedelta

from rcs_backends.emulator.phones import Json, now
from rcs_backends.emulator.wire.rich import RichRules
from rcs_backends.emulator.wire.rules import (
    E164,
    Fields,
    Invalid,
    Rule,
    boolean,
    duration,
    enum,
    items,
    text,
    timestamp,
    url,
)

MAX_BYTES = 250_000  # of the whole message; the pages say 250 KB
MAX_AGE = timedelta(days=15)  # ttl and expireTime
_IMAGES = ("image/jpeg", "image/jpg", "image/gif", "image/png")
_AUDIO = ("aac", "mp3", "mpeg", "mpg", "mp4", "mp4-latm", "3gpp")
_VIDEO = ("h263", "m4v", "mp4", "mpeg4", "mpeg", "webm")
MEDIA_TYPES = {*_IMAGES, *(f"audio/{one}" for one in _AUDIO), *(f"video/{one}" for one in _VIDEO)}
MEDIA_TYPES |= {"application/pdf", "application/ogg"}
TRAFFIC_TYPES = (
    "MESSAGE_TRAFFIC_TYPE_UNSPECIFIED",
    "AUTHENTICATION",
    "TRANSACTION",
    "PROMOTION",
    "SERVICEREQUEST",
    "ACKNOWLEDGEMENT",
)

_file_name = text(least=1, pattern=r"files/[^/]+")

_content_info = Fields(
    {"fileUrl": url(), "thumbnailUrl": url(), "forceRefresh": boolean},
    needs=("fileUrl",),
)
_uploaded = Fields({"fileName": _file_name, "thumbnailName": _file_name}, needs=("fileName",))
_file_sources: dict[str, Rule] = {
    "contentInfo": _content_info,
    "uploadedRbmFile": _uploaded,
    "fileName": _file_name,
}


def _horizontal_card_says_something(standalone: Json, path: str) -> None:
    card = standalone["cardContent"]
    says = card.get("title") or card.get("description") or card.get("suggestions")
    if standalone.get("cardOrientation") == "HORIZONTAL" and "media" in card and not says:
        raise Invalid(
            f"{path}.cardContent", "a horizontal card with media needs a title, a description or suggestions."
        )


def _small_cards_are_not_tall(carousel: Json, path: str) -> None:
    for index, card in enumerate(carousel["cardContents"]):
        if carousel.get("cardWidth") == "SMALL" and card.get("media", {}).get("height") == "TALL":
            raise Invalid(f"{path}.cardContents[{index}].media.height", "TALL is not allowed in SMALL cards.")


class _Rules(RichRules):
    """Enums have an unspecified value too. That a label is not empty is our choice."""

    exact = False
    standalone = {"also": _horizontal_card_says_something}
    carousel = {"also": _small_cards_are_not_tall}

    def words(self, name: str, *words: str) -> Rule:
        return enum(f"{name}_UNSPECIFIED", *words)


_media = Fields(
    {
        "height": enum("HEIGHT_UNSPECIFIED", "SHORT", "MEDIUM", "TALL"),
        "contentDescription": text(),
        **_file_sources,
    },
    one_of=tuple(_file_sources),
)
_rules = _Rules(_media)
_content = Fields(
    {
        "text": text(3072, least=1),
        "richCard": _rules.rich_card(),
        "suggestions": items(_rules.suggestion(), 11),
        **_file_sources,
    },
    one_of=("text", "richCard", *_file_sources),
)


def _expires_in_time(agent_message: Json, path: str) -> None:
    """ttl becomes expireTime: the API never gives ttl back. That both lie in the future is our choice."""
    ttl = agent_message.pop("ttl", None)
    name = "expireTime" if ttl is None else "ttl"
    if ttl is not None and ttl <= MAX_AGE:
        agent_message["expireTime"] = now() + ttl
    expires = agent_message.get("expireTime")
    if (ttl is not None and not timedelta(0) < ttl <= MAX_AGE) or (
        expires is not None and not timedelta(0) < expires - now() <= MAX_AGE
    ):
        raise Invalid(name, "the time must lie in the future, at most 15 days ahead.")


agent_message = Fields(
    {
        "contentMessage": _content,
        "messageTrafficType": enum(*TRAFFIC_TYPES),
        "expireTime": timestamp,
        "ttl": duration,
    },
    needs=("contentMessage",),
    at_most_one_of=("expireTime", "ttl"),
    ignored=("name", "sendTime", "richMessageClassification", "totalPayloadSizeBytes", "carrier"),
    also=_expires_in_time,
)


def _read_names_a_message(event: Json, path: str) -> None:
    if event["eventType"] == "READ" and not event.get("messageId"):
        raise Invalid("messageId", "READ needs the id of the user's message.")


agent_event = Fields(
    {"eventType": enum("IS_TYPING", "READ"), "messageId": text()},  # TYPE_UNSPECIFIED is no event: our choice
    needs=("eventType",),
    ignored=("name", "sendTime"),
    also=_read_names_a_message,
)
batch_get = Fields(
    {"users": items(text(pattern=E164.pattern), 10_000, least=1), "agentId": text()}, needs=("users",)
)
create_file = Fields({"fileUrl": url(), "thumbnailUrl": url(), "agentId": text()}, needs=("fileUrl",))
