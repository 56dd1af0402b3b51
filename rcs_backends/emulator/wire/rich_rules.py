"""The rules for cards and suggestions of the APIs that are modelled on Google's. What differs stands in subclasses."""

from collections.abc import Callable, Mapping
from typing import Any

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wire.rules import Fields, Invalid, Rule, enum, items, number, text, timestamp, url

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
