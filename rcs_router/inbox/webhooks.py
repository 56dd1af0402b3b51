"""Serve the webhook view: verify a provider's request, store it, and answer. `intake` parses it later."""

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, UnreadablePostError

from rcs_router import logs
from rcs_router.backends import backends
from rcs_router.conf import router_settings
from rcs_router.contract import WebhookAnswer, WebhookRequest
from rcs_router.errors import WebhookRefused
from rcs_router.inbox import body, intake
from rcs_router.inbox.outside import outside

KEPT_HEADERS = (
    "authorization",  # used by the backend's verify(); never stored
    "content-type",
    "user-agent",
    "x-goog-webhook-type",
)  # besides x-* headers, which backends sign or read


@outside
def receive(request: HttpRequest, alias: str) -> HttpResponse:
    """Verify and store one request, and return the answer that the provider expects.

    Other answers: 404 unknown alias, 405 wrong method, 413 too large, 400-403, 411 and 415 refused, 503 not stored.
    """
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
        intake.accept(backend, value)
    except body.TooLarge:
        return _refused(request, alias, "too large", 413)
    except UnreadablePostError:  # the provider closed the connection before the end of its request
        return _refused(request, alias, "unreadable", 400)
    except WebhookRefused as refusal:
        return _refused(request, alias, refusal, refusal.status)
    return _answer(backend.acknowledge())


def _value(request: HttpRequest) -> WebhookRequest:
    content = body.read(request, router_settings().WEBHOOK_MAX_BYTES)
    return WebhookRequest(
        method=request.method or "GET",
        body=content.plain,
        sent=content.sent,
        query={_storable(name): _storable(values[-1]) for name, values in request.GET.lists() if values},
        headers={
            name.lower(): _storable(value[:1000])
            for name, value in request.headers.items()
            if _kept(name.lower())
        },
        url=_address(request),
        raw_query=_raw_query(request),
    )


def _raw_query(request: HttpRequest) -> bytes:
    """Return the query string as it was sent. WSGI gives its bytes as ISO-8859-1 (PEP 3333), ASGI as UTF-8."""
    query = str(request.META.get("QUERY_STRING", ""))
    try:
        return query.encode("latin-1")
    except UnicodeEncodeError:
        return query.encode()


def _address(request: HttpRequest) -> str:
    """Return the request's URL, or "" for an unknown Host header: a backend may use PUBLIC_URL instead."""
    try:
        return request.build_absolute_uri()
    except DisallowedHost:
        return ""


def _kept(name: str) -> bool:
    return name in KEPT_HEADERS or (name.startswith("x-") and not name.startswith("x-forwarded"))


def _storable(text: str) -> str:
    """Replace what PostgreSQL cannot store (NUL, half a surrogate pair): a 503 would make the provider repeat it."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _refused(request: HttpRequest, alias: str, reason: object, status: int) -> HttpResponse:
    """Log the reason of the refusal; the sender is unknown and gets no details."""
    logs.webhook_refused(alias, reason, request.META.get("REMOTE_ADDR", ""), status)
    return _answer(WebhookAnswer(status, reason if isinstance(reason, str) else "refused"))


def _answer(answer: WebhookAnswer) -> HttpResponse:
    return HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)
