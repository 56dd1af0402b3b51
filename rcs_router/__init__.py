"""The public names: `from rcs_router import send, receive, lookup_connections`."""

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["lookup_connections", "receive", "send"]

if TYPE_CHECKING:
    from rcs_router.router import lookup_connections, receive, send
else:

    def __getattr__(name):
        # Lazily, because models may not be imported before Django's app registry is ready.
        if name in __all__:
            from rcs_router import router

            return getattr(router, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
