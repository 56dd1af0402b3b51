"""A platform's webhook request → whether to believe it, and a key against repeats; what it says is read by `events`.

Nothing is signed. Platforms send an Authorization header that was agreed in their portal, or nothing at all: then
our own address carries the secret.
"""

import hashlib
from collections.abc import Collection, Iterator

from rcs_backends.gsma_maap.events import body_of, event_name, file_of, reason_of, subject_of
from rcs_backends.reading import digest, is_one_of, text
from rcs_router.contract import WebhookAnswer, WebhookRequest
from rcs_router.errors import WebhookRefused

OK = "ok"  # what the portals' documentation shows; the body is not interpreted


def handshake(request: WebhookRequest, secrets: Collection[str]) -> WebhookAnswer | None:
    """Answer to the portal that checks the address by a GET. Raises WebhookRefused when it does not know the secret."""
    if request.method != "GET":
        return None
    _check(request, secrets)
    return WebhookAnswer(body=OK)


def verify(request: WebhookRequest, secrets: Collection[str]) -> None:
    """Raises WebhookRefused unless it is a POST that knows one of the secrets."""
    if request.method != "POST":
        raise WebhookRefused("not a POST", status=405)
    _check(request, secrets)


def _check(request: WebhookRequest, secrets: Collection[str]) -> None:
    given = list(_given(request))
    if not any(is_one_of(value, secrets) for value in given):
        raise WebhookRefused("the secret does not match" if given else "no secret")


def _given(request: WebhookRequest) -> Iterator[str]:
    """The whole Authorization header, the same after the word Bearer, and `?secret=`."""
    header = request.headers.get("authorization", "")
    scheme, _, rest = header.partition(" ")
    bearer = rest.strip() if scheme.lower() == "bearer" else ""
    yield from filter(None, [header, bearer, request.query.get("secret", "")])


def dedupe_key(request: WebhookRequest) -> str | None:
    """By event, message (or file), status and its code. Without an id: by a body that tells a time, or not at all."""
    body = body_of(request.body)
    said = subject_of(body)
    name, file = event_name(body), file_of(body)
    identity = text(said.get("msgId")) or text(file.get("fileId"))
    if identity:
        status = text(said.get("status") or said.get("isTyping") or file.get("status"))
        return f"event:{digest(name, identity, status.lower(), reason_of(said, body)[0])}"
    if body and not said.get("timestamp"):
        return None
    return f"body:{hashlib.sha256(request.body).hexdigest()}"
