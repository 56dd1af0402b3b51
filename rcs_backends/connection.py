"""Keep-alive connections, one set per thread, which record on the current exchange what happened to its request.

`requests` does not tell whether the request may have left, whether its connection had been used before, or that the
time limit has passed while bytes still arrive slowly.
"""

import http.client
import io
import logging
import os
import threading
import time
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.connection import HTTPConnection, HTTPSConnection

MAX_AGE = 300.0  # seconds that connections are kept: the DNS TTL of Google's API host names


class Exchange:
    """The state of one request and its answer. A context manager: this thread may connect only inside it."""

    def __init__(self, timeout: float, connect_timeout: float) -> None:
        self.deadline = time.monotonic() + timeout
        self.connect_timeout = connect_timeout
        self.request_left = False  # connected: from here on the provider may have received the request
        self.reused = False  # the connection had already carried a request
        self.answered = False  # the first byte of the answer has arrived

    def remaining(self) -> float:
        """Return the seconds that are left; never 0, which would make a socket non-blocking."""
        return max(self.deadline - time.monotonic(), 0.001)

    def __enter__(self) -> "Exchange":
        _thread.exchange = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        _thread.exchange = None


class _PerThread(threading.local):
    exchange: Exchange | None = None
    adapter: "Adapter | None" = None


_thread = _PerThread()


def _current() -> Exchange:
    assert _thread.exchange is not None, "connections are used inside an exchange only"
    return _thread.exchange


class _TimedReader(io.RawIOBase):
    """A raw stream over a socket in which each read waits no longer than the time that the exchange has left."""

    def __init__(self, sock: Any, raw: io.RawIOBase) -> None:
        self._sock = sock
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        exchange = _current()
        self._sock.settimeout(exchange.remaining())
        count = self._raw.readinto(buffer)
        exchange.answered = exchange.answered or bool(count)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_TimedReader(sock, self.fp.detach()))


class _TrackedConnection(HTTPConnection):
    """A connection that records when its request may have left, and limits sending to the time of the exchange."""

    response_class = _Response
    used = False

    def connect(self) -> None:
        super().connect()
        self.used = False
        _current().request_left = True
        self.sock.settimeout(_current().remaining())

    def request(self, *args: Any, **kwargs: Any) -> None:
        exchange = _current()
        if self.sock is not None:
            exchange.request_left, exchange.reused = True, self.used
            self.timeout = exchange.remaining()
        super().request(*args, **kwargs)
        self.used = True


class _TrackedTLSConnection(_TrackedConnection, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _TrackedConnection


class _PoolTLS(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TrackedTLSConnection


class Adapter(HTTPAdapter):
    """Keep-alive connections of one thread. Proxies and the CA bundle are read from the environment once."""

    def __init__(self) -> None:
        super().__init__(max_retries=0)
        self.created_at = time.monotonic()
        self.pid = os.getpid()
        self.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
        self._proxies: dict[tuple[str, str], dict[str, str]] = {}

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _PoolTLS}

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _PoolTLS}
        return manager

    def send_within(self, exchange: Exchange, request: requests.PreparedRequest) -> requests.Response:
        """Send the request and return the answer up to its headers, without following redirects or keeping cookies."""
        return self.send(
            request,
            stream=True,
            timeout=(min(exchange.connect_timeout, exchange.remaining()), exchange.remaining()),
            verify=self.verify,
            proxies=self._proxies_for(request.url or ""),
        )

    def _proxies_for(self, url: str) -> dict[str, str]:
        """Return the proxies for `url`; there are none for loopback addresses."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        key = (parts.scheme, host)
        if key not in self._proxies:
            is_loopback = host in {"localhost", "::1"} or host.startswith("127.")
            self._proxies[key] = {} if is_loopback else get_environ_proxies(url)
        return self._proxies[key]


def adapter() -> Adapter:
    """Return this thread's adapter. It is replaced when it is old (DNS may change) or was inherited by a fork."""
    current = _thread.adapter
    if current and current.pid == os.getpid():
        if time.monotonic() - current.created_at < MAX_AGE:
            return current
        current.close()
    _thread.adapter = Adapter()
    return _thread.adapter


def _is_not_a_provider_request(record: logging.LogRecord) -> bool:
    """Drop urllib3's log records during our requests: they hold URLs with the password, the number and the text."""
    return _thread.exchange is None


for _name in ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_is_not_a_provider_request)
