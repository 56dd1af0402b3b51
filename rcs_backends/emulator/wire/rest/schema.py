"""What the REST platform takes: a request's JSON comes in, the same with typed times comes out, or Invalid.

Source: the integration guide's model (names, nesting, `text` beside `richCard`, `fallbackText`). The guide shows a text
and a rich card; the shapes of carousels, replies, actions, forms and files follow its pattern and are our decision, and
so are the limits, which are those of RCS in general.
"""

from functools import partial

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wire.rules import (
    Fields,
    Invalid,
    Rule,
    boolean,
    enum,
    items,
    number,
    text,
    timestamp,
    url,
)

ACTIONS = (
    "openUrlAction",
    "dialAction",
    "viewLocationAction",
    "createCalendarEventAction",
    "shareLocationAction",
)
FIELD_TYPES = ("text", "number", "email", "phone", "date", "select", "checkbox")
CONTENTS = ("richCard", "file", "form")


_Fields = partial(Fields, exact=True)  # this wire knows no snake_case, and no numbers in strings
_label = text(25, least=1)
_postback = text(2048)
_file_fields: dict[str, Rule] = {"contentUrl": url(), "thumbnailUrl": url(), "forceRefresh": boolean}

_open_url = _Fields(
    {
        "url": url(2048, web=False),
        "application": enum("BROWSER", "WEBVIEW"),
        "webviewViewMode": enum("FULL", "HALF", "TALL"),
        "description": text(),
    },
    needs=("url",),
)
_dial = _Fields({"phoneNumber": text(least=1, pattern=r"[0-9+*#]+")}, needs=("phoneNumber",))
_position = _Fields(
    {"latitude": number(-90, 90, exact=True), "longitude": number(-180, 180, exact=True)},
    needs=("latitude", "longitude"),
)
_view_location = _Fields(
    {"latLong": _position, "label": text(), "query": text(least=1)}, one_of=("latLong", "query")
)
_calendar = _Fields(
    {"startTime": timestamp, "endTime": timestamp, "title": text(100, least=1), "description": text(500)},
    needs=("startTime", "endTime", "title"),
)
_action = _Fields(
    {
        "text": _label,
        "postbackData": _postback,
        "openUrlAction": _open_url,
        "dialAction": _dial,
        "viewLocationAction": _view_location,
        "createCalendarEventAction": _calendar,
        "shareLocationAction": _Fields({}),
    },
    needs=("text",),
    at_most_one_of=ACTIONS,  # none: a button that only sends its postback, as in the guide's example
)
_reply = _Fields({"text": _label, "postbackData": _postback}, needs=("text",))
_suggestion = _Fields({"reply": _reply, "action": _action}, one_of=("reply", "action"))

_media = _Fields(
    {**_file_fields, "height": enum("SHORT", "MEDIUM", "TALL"), "contentDescription": text()},
    needs=("contentUrl",),
)


def _card_has_something(card: Json, path: str) -> None:
    if not (card.get("title") or card.get("description") or "media" in card):
        raise Invalid(path, "a card needs at least one of media, title, description.")


_card = _Fields(
    {"title": text(200), "description": text(2000), "media": _media, "suggestions": items(_suggestion, 4)},
    also=_card_has_something,
)
_standalone = _Fields(
    {
        "cardContent": _card,
        "cardOrientation": enum("HORIZONTAL", "VERTICAL"),
        "thumbnailImageAlignment": enum("LEFT", "RIGHT"),
    },
    needs=("cardContent",),
)
_carousel = _Fields(
    {"cardWidth": enum("SMALL", "MEDIUM"), "cardContents": items(_card, 10, least=2)},
    needs=("cardContents",),
)
_rich_card = _Fields(
    {"standaloneCard": _standalone, "carouselCard": _carousel}, one_of=("standaloneCard", "carouselCard")
)
_file = _Fields(
    {
        **_file_fields,
        "thumbnailFileName": text(least=1),
        "fileName": text(least=1),
        "mimeType": text(pattern=r"[\w.+-]+/[\w.+-]+"),
    },
    needs=("contentUrl",),
)


def _only_a_select_has_options(asked: Json, path: str) -> None:
    if (asked["type"] == "select") != ("options" in asked):
        raise Invalid(f"{path}.options", "a select needs options, and only a select has them.")


def _names_differ(form: Json, path: str) -> None:
    names = [asked["name"] for asked in form["fields"]]
    if len(set(names)) != len(names):
        raise Invalid(f"{path}.fields", "two fields have the same name.")


_field = _Fields(
    {
        "name": text(least=1),
        "label": text(least=1),
        "type": enum(*FIELD_TYPES),
        "required": boolean,
        "options": items(text(least=1), 100, least=1),
    },
    needs=("name", "label", "type"),
    also=_only_a_select_has_options,
)
_form = _Fields(
    {
        "id": text(least=1),
        "title": text(200, least=1),
        "fields": items(_field, 100, least=1),
        "submitText": _label,
        "postbackData": _postback,
    },
    needs=("id", "title", "fields"),
    also=_names_differ,
)


def _says_something(message: Json, path: str) -> None:
    if not any(name in message for name in ("text", *CONTENTS)):
        raise Invalid(path, f"one of text, {', '.join(CONTENTS)} is needed.")


_message = _Fields(
    {
        "text": text(3072, least=1),
        "richCard": _rich_card,
        "file": _file,
        "form": _form,
        "suggestions": items(_suggestion, 11),
    },
    at_most_one_of=CONTENTS,
    also=_says_something,
)


def _falls_back_to_something(body: Json, path: str) -> None:
    if "fallbackText" not in body:
        if "text" not in body["message"]:
            raise Invalid("fallbackText", "a message without text needs a fallback text.")
        body["fallbackText"] = body["message"]["text"]


_id = text(200, pattern=r"[^\x00-\x20/\x7f]+")
request = _Fields(  # the body of POST v1/messages; what comes out always has a fallbackText
    {"conversationId": _id, "messageId": _id, "message": _message, "fallbackText": text(least=1)},
    needs=("conversationId", "messageId", "message"),
    also=_falls_back_to_something,
)
