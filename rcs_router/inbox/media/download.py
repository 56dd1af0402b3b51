"""A provider's link in, its bytes in a temporary file out, or why not; one connection per hop, to a judged address.

`http.client` and not `requests`: it connects where we say, tells nobody's log what was asked for, and each of its reads
can be given no more than the time that is left of the whole.
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
IN_MEMORY = 256 * 1024  # bytes of a file that are kept off the disk
HOPS = 3  # redirects that are followed
CONNECT = 5.0  # seconds for one address of a host
ADDRESSES = 4  # of a host that are tried
MAX_RETRY_AFTER = 3600.0  # seconds
_REDIRECTS = {301, 302, 303, 307, 308}
_GONE = {403, 410}  # 403 is what signed links of cloud storages say after their time
_LATER = {202, 408, 425, 429}

HeadersFor = Callable[[Target], Mapping[str, str]]  # the credentials for one request; empty for most


class Undone(Exception):
    """Not fetched: `code` says why, and the class what that means."""

    def __init__(self, code: str, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


class Again(Undone):
    """May go well another time: no connection, no answer, 429, 5xx, a body that broke off."""


class Gone(Undone):
    """The link leads nowhere any more, or not for us."""


class Missing(Gone):
    """There is nothing: not any more or, right after the message has arrived, not yet."""


class Unwanted(Undone):
    """We do not take it: its address, its size or its type."""


class Hopeless(Undone):
    """The other side will not give it, whenever it is asked."""


@dataclass
class Download:
    """What a link led to. `close()` when it is stored: the temporary file goes with it."""

    declared_type: str  # the Content-Type as it was sent
    size: int = 0  # bytes
    head: bytes = b""
    body: IO[bytes] = field(default_factory=partial(tempfile.SpooledTemporaryFile, max_size=IN_MEMORY))

    def close(self) -> None:
        self.body.close()


class Clock:
    """The time that one download has, all of its hops and bytes together."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds. Raises TimeoutError when none are left."""
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
    """Fetch a link: at most `most` bytes in `seconds`, over at most three redirects, each of which is guarded.

    `headers_for` is asked for each request anew, so that no redirect takes credentials along. Raises Again, Gone,
    Unwanted or Hopeless; their texts quote nothing of the link.
    """
    clock = Clock(seconds)
    resolver = partial(_resolved, clock=clock)
    try:
        for _ in range(HOPS + 1):
            target = addresses.guarded(url, allow_private=allow_private, resolver=resolver)
            own = headers_for(target)
            with _asked(target, clock, own) as response:
                if response.status == 401 and own:  # they may have ended a moment ago, or are being changed
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
    except ConnectionError:  # first, because "hung up without a word" is an HTTPException, too
        raise Again("unreachable") from None
    except http.client.HTTPException:
        raise Again("protocol") from None
    except (OSError, ValueError):
        raise Again("unreachable") from None
    raise Hopeless("redirects")


def _resolved(host: str, port: int, *, clock: Clock) -> list[str]:
    """Look a name up in the time that is left: the system's resolver has no limit that we could set.

    Raises TimeoutError; the thread that still waits ends by itself, when the resolver gives up.
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
    """Where a redirect leads. From https never to http: the link would be readable on its way."""
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
    """The body, if the answer has one that we want."""
    if response.status != 200:
        raise _refusal(response)
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise Hopeless("encoding")  # we have asked for none
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
    if response.length or not taken.size:  # bytes that were announced and did not come
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
    """Seconds; the header's other form, a date, is left to our own delays."""
    number = value.strip()
    return min(float(number), MAX_RETRY_AFTER) if number.isascii() and number.isdecimal() else None


@contextmanager
def _asked(target: Target, clock: Clock, own: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
    """The answer up to its headers."""
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
    """Connects to the addresses that were judged, whatever the host's name means by now."""

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
    """To the first address that answers."""
    error: OSError = OSError("no address")
    for ip in target.ips[:ADDRESSES]:
        try:
            return socket.create_connection((ip, target.port), timeout=min(CONNECT, clock.remaining()))
        except OSError as failed:
            error = failed
    raise error


@lru_cache(maxsize=1)
def _context() -> ssl.SSLContext:
    """The certificates that `requests` brings, as in all our other calls."""
    return ssl.create_default_context(cafile=os.environ.get("REQUESTS_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH)


class _Clocked:
    """A socket as `http.client` uses it, each of its operations waiting no longer than the download has left."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._sock = sock
        self._clock = clock

    def sendall(self, data: Any) -> None:
        self._sock.settimeout(self._clock.remaining())
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Bytes(self._sock, self._clock))

    def close(self) -> None:
        """The bytes that are still to be read keep the socket open, as they do with any other."""
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
