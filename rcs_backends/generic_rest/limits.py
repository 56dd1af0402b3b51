"""The limits of the generic API, with their date. Content is checked against them before it is sent.

The guide that the API follows gives no numbers. These are the limits of RCS in general.
"""

from rcs_router.content.limits import Limits

LIMITS = Limits(
    provider="the generic REST API",
    as_of="2026-11",
    source="the limits of RCS in general (the guide “RCS API Integration” names none)",
    most={
        "text": 3072,
        "label": 25,
        "postback": 2048,
        "url": 2048,  # of a chip; none is given for media
        "title": 200,
        "description": 2000,
        "event title": 100,
        "event description": 500,
        "suggestions": 11,
        "card suggestions": 4,
        "cards": 10,
    },
)
