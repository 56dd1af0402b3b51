"""Add the account's credentials to requests for files, but only to requests to the provider's own hosts.

The backend names its hosts and its headers. The comparison is here, in one place, on the checked address that is
connected to. So no link, redirect or mistake of a backend can send credentials to another host.
"""

from collections.abc import Mapping

from rcs_router import addresses
from rcs_router.addresses import RefusedAddress, Target
from rcs_router.backends import backends
from rcs_router.contract import BaseBackend
from rcs_router.inbox.media.download import Again

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})  # hosts where http is as safe as https


def headers_for(alias: str, target: Target) -> Mapping[str, str]:
    """Return the headers for this request; empty for a host that is not the provider's.

    Raises Again if the backend cannot give them now: without credentials, the provider's answer would mean nothing.
    """
    if alias not in backends or not (target.tls or target.host in LOOPBACK):
        return {}
    try:
        backend = backends[alias]
        return dict(backend.media_headers()) if _is_own(backend, target) else {}
    except Exception:  # no token, or a bug of the backend; its text may quote a secret
        raise Again("credentials") from None


def _is_own(backend: BaseBackend, target: Target) -> bool:
    """Return True if scheme, host and port are those of one of the backend's addresses."""
    return any(_origin(address) == target.origin for address in backend.media_origins())


def _origin(address: str) -> addresses.Origin | None:
    try:
        return addresses.origin(address)
    except RefusedAddress:
        return None
