"""Verify and deduplicate the webhook requests of a MaaP platform; `events` parses them.

Nothing is signed. Platforms send an Authorization header that was agreed in their portal, or nothing at all: then our
webhook's address carries the secret.
"""

import hashlib
from collections.abc import Collection, Iterator

from rcs_backends.gsma_maap.events import body_of, event_name, file_of, reason_of, subject_of
from rcs_backends.reading import digest, is_one_of, text
from rcs_router.contract import WebhookAnswer, WebhookRequest
from rcs_router.errors import WebhookRefused

OK = "ok"  # what the portals' documentation shows; platforms do not interpret the body


def handshake(request: WebhookRequest, secrets: Collection[str]) -> WebhookAnswer | None:
    """Answer a portal that checks the address by a GET. Raises WebhookRefused without the secret."""
    if request.method != "GET":
        return None
    _check(request, secrets)
    return WebhookAnswer(body=OK)


def verify(request: WebhookRequest, secrets: Collection[str]) -> None:
    """Raise WebhookRefused unless the request is a POST with one of the secrets."""
    if request.method != "POST":
        raise WebhookRefused("not a POST", status=405)
    _check(request, secrets)


def _check(request: WebhookRequest, secrets: Collection[str]) -> None:
    given = list(_given(request))
    if not any(is_one_of(value, secrets) for value in given):
        raise WebhookRefused("the secret does not match" if given else "no secret")


def _given(request: WebhookRequest) -> Iterator[str]:
    """Yield the whole Authorization header, its value without Bearer, and `?secret=`."""
    header = request.headers.get("authorization", "")
    scheme, _, rest = header.partition(" ")
    bearer = rest.strip() if scheme.lower() == "bearer" else ""
    yield from filter(None, [header, bearer, request.query.get("secret", "")])


def dedupe_key(request: WebhookRequest) -> str | None:
    """Return a key from the event, the id of the message or file, the status and its code.

    Without an id, the key is a hash of the body, and None for a body that has no timestamp.
    """
    body = body_of(request.body)
    message = subject_of(body)
    name, file = event_name(body), file_of(body)
    identity = text(message.get("msgId")) or text(file.get("fileId"))
    if identity:
        status = text(message.get("status") or message.get("isTyping") or file.get("status"))
        return f"event:{digest(name, identity, status.lower(), reason_of(message, body)[0])}"
    if body and not message.get("timestamp"):
        return None
    return f"body:{hashlib.sha256(request.body).hexdigest()}"
