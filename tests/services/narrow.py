"""A web server with two threads, as small sites have: two requests that hang occupy all of it."""

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import django

THREADS = 2


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the tests read the answers."""


class Narrow(WSGIServer):
    request_queue_size = 100
    pool = ThreadPoolExecutor(THREADS)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.pool.submit(self._serve, request, client_address)

    def _serve(self, request: socket.socket, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        finally:
            self.shutdown_request(request)


def main() -> None:
    django.setup()
    from django.core.wsgi import get_wsgi_application

    import tests.services.celery

    tests.services.celery.app.set_default()
    server = Narrow(("127.0.0.1", int(os.environ["RCS_NARROW_PORT"])), Quiet)
    server.set_app(get_wsgi_application())
    server.serve_forever()


if __name__ == "__main__":
    main()
