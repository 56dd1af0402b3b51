"""Read the complete body of an untrusted request, up to a limit, and decompress it.

Django takes a body without a Content-Length (HTTP's chunked transfer coding) for an empty one. Here such a body is read
if the server marks its end.
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
    """The body has more bytes than allowed, as sent or decompressed."""


@dataclass(frozen=True)
class Body:
    """A request's body. `plain` is decompressed; `sent` has the bytes as sent if they were compressed, else none."""

    plain: bytes
    sent: bytes = b""


def read(request: HttpRequest, limit: int) -> Body:
    """Return the body. Raises TooLarge, UnreadablePostError (it broke off), and WebhookRefused with 400, 411 or 415."""
    raw = _bytes(request, limit)
    coding = request.headers.get("Content-Encoding", "").strip().lower()
    if not raw or coding in {"", "identity"}:
        return Body(raw)
    if coding not in CODINGS:
        raise WebhookRefused("the Content-Encoding is not supported", status=415)
    return Body(unpacked(raw, coding, limit), raw)


def _bytes(request: HttpRequest, limit: int) -> bytes:
    announced = str(request.META.get("CONTENT_LENGTH") or "").strip()
    if not announced:
        return _read_all(_stream(request), limit)
    if not (announced.isascii() and announced.isdigit()):
        raise WebhookRefused("the Content-Length is not a number", status=400)
    if int(announced[:20]) > limit:
        raise TooLarge
    body = _read_all(request, limit)
    if len(body) < int(announced):
        raise UnreadablePostError("fewer bytes than announced")
    return body


def _stream(request: HttpRequest) -> Any:
    """Return the stream of a body without a Content-Length. ASGI requests know the end of their body."""
    if not isinstance(request, WSGIRequest):
        return request
    environ = request.environ
    if environ.get("wsgi.input_terminated"):
        return environ["wsgi.input"]
    if environ.get("HTTP_TRANSFER_ENCODING"):  # reading might block forever, or read the next request
        raise WebhookRefused(
            "no Content-Length, and this server does not say where the body ends", status=411
        )
    return request


def _read_all(stream: Any, limit: int) -> bytes:
    body = bytearray()
    try:
        while len(body) <= limit and (chunk := stream.read(min(CHUNK, limit + 1 - len(body)))):
            body += chunk
    except UnreadablePostError:
        raise
    except Exception as error:  # each server raises its own errors for invalid chunks
        raise UnreadablePostError(type(error).__name__) from None
    if len(body) > limit:
        raise TooLarge
    return bytes(body)


def unpacked(data: bytes, coding: str, limit: int) -> bytes:
    """Return `data` decompressed; stops after `limit` bytes. Raises TooLarge and WebhookRefused."""
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
    """Decompress `data`. A gzip body may have several members, one after the other (RFC 1952, section 2.2)."""
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
