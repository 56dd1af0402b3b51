"""Call the addresses that clients give for webhooks, without being a way into the internal network.

Anybody who reaches the emulator can give it an address. It connects to public addresses, to the machine and port of
PUBLIC_URL, to the hosts of RCS_EMULATOR_CALLBACK_HOSTS and, with DEBUG, to this machine. A name is resolved once, and
the address that was judged is the one that is connected to.
"""

import logging
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError

IP = IPv4Address | IPv6Address
_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# Relays of 6to4, and what older Pythons take for public: there a cloud keeps its credentials, too.
_NOT_PUBLIC = (IPv4Network("192.88.99.0/24"), IPv4Network("192.0.0.0/24"))
logger = logging.getLogger(__name__)


def session() -> requests.Session:
    """Return a session that connects to no other address. It uses no proxy, which would connect for us."""
    made = requests.Session()
    made.trust_env = False
    for scheme in ("http://", "https://"):
        made.mount(scheme, _Adapter())
    return made


def allowed(host: str, port: int) -> list[str]:
    """Return the IP addresses of a name. Raises PermissionError if one is not allowed, OSError if there is none."""
    trusted = {host, f"{host}:{port}"} & _trusted_hosts()
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(sockaddr[0]) for *_, sockaddr in found]
    for address in addresses:
        if not _may_reach(address, trusted=bool(trusted)):
            hint = "list it in RCS_EMULATOR_CALLBACK_HOSTS if that is meant"
            logger.warning("%s is not a public address, and gets no webhooks: %s", host, hint)
            raise PermissionError(f"{host} may not be called")
    return addresses


def _trusted_hosts() -> set[str]:
    """Return `host` (any port) or `host:port`, as settings say. The site's own webhooks are at PUBLIC_URL."""
    router = getattr(settings, "RCS_ROUTER", {})
    public = urlsplit(str(router.get("PUBLIC_URL", "") if isinstance(router, dict) else ""))
    own = {f"{public.hostname}:{public.port or (443 if public.scheme == 'https' else 80)}"}
    return own | {str(host).lower() for host in getattr(settings, "RCS_EMULATOR_CALLBACK_HOSTS", ())}


def _may_reach(address: str, *, trusted: bool) -> bool:
    """Never allow link-local addresses: on a cloud's machine one of them gives the machine's credentials."""
    try:
        ip = _inner(ip_address(address))
    except ValueError:  # e.g. fe80::1%eth0
        return False
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip == ip_address("fd00:ec2::254"):
        return False
    return _is_public(ip) or trusted or (bool(settings.DEBUG) and ip.is_loopback)


def _is_public(ip: IP) -> bool:
    if (
        ip.is_reserved
        or not ip.is_global
        or any(ip in one for one in _NOT_PUBLIC if one.version == ip.version)
    ):
        return False
    return isinstance(ip, IPv4Address) or ip in _GLOBAL_UNICAST


def _inner(ip: IP) -> IP:
    """Return the IPv4 address that an IPv6 address leads to, if it is one of those."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)


class _Judged(HTTPConnection):
    """Connects to the address that was judged; the name stays what TLS and the Host header say."""

    def _new_conn(self) -> socket.socket:
        name = self._dns_host
        try:
            addresses = allowed(name.strip("[]").rstrip("."), self.port)
        except OSError as error:
            raise NewConnectionError(self, type(error).__name__) from None
        try:
            return self._first_of(addresses)
        finally:
            self._dns_host = name

    def _first_of(self, addresses: list[str]) -> socket.socket:
        error: Exception = NewConnectionError(self, "no address")
        for self._dns_host in addresses:
            try:
                return super()._new_conn()
            except NewConnectionError as refused:
                error = refused
        raise error


class _JudgedTLS(_Judged, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Judged


class _PoolTLS(urllib3.HTTPSConnectionPool):
    ConnectionCls = _JudgedTLS


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _PoolTLS}
