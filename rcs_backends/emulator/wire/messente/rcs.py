"""The rules for what Messente takes on the channel rcs: JSON, of which only times change their type.

Source: the vendor's OpenAPI description 2.1.0 and its page "RCS Message". That a card must hold something, and that a
place needs coordinates or a search text, is true of RCS and our choice here.
"""

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wire.messente.fields import NUMBER, Record
from rcs_backends.emulator.wire.rich_rules import RichRules
from rcs_backends.emulator.wire.rules import Invalid, Rule, boolean, enum, items, snake_case, text, url

CONTENTS = ("text", "rich_card", "content_info")


def _is_a_place(place: Json, path: str) -> None:
    if not ("lat_long" in place or "query" in place):
        raise Invalid(path, "lat_long or query is needed.")


class _Rules(RichRules):
    """In snake_case, and with more fields that must be there."""

    objects = Record
    needed = {
        "reply": ("postbackData",),
        "action": ("postbackData",),
        "openUrl": ("application",),
        "event": ("description",),
        "standalone": ("cardOrientation", "thumbnailImageAlignment"),
        "carousel": ("cardWidth",),
    }
    actions = (
        "dialAction",
        "openUrlAction",
        "viewLocationAction",
        "createCalendarEventAction",
        "shareLocationAction",
    )
    orientations = ("VERTICAL", "HORIZONTAL")
    card_parts = ("title", "description", "media")
    phone = {"pattern": NUMBER}
    place = {"also": _is_a_place}

    def spelled(self, name: str) -> str:
        return snake_case(name)


_content_info = Record(
    {"file_url": url(), "thumbnail_url": url(), "force_refresh": boolean}, needs=("file_url", "force_refresh")
)
_media = Record(
    {"height": enum("SHORT", "MEDIUM", "TALL"), "content_info": _content_info},
    needs=("height", "content_info"),
)
_rules = _Rules(_media)
FIELDS: dict[str, Rule] = {
    "text": text(3072, least=1),
    "rich_card": _rules.rich_card(),
    "content_info": _content_info,
    "suggestions": items(_rules.suggestion(), 11),
}
