"""What providers report and what people say: received, stored, and taken through the router apps.

`webhooks` verifies a request. `intake` stores it, and later digests it. `dispatch` passes on what it reports,
`incoming` stores messages, `queue` claims them, and `route` asks the router apps. `media` fetches files, and `forms`
serves the pages of forms.
"""

from rcs_router.inbox.intake import accept, digest

__all__ = ["accept", "digest"]
