"""Our names of fields and states in, a provider's own out and back, so that a look-alike of the API needs no code."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

# Which fields stand together in one object. "Webhook" and below: what comes in.
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
    """How a provider writes the API. `names`: our field → theirs; `states`: their state or interaction → ours."""

    names: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)

    def name(self, field: str) -> str:
        """What the provider calls one of our fields."""
        return self.names.get(field, field)

    def written(self, value: Any) -> Any:
        """`value`, whose keys are ours, as the provider wants it."""
        if isinstance(value, Mapping):
            return {self.names.get(name, name): self.written(part) for name, part in value.items()}
        return [self.written(part) for part in value] if isinstance(value, list) else value

    def read(self, value: Any, *path: str) -> Any:
        """What stands at `path` (our names) in something of theirs; None when it is not there.

        Looked up name by name, not translated as a whole: answers to a form have names that are nobody's but the
        form's, and two of our fields may have one name of theirs in different objects.
        """
        for name in path:
            if not isinstance(value, Mapping):
                return None
            value = value.get(self.names.get(name, name))
        return value

    def word(self, value: Any) -> str:
        """A state or an interaction in our word; what is unknown stays as it is, in capitals."""
        given = value if isinstance(value, str) else ""
        return self.states.get(given, given).upper()

    def problems(self) -> Iterator[str]:
        for name in sorted(set(self.names) - FIELDS):
            yield f"names has {name!r}, which is no field of the API"
        for place, names in OBJECTS.items():
            theirs = [self.names.get(name, name) for name in names]
            if twice := sorted({name for name in theirs if theirs.count(name) > 1}):
                yield f"names makes two fields of {place} one: {twice[0]!r}"
        for word, ours in self.states.items():
            if ours not in STATES | INTERACTIONS:
                known = ", ".join(sorted(STATES | INTERACTIONS))
                yield f"states gives {word!r} the meaning {ours!r}; known are {known}"
