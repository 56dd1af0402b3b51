"""Which requests for a file carry the account's credentials: those to the provider's own hosts, and no others.

The backend names its hosts and its headers; the comparison is here, in one place, over the address that was judged and
is connected to. So neither a link, nor a redirect, nor a mistake of a backend can send them elsewhere.
"""

from collections.abc import Mapping

from rcs_router import addresses
from rcs_router.addresses import RefusedAddress, Target
from rcs_router.backends import backends
from rcs_router.contract import BaseBackend
from rcs_router.inbox.media.download import Again

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})  # where http is as good as https


def headers_for(alias: str, target: Target) -> Mapping[str, str]:
    """Return the headers for this request, empty for a host that is not the provider's.

    Raises Again when the backend cannot tell them now: without them the answer would mean nothing.
    """
    if alias not in backends or not (target.tls or target.host in LOOPBACK):
        return {}
    try:
        backend = backends[alias]
        return dict(backend.media_headers()) if _is_own(backend, target) else {}
    except Exception:  # no token, or a mistake of the backend; its text may quote a secret
        raise Again("credentials") from None


def _is_own(backend: BaseBackend, target: Target) -> bool:
    """Are scheme, host and port those of one of the backend's addresses?"""
    return any(_origin(address) == target.origin for address in backend.media_origins())


def _origin(address: str) -> addresses.Origin | None:
    try:
        return addresses.origin(address)
    except RefusedAddress:
        return None
