"""What a message can say, in the words of RCS; no provider and no database here."""

from rcs_router.content.messages import (
    Card,
    Carousel,
    Content,
    File,
    Location,
    Media,
    Text,
    as_content,
    dump,
    json_schema,
    load,
)
from rcs_router.content.suggestions import (
    CalendarEvent,
    Dial,
    OpenUrl,
    Reply,
    RequestLocation,
    ShowLocation,
    Suggestion,
    postback_of,
)

__all__ = [
    "CalendarEvent",
    "Card",
    "Carousel",
    "Content",
    "Dial",
    "File",
    "Location",
    "Media",
    "OpenUrl",
    "Reply",
    "RequestLocation",
    "ShowLocation",
    "Suggestion",
    "Text",
    "as_content",
    "dump",
    "json_schema",
    "load",
    "postback_of",
]
