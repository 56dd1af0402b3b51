"""A provider made of sockets: answers as told, misbehaves as told, and remembers what it was asked.

`answer`, `raw`, `hang`, `cut`, `reset` and `drip` are what it can be told. Standard library only, loopback only.
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

Behaviour = Callable[[socket.socket], bool]  # answers one request; True keeps the connection


@dataclass(frozen=True)
class Request:
    """What the stub was asked. Header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int  # a running number: equal numbers came over the same connection

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
    """A whole answer of HTTP; calling it answers."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def __call__(self, connection: socket.socket) -> bool:
        bare = self.status in {204, 304}  # these have no body, whatever they say of its length
        lines = [f"HTTP/1.1 {self.status} Reason"]
        lines += [] if bare else [f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if bare else self.body))
        return True


@dataclass(frozen=True)
class Asked:
    """An answer that depends on the request, as when a provider repeats our ids in it."""

    answer: "Callable[[Request], Behaviour]"

    def __call__(self, connection: socket.socket) -> bool:
        raise TypeError("only a Stub can answer so: it knows the request")


def answer(status: int = 200, body: Any = b"", **headers: str) -> Answer:
    """A whole answer: `body` is bytes, a string, or a value that is sent as JSON. Headers: underscores for hyphens."""
    data = body.encode() if isinstance(body, str) else body
    if not isinstance(data, bytes):
        data = json.dumps(data).encode()
    return Answer(status, data, tuple((name.replace("_", "-"), value) for name, value in headers.items()))


def raw(data: bytes, *, keep: bool = False) -> Behaviour:
    """These bytes, whether they are HTTP or not."""

    def behave(connection: socket.socket) -> bool:
        connection.sendall(data)
        return keep

    return behave


def hang(connection: socket.socket) -> bool:
    """Says nothing until the client gives up."""
    connection.recv(1)
    return False


def cut(connection: socket.socket) -> bool:
    """Closes without a word."""
    return False


def reset(connection: socket.socket) -> bool:
    """Closes with an RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def drip(start: bytes, every: float = 0.05) -> Behaviour:
    """Sends `start`, then one byte after the other until the client gives up."""

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
    """Listens on loopback. `script` holds the answers to come; `routes` answer a path for ever; else `default`."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.script: deque[Behaviour] = deque()
        self.routes: dict[str, Behaviour] = {}
        self.default: Behaviour = answer(200, {})
        self.ended = 0  # connections that the stub has closed
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def last(self) -> Request:
        return self.requests[-1]

    def close(self) -> None:
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
        except (OSError, ValueError):  # the client went away, or does not speak HTTP
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
    """Look every 5 ms until `condition` holds. Raises AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
