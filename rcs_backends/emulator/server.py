"""An HTTP server in a thread, for tests, `manage.py emulator` and the demo.

It keeps connections alive, answers side by side, logs nothing, and lets a view cut its connection without an answer.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.apps import apps
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.http.response import HttpResponseBase

SOCKET = "rcs_emulator.socket"
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class ConnectionCut(ConnectionAbortedError):
    """There is no connection to cut (as in Django's test client): raised in the answer's place."""


def cut(environ: dict[str, Any]) -> None:
    """Close the request's connection now, so that whatever the view answers cannot reach the client.

    Knows the socket of this module's server and of runserver. Raises ConnectionCut where it finds none.
    """
    connection = environ.get(SOCKET) or _runserver_socket(environ.get("wsgi.input"))
    if connection is None:
        raise ConnectionCut("this server does not let the emulator cut a connection")
    connection.shutdown(socket.SHUT_RDWR)


def _runserver_socket(stream: object) -> socket.socket | None:
    """wsgi.input is Django's LimitedStream round the buffered reader of the socket."""
    reader = getattr(getattr(stream, "_read", None), "__self__", None)
    found = getattr(getattr(reader, "raw", None), "_sock", None)
    return found if isinstance(found, socket.socket) else None


class _Handler(WSGIRequestHandler):
    # Headers and body are two writes: else an answer may wait 40 ms for an ACK.
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server.open_connections.add(self.connection)  # type: ignore[attr-defined]

    def finish(self) -> None:
        self.server.open_connections.discard(self.connection)  # type: ignore[attr-defined]
        super().finish()

    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), SOCKET: self.connection}

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: bodies and numbers have no business in a log."""

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True  # the client is gone, or a fault dial cut it off


class _HTTPServer(ThreadedWSGIServer):
    request_queue_size = 128

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.open_connections: set[socket.socket] = set()
        super().__init__(*args, **kwargs)

    def cut_all(self) -> None:
        for connection in list(self.open_connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # closed by itself meanwhile


class Server:
    """A server that runs. Also a context manager that closes it."""

    def __init__(self, http: _HTTPServer) -> None:
        self._http = http
        self._thread = threading.Thread(
            target=http.serve_forever, args=(0.05,), name="rcs-emulator-http", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """Without a slash at the end, e.g. http://127.0.0.1:8020"""
        return f"http://{self._http.server_address[0]!s}:{self.port}"

    def close(self) -> None:
        """Stop listening and cut what is still open."""
        self._http.shutdown()
        self._http.server_close()
        self._http.cut_all()
        self._thread.join()

    def wait_for_requests(self, seconds: float) -> None:
        """After `close()`: wait until nobody works on a request any more, at most so long."""
        until = time.monotonic() + seconds
        while self._http.open_connections and time.monotonic() < until:
            time.sleep(0.01)

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class EmulatorOnly(WSGIHandler):
    """The emulator below /emulator/ and nothing else of the project, whatever ROOT_URLCONF says."""

    def get_response(self, request: WSGIRequest) -> HttpResponseBase:  # type: ignore[override]
        request.urlconf = "rcs_backends.emulator.standalone"
        return super().get_response(request)


def with_static_files(application: WSGIHandler) -> Application:
    """Return the application with the project's static files where django.contrib.staticfiles is installed."""
    if not apps.is_installed("django.contrib.staticfiles"):
        return application
    from django.contrib.staticfiles.handlers import StaticFilesHandler

    handler: Application = StaticFilesHandler(application)
    return handler


def start(port: int = 0, host: str = "127.0.0.1", application: Application | None = None) -> Server:
    """Serve `application` (default: the whole project with its static files) in a daemon thread. Port 0: a free one.

    Raises OSError when the port is taken.
    """
    http = _HTTPServer((host, port), _Handler)
    http.set_app(application or with_static_files(get_wsgi_application()))
    return Server(http)
