"""Requests below Django's test client: what a WSGI or an ASGI server hands over, with and without a length."""

import base64
import hmac
import io
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import async_to_sync
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import RequestFactory

from tests.core import ALICE

from .sites import GSMA, KANNEL, MESSENTE, OURS, PASSWORD, REST, SECRET, SITE, TWILIO
from .wires import gsma_message, hmac_sha256, rest_message, twilio_signature

CLIENT_TOKEN = "the-client-s-token"
GOOGLE: dict[str, Any] = {
    "BACKEND": "rcs_backends.google_rbm.GoogleRBM",
    "OPTIONS": {"agent_id": "acme", "service_account": "/nowhere.json", "client_token": CLIENT_TOKEN},
}
ALL = {"go": GOOGLE, "gs": GSMA, "ka": KANNEL, "me": MESSENTE, "re": REST, "tw": TWILIO}


@dataclass
class Call:
    """A POST of a provider: a person's text `hello`."""

    alias: str
    body: bytes
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"/rcs/webhooks/{self.alias}/"


def _google() -> Call:
    said = {"agentId": "acme@rbm.goog", "senderPhoneNumber": ALICE, "messageId": "m-1", "text": "hello"}
    data = json.dumps(said).encode()
    signature = base64.b64encode(hmac.digest(CLIENT_TOKEN.encode(), data, "sha512")).decode()
    body = json.dumps({"message": {"data": base64.b64encode(data).decode()}, "subscription": "s"}).encode()
    return Call("go", body, headers={"x-goog-signature": signature})


def _twilio() -> Call:
    said = {
        "MessageSid": "SM" + "1" * 32,
        "SmsStatus": "received",
        "From": ALICE,
        "To": OURS,
        "Body": "hello",
    }
    form = {"content-type": "application/x-www-form-urlencoded", "host": "shop.example"}
    signature = twilio_signature(f"{SITE}webhooks/tw/", said)
    return Call("tw", urlencode(said).encode(), headers={**form, "x-twilio-signature": signature})


def _messente() -> Call:
    body = json.dumps({"msg_id": "m-1", "sender": ALICE, "recipient": "17713", "text": "hello"}).encode()
    return Call("me", body, headers={"x-messente-signature": hmac_sha256(body, PASSWORD)})


def _rest() -> Call:
    body = json.dumps(rest_message()).encode()
    return Call("re", body, headers={"x-signature": hmac_sha256(body)})


def _kannel() -> Call:
    """Kannel's post-url: the text is the body."""
    headers = {"x-kannel-from": ALICE, "x-kannel-to": "1771", "content-type": "text/plain; charset=UTF-8"}
    return Call("ka", b"hello", f"secret={SECRET}", headers)


CALLS = {
    "go": _google,
    "gs": lambda: Call("gs", json.dumps(gsma_message()).encode(), f"secret={SECRET}"),
    "ka": _kannel,
    "me": _messente,
    "re": _rest,
    "tw": _twilio,
}
SIGNS_THE_BODY = {"re", "me"}  # as it is sent; the others sign what is in it, or carry a secret


def signed_again(call: Call) -> Call:
    """The same with a signature over the bytes as they are now."""
    if call.alias == "re":
        call.headers["x-signature"] = hmac_sha256(call.body)
    if call.alias == "me":
        call.headers["x-messente-signature"] = hmac_sha256(call.body, PASSWORD)
    return call


def environ(call: Call, *, length: str | None = None, **more: Any) -> dict[str, Any]:
    """What a WSGI server makes of it. `length`: CONTENT_LENGTH; None: there is none."""
    headers = {"content-type": "application/json", **call.headers}
    made = RequestFactory()._base_environ(
        PATH_INFO=call.path,
        QUERY_STRING=call.query,
        REQUEST_METHOD="POST",
        CONTENT_TYPE=headers.pop("content-type"),
    )
    made.pop("CONTENT_LENGTH", None)
    if length is not None:
        made["CONTENT_LENGTH"] = length
    made |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    return {**made, "wsgi.input": io.BytesIO(call.body), **more}


def chunked(call: Call, *, terminated: bool = True) -> dict[str, Any]:
    """As gunicorn hands over a body in chunks: put together, ended by the stream, and without a length."""
    return environ(
        call, HTTP_TRANSFER_ENCODING="chunked", **({"wsgi.input_terminated": True} if terminated else {})
    )


def wsgi(environ: dict[str, Any]) -> int:
    """The status of the answer. As in Django's test client, the test's connection stays open."""
    seen: dict[str, str] = {}
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    try:
        answer = WSGIHandler()(environ, lambda status, headers: seen.update(status=status))
        b"".join(answer)
        answer.close()  # type: ignore[attr-defined]
    finally:
        request_started.connect(close_old_connections)
        request_finished.connect(close_old_connections)
    return int(seen["status"].split()[0])


def asgi(call: Call, chunk: int = 7, *, length: str | None = None) -> int:
    """The status of the answer to a body that comes in pieces, under ASGI; without a length by default."""
    headers = {"content-type": "application/json", "host": "shop.example", **call.headers}
    headers |= {"transfer-encoding": "chunked"} if length is None else {"content-length": length}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https",
        "path": call.path,
        "query_string": call.query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("shop.example", 443),
    }
    parts = [call.body[at : at + chunk] for at in range(0, len(call.body), chunk)] or [b""]
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    return async_to_sync(_asked)(scope, messages)


async def _asked(scope: dict[str, Any], messages: list[dict[str, Any]]) -> int:
    seen: list[int] = []
    left = iter(messages)

    async def receive() -> dict[str, Any]:
        for message in left:
            return message
        import asyncio

        await asyncio.Event().wait()  # the client stays
        raise AssertionError

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            seen.append(message["status"])

    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    try:
        await ASGIHandler()(scope, receive, send)  # type: ignore[arg-type]
    finally:
        request_started.connect(close_old_connections)
        request_finished.connect(close_old_connections)
    return seen[0]
