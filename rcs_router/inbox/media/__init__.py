"""Links of incoming messages in, their files in the storage out: `fetch_due` and, for a person's wish, `again`."""

from rcs_router.inbox.media.fetch import again, fetch_due

__all__ = ["again", "fetch_due"]
