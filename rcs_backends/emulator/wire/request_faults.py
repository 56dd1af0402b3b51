"""Where every wire request passes: counted, struck by the fault dials, answered by the wire or not at all."""

import time
from collections.abc import Callable

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from rcs_backends.emulator import server
from rcs_backends.emulator.answers import finished
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
        return finished(refusal(400))
    return finished(_struck(request, faults, wire, refusal) if faults else wire())


def _received(request: HttpRequest) -> bool:
    """Read the body, so that a client has sent everything before it is cut off; False: larger than Django takes."""
    try:
        return request.body is not None
    except RequestDataTooBig:
        return False


def _struck(
    request: HttpRequest,
    faults: list[Fault],
    wire: Callable[[], HttpResponse],
    refusal: Callable[[int], HttpResponse],
) -> HttpResponse:
    time.sleep(sum(fault.seconds for fault in faults if fault.kind == "latency"))
    fault = next((fault for fault in faults if fault.kind != "latency"), None)
    if fault is None:
        return wire()
    if fault.kind.isdigit():
        return _refused(refusal(int(fault.kind)), fault)
    if fault.kind in ("hang", "cut_before"):
        time.sleep(fault.seconds if fault.kind == "hang" else 0)
        return _cut(request)
    return _spoiled(request, fault.kind, wire())


def _spoiled(request: HttpRequest, kind: str, response: HttpResponse) -> HttpResponse:
    """The message is taken, but the answer does not say so."""
    if kind == "cut_after":
        return _cut(request)
    if kind == "half_json":
        response.content = response.content[: len(response.content) // 2]
        response.status_code = 200
        return response
    return HttpResponse(HTML if kind == "html" else b"")


def _refused(response: HttpResponse, fault: Fault) -> HttpResponse:
    if fault.retry_after is not None:
        response.headers["Retry-After"] = f"{fault.retry_after:g}"
    return response


def _cut(request: HttpRequest) -> HttpResponse:
    server.cut(request.META)
    return HttpResponse(status=502)  # written to a closed socket
