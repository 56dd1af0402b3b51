"""Bodies without an announced length, compressed ones, and those that are too large or broken, on every wire."""

import gzip
import http.client
import json
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import pytest
from django.core.handlers.wsgi import WSGIHandler

from rcs_router.inbox import intake
from rcs_router.models import StoredWebhook
from tests.core import ALICE

from . import raw
from .raw import ALL, CALLS, Call
from .sites import site
from .wires import incoming

HELLO = [(ALICE, "hello")]
WIRES = sorted(CALLS)


@pytest.fixture(autouse=True)
def all_wires(settings: Any) -> None:
    site(settings, ALL)


def heard() -> list[tuple[str, str]]:
    intake.digest()
    return incoming()


def stored() -> int:
    return StoredWebhook.objects.count()


# Without a length.


@pytest.mark.django_db
@pytest.mark.parametrize("wire", WIRES)
def test_a_body_in_chunks_is_read(wire: str) -> None:
    assert raw.wsgi(raw.chunked(CALLS[wire]())) == 200
    assert heard() == HELLO


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wire", WIRES)
def test_a_body_in_chunks_is_read_under_asgi(wire: str) -> None:
    assert raw.asgi(CALLS[wire]()) == 200
    assert heard() == HELLO


@pytest.mark.django_db
@pytest.mark.parametrize("wire", WIRES)
def test_an_empty_length_is_none(wire: str) -> None:
    assert raw.wsgi({**raw.chunked(CALLS[wire]()), "CONTENT_LENGTH": ""}) == 200
    assert heard() == HELLO


@pytest.mark.django_db
@pytest.mark.parametrize("wire", WIRES)
def test_a_server_that_does_not_say_where_the_body_ends_is_asked_for_a_length(wire: str) -> None:
    """Django's own server is one. A 200 would lose the message on wires without signature."""
    assert raw.wsgi(raw.chunked(CALLS[wire](), terminated=False)) == 411
    assert stored() == 0


@pytest.mark.django_db
def test_what_chunks_raise_in_the_server_is_a_refusal() -> None:
    class Broken:
        def read(self, size: int = -1) -> bytes:
            raise OSError("invalid chunk size")

        readline = read

    assert raw.wsgi({**raw.chunked(CALLS["gs"]()), "wsgi.input": Broken()}) == 400
    assert stored() == 0


