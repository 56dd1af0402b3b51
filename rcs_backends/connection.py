"""Keep-alive connections, one set per thread; they tell the exchange under way what happened to its request.

What `requests` does not say by itself: whether the request may have left, whether its connection had been used
before, and that the time for the answer is over although bytes still drip in.
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

MAX_AGE = 300.0  # seconds a connection lives: the DNS TTL of Google's API names


class Exchange:
    """One request and its answer as its connection sees them; a context in which this thread may connect."""

    def __init__(self, timeout: float, connect_timeout: float) -> None:
        self.deadline = time.monotonic() + timeout
        self.connect_timeout = connect_timeout
        self.left = False  # a connection stood: from here on the provider may have got the request
        self.reused = False  # ... one that had carried a request before
        self.answered = False  # a byte of the answer came

    def remaining(self) -> float:
        """Seconds; never 0, which would mean "do not wait" to a socket."""
        return max(self.deadline - time.monotonic(), 0.001)

    def __enter__(self) -> "Exchange":
        _mine.exchange = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        _mine.exchange = None


class _Mine(threading.local):
    exchange: Exchange | None = None
    adapter: "Adapter | None" = None


_mine = _Mine()


def _current() -> Exchange:
    assert _mine.exchange is not None, "connections are used inside an exchange only"
    return _mine.exchange


class _Clocked(io.RawIOBase):
    """A socket's bytes, each read waiting no longer than the exchange has left."""

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


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Clocked(sock, self.fp.detach()))


class _Watched(HTTPConnection):
    """Tells the exchange when its request may have left; gives sending the time of the exchange, too."""

    response_class = _Answer
    used = False

    def connect(self) -> None:
        super().connect()
        self.used = False
        _current().left = True
        self.sock.settimeout(_current().remaining())

    def request(self, *args: Any, **kwargs: Any) -> None:
        exchange = _current()
        if self.sock is not None:
            exchange.left, exchange.reused = True, self.used
            self.timeout = exchange.remaining()
        super().request(*args, **kwargs)
        self.used = True


class _WatchedTLS(_Watched, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Watched


class _PoolTLS(urllib3.HTTPSConnectionPool):
    ConnectionCls = _WatchedTLS


class Adapter(HTTPAdapter):
    """Keep-alive connections of one thread. The environment's proxies and CA bundle are read once."""

    def __init__(self) -> None:
        super().__init__(max_retries=0)
        self.born = time.monotonic()
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
        """The answer up to its headers; redirects are not followed and cookies are not kept."""
        return self.send(
            request,
            stream=True,
            timeout=(min(exchange.connect_timeout, exchange.remaining()), exchange.remaining()),
            verify=self.verify,
            proxies=self._proxies_for(request.url or ""),
        )

    def _proxies_for(self, url: str) -> dict[str, str]:
        """A proxy never stands between us and this machine."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        key = (parts.scheme, host)
        if key not in self._proxies:
            is_loopback = host in {"localhost", "::1"} or host.startswith("127.")
            self._proxies[key] = {} if is_loopback else get_environ_proxies(url)
        return self._proxies[key]


def adapter() -> Adapter:
    """This thread's connections; new ones when they are old (addresses change) or a parent process's."""
    mine = _mine.adapter
    if mine and mine.pid == os.getpid():
        if time.monotonic() - mine.born < MAX_AGE:
            return mine
        mine.close()
    _mine.adapter = Adapter()
    return _mine.adapter


def _is_not_ours(record: logging.LogRecord) -> bool:
    """urllib3 logs addresses with all parameters: password, number and text. Not those of our requests."""
    return _mine.exchange is None


for _name in ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_is_not_ours)
