"""Turn the JSON of rich messages into bubbles, for the providers whose JSON is modelled on Google's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rcs_backends.emulator.phones import Card, Json, Media, Message, Suggestion, guessed_type, stamp

ACTIONS = {  # action → the phone's kind of suggestion
    "openUrlAction": "open_url",
    "dialAction": "dial",
    "viewLocationAction": "show_location",
    "shareLocationAction": "request_location",
    "createCalendarEventAction": "calendar_event",
}
DETAILS = {  # names in the control API, where they differ
    "phoneNumber": "phone",
    "startTime": "start",
    "endTime": "end",
    "webviewViewMode": "view_mode",
}
WORDS = ("application", "webviewViewMode")  # in lower case in the control API; unspecified is absent


def media_at(source: Json) -> Media:
    """Return the file whose address `contentInfo` gives, in a card or outside of one."""
    info = source["contentInfo"]
    return Media(
        info["fileUrl"],
        thumbnail=info.get("thumbnailUrl", ""),
        height=word(source, "height", ""),
        alt=source.get("contentDescription", ""),
        media_type=guessed_type(info["fileUrl"]),
    )


def word(holder: Json, name: str, default: str) -> str:
    """Return a word in lower case, `default` where it is missing or unspecified."""
    value = str(holder.get(name, default)).lower()
    return default if value.endswith("_unspecified") else value


@dataclass(frozen=True, slots=True)
class Rich:
    """How a provider's JSON differs: `media` reads the file of a card; `known` says, by kind, what is true of a
    suggestion that does not say so itself.
    """

    media: Callable[[Json], Media] = media_at
    known: Mapping[str, Json] = field(default_factory=dict)

    def fill(self, message: Message, content: Json) -> None:
        """Give the message its text, cards and chips."""
        message.text = content.get("text", "")
        message.suggestions = self._suggestions(content)
        rich_card = content.get("richCard", {})
        if "standaloneCard" in rich_card:
            standalone = rich_card["standaloneCard"]
            card = self._card(standalone["cardContent"])
            card.orientation = word(standalone, "cardOrientation", card.orientation)
            card.alignment = word(standalone, "thumbnailImageAlignment", card.alignment)
            message.kind, message.cards = "card", [card]
        elif "carouselCard" in rich_card:
            carousel = rich_card["carouselCard"]
            message.kind, message.card_width = "carousel", word(carousel, "cardWidth", message.card_width)
            message.cards = [self._card(content) for content in carousel["cardContents"]]

    def _card(self, content: Json) -> Card:
        return Card(
            title=content.get("title", ""),
            description=content.get("description", ""),
            media=self.media(content["media"]) if "media" in content else None,
            suggestions=self._suggestions(content),
        )

    def _suggestions(self, holder: Json) -> list[Suggestion]:
        return [self._suggestion(one) for one in holder.get("suggestions", ())]

    def _suggestion(self, one: Json) -> Suggestion:
        """Make a chip or button. One whose action is missing only sends its postback; its kind is `action`."""
        shown = one.get("reply") or one["action"]
        name = next((name for name in ACTIONS if name in shown), "")
        kind = "reply" if "reply" in one else ACTIONS.get(name, "action")
        detail = {**self.known.get(kind, {}), **_detail(shown.get(name, {}))}
        if "fallbackUrl" in shown:
            detail["fallback_url"] = shown["fallbackUrl"]
        return Suggestion(shown["text"], kind, shown.get("postbackData", ""), detail)


def _detail(fields: Json) -> Json:
    detail: Json = {}
    for name, value in fields.items():
        if name == "latLong":
            detail |= value
        elif name not in WORDS:
            detail[DETAILS.get(name, name)] = stamp(value) if isinstance(value, datetime) else value
        elif said := word(fields, name, ""):
            detail[DETAILS.get(name, name)] = said
    return detail
