"""Resolve an address from a stranger to a server that may be contacted; private networks are refused."""

import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote, urlsplit

IP = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Iterable[str]]
Origin = tuple[bool, str, int]  # is it https; the host; the port

MAX_URL = 4000  # characters
_BROKEN = re.compile(
    r"[\x00-\x20\x7f-\xa0\\]"
)  # characters that programs interpret differently in an address
_KEPT = "!#$%&'()*+,/:;=?@[]~"  # characters of a path and query that are quoted already, or have a meaning

# https://www.iana.org/assignments/iana-ipv6-special-registry; the rest is in `ipaddress`
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
# This machine and private networks; link-local addresses are left out, because on a cloud's machine one of them hands
# out the machine's credentials.
_NEAR = tuple(
    map(ip_network, ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"))
)
_CREDENTIALS = IPv6Network("fd00:ec2::/32")  # Amazon's equivalent, which is private and not link-local
# Relays of 6to4, and addresses that older Pythons take for public; clouds keep credentials there too.
_NOT_PUBLIC = (IPv4Network("192.88.99.0/24"), IPv4Network("192.0.0.0/24"))


class RefusedAddress(Exception):
    """Nothing may be fetched from there. Its text is a short reason that quotes nothing of the address."""


@dataclass(frozen=True)
class Target:
    """Where to connect and what to ask for. `ips` were resolved once and judged, in the resolver's order."""

    tls: bool
    host: str  # ASCII, as TLS and the Host header name it; an IPv6 address without brackets
    port: int
    path: str  # with its query; quoted
    ips: tuple[str, ...]

    @property
    def origin(self) -> Origin:
        return self.tls, self.host, self.port

    @property
    def netloc(self) -> str:
        """The Host header: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


def origin(url: str) -> Origin:
    """Return a value that is equal for two addresses of one server. Raises RefusedAddress for an invalid address."""
    scheme, host, port, _ = _parts(url)
    return scheme == "https", host, port


def resolve(host: str, port: int) -> list[str]:
    """Every address of a name, as this machine resolves it. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def guarded(url: str, *, allow_private: bool = False, resolver: Resolver | None = None) -> Target:
    """The target of an http or https address with any port.

    Raises RefusedAddress for another scheme, a name and password in the address, and a host of which any address is
    not public (`allow_private`: nor of a private network or this machine); OSError when the name cannot be resolved.
    """
    scheme, host, port, path = _parts(url)
    ips = tuple((resolver or resolve)(host, port))
    if not ips:
        raise OSError("the name has no address")
    for ip in ips:
        if not may_reach(ip, allow_private=allow_private):
            raise RefusedAddress("not a public address")
    return Target(scheme == "https", host, port, path, ips)


def _parts(url: str) -> tuple[str, str, int, str]:
    if len(url) > MAX_URL or _BROKEN.search(url):
        raise RefusedAddress("not an address")
    try:
        parts = urlsplit(url)
        port, host = parts.port, _ascii(parts.hostname or "")
    except ValueError:
        raise RefusedAddress("not an address") from None
    if parts.scheme not in {"http", "https"}:
        raise RefusedAddress("neither http nor https")
    if "@" in parts.netloc:
        raise RefusedAddress("a name or password in the address")
    if not host or port == 0:
        raise RefusedAddress("not an address")
    path = quote(parts.path or "/", safe=_KEPT) + (
        f"?{quote(parts.query, safe=_KEPT)}" if parts.query else ""
    )
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path


def _ascii(host: str) -> str:
    """A name as DNS writes it; full-width digits become the digits that they stand for."""
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError("no host name") from None


def may_reach(address: str, *, allow_private: bool = False) -> bool:
    """Is it an address of the public internet or, if allowed, of a private network or this machine?"""
    try:
        ip = _inner(ip_address(address))
    except ValueError:  # such as fe80::1%eth0 on some platforms
        return False
    if _is_public(ip):
        return True
    return allow_private and _is_near(ip)


def _inner(ip: IP) -> IP:
    """The IPv4 address that an IPv6 address leads to, if it is one of those."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


def _is_public(ip: IP) -> bool:
    if ip.is_multicast or ip.is_reserved or not ip.is_global:
        return False
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _NOT_PUBLIC)
    return ip in _GLOBAL_UNICAST and ip.teredo is None


def _is_near(ip: IP) -> bool:
    if isinstance(ip, IPv6Address) and ip in _CREDENTIALS:
        return False
    return any(ip in network for network in _NEAR if network.version == ip.version)
