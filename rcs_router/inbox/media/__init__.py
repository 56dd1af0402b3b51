"""Fetch what the links of incoming messages lead to into the storage: `fetch_due` and, for a person's wish, `again`."""

from rcs_router.inbox.media.fetch import again, fetch_due
from rcs_router.inbox.media.turns import free

__all__ = ["again", "fetch_due", "free"]
