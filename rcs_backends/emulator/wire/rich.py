"""Check the JSON of rich messages and turn it into bubbles, for the providers whose JSON is modelled on Google's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rcs_backends.emulator.phones import Card, Json, Media, Message, Suggestion, guessed_type, stamp
from rcs_backends.emulator.wire.rules import Fields, Invalid, Rule, enum, items, number, text, timestamp, url

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
    "viewMode": "view_mode",
    "fallbackUrl": "fallback_url",
}
WORDS = ("application", "webviewViewMode", "type")  # in lower case in the control API; unspecified is absent


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
        detail = {**self.known.get(kind, {}), **detail_of(shown.get(name, {}))}
        if "fallbackUrl" in shown:
            detail["fallback_url"] = shown["fallbackUrl"]
        return Suggestion(shown["text"], kind, shown.get("postbackData", ""), detail)


def detail_of(fields: Json) -> Json:
    """Return the fields of an action in the names of the control API."""
    detail: Json = {}
    for name, value in fields.items():
        if name in ("latLong", "location"):
            detail |= value
        elif name not in WORDS:
            detail[DETAILS.get(name, name)] = stamp(value) if isinstance(value, datetime) else value
        elif said := word(fields, name, ""):
            detail[DETAILS.get(name, name)] = said
    return detail


# The rules

LABEL = text(25, least=1)
POSTBACK = text(2048)
ANYWHERE = url(2048, web=False)  # also tel: and an app's own scheme


class RichRules:
    """The rules as Google's documents give them, without the enum values that end in _UNSPECIFIED."""

    objects = Fields
    exact = True  # as in `Fields` and `number`
    needed: Mapping[str, tuple[str, ...]] = {}  # object → what it needs besides
    actions = (
        "dialAction",
        "viewLocationAction",
        "shareLocationAction",
        "openUrlAction",
        "createCalendarEventAction",
    )
    orientations = ("HORIZONTAL", "VERTICAL")
    card_parts = ("media", "title", "description")
    fallback = True  # actions may have a fallbackUrl
    union = "one_of"  # of the actions
    phone: Json = {"least": 1, "pattern": r"[0-9+*#]+"}
    place: Json = {"one_of": ("latLong", "query")}
    standalone: Json = {}
    carousel: Json = {}

    def __init__(self, media: Rule) -> None:
        self.media = media

    def suggestion(self) -> Rule:
        reply = self._object("reply", {"text": LABEL, "postbackData": POSTBACK}, needs=("text",))
        return self._object("", {"reply": reply, "action": self.action()}, one_of=("reply", "action"))

    def action(self) -> Rule:
        rules: dict[str, Callable[[], Rule]] = {
            "dialAction": self._dial,
            "viewLocationAction": self._place,
            "shareLocationAction": lambda: self._object("", {}),
            "openUrlAction": self._open_url,
            "createCalendarEventAction": self._event,
        }
        labelled: dict[str, Rule] = {"text": LABEL, "postbackData": POSTBACK}
        labelled |= {"fallbackUrl": ANYWHERE} if self.fallback else {}
        every = labelled | {name: rules[name]() for name in self.actions}
        return self._object("action", every, needs=("text",), **{self.union: self.actions})

    def _dial(self) -> Rule:
        return self._object("", {"phoneNumber": text(**self.phone)}, needs=("phoneNumber",))

    def _place(self) -> Rule:
        latitude, longitude = number(-90, 90, exact=self.exact), number(-180, 180, exact=self.exact)
        position = {"latitude": latitude, "longitude": longitude}
        place = self._object("", position, needs=tuple(position))
        rules: dict[str, Rule] = {"latLong": place, "label": text(), "query": text(least=1)}
        return self._object("", rules, **self.place)

    def _open_url(self) -> Rule:
        rules: dict[str, Rule] = {
            "url": ANYWHERE,
            "application": self.words("OPEN_URL_APPLICATION", "BROWSER", "WEBVIEW"),
            "webviewViewMode": self.words("WEBVIEW_VIEW_MODE", "FULL", "HALF", "TALL"),
            "description": text(),
        }
        return self._object("openUrl", rules, needs=("url",))

    def _event(self) -> Rule:
        times: dict[str, Rule] = {"startTime": timestamp, "endTime": timestamp}
        rules = {**times, "title": text(100, least=1), "description": text(500)}
        return self._object("event", rules, needs=("startTime", "endTime", "title"))

    def rich_card(self) -> Rule:
        """Return the rule for one card, or a carousel of cards."""
        rules = {"standaloneCard": self._standalone(), "carouselCard": self._carousel()}
        return self._object("", rules, one_of=tuple(rules))

    def _card(self) -> Rule:
        words = {"title": text(200), "description": text(2000)}
        rules = {**words, "media": self.media, "suggestions": items(self.suggestion(), 4)}
        return self._object("", rules, also=self._has_something)

    def _has_something(self, card: Json, path: str) -> None:
        if not (card.get("title") or card.get("description") or "media" in card):
            raise Invalid(path, f"a card needs at least one of {', '.join(self.card_parts)}.")

    def _standalone(self) -> Rule:
        rules = {
            "cardOrientation": self.words("CARD_ORIENTATION", *self.orientations),
            "thumbnailImageAlignment": self.words("THUMBNAIL_IMAGE_ALIGNMENT", "LEFT", "RIGHT"),
            "cardContent": self._card(),
        }
        return self._object("standalone", rules, needs=("cardContent",), **self.standalone)

    def _carousel(self) -> Rule:
        rules = {
            "cardWidth": self.words("CARD_WIDTH", "SMALL", "MEDIUM"),
            "cardContents": items(self._card(), 10, least=2),
        }
        return self._object("carousel", rules, needs=("cardContents",), **self.carousel)

    def words(self, name: str, *words: str) -> Rule:
        """Return the rule for an enum called `name`."""
        return enum(*words)

    def spelled(self, name: str) -> str:
        """Return a field's name as this provider writes it."""
        return name

    def _object(self, kind: str, rules: Mapping[str, Rule], **more: Any) -> Fields:
        for key in ("needs", "one_of", "at_most_one_of"):
            names = more.get(key, ()) + (self.needed.get(kind, ()) if key == "needs" else ())
            more[key] = tuple(map(self.spelled, names))
        spelled = {self.spelled(name): rule for name, rule in rules.items()}
        return self.objects(spelled, exact=self.exact, **more)
