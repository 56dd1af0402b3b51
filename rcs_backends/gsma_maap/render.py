"""Outbound → the JSON of `POST {bot}/messages`: what is said, its chips, how it is to travel, and to whom.

What is not set is left out: members with null are refused by some platforms. Cards and chips: RCC.07, 3.6.10.
"""

from datetime import datetime, timedelta
from typing import Any

from rcs_backends.gsma_maap.limits import media_type
from rcs_backends.gsma_maap.options import GSMAMaaPOptions
from rcs_backends.gsma_maap.suggestions import date_time, suggestions
from rcs_backends.payload import merged
from rcs_router.content import Audio, Card, Carousel, Content, File, Location, Media, Text
from rcs_router.content.lines import degrees
from rcs_router.contract import Outbound, sorted_extra

# What a message's `extra` may set, besides what the option of that name adds.
EXTRA = frozenset(
    f"RCSMessage.{name}"
    for name in (
        *("textMessage", "fileMessage", "audioMessage", "geolocationPushMessage", "richcardMessage"),
        *("suggestedChipList", "trafficType", "reportRequest"),
    )
)
UNKNOWN_TYPE = "application/octet-stream"  # where a type is required; `check` has refused it before


def request_body(outbound: Outbound, options: GSMAMaaPOptions, now: datetime) -> dict[str, Any]:
    """The whole body. What is allowed of `outbound.extra` is merged in last (RFC 7396: null removes)."""
    message = rcs_message(outbound.content)
    if kind := options.traffic_types.get(outbound.traffic, ""):
        message["trafficType"] = kind
    if outbound.expires_at and options.expiry_field:  # it must lie in the future
        message[options.expiry_field] = date_time(max(outbound.expires_at, now + timedelta(seconds=1)))
    extra, _ = sorted_extra(outbound.extra, EXTRA | set(options.extra))
    return merged({"RCSMessage": message, "messageContact": contact(outbound.to)}, extra)


def contact(identity: str) -> dict[str, str]:
    """Exactly one identity: a number is a userContact, everything else the token of somebody anonymous."""
    return {"userContact" if identity.startswith("+") else "chatId": identity}


def rcs_message(content: Content) -> dict[str, Any]:
    """One content member, and the row of chips below it."""
    chips = suggestions(content.chips if isinstance(content, Card) else content.suggestions)
    return {**_content(content), **({"suggestedChipList": chips} if chips else {})}


def _content(content: Content) -> dict[str, Any]:
    match content:
        case Text():
            return {"textMessage": content.text}
        case File():
            return {"fileMessage": {**_file(content), **_file_thumbnail(content)}}
        case Audio():
            length = {} if content.seconds is None else {"playingLength": content.seconds}
            return {"audioMessage": {**_file(content), **length}}
        case Location():
            return {"geolocationPushMessage": _location(content)}
        case Card():
            card = {"layout": _layout(content), "content": _card(content)}
            return {"richcardMessage": {"message": {"generalPurposeCard": card}}}
        case Carousel():
            cards = [_card(card) for card in content.cards]
            carousel = {"layout": {"cardWidth": f"{content.width.upper()}_WIDTH"}, "content": cards}
            return {"richcardMessage": {"message": {"generalPurposeCardCarousel": carousel}}}
    raise ValueError(f"GSMA MaaP carries no {type(content).__name__}: it is fitted before it comes here")


def _file(file: File | Audio) -> dict[str, Any]:
    kind = media_type(file.url, file.media_type)
    told = {"fileUrl": file.url, "fileName": file.name, "fileMIMEType": kind}
    size = {} if file.size is None else {"fileSize": file.size}
    return {name: value for name, value in told.items() if value} | size


def _file_thumbnail(file: File) -> dict[str, Any]:
    """With its type and size, which the errors of one platform ask for."""
    if not file.thumbnail_url:
        return {}
    name = {"thumbnailFileName": file.thumbnail_name} if file.thumbnail_name else {}
    return {
        "thumbnailUrl": file.thumbnail_url,
        **name,
        "thumbnailMIMEType": media_type(file.thumbnail_url, file.thumbnail_type) or UNKNOWN_TYPE,
        "thumbnailFileSize": file.thumbnail_size or 0,
    }


def _location(place: Location) -> dict[str, Any]:
    """`pos`: latitude, one blank, longitude. `timeOffset`: minutes from UTC on the clock of `at`."""
    push: dict[str, Any] = {"pos": f"{degrees(place.latitude)} {degrees(place.longitude)}"}
    if place.label:
        push["label"] = place.label
    if place.at:
        push["timestamp"] = date_time(place.at)
        push["timeOffset"] = int((place.at.utcoffset() or timedelta()).total_seconds() // 60)
    if place.expires_at:
        push["expiry"] = date_time(place.expires_at)
    if place.radius is not None:
        push["radius"] = int(place.radius) if place.radius.is_integer() else place.radius
    return push


def _layout(card: Card) -> dict[str, str]:
    if card.orientation == "vertical":  # an alignment would be refused with it
        return {"cardOrientation": "VERTICAL"}
    return {"cardOrientation": "HORIZONTAL", "imageAlignment": card.alignment.upper()}


def _card(card: Card) -> dict[str, Any]:
    media = _media(card.media) if card.media else {}
    parts = {"media": media, "title": card.title, "description": card.description}
    return {name: part for name, part in parts.items() if part} | suggestions(card.suggestions)


def _media(media: Media) -> dict[str, Any]:
    """Type and size are required: the type is guessed from the address, a size that is not known is 0."""
    rendered: dict[str, Any] = {
        "mediaUrl": media.url,
        "mediaContentType": media_type(media.url, media.media_type) or UNKNOWN_TYPE,
        "mediaFileSize": media.size or 0,
        "height": f"{media.height.upper()}_HEIGHT",
    }
    if media.thumbnail_url:
        rendered["thumbnailUrl"] = media.thumbnail_url
        rendered["thumbnailContentType"] = (
            media_type(media.thumbnail_url, media.thumbnail_type) or UNKNOWN_TYPE
        )
        rendered["thumbnailFileSize"] = media.thumbnail_size or 0
    return rendered | ({"contentDescription": media.alt} if media.alt else {})
