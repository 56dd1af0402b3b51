"""The rules for what a MaaP platform takes: JSON without nulls, of which only times change their type.

Source: GSMA RCC.07 v10, 3.2.6 and 3.6.10, RCC.71 v2.2, section 15, for cards and limits; for the envelope, which no
public document defines, what several clients of such platforms send. `application`, `viewMode` and `parameters` of
openUrl are of the newer schema: allowed, never asked for.
"""

from datetime import datetime

from rcs_backends.emulator.phones import Json, now
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.gsma.rules import (
    MALFORMED,
    Broken,
    Members,
    coded,
    count,
    empty,
    offset,
    one_of,
    several_items,
)
from rcs_backends.emulator.wire.rules import Rule, duration, enum, number, text, timestamp, url

MAX_BYTES = 250_000  # of the JSON; the document says 250 KB
TRAFFIC_TYPES = ("advertisement", "payment", "premium", "subscription", "plugin")
CONTENTS = (
    "textMessage",
    "fileMessage",
    "audioMessage",
    "geolocationPushMessage",
    "richcardMessage",
    "isTyping",
)
FARTHEST = 20_000_000  # metres, half round the earth
UNKNOWN = "42050"
uri = url(web=False)

# Suggestions: chips and buttons

_phone = text(least=1)
_date = coded("42003", timestamp)
_point = {"latitude", "longitude"}


def _point_or_query(location: dict[str, object], path: str) -> None:
    if _point & set(location) and "query" in location:
        raise Broken("42052", path, "either latitude and longitude or query is allowed.")
    if not _point <= set(location) and "query" not in location:
        raise Broken("42051", path, "latitude and longitude, or query, are needed.")


_location = Members(
    {
        "latitude": number(-90, 90, exact=True),
        "longitude": number(-180, 180, exact=True),
        "label": text(100, least=1),
        "query": text(200, least=1),
    },
    also=_point_or_query,
)
_open_url = Members(
    {
        "url": uri,
        "application": enum("browser", "webview"),
        "viewMode": enum("full", "half", "tall"),
        "parameters": text(200, least=1),
    },
    needs=("url",),
)
_dial: dict[str, Rule] = {"phoneNumber": _phone, "fallbackUrl": uri}
_calendar = Members(
    {
        "startTime": _date,
        "endTime": _date,
        "title": text(100, least=1),
        "description": text(500, least=1),
        "fallbackUrl": uri,
    },
    needs=("startTime", "endTime", "title"),
)
GROUPS: dict[str, Rule] = {
    "urlAction": one_of({"openUrl": _open_url}, UNKNOWN, UNKNOWN),
    "dialerAction": one_of(
        {
            "dialPhoneNumber": Members(_dial, needs=("phoneNumber",)),
            "dialEnrichedCall": Members({**_dial, "subject": text(60)}, needs=("phoneNumber",)),
            "dialVideoCall": Members(_dial, needs=("phoneNumber",)),
        },
        "42055",
        "42056",
    ),
    "mapAction": one_of(
        {
            "showLocation": Members({"location": _location, "fallbackUrl": uri}, needs={"location": "42051"}),
            "requestLocationPush": empty,
        },
        "42053",
        "42054",
    ),
    "calendarAction": one_of({"createCalendarEvent": _calendar}, UNKNOWN, UNKNOWN),
    "composeAction": one_of(
        {
            "composeTextMessage": Members(
                {"phoneNumber": _phone, "text": text(100)}, needs=("phoneNumber", "text")
            ),
            "composeRecordingMessage": Members(
                {"phoneNumber": _phone, "type": enum("AUDIO", "VIDEO")}, needs=("phoneNumber", "type")
            ),
        },
        "42057",
        "42058",
    ),
    "deviceAction": one_of({"requestDeviceSpecifics": empty}, UNKNOWN, UNKNOWN),
    "settingsAction": one_of(
        {"disableAnonymization": empty, "enableDisplayedNotifications": empty}, "42059", "42060"
    ),
}
_postback = Members({"data": coded("42049", text(2048))}, needs={"data": "42108"})
_both: dict[str, Rule] = {"displayText": text(25, least=1), "postback": _postback}
_reply = Members(_both, needs=("displayText",))
_action = Members({**_both, **GROUPS}, needs=("displayText",), one_of=GROUPS, codes=(UNKNOWN, "42047"))
suggestion = one_of({"reply": _reply, "action": _action}, "42045", "42046")


