"""Read the body of a request that a stranger sends: at most so many bytes, whole, and unpacked where it is compressed.

Django takes a body whose length is not announced (HTTP's chunked transfer coding) for an empty one; here it is read
as far as the server says that it ends by itself.
"""

import zlib
from dataclasses import dataclass
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, UnreadablePostError

from rcs_router.errors import WebhookRefused

CHUNK = 64 * 1024  # bytes read at once
CODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # RFC 9110, section 8.4.1 → zlib's wbits


class TooLarge(Exception):
    """The body has more bytes than are allowed, as it was sent or unpacked."""


@dataclass(frozen=True)
class Body:
    """`plain`: what is to be read. `sent`: the bytes that came, where those were compressed; else empty."""

    plain: bytes
    sent: bytes = b""


def read(request: HttpRequest, limit: int) -> Body:
    """Raises TooLarge, UnreadablePostError (it broke off), and WebhookRefused: 400, 411 or 415, as in HTTP."""
    raw = _bytes(request, limit)
    coding = request.headers.get("Content-Encoding", "").strip().lower()
    if not raw or coding in {"", "identity"}:
        return Body(raw)
    if coding not in CODINGS:
        raise WebhookRefused("compressed in a way that is not known here", status=415)
    return Body(unpacked(raw, coding, limit), raw)


def _bytes(request: HttpRequest, limit: int) -> bytes:
    announced = str(request.META.get("CONTENT_LENGTH") or "").strip()
    if not announced:
        return _until_its_end(_stream(request), limit)
    if not (announced.isascii() and announced.isdigit()):
        raise WebhookRefused("a Content-Length that is no number", status=400)
    if int(announced[:20]) > limit:
        raise TooLarge
    body = _until_its_end(request, limit)
    if len(body) < int(announced):
        raise UnreadablePostError("fewer bytes than announced")
    return body


def _stream(request: HttpRequest) -> Any:
    """Where a body without announced length is read from. ASGI's requests know by themselves where it ends."""
    if not isinstance(request, WSGIRequest):
        return request
    environ = request.environ
    if environ.get("wsgi.input_terminated"):
        return environ["wsgi.input"]
    if environ.get("HTTP_TRANSFER_ENCODING"):  # reading on might wait for ever, or read the next request
        raise WebhookRefused(
            "no Content-Length, and this server does not say where the body ends", status=411
        )
    return request


def _until_its_end(stream: Any, limit: int) -> bytes:
    body = bytearray()
    try:
        while len(body) <= limit and (chunk := stream.read(min(CHUNK, limit + 1 - len(body)))):
            body += chunk
    except UnreadablePostError:
        raise
    except Exception as error:  # each server has its own for chunks that are none
        raise UnreadablePostError(type(error).__name__) from None
    if len(body) > limit:
        raise TooLarge
    return bytes(body)


def unpacked(data: bytes, coding: str, limit: int) -> bytes:
    """`data` without its compression. Never makes more than `limit` bytes of it; Raises TooLarge and WebhookRefused."""
    try:
        return _unpacked(data, CODINGS[coding], limit)
    except zlib.error:
        if coding != "deflate":
            raise WebhookRefused("the compressed body is broken", status=400) from None
    try:
        return _unpacked(data, -15, limit)  # some senders leave out the zlib format around the deflated bytes
    except zlib.error:
        raise WebhookRefused("the compressed body is broken", status=400) from None


def _unpacked(data: bytes, wbits: int, limit: int) -> bytes:
    """A gzip body may have several members, one behind the other (RFC 1952, section 2.2)."""
    plain = bytearray()
    while data:
        member = zlib.decompressobj(wbits)
        plain += member.decompress(data, limit + 1 - len(plain))
        if len(plain) > limit:
            raise TooLarge
        if not member.eof or (wbits != 31 and member.unused_data):
            raise zlib.error
        data = member.unused_data
    return bytes(plain)
