"""Download a provider's link into a temporary file, with a new connection to a checked address for each redirect.

This uses `http.client`, not `requests`: it connects to a given IP address, logs no URL, and each of its reads can be
limited to the remaining time.
"""

import http.client
import io
import os
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from queue import Empty, SimpleQueue
from typing import IO, Any
from urllib.parse import urljoin

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from rcs_router import addresses
from rcs_router.addresses import RefusedAddress, Target

CHUNK = 64 * 1024  # bytes
IN_MEMORY = 256 * 1024  # bytes of a file that are kept in memory
HOPS = 3  # redirects that are followed
CONNECT = 5.0  # seconds for one address of a host
ADDRESSES = 4  # addresses of a host that are tried
MAX_RETRY_AFTER = 3600.0  # seconds
_REDIRECTS = {301, 302, 303, 307, 308}
_GONE = {403, 410}  # 403 is the answer of cloud storages to an expired signed link
_LATER = {202, 408, 425, 429}

HeadersFor = Callable[[Target], Mapping[str, str]]  # the credentials for one request; empty for most


class Undone(Exception):
    """The link was not fetched. `code` is the reason, and the subclass says what follows from it."""

    def __init__(self, code: str, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


class Again(Undone):
    """Worth a retry: no connection, no answer, 429, 5xx, or an incomplete body."""


class Gone(Undone):
    """The link no longer works, or we have no access to it."""


class Missing(Gone):
    """The provider answers 404: the file is deleted or, right after the message has arrived, not there yet."""


class Unwanted(Undone):
    """We do not accept the file's address, size or type."""


class Hopeless(Undone):
    """The provider will not deliver the file, however often it is requested."""


@dataclass
class Download:
    """A downloaded file. Call `close()` when it is stored; that deletes the temporary file."""

    declared_type: str  # the Content-Type header
    size: int = 0  # bytes
    head: bytes = b""
    body: IO[bytes] = field(default_factory=partial(tempfile.SpooledTemporaryFile, max_size=IN_MEMORY))

    def close(self) -> None:
        self.body.close()


class Clock:
    """The time limit of one download, including all redirects."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the remaining seconds. Raises TimeoutError if none are left."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def without_credentials(target: Target) -> Mapping[str, str]:
    return {}


def download(
    url: str,
    *,
    most: int,
    seconds: float,
    allow_private: bool = False,
    headers_for: HeadersFor = without_credentials,
) -> Download:
    """Fetch a link: at most `most` bytes in `seconds`, over at most three redirects, each to a checked address.

    `headers_for` is called for each request, so that a redirect does not carry credentials to another host. Raises
    Again, Gone, Unwanted or Hopeless; their texts quote nothing of the link.
    """
    clock = Clock(seconds)
    resolver = partial(_resolved, clock=clock)
    try:
        for _ in range(HOPS + 1):
            target = addresses.guarded(url, allow_private=allow_private, resolver=resolver)
            own = headers_for(target)
            with _asked(target, clock, own) as response:
                if response.status == 401 and own:  # they may have expired a moment ago, or are being changed
                    raise Again("http_401")
                if response.status not in _REDIRECTS:
                    return _taken(response, most)
                url = _next(url, response, target)
    except RefusedAddress:
        raise Unwanted("address") from None
    except TimeoutError:
        raise Again("timeout") from None
    except ssl.SSLCertVerificationError:
        raise Again("certificate") from None
    except (
        ConnectionError
    ):  # first, because a connection that closes without an answer is an HTTPException too
        raise Again("unreachable") from None
    except http.client.HTTPException:
        raise Again("protocol") from None
    except (OSError, ValueError):
        raise Again("unreachable") from None
    raise Hopeless("redirects")


def _resolved(host: str, port: int, *, clock: Clock) -> list[str]:
    """Resolve a host name within the remaining time: the system's resolver has no time limit that we could set.

    Raises TimeoutError. The thread that still waits ends when the resolver gives up.
    """
    answer: SimpleQueue[list[str] | OSError | ValueError] = SimpleQueue()

    def look_up() -> None:
        try:
            answer.put(addresses.resolve(host, port))
        except (OSError, ValueError) as error:
            answer.put(error)

    threading.Thread(target=look_up, name="rcs-media-dns", daemon=True).start()
    try:
        found = answer.get(timeout=clock.remaining())
    except Empty:
        raise TimeoutError from None
    if isinstance(found, Exception):
        raise found
    return found


def _next(url: str, response: http.client.HTTPResponse, target: Target) -> str:
    """Return the target of a redirect. From https to http is refused: the link would be readable on the network."""
    place = response.headers.get("Location", "")
    if not place:
        raise Hopeless("redirects")
    try:
        following = urljoin(url, place)
    except ValueError:
        raise Unwanted("address") from None
    if target.tls and not following.lower().startswith("https:"):
        raise Unwanted("address")
    return following


def _taken(response: http.client.HTTPResponse, most: int) -> Download:
    """Return the body, if the response has one that we accept. Raises Undone."""
    if response.status != 200:
        raise _refusal(response)
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise Hopeless("encoding")  # we did not ask for compression
    if (response.length or 0) > most:
        raise Unwanted("too_large")
    taken = Download(response.headers.get("Content-Type", ""))
    try:
        _read(response, taken, most)
    except BaseException:
        taken.close()
        raise
    return taken


def _read(response: http.client.HTTPResponse, taken: Download, most: int) -> None:
    try:
        while chunk := response.read(CHUNK):
            taken.size += len(chunk)
            if taken.size > most:
                raise Unwanted("too_large")
            taken.head = taken.head or chunk
            taken.body.write(chunk)
    except TimeoutError:
        raise
    except (http.client.IncompleteRead, ConnectionError, ssl.SSLError):
        raise Again("truncated") from None
    if response.length or not taken.size:  # fewer bytes came than were announced
        raise Again("truncated")
    taken.body.seek(0)


def _refusal(response: http.client.HTTPResponse) -> Undone:
    code = f"http_{response.status}"
    if response.status == 404:
        return Missing(code)
    if response.status in _GONE:
        return Gone(code)
    if response.status in _LATER or response.status >= 500:
        return Again(code, _retry_after(response.headers.get("Retry-After", "")))
    return Hopeless(code)


def _retry_after(value: str) -> float | None:
    """Return the seconds, or None for the header's other form, a date: then our own delays apply."""
    number = value.strip()
    return min(float(number), MAX_RETRY_AFTER) if number.isascii() and number.isdecimal() else None


@contextmanager
def _asked(target: Target, clock: Clock, own: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
    """Send the request, and yield the response when its headers are read."""
    connection = _Pinned(target, clock)
    try:
        connection.putrequest("GET", target.path, skip_host=True, skip_accept_encoding=True)
        headers = {"Host": target.netloc, "User-Agent": "django-rcs-router", "Accept": "*/*"}
        headers |= {"Accept-Encoding": "identity", "Connection": "close"}
        for name, value in {**own, **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        with connection.getresponse() as response:
            yield response
    finally:
        connection.close()


class _Pinned(http.client.HTTPConnection):
    """Connects only to the checked addresses, even if the host name resolves to others by now."""

    def __init__(self, target: Target, clock: Clock) -> None:
        super().__init__(target.host, target.port)
        self._target = target
        self._clock = clock

    def connect(self) -> None:
        plain = _connected(self._target, self._clock)
        try:
            plain.settimeout(self._clock.remaining())
            sock = (
                _context().wrap_socket(plain, server_hostname=self._target.host)
                if self._target.tls
                else plain
            )
        except BaseException:
            plain.close()
            raise
        self.sock = _Clocked(sock, self._clock)


def _connected(target: Target, clock: Clock) -> socket.socket:
    """Connect to the first address that answers."""
    error: OSError = OSError("no address")
    for ip in target.ips[:ADDRESSES]:
        try:
            return socket.create_connection((ip, target.port), timeout=min(CONNECT, clock.remaining()))
        except OSError as failed:
            error = failed
    raise error


@lru_cache(maxsize=1)
def _context() -> ssl.SSLContext:
    """Return a context with the certificates that `requests` brings, as in all other requests of the router."""
    return ssl.create_default_context(cafile=os.environ.get("REQUESTS_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH)


class _Clocked:
    """A socket for `http.client` whose operations wait no longer than the download's remaining time."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._sock = sock
        self._clock = clock

    def sendall(self, data: Any) -> None:
        self._sock.settimeout(self._clock.remaining())
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Bytes(self._sock, self._clock))

    def close(self) -> None:
        """Close the socket. Like any other, it stays open until the response is read."""
        self._sock.close()


class _Bytes(io.RawIOBase):
    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._clock = clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._clock.remaining())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
