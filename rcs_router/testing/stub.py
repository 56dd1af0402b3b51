"""An HTTP server for tests of backends: it answers or misbehaves as told, and records the requests.

Tell it what to do with `answer`, `raw`, `hang`, `cut`, `reset` and `drip`. Uses only the standard library and loopback.
"""

import contextlib
import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

Behaviour = Callable[[socket.socket], bool]  # answers one request; returns True to keep the connection


@dataclass(frozen=True)
class Request:
    """A request to the stub. Header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int  # number of the connection: equal numbers mean the same connection

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """A complete HTTP response. Calling it sends it."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def __call__(self, connection: socket.socket) -> bool:
        bare = self.status in {204, 304}  # these have no body, whatever their Content-Length
        lines = [f"HTTP/1.1 {self.status} Reason"]
        lines += [] if bare else [f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if bare else self.body))
        return True


@dataclass(frozen=True)
class Asked:
    """An answer that depends on the request, e.g. because the provider repeats our ids."""

    answer: "Callable[[Request], Behaviour]"

    def __call__(self, connection: socket.socket) -> bool:
        raise TypeError("only a Stub can answer so: it knows the request")


def answer(status: int = 200, body: Any = b"", **headers: str) -> Answer:
    """Return an answer. `body`: bytes, a string, or a value to send as JSON. Headers: underscores for hyphens."""
    data = body.encode() if isinstance(body, str) else body
    if not isinstance(data, bytes):
        data = json.dumps(data).encode()
    return Answer(status, data, tuple((name.replace("_", "-"), value) for name, value in headers.items()))


def raw(data: bytes, *, keep: bool = False) -> Behaviour:
    """Send these bytes, which need not be HTTP."""

    def behave(connection: socket.socket) -> bool:
        connection.sendall(data)
        return keep

    return behave


def hang(connection: socket.socket) -> bool:
    """Send nothing until the client gives up."""
    connection.recv(1)
    return False


def cut(connection: socket.socket) -> bool:
    """Close the connection without an answer."""
    return False


def reset(connection: socket.socket) -> bool:
    """Close the connection with an RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def drip(start: bytes, every: float = 0.05) -> Behaviour:
    """Send `start`, then single bytes until the client gives up."""

    def behave(connection: socket.socket) -> bool:
        connection.sendall(start)
        connection.settimeout(every)
        while True:
            connection.sendall(b"x")
            try:
                if not connection.recv(1):
                    return False
            except TimeoutError:
                continue

    return behave


class Stub:
    """Listens on loopback. Answers with `routes` by path, else with the next of `script`, else with `default`."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.script: deque[Behaviour] = deque()
        self.routes: dict[str, Behaviour] = {}
        self.default: Behaviour = answer(200, {})
        self.ended = 0  # connections that the stub has closed
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._closed = False
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def last(self) -> Request:
        return self.requests[-1]

    def close(self) -> None:
        self._closed = True
        for sock in [self._listener, *self._open]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits there
            sock.close()

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            number += 1
            self._open.append(connection)
            if self._closed:  # accepted while `close` went through the others: a later stub may get this port
                connection.close()
                return
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            with connection, connection.makefile("rb") as stream:
                while request := _read(stream, number):
                    self.requests.append(request)
                    behaviour = self._behaviour(request)
                    while isinstance(behaviour, Asked):
                        behaviour = behaviour.answer(request)
                    if not behaviour(connection):
                        connection.shutdown(socket.SHUT_WR)
                        self.ended += 1
                        return
        except (OSError, ValueError):  # the client has closed the connection, or does not speak HTTP
            return

    def _behaviour(self, request: Request) -> Behaviour:
        if request.path in self.routes:
            return self.routes[request.path]
        return self.script.popleft() if self.script else self.default


def _read(stream: Any, number: int) -> Request | None:
    first = stream.readline().decode()
    if not first.strip():
        return None
    method, target, _ = first.split(" ", 2)
    headers = {}
    while line := stream.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Request(method, target, headers, stream.read(int(headers.get("content-length", 0))), number)


def wait_until(condition: Callable[[], Any], seconds: float = 5.0) -> None:
    """Check every 5 ms until `condition` holds. Raises AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"the condition did not become true in {seconds:g} s"
        time.sleep(0.005)
