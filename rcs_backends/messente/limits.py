"""Messente's limits for RCS messages, by which content is checked before it is sent.

Source: the models of Messente's own Python client 2.7.0, which are generated from its OpenAPI description 2.1.0.
"""

from rcs_router.content.limits import Limits

LIMITS = Limits(
    provider="Messente",
    as_of="2026-11",
    source="the models of Messente's Python client 2.7.0 and its page “RCS Message”",
    most={
        "text": 3072,
        "label": 25,
        "postback": 2048,
        "url": 2048,  # of a chip and its fallback; there is none for media
        "title": 200,
        "description": 2000,
        "event title": 100,
        "event description": 500,
        "suggestions": 11,
        "card suggestions": 4,
        "cards": 10,
    },
)
