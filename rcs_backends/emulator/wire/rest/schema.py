"""The rules for what the REST platform takes: JSON, of which only times change their type.

Source: the integration guide's model (names, nesting, `text` beside `richCard`, `fallbackText`). The guide shows a text
and a rich card; the shapes of carousels, replies, actions, forms and files follow its pattern and are our decision, and
so are the limits, which are those of RCS in general.
"""

from functools import partial

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wire.rich import LABEL, POSTBACK, RichRules
from rcs_backends.emulator.wire.rules import Fields, Invalid, Rule, boolean, enum, items, text, url

FIELD_TYPES = ("text", "number", "email", "phone", "date", "select", "checkbox")
CONTENTS = ("richCard", "file", "form")


_Fields = partial(Fields, exact=True)  # this wire knows no snake_case, and no numbers in strings
_file_fields: dict[str, Rule] = {"contentUrl": url(), "thumbnailUrl": url(), "forceRefresh": boolean}


class _Rules(RichRules):
    """An action may do nothing but send its postback, as in the guide's example; none has a fallbackUrl."""

    actions = (
        "openUrlAction",
        "dialAction",
        "viewLocationAction",
        "createCalendarEventAction",
        "shareLocationAction",
    )
    fallback = False
    union = "at_most_one_of"


_media = _Fields(
    {**_file_fields, "height": enum("SHORT", "MEDIUM", "TALL"), "contentDescription": text()},
    needs=("contentUrl",),
)
_rules = _Rules(_media)
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
        "submitText": LABEL,
        "postbackData": POSTBACK,
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
        "richCard": _rules.rich_card(),
        "file": _file,
        "form": _form,
        "suggestions": items(_rules.suggestion(), 11),
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
request = _Fields(  # the body of POST v1/messages; what it returns always has a fallbackText
    {"conversationId": _id, "messageId": _id, "message": _message, "fallbackText": text(least=1)},
    needs=("conversationId", "messageId", "message"),
    also=_falls_back_to_something,
)
