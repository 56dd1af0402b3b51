"""The one view that providers post to: verifies a request, has the inbox store it, and answers; it parses nothing."""

from django.core.exceptions import DisallowedHost
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from rcs_router import database, inbox, logs
from rcs_router.backends import backends
from rcs_router.conf import router_settings
from rcs_router.contract import WebhookAnswer, WebhookRequest
from rcs_router.errors import WebhookRefused

KEPT_HEADERS = (
    "authorization",  # for the backend to verify; never stored
    "content-type",
    "user-agent",
    "x-goog-webhook-type",
)  # and those that a backend signs or reads: x-*


class TooLarge(Exception):
    """The body has more bytes than WEBHOOK_MAX_BYTES."""


@csrf_exempt
@database.non_atomic_requests
def receive(request: HttpRequest, alias: str) -> HttpResponse:
    """404 unknown alias, 405 method, 413 too large, 400-403 refused, 503 not stored; else what the provider expects."""
    if alias not in backends or not backends[alias].capabilities.webhook:
        return _answer(WebhookAnswer(404, "no such webhook"))
    if request.method not in {"GET", "POST"}:
        return HttpResponse(status=405, headers={"Allow": "GET, POST"})
    backend = backends[alias]
    try:
        value = _value(request)
        if handshake := backend.handshake(value):
            return _answer(handshake)
        backend.verify(value)
        inbox.accept(backend, value)
    except TooLarge:
        return _refused(request, alias, "too large", 413)
    except UnreadablePostError:  # the provider hung up in the middle of its own request
        return _refused(request, alias, "unreadable", 400)
    except WebhookRefused as refusal:
        return _refused(request, alias, refusal, refusal.status)
    except DatabaseError as error:
        logs.webhook_not_stored(alias, type(error).__name__)
        return _answer(WebhookAnswer(503, "try again"))
    return _answer(backend.acknowledge())


def _value(request: HttpRequest) -> WebhookRequest:
    return WebhookRequest(
        method=request.method or "GET",
        body=_body(request),
        # PostgreSQL stores no NUL: a 503 would make the provider repeat such a request for ever
        query={name: values[-1].replace("\0", "\ufffd") for name, values in request.GET.lists() if values},
        headers={
            name.lower(): value[:1000] for name, value in request.headers.items() if _kept(name.lower())
        },
        url=_address(request),
    )


def _address(request: HttpRequest) -> str:
    """Empty where the Host header is not one of ours: a backend may know its address from PUBLIC_URL."""
    try:
        return request.build_absolute_uri()
    except DisallowedHost:
        return ""


def _kept(name: str) -> bool:
    return name in KEPT_HEADERS or (name.startswith("x-") and not name.startswith("x-forwarded"))


def _body(request: HttpRequest) -> bytes:
    """Read by ourselves, because Django's own limit is another one and answers 400."""
    limit = router_settings().WEBHOOK_MAX_BYTES
    announced = str(request.META.get("CONTENT_LENGTH") or "")
    if announced.isdecimal() and int(announced) > limit:  # what is no number is not believed either
        raise TooLarge
    body = request.read(limit + 1)
    if len(body) > limit:
        raise TooLarge
    return body


def _refused(request: HttpRequest, alias: str, reason: object, status: int) -> HttpResponse:
    """The log has the reason; the sender, who may be anybody, is told no more than that."""
    logs.webhook_refused(alias, reason, request.META.get("REMOTE_ADDR", ""), status)
    return _answer(WebhookAnswer(status, reason if isinstance(reason, str) else "refused"))


def _answer(answer: WebhookAnswer) -> HttpResponse:
    return HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)
