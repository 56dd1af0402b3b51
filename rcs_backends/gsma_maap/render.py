"""Render an Outbound as the JSON of `POST {bot}/messages`.

Unset members are omitted: some platforms refuse nulls. Cards and chips: RCC.07, 3.6.10.
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

# What a message's `extra` may set, in addition to the option `extra`.
EXTRA = frozenset(
    f"RCSMessage.{name}"
    for name in (
        *("textMessage", "fileMessage", "audioMessage", "geolocationPushMessage", "richcardMessage"),
        *("suggestedChipList", "trafficType", "reportRequest"),
    )
)
UNKNOWN_TYPE = "application/octet-stream"  # where a type is required; `check` has refused the content before


def request_body(outbound: Outbound, options: GSMAMaaPOptions, now: datetime) -> dict[str, Any]:
    """Return the request body. The allowed part of `outbound.extra` is merged in last (RFC 7396: null removes)."""
    message = rcs_message(outbound.content)
    if kind := options.traffic_types.get(outbound.traffic, ""):
        message["trafficType"] = kind
    if outbound.expires_at and options.expiry_field:  # it must be in the future
        message[options.expiry_field] = date_time(max(outbound.expires_at, now + timedelta(seconds=1)))
    extra, _ = sorted_extra(outbound.extra, EXTRA | set(options.extra))
    return merged({"RCSMessage": message, "messageContact": contact(outbound.to)}, extra)


def contact(identity: str) -> dict[str, str]:
    """Return exactly one identity: a number is a userContact, everything else the token of an anonymous person."""
    return {"userContact" if identity.startswith("+") else "chatId": identity}


def rcs_message(content: Content) -> dict[str, Any]:
    """Return the content's member, with the suggestions below the message."""
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
    raise ValueError(f"GSMA MaaP cannot carry {type(content).__name__}: it must be fitted before rendering")


def _file(file: File | Audio) -> dict[str, Any]:
    kind = media_type(file.url, file.media_type)
    members = {"fileUrl": file.url, "fileName": file.name, "fileMIMEType": kind}
    size = {} if file.size is None else {"fileSize": file.size}
    return {name: value for name, value in members.items() if value} | size


def _file_thumbnail(file: File) -> dict[str, Any]:
    """Return the thumbnail with its type and size, which one platform's errors require."""
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
    """Return `pos` (latitude, one blank, longitude) and `timeOffset` (minutes from UTC on the clock of `at`)."""
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
    if card.orientation == "vertical":  # platforms refuse an alignment with it
        return {"cardOrientation": "VERTICAL"}
    return {"cardOrientation": "HORIZONTAL", "imageAlignment": card.alignment.upper()}


def _card(card: Card) -> dict[str, Any]:
    media = _media(card.media) if card.media else {}
    parts = {"media": media, "title": card.title, "description": card.description}
    return {name: part for name, part in parts.items() if part} | suggestions(card.suggestions)


def _media(media: Media) -> dict[str, Any]:
    """Return a medium with its required type, guessed from the URL, and size, 0 when unknown."""
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