@pytest.mark.django_db
def test_a_middleware_that_has_read_the_body_takes_nothing_away(settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.field.test_bodies.Nosy"]
    assert raw.wsgi(raw.chunked(CALLS["gs"]())) == 200
    call = CALLS["re"]()
    assert raw.wsgi(raw.environ(call, length=str(len(call.body)))) == 200
    assert sorted(heard()) == [*HELLO, *HELLO]


class Nosy:
    def __init__(self, get_response: Callable[..., Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        request.body  # noqa: B018
        return self.get_response(request)


# Lengths that are none.


@pytest.mark.django_db
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("length", ["-2054", "abc", "1e3", "+5", "0x10", "\u0665", "5, 5", "2 0", "9" * 400])
def test_a_length_that_is_none_is_a_refusal(wire: str, length: str) -> None:
    assert 400 <= raw.wsgi(raw.environ(CALLS[wire](), length=length)) < 500
    assert stored() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("missing", [1, 1000])
def test_a_body_that_breaks_off_is_to_be_sent_again(wire: str, missing: int) -> None:
    call = CALLS[wire]()
    assert raw.wsgi(raw.environ(call, length=str(len(call.body) + missing))) == 400
    assert stored() == 0


# Too large.


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("server", ["wsgi", "wsgi, chunked", "asgi", "asgi, chunked"])
def test_too_large_is_413_and_nothing_is_stored(wire: str, server: str, settings: Any) -> None:
    call = CALLS[wire]()
    site(settings, ALL, WEBHOOK_MAX_BYTES=len(call.body) - 1)
    length = None if "chunked" in server else str(len(call.body))
    if "asgi" in server:
        assert raw.asgi(call, length=length) == 413
    else:
        assert raw.wsgi(raw.environ(call, length=length) if length else raw.chunked(call)) == 413
    assert stored() == 0


@pytest.mark.django_db
def test_as_large_as_allowed_is_taken(settings: Any) -> None:
    call = CALLS["gs"]()
    site(settings, ALL, WEBHOOK_MAX_BYTES=len(call.body))
    assert raw.wsgi(raw.chunked(call)) == 200
    assert heard() == HELLO


@pytest.mark.django_db
def test_of_an_endless_body_no_more_is_read_than_is_allowed(settings: Any) -> None:
    site(settings, ALL, WEBHOOK_MAX_BYTES=1000)
    read = []

    class Endless:
        def read(self, size: int = -1) -> bytes:
            read.append(size)
            assert 0 < size <= 1001
            return b"x" * min(size, 300)

        readline = read

    assert raw.wsgi({**raw.chunked(CALLS["gs"]()), "wsgi.input": Endless()}) == 413
    assert sum(min(size, 300) for size in read) == 1001


# Compressed.


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "GZIP": (" GZip ", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "two members": ("gzip", lambda data: gzip.compress(data[:3]) + gzip.compress(data[3:])),
    "deflate": ("deflate", zlib.compress),
    "deflate without zlib": ("deflate", _raw_deflate),
    "identity": ("identity", lambda data: data),
}


def packed(wire: str, way: str) -> Call:
    call = CALLS[wire]()
    coding, pack = PACKED[way]
    call.body = pack(call.body)
    call.headers["content-encoding"] = coding
    return raw.signed_again(call)


@pytest.mark.django_db
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("way", PACKED)
def test_a_compressed_body_is_read(wire: str, way: str) -> None:
    """The signature covers the bytes as they were sent."""
    call = packed(wire, way)
    assert raw.wsgi(raw.environ(call, length=str(len(call.body)))) == 200
    assert heard() == HELLO


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wire", WIRES)
def test_a_compressed_body_in_chunks_is_read(wire: str) -> None:
    assert raw.wsgi(raw.chunked(packed(wire, "gzip"))) == 200
    assert raw.asgi(packed(wire, "gzip")) == 200
    assert set(heard()) == set(HELLO)


@pytest.mark.django_db
@pytest.mark.parametrize("wire", sorted(raw.SIGNS_THE_BODY))
def test_a_signature_over_other_bytes_than_were_sent_is_refused(wire: str) -> None:
    call = CALLS[wire]()
    call.body, call.headers["content-encoding"] = gzip.compress(call.body), "gzip"
    assert raw.wsgi(raw.environ(call, length=str(len(call.body)))) == 401
    assert stored() == 0


@pytest.mark.django_db
def test_who_may_tell_what_people_say_tells_no_receipts_by_compressing_them(settings: Any) -> None:
    """Messente's inbound secret signs messages and nothing else, whatever the bytes look like from outside."""
    options = {**ALL["me"]["OPTIONS"], "inbound_secret": "inbound"}
    site(settings, {"me": {**ALL["me"], "OPTIONS": options}})
    body = gzip.compress(json.dumps({"status": "DELIVRD", "message_id": "p", "omnimessage_id": "o"}).encode())
    headers = {"content-encoding": "gzip", "x-messente-signature": raw.hmac_sha256(body, "inbound")}
    assert raw.wsgi(raw.environ(Call("me", body, headers=headers), length=str(len(body)))) == 401


BROKEN = {
    "cut": ("gzip", gzip.compress(b"hello")[:-4], 400),
    "not compressed": ("gzip", b"hello", 400),
    "changed": ("gzip", gzip.compress(b"hello")[:-8] + b"\0" * 8, 400),
    "something behind it": ("gzip", gzip.compress(b"hello") + b"{}", 400),
    "zlib with something behind it": ("deflate", zlib.compress(b"hello") + b"x", 400),
    "no deflate": ("deflate", b"\xff\xff\xff", 400),
    "brotli": ("br", b"hello", 415),
    "zstd": ("zstd", b"hello", 415),
    "twice": ("gzip, gzip", gzip.compress(gzip.compress(b"hello")), 415),
    "nonsense": ("\u00fc\u00fc", b"hello", 415),
}


@pytest.mark.django_db
@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_unpacked_is_refused(case: str) -> None:
    coding, body, status = BROKEN[case]
    call = Call("ka", body, CALLS["ka"]().query, {**CALLS["ka"]().headers, "content-encoding": coding})
    assert raw.wsgi(raw.environ(call, length=str(len(body)))) == status
    assert stored() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("way", ["gzip", "deflate", "deflate without zlib", "two members"])
def test_a_bomb_is_413(way: str, settings: Any) -> None:
    site(settings, ALL, WEBHOOK_MAX_BYTES=100_000)
    coding, pack = PACKED[way]
    body = pack(b"x" * 50_000_000)
    assert len(body) < 100_000
    call = Call("gs", body, CALLS["gs"]().query, {"content-encoding": coding})
    assert raw.wsgi(raw.chunked(call)) == 413
    assert stored() == 0


# Over a socket.


class Dechunked:
    """What a server such as gunicorn makes of HTTP's chunks."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.left, self.over = stream, 0, False

    def read(self, size: int = -1) -> bytes:
        if not self.left and not self.over:
            self.left = int(self.stream.readline(), 16)
            self.over = not self.left
        if self.over:
            return b""
        data: bytes = self.stream.read(min(size, self.left) if size > 0 else self.left)
        if not data:
            raise OSError("the client is gone")
        self.left -= len(data)
        if not self.left:
            self.stream.readline()
        return data

    readline = read


class Handler(WSGIRequestHandler):
    def get_environ(self) -> dict[str, Any]:
        environ = super().get_environ()
        if self.headers.get("Transfer-Encoding") == "chunked":
            environ.pop("CONTENT_LENGTH", None)
        return environ

    def log_message(self, *args: Any) -> None:
        pass


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def application(environ: dict[str, Any], start_response: Any) -> Any:
    if environ.get("HTTP_TRANSFER_ENCODING") == "chunked":
        environ |= {"wsgi.input": Dechunked(environ["wsgi.input"]), "wsgi.input_terminated": True}
    return WSGIHandler()(environ, start_response)


@pytest.fixture
def port(transactional_db: None) -> Iterator[int]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.set_app(application)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield int(server.server_port)
        server.shutdown()


@pytest.mark.parametrize("wire", WIRES)
def test_chunks_over_a_socket(wire: str, port: int) -> None:
    call = CALLS[wire]()
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"content-type": "application/json", **call.headers}
    pieces = (call.body[at : at + 5] for at in range(0, len(call.body), 5))
    address = f"{call.path}?{call.query}" if call.query else call.path
    client.request("POST", address, body=pieces, headers=headers, encode_chunked=True)
    assert client.getresponse().status == 200
    client.close()
    assert heard() == HELLO


def test_a_client_that_hangs_up_in_the_middle_of_its_chunks_is_heard_with_nothing(port: int) -> None:
    call = CALLS["gs"]()
    head = f"POST {call.path}?{call.query} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(head.encode())
        client.shutdown(socket.SHUT_WR)
        assert b" 400 " in client.makefile("rb").readline()
    assert stored() == 0
