"""Receive provider requests: verify and store them, and take incoming messages through the router apps.

`webhooks` verifies a request. `intake` stores it, and later digests it. `dispatch` applies what it reports, `incoming`
stores messages, `queue` claims them, and `route` calls the router apps. `media` fetches files, `forms` shows forms.
"""

from rcs_router.inbox.intake import accept, digest

__all__ = ["accept", "digest"]
