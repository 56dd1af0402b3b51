"""Translate between our names of fields and states and a provider's, so that a similar API needs no code."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

# The fields of each object. From "the webhook" on: what the platform sends.
OBJECTS: Mapping[str, tuple[str, ...]] = {
    "the request": ("conversationId", "messageId", "message", "fallbackText"),
    "message": ("text", "richCard", "file", "form", "suggestions"),
    "richCard": ("standaloneCard", "carouselCard"),
    "standaloneCard": ("cardOrientation", "thumbnailImageAlignment", "cardContent"),
    "carouselCard": ("cardWidth", "cardContents"),
    "cardContent": ("title", "description", "media", "suggestions"),
    "media": ("height", "contentUrl", "thumbnailUrl", "forceRefresh"),
    "file": ("contentUrl", "thumbnailUrl", "thumbnailFileName", "forceRefresh", "fileName", "mimeType"),
    "form": ("id", "title", "fields", "submitText", "postbackData"),
    "a form's field": ("name", "label", "type", "required", "options"),
    "a suggestion": ("reply", "action"),
    "reply": ("text", "postbackData"),
    "action": (
        *("text", "postbackData", "openUrlAction", "dialAction", "viewLocationAction"),
        *("shareLocationAction", "createCalendarEventAction"),
    ),
    "openUrlAction": ("url", "application", "webviewViewMode", "description"),
    "dialAction": ("phoneNumber",),
    "viewLocationAction": ("latLong", "label", "query"),
    "latLong": ("latitude", "longitude"),
    "createCalendarEventAction": ("startTime", "endTime", "title", "description"),
    "the answer": ("name", "state", "error"),
    "error": ("code", "status", "message"),
    "the webhook": (
        *("conversationId", "messageId", "messageStatus", "interactionType", "eventId", "timestamp"),
        *("error", "action", "reply", "form", "text", "file", "location"),
    ),
    "a tapped action": ("text", "postbackData", "uri"),
    "a submitted form": ("postbackData", "data"),
    "location": ("latitude", "longitude", "latLong", "label"),
}
FIELDS = frozenset(name for names in OBJECTS.values() for name in names)
STATES = frozenset({"QUEUED", "SENT", "DELIVERED", "READ", "INTERACTED", "FALLBACK", "FAILED"})
INTERACTIONS = frozenset(
    {
        *("ACTION_TAPPED", "REPLY_TAPPED", "FORM_SUBMITTED"),
        *("TEXT_RECEIVED", "FILE_RECEIVED", "LOCATION_RECEIVED"),
    }
)


@dataclass(frozen=True)
class Dialect:
    """The names that a provider uses.

    `names` maps our fields to theirs, `states` their states and interactions to ours.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)

    def name(self, field: str) -> str:
        """Return the provider's name of one of our fields."""
        return self.names.get(field, field)

    def written(self, value: Any) -> Any:
        """Return `value` with the provider's keys in the place of ours."""
        if isinstance(value, Mapping):
            return {self.names.get(name, name): self.written(part) for name, part in value.items()}
        return [self.written(part) for part in value] if isinstance(value, list) else value

    def read(self, value: Any, *path: str) -> Any:
        """Return what is at `path` (in our names) in a value of theirs; None if it is missing.

        Each name is looked up on its own. Translating the whole value would rename the answers to a form, and two of
        our fields may have the same name in different objects of theirs.
        """
        for name in path:
            if not isinstance(value, Mapping):
                return None
            value = value.get(self.names.get(name, name))
        return value

    def word(self, value: Any) -> str:
        """Return our word for a state or an interaction; an unknown one is returned in capitals."""
        given = value if isinstance(value, str) else ""
        return self.states.get(given, given).upper()

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each mistake in `names` and `states`."""
        for name in sorted(set(self.names) - FIELDS):
            yield f"names has {name!r}, which is not a field of the API"
        for place, names in OBJECTS.items():
            theirs = [self.names.get(name, name) for name in names]
            if twice := sorted({name for name in theirs if theirs.count(name) > 1}):
                yield f"names gives two fields of {place} the same name: {twice[0]!r}"
        for word, ours in self.states.items():
            if ours not in STATES | INTERACTIONS:
                known = ", ".join(sorted(STATES | INTERACTIONS))
                yield f"states maps {word!r} to {ours!r}, which is not one of {known}"
