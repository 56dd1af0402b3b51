"""Where every wire request passes: counted, struck by the fault dials, answered by the wire or not at all."""

import time
from collections.abc import Callable

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from rcs_backends.emulator import server
from rcs_backends.emulator.faults import Fault
from rcs_backends.emulator.state import world

HTML = "<!DOCTYPE html><html><head><title>502</title></head><body><h1>Bad Gateway</h1></body></html>"


def answer(
    request: HttpRequest,
    struck: tuple[str, str, str],
    wire: Callable[[], HttpResponse],
    refusal: Callable[[int], HttpResponse],
) -> HttpResponse:
    """The wire's answer as the dials leave it. `struck`: provider, method, number; `refusal` words a status."""
    with world.change():
        world.ledger.requests += struck[1] != "token"
        faults = world.faults.for_request(*struck)
    if struck[1] != "files" and not _received(request):
        return refusal(400)
    time.sleep(sum(fault.seconds for fault in faults if fault.kind == "latency"))
    fault = next((fault for fault in faults if fault.kind != "latency"), None)
    response = wire() if fault is None else _struck(request, fault, wire, refusal)
    response.headers["Content-Length"] = str(len(response.content))  # keep-alive needs it, middleware or not
    return response


def _received(request: HttpRequest) -> bool:
    """Read the body, so that a client has sent everything before it is cut off; False: larger than Django takes."""
    try:
        return request.body is not None
    except RequestDataTooBig:
        return False


def _struck(
    request: HttpRequest,
    fault: Fault,
    wire: Callable[[], HttpResponse],
    refusal: Callable[[int], HttpResponse],
) -> HttpResponse:
    if fault.kind.isdigit():
        return _refused(refusal(int(fault.kind)), fault)
    if fault.kind in ("hang", "cut_before"):
        time.sleep(fault.seconds if fault.kind == "hang" else 0)
        return _cut(request)
    response = wire()  # from here on the message is taken
    if fault.kind == "cut_after":
        return _cut(request)
    if fault.kind == "html":
        return HttpResponse(HTML)
    if fault.kind == "half_json":
        response.content = response.content[: len(response.content) // 2]
        response.status_code = 200
        return response
    return HttpResponse(b"")


def _refused(response: HttpResponse, fault: Fault) -> HttpResponse:
    if fault.retry_after is not None:
        response.headers["Retry-After"] = f"{fault.retry_after:g}"
    return response


def _cut(request: HttpRequest) -> HttpResponse:
    server.cut(request.META)
    return HttpResponse(status=502)  # written to a closed socket
