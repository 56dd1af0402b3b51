"""Google RBM's limits, by which content is checked before it is sent.

Sources, read in November 2026, below developers.google.com/business-communications/rcs-business-messaging/:
guides/build/messages/send, guides/learn/rich-cards, reference/rest/v1/phones.agentMessages.
"""

from rcs_router.content.limits import Limits

LIMITS = Limits(
    provider="Google RBM",
    as_of="2026-11",
    source="Google's pages “Send messages” and “Rich cards” and the reference of phones.agentMessages",
    most={
        "text": 3072,  # undocumented whether code points or UTF-16 units: here code points
        "label": 25,
        "postback": 2048,
        "url": 2048,  # of an action and its fallback; there is none for media
        "title": 200,
        "description": 2000,
        "event title": 100,
        "event description": 500,
        "suggestions": 11,
        "card suggestions": 4,  # an old client library says 10
        "cards": 10,
        "message": 250_000,  # "250 KB" may mean 256,000
    },
)
