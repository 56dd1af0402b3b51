"""Meet the requests of the providers' APIs: count them, let fault dials strike them, answer or refuse them.

Every view of a provider is made by `Api.by_verb`, so that faults and refusals work alike for all of them.
"""

import base64
import json
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse

from rcs_backends.emulator import server
from rcs_backends.emulator.config import Fault
from rcs_backends.emulator.gate import finished
from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.rules import Invalid

HTML = "<!DOCTYPE html><html><head><title>502</title></head><body><h1>Bad Gateway</h1></body></html>"
Answer = HttpResponse | Json | None  # None: 204
Handler = Callable[..., Answer]
View = Callable[..., HttpResponse]
Path = dict[str, str]  # what an address captured


class Refused(Exception):
    """The provider refuses a request. Each provider has its own subclass, which words the answer."""

    challenge = ""  # the header WWW-Authenticate of a 401

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message
        super().__init__(message)

    def body(self) -> Json:
        raise NotImplementedError

    def answer(self) -> HttpResponse:
        response = JsonResponse(self.body(), status=self.status)
        if self.status == 401 and self.challenge:
            response.headers["WWW-Authenticate"] = self.challenge
        return response


class Api:
    """What all addresses of a provider share. Each provider has its own subclass, which says how it refuses."""

    provider = ""
    refused: Callable[[int], Refused]  # HTTP status → its refusal

    def answer_to(self, refused: Refused) -> HttpResponse:
        return refused.answer()

    def invalid(self, invalid: Invalid) -> Refused:
        return self.refused(400)

    def number(self, request: HttpRequest, path: Path) -> object:
        """Read from the request which phone it is for, before anything is checked; only the fault dials use it."""
        return path["phone"]

    def wrong_verb(self, verbs: Iterable[str]) -> Refused:
        return self.refused(405)

    def check(self, request: HttpRequest, method: str, path: Path) -> tuple[Any, ...]:
        """Check the log-in, and return what functions get between the request and the path. Raises Refused."""
        return ()

    def call(self, request: HttpRequest, method: str, verbs: Mapping[str, Handler], path: Path) -> Answer:
        """Check the verb and the log-in, and call the function of the verb. Raises Refused or Invalid."""
        if request.method not in verbs:
            raise self.wrong_verb(verbs)
        return verbs[request.method or ""](request, *self.check(request, method, path), **path)

    def by_verb(self, method: str, **verbs: Handler) -> View:
        """Make the view of an address that belongs to the API's `method`, with a function for each HTTP verb.

        A function returns a response, JSON, or None for 204. It is called with the world's lock held, but for files,
        which arrive slowly. A fault may name `method`.
        """

        def view(request: HttpRequest, **path: str) -> HttpResponse:
            with world.change():
                world.ledger.requests += method != "token"
                faults = world.faults.for_request(self.provider, method, self._number(request, path))
            if method != "files" and not _received(request):
                return finished(self.answer_to(self.refused(400)))

            def answered() -> HttpResponse:
                with nullcontext() if method == "files" else world.change():
                    return self._answered(lambda: self.call(request, method, verbs, path))

            return finished(self._struck(request, faults, answered) if faults else answered())

        return view

    def unknown(self, request: HttpRequest, **path: str) -> HttpResponse:
        """Answer at every other address of the provider."""
        return finished(self.answer_to(self.refused(404)))

    def _number(self, request: HttpRequest, path: Path) -> str:
        try:
            found = self.number(request, path)
        except (ValueError, TypeError, LookupError, RecursionError, RequestDataTooBig, Refused):
            return ""
        return found if isinstance(found, str) else ""

    def _answered(self, work: Handler) -> HttpResponse:
        try:
            found = work()
        except Refused as refused:
            return self.answer_to(refused)
        except Invalid as invalid:
            return self.answer_to(self.invalid(invalid))
        if found is None:
            return HttpResponse(status=204)
        return JsonResponse(found) if isinstance(found, dict) else found

    def _struck(self, request: HttpRequest, faults: list[Fault], answered: View) -> HttpResponse:
        time.sleep(sum(fault.seconds for fault in faults if fault.kind == "latency"))
        fault = next((fault for fault in faults if fault.kind != "latency"), None)
        if fault is None:
            return answered()
        if fault.kind.isdigit():
            return _delayed(self.answer_to(self.refused(int(fault.kind))), fault)
        if fault.kind in ("hang", "cut_before"):
            time.sleep(fault.seconds if fault.kind == "hang" else 0)
            return _cut(request)
        return _spoiled(request, fault.kind, answered())


def _received(request: HttpRequest) -> bool:
    """Read the body, so that a client has sent everything before it is cut off; False: larger than Django takes."""
    try:
        return request.body is not None
    except RequestDataTooBig:
        return False


def _spoiled(request: HttpRequest, kind: str, response: HttpResponse) -> HttpResponse:
    """Spoil the answer, after the message was taken."""
    if kind == "cut_after":
        return _cut(request)
    if kind == "half_json":
        response.content = response.content[: len(response.content) // 2]
        response.status_code = 200
        return response
    return HttpResponse(HTML if kind == "html" else b"")


def _delayed(response: HttpResponse, fault: Fault) -> HttpResponse:
    if fault.retry_after is not None:
        response.headers["Retry-After"] = f"{fault.retry_after:g}"
    return response


def _cut(request: HttpRequest) -> HttpResponse:
    server.cut(request.META)
    return HttpResponse(status=502)  # written to a closed socket


# What several providers read from a request


def json_of(request: HttpRequest) -> Any:
    """Return the request's JSON; NaN and Infinity are not JSON. Raises ValueError or RecursionError."""
    return json.loads(request.body.decode(), parse_constant=_no_constant)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def bearer(request: HttpRequest) -> str:
    """Return the bearer token of the request, or an empty string."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def basic(request: HttpRequest) -> str | None:
    """Return `user:password` of a Basic header, None without one. Raises ValueError where it cannot be read."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    return base64.b64decode(encoded.strip(), validate=True).decode()


def stored_file(content: bytes, media_type: str) -> HttpResponse:
    """Give a phone the bytes of a file that a client uploaded; nothing in it may run."""
    response = HttpResponse(content, content_type=media_type)
    response.headers["Content-Security-Policy"] = "sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