# Messages

_size = coded("42206", count)


def _text_message(value: object, path: str) -> object:
    if value == "":
        raise Broken("42015", path, "the text is empty.")
    return text(int(world.config["gsma"]["text_limit"]))(value, path)


_file_message = Members(
    {
        "fileUrl": coded("42101", uri),
        "fileName": text(),
        "fileMIMEType": text(),
        "fileSize": _size,
        "thumbnailUrl": uri,
        "thumbnailFileName": text(),
        "thumbnailMIMEType": text(),
        "thumbnailFileSize": _size,
    },
    needs={"fileUrl": "42101"},
)
_audio_message = Members(
    {
        "fileUrl": coded("42102", uri),
        "fileName": text(),
        "fileMIMEType": text(),
        "fileSize": _size,
        "playingLength": count,
    },
    needs={"fileUrl": "42102"},
)


_latitude, _longitude = number(-90, 90), number(-180, 180)


def _position(value: object, path: str) -> tuple[object, object]:
    """Latitude and longitude with one blank between; south and west are negative."""
    degrees = r"-?\d{1,3}(\.\d{1,20})?"
    found = str(text(pattern=f"{degrees} {degrees}")(value, path)).split(" ")
    return _latitude(found[0], path), _longitude(found[1], path)


_geolocation = Members(
    {
        "pos": coded("42103", _position),
        "label": coded("42201", text(200)),
        "timestamp": coded("42003", timestamp),
        "expiry": coded("42003", timestamp),
        "timeOffset": offset,
        "radius": number(0, FARTHEST, exact=True),
    },
    needs={"pos": "42103"},
)


def _whole_thumbnail(media: Json, path: str) -> None:
    if "thumbnailUrl" in media and not {"thumbnailContentType", "thumbnailFileSize"} <= set(media):
        raise Broken("42100", path, "a thumbnail needs thumbnailContentType and thumbnailFileSize.")


_media = Members(
    {
        "mediaUrl": coded("42104", uri),
        "mediaContentType": coded("42105", text(pattern=r"(image|video|audio)/[!-~]+")),
        "mediaFileSize": _size,
        "height": coded("42107", enum("SHORT_HEIGHT", "MEDIUM_HEIGHT", "TALL_HEIGHT")),
        "thumbnailUrl": uri,
        "thumbnailContentType": text(least=1),
        "thumbnailFileSize": _size,
        "contentDescription": coded("42202", text(200, least=1)),
    },
    needs={"mediaUrl": "42104", "mediaContentType": "42105", "mediaFileSize": "42106", "height": "42107"},
    also=_whole_thumbnail,
)


def _says_something(card: Json, path: str) -> None:
    if not {"media", "title", "description"} & set(card):
        raise Broken("42042", path, "a card needs at least one of media, title, description.")


_card = Members(
    {
        "media": _media,
        "title": coded("42203", text(200, least=1)),
        "description": coded("42204", text(2000, least=1)),
        "suggestions": several_items(suggestion, ("42043", "42048"), lambda: (1, 4)),
    },
    also=_says_something,
)


def _alignment_of_horizontal(layout: Json, path: str) -> None:
    horizontal = layout["cardOrientation"] == "HORIZONTAL"
    if horizontal and "imageAlignment" not in layout:
        raise Broken("42037", f"{path}.imageAlignment", "a HORIZONTAL card needs it.")
    if not horizontal and "imageAlignment" in layout:
        raise Broken("42039", f"{path}.imageAlignment", "a VERTICAL card has none.")


_layout = Members(
    {
        "cardOrientation": coded("42036", enum("VERTICAL", "HORIZONTAL")),
        "imageAlignment": coded("42038", enum("LEFT", "RIGHT")),
    },
    needs={"cardOrientation": "42036"},
    also=_alignment_of_horizontal,
)
_carousel_layout = Members(
    {"cardWidth": coded("42040", enum("SMALL_WIDTH", "MEDIUM_WIDTH"))}, needs={"cardWidth": "42040"}
)


