"""What the emulator's tests share: a fresh world, its server on a socket, and a client that records webhooks."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from django.test import Client

from rcs_backends.emulator import server
from rcs_backends.emulator.state import world

NUMBER = "+37255501234"
MESSAGES = f"/emulator/google/v1/phones/{NUMBER}/agentMessages"
HELLO = {"messageTrafficType": "TRANSACTION", "contentMessage": {"text": "Hello"}}


@dataclass
class Received:
    """One request that the client got."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> bytes:
        return base64.b64decode(json.loads(self.body)["message"]["data"])

    @property
    def payload(self) -> dict[str, Any]:
        return json.loads(self.data)


@dataclass
class Receiver:
    """The client's side: answers with `statuses` in turn, then 200; `body` is what it says."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    body: Callable[[bytes], bytes] = lambda body: b""
    requests: list[Received] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, count: int, timeout: float = 5.0) -> list[Received]:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.requests) >= count, timeout), self.requests
            return list(self.requests)

    def take(self, request: Received) -> tuple[int, bytes]:
        with self.arrived:
            self.requests.append(request)
            self.arrived.notify_all()
            return self.statuses.pop(0) if self.statuses else 200, self.body(request.body)


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, answer = receiver.take(Received(self.path, dict(self.headers), body))
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


@pytest.fixture(autouse=True)
def fresh_world() -> Iterator[None]:
    """A world without memory, in which nothing waits longer than it must."""
    world.forget(config=True)
    world.configure({"delivery_delay": 0, "retry_scale": 0.001, "google": {"verify_tokens": False}})
    yield
    world.forget(config=True)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(found))
    http.daemon_threads = True
    found.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    http.shutdown()
    http.server_close()


@pytest.fixture
def acme(receiver: Receiver) -> Receiver:
    """Agent acme, whose webhooks go to the receiver; Kannel's callbacks too."""
    agent = {"webhook": f"{receiver.url}/rbm", "client_token": "emu-client-token-1"}
    mo_url = f"{receiver.url}/mo?id=%p&to=%P&text=%a&charset=%C&coding=%c"
    world.configure({"google": {"agents": {"acme": agent}}, "kannel": {"mo_url": mo_url}})
    return receiver


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    """The address of the emulator, served over a real socket."""
    with server.start(application=server.with_static_files(server.EmulatorOnly())) as running:
        yield f"{running.url}/emulator/"


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


class Phone:
    """A handset through the control API, without a socket."""

    def __init__(self, client: Client, number: str = NUMBER) -> None:
        self.client = client
        self.path = f"/emulator/handsets/{number}/"
        self.number = number

    def set(self, **changes: Any) -> dict[str, Any]:
        return self._post("/emulator/handsets/", {"number": self.number, **changes})

    def do(self, action: str, **details: Any) -> dict[str, Any] | None:
        return self._post(f"{self.path}actions/", {"action": action, **details})["message"]

    def refused(self, action: str, **details: Any) -> str:
        body = {"action": action, **details}
        answer = self.client.post(f"{self.path}actions/", body, content_type="application/json")
        assert answer.status_code == 400
        return str(answer.json()["error"])

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.client.post(path, body, content_type="application/json")
        assert answer.status_code == 200, answer.content
        return answer.json()

    def messages(self) -> list[dict[str, Any]]:
        return self.client.get(f"{self.path}messages/").json()["messages"]

    def wait(self, state: str, index: int = -1) -> dict[str, Any]:
        """The message, once it is in this state."""

        def there() -> bool:
            shown = list(world.handset(self.number).messages.values())
            return bool(shown) and shown[index].state == state

        assert world.wait_for(there), self.messages()
        return self.messages()[index]


@pytest.fixture
def phone(client: Client) -> Phone:
    found = Phone(client)
    found.set()
    return found


@pytest.fixture
def send(client: Client) -> Callable[..., Any]:
    """Send a message to the phone as agent acme: Google's answer."""

    def call(
        message_id: str = "m1", body: dict[str, Any] | None = None, *, agent: str = "acme", to: str = NUMBER
    ) -> Any:
        path = f"/emulator/google/v1/phones/{to}/agentMessages?messageId={message_id}&agentId={agent}"
        return client.post(path, HELLO if body is None else body, content_type="application/json")

    return call
