"""The content of a message, in the terms of RCS. Nothing here knows a provider or the database."""

from rcs_router.content.base import translated
from rcs_router.content.forms import Form, FormField
from rcs_router.content.media import Audio, File, Media
from rcs_router.content.messages import (
    Card,
    Carousel,
    Content,
    Location,
    Text,
    as_content,
    dump,
    json_schema,
    load,
)
from rcs_router.content.suggestions import (
    CalendarEvent,
    ComposeRecording,
    ComposeText,
    Dial,
    DisableAnonymization,
    EnableDisplayedNotifications,
    OpenUrl,
    Reply,
    RequestDeviceSpecifics,
    RequestLocation,
    SendPostback,
    ShowLocation,
    Suggestion,
    postback_of,
)

__all__ = [
    "Audio",
    "CalendarEvent",
    "Card",
    "Carousel",
    "ComposeRecording",
    "ComposeText",
    "Content",
    "Dial",
    "DisableAnonymization",
    "EnableDisplayedNotifications",
    "File",
    "Form",
    "FormField",
    "Location",
    "Media",
    "OpenUrl",
    "Reply",
    "RequestDeviceSpecifics",
    "RequestLocation",
    "SendPostback",
    "ShowLocation",
    "Suggestion",
    "Text",
    "as_content",
    "dump",
    "json_schema",
    "load",
    "postback_of",
    "translated",
]
