"""Fetch the files that incoming messages link to into the storage: `fetch_due`, and `again` on request."""

from rcs_router.inbox.media.fetch import again, fetch_due
from rcs_router.inbox.media.turns import free

__all__ = ["again", "fetch_due", "free"]
