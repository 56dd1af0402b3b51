"""What Messente takes on the channel rcs: its JSON comes in, the same with typed times comes out, or Invalid.

Source: the vendor's OpenAPI description 2.1.0 and its page "RCS Message". That a card must hold something, and that a
place needs coordinates or a search text, is true of RCS and our choice here.
"""

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wire.messente.fields import NUMBER, Record, degrees
from rcs_backends.emulator.wire.rules import Invalid, Rule, boolean, enum, items, text, timestamp, url

ACTIONS = (
    "dial_action",
    "open_url_action",
    "view_location_action",
    "create_calendar_event_action",
    "share_location_action",
)
CONTENTS = ("text", "rich_card", "content_info")

_label = text(25, least=1)
_postback = text(2048)
_anywhere = url(2048, web=False)  # also tel: and an app's own scheme


def _is_a_place(place: Json, path: str) -> None:
    if not ("lat_long" in place or "query" in place):
        raise Invalid(path, "lat_long or query is needed.")


def _card_has_something(card: Json, path: str) -> None:
    if not (card.get("title") or card.get("description") or "media" in card):
        raise Invalid(path, "a card needs at least one of title, description, media.")


_content_info = Record(
    {"file_url": url(), "thumbnail_url": url(), "force_refresh": boolean}, needs=("file_url", "force_refresh")
)
_dial = Record({"phone_number": text(pattern=NUMBER)}, needs=("phone_number",))
_open_url = Record(
    {
        "url": _anywhere,
        "application": enum("BROWSER", "WEBVIEW"),
        "webview_view_mode": enum("FULL", "HALF", "TALL"),
        "description": text(),
    },
    needs=("url", "application"),
)
_lat_long = Record({"latitude": degrees(90), "longitude": degrees(180)}, needs=("latitude", "longitude"))
_view_location = Record({"lat_long": _lat_long, "label": text(), "query": text(least=1)}, also=_is_a_place)
_calendar = Record(
    {
        "start_time": timestamp,
        "end_time": timestamp,
        "title": text(100, least=1),
        "description": text(500),
    },
    needs=("start_time", "end_time", "title", "description"),
)
_reply = Record({"text": _label, "postback_data": _postback}, needs=("text", "postback_data"))
_action = Record(
    {
        "text": _label,
        "postback_data": _postback,
        "fallback_url": _anywhere,
        "dial_action": _dial,
        "open_url_action": _open_url,
        "view_location_action": _view_location,
        "create_calendar_event_action": _calendar,
        "share_location_action": Record({}),
    },
    needs=("text", "postback_data"),
    one_of=ACTIONS,
)
_suggestion = Record({"reply": _reply, "action": _action}, one_of=("reply", "action"))
_media = Record(
    {"height": enum("SHORT", "MEDIUM", "TALL"), "content_info": _content_info},
    needs=("height", "content_info"),
)
_card_content = Record(
    {"title": text(200), "description": text(2000), "media": _media, "suggestions": items(_suggestion, 4)},
    also=_card_has_something,
)
_standalone = Record(
    {
        "card_orientation": enum("VERTICAL", "HORIZONTAL"),
        "thumbnail_image_alignment": enum("LEFT", "RIGHT"),
        "card_content": _card_content,
    },
    needs=("card_orientation", "thumbnail_image_alignment", "card_content"),
)
_carousel = Record(
    {"card_width": enum("SMALL", "MEDIUM"), "card_contents": items(_card_content, 10, least=2)},
    needs=("card_width", "card_contents"),
)
_rich_card = Record(
    {"standalone_card": _standalone, "carousel_card": _carousel}, one_of=("standalone_card", "carousel_card")
)
FIELDS: dict[str, Rule] = {
    "text": text(3072, least=1),
    "rich_card": _rich_card,
    "content_info": _content_info,
    "suggestions": items(_suggestion, 11),
}