def _small_cards_are_not_tall(carousel: Json, path: str) -> None:
    small = carousel["layout"]["cardWidth"] == "SMALL_WIDTH"
    for index, card in enumerate(carousel["content"]):
        if small and card.get("media", {}).get("height") == "TALL_HEIGHT":
            raise Broken("42041", f"{path}.content[{index}].media.height", "a SMALL_WIDTH card is not tall.")


_card_needs = {"layout": "42034", "content": "42035"}
_cards = several_items(_card, (MALFORMED, "42033"), lambda: (2, int(world.config["gsma"]["carousel_limit"])))
_card_message = one_of(
    {
        "generalPurposeCard": Members({"layout": _layout, "content": _card}, needs=_card_needs),
        "generalPurposeCardCarousel": Members(
            {"layout": _carousel_layout, "content": _cards}, needs=_card_needs, also=_small_cards_are_not_tall
        ),
    },
    "42031",
    "42032",
)


def _traffic_type(value: object, path: str) -> object:
    return enum(*TRAFFIC_TYPES, *world.config["gsma"]["traffic_types"])(value, path)


_chips = Members(
    {"suggestions": several_items(suggestion, ("42043", "42044"), lambda: (1, 11))},
    needs={"suggestions": "42043"},
)
_content = Members(
    {
        "textMessage": _text_message,
        "fileMessage": _file_message,
        "audioMessage": _audio_message,
        "geolocationPushMessage": _geolocation,
        "richcardMessage": Members({"message": _card_message}, needs={"message": "42031"}),
        "isTyping": coded("42012", enum("active", "idle")),
        "suggestedChipList": _chips,
        "trafficType": coded("42013", _traffic_type),
        "expiry": coded("42207", timestamp),
        "msgId": text(200, least=1),
    },
    one_of=CONTENTS,
    codes=("42009", "42010"),
    ignored=("timestamp", "reportRequest"),
)


def _rcs_message(value: object, path: str) -> Json:
    """Check the content. Chips need one that is shown."""
    if isinstance(value, dict) and "suggestedChipList" in value and not set(value) & set(CONTENTS[:-1]):
        raise Broken("42014", path, "suggestedChipList needs a message.")
    return _content(value, path)


_identity = Members(
    {"userContact": coded("42005", text(pattern=r"\+[1-9]\d{0,14}")), "chatId": text(least=1)}
)


def contact(value: object, path: str) -> Json:
    """Check one recipient, a number or a token."""
    if not isinstance(value, dict) or not {"userContact", "chatId"} & set(value):
        raise Broken("42004", path, "userContact or chatId is needed.")
    if {"userContact", "chatId"} <= set(value) and world.config["gsma"]["both_identities"] == "refuse":
        raise Broken(MALFORMED, path, "only one of userContact, chatId is allowed.")
    return _identity(value, path)


message = Members(
    {"RCSMessage": _rcs_message, "messageContact": contact, "ttl": coded("42207", duration)},
    needs={"RCSMessage": "42008", "messageContact": "42004"},
)


def expires_at(body: Json) -> datetime | None:
    """Return the earlier of `expiry` and `ttl`. Where and how one is written is our choice. Raises Broken 42208."""
    times = [body["RCSMessage"]["expiry"]] if "expiry" in body["RCSMessage"] else []
    try:
        times += [now() + body["ttl"]] if "ttl" in body else []
    except OverflowError:
        raise Broken("42208", "ttl", "the time is out of range.") from None
    if times and min(times) <= now():
        raise Broken("42208", "RCSMessage.expiry", "the time must lie in the future.")
    return min(times, default=None)


STATUS_WORDS = {
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "displayed": "displayed",
    "read": "displayed",
}
_status: Rule = coded("42011", enum(*STATUS_WORDS))
status_change = Members(
    {"RCSMessage": Members({"status": _status}, needs={"status": "42011"}, ignored=("msgId", "timestamp"))},
    needs={"RCSMessage": "42008"},
)
