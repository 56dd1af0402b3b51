"""The public names: `from rcs_router import send, receive, lookup_connections`."""

from importlib import import_module
from typing import TYPE_CHECKING

from rcs_router import moved

__version__ = "0.1.0"
__all__ = ["lookup_connections", "receive", "send"]

if TYPE_CHECKING:
    from rcs_router.inbox.route import receive
    from rcs_router.people.connections import lookup_connections
    from rcs_router.router import send
else:
    _WHERE = {"lookup_connections": "people.connections", "receive": "inbox.route", "send": "router"}

    def __getattr__(name):
        # Lazily, because models may not be imported before Django's app registry is ready.
        if name in _WHERE:
            return getattr(import_module(f"rcs_router.{_WHERE[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


moved.install()
