"""Outbound → the invented provider Toy, and its signed webhooks → receipts and incomings: a template for your own."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from rcs_backends import http
from rcs_router.content import Card, Content, OpenUrl, Reply, Text, postback_of
from rcs_router.content.limits import Limits
from rcs_router.contract import (
    BaseBackend,
    Capabilities,
    Incoming,
    IncomingKind,
    Options,
    Outbound,
    Parsed,
    Receipt,
    ReceiptKind,
    SendResult,
    WebhookRequest,
    secret,
)
from rcs_router.errors import BadAddress, OptedOut, Unreachable, WebhookRefused

ERRORS: http.Errors = {"no_rcs": Unreachable, "no_such_number": BadAddress, "stopped": OptedOut}
RECEIPTS = {"delivered": ReceiptKind.DELIVERED, "seen": ReceiptKind.READ, "failed": ReceiptKind.FAILED}


@dataclass(frozen=True)
class ToyOptions(Options):
    """`url`: of the API, without a slash at its end."""

    url: str
    api_key: str = secret()
    webhook_key: str | tuple[str, ...] = secret()  # several while you change it

    @property
    def webhook_keys(self) -> tuple[str, ...]:
        return (self.webhook_key,) if isinstance(self.webhook_key, str) else self.webhook_key


class Toy(BaseBackend):
    """One account at Toy."""

    Options = ToyOptions
    options: ToyOptions
    provider = "Toy"
    limits = Limits("Toy", "2026-11", "invented", {"text": 1000, "label": 20, "suggestions": 5, "title": 80})
    capabilities = Capabilities(
        content=frozenset({Text, Card}), suggestions=frozenset({Reply, OpenUrl}), idempotent=True
    )

    def check(self, content: Content) -> list[str]:
        return list(self.limits.problems(content)) if self.limits else []

    def problems(self) -> list[str]:
        address, keys = urlsplit(self.options.url), self.options.webhook_keys
        found = {
            "url must begin with https://, since every request carries the key": address.scheme != "https"
            and address.hostname not in {"localhost", "127.0.0.1"},
            "webhook_key is empty: no webhook can be verified": not keys or not all(keys),
        }
        return [problem for problem, is_so in found.items() if is_so]

    # Out.

    def send(self, outbound: Outbound) -> SendResult:
        """One POST. Toy drops a message whose id it has seen."""
        message = said(outbound.content)
        reply = http.call(
            "POST",
            f"{self.options.url}/messages",
            json={"id": str(outbound.id), "to": outbound.to, **message, **outbound.extra},
            headers={"Authorization": f"Bearer {self.options.api_key}"},
            timeout=self.options.timeout,
            repeatable=True,
            errors=ERRORS,
            code_of=error_code,
            secrets=[*self.options.secrets(), *words(message)],
        )
        match reply.json():
            case {"ticket": str() as ticket} if ticket:
                return SendResult(provider_id=ticket)
        return SendResult(code="malformed_reply", detail=f"HTTP {reply.status} without a ticket")

    # In.

    def verify(self, request: WebhookRequest) -> None:
        given = request.headers.get("x-toy-signature", "").encode("utf-8", "replace")
        expected = [sign(request.body, key).encode() for key in self.options.webhook_keys if key]
        if request.method != "POST":
            raise WebhookRefused("not a POST", status=405)
        if not any(hmac.compare_digest(given, one) for one in expected):
            raise WebhookRefused("the signature does not match")

    def dedupe_key(self, request: WebhookRequest) -> str | None:
        return hashlib.sha256(request.body).hexdigest()

    def parse(self, request: WebhookRequest) -> list[Parsed]:
        """One event. Raises ValueError for what is none; the request is kept, with the traceback."""
        match payload_of(request):
            case {"event": str() as name, "id": str() as id, "message": str() as message, **rest}:
                kind = RECEIPTS.get(name, ReceiptKind.UNKNOWN)
                return [Receipt(kind, transmission=UUID(message), event_id=clean(id), at=time(rest))]
            case {"from": str() as sender, "id": str() as id, "text": str() as text, **rest} if clean(sender):
                tap = clean(rest.get("postback"))
                kind_of = IncomingKind.SUGGESTION if tap else IncomingKind.TEXT
                sender, id, text = clean(sender), clean(id), clean(text)
                return [Incoming(kind_of, sender, id=id, text=text, postback=tap, at=time(rest))]
        raise ValueError("neither an event of a message nor something that a person said")


def said(content: Content) -> dict[str, Any]:
    """A content as Toy writes it. What comes here is fitted: a Text or a Card, with replies and links."""
    chips = [
        {"label": chip.label, "data": postback_of(chip), "link": getattr(chip, "url", None)}
        for chip in [*content.suggestions, *(content.chips if isinstance(content, Card) else ())]
    ]
    if isinstance(content, Card):
        picture = content.media.url if content.media else None
        return {"title": content.title, "text": content.description, "picture": picture, "buttons": chips}
    assert isinstance(content, Text)
    return {"text": content.text, "buttons": chips}


def words(part: Any) -> list[str]:
    """Every text of a message: no error may show it. A letter or two would mask half of every error."""
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return (
        [part] if isinstance(part, str) and len(part) > 3 else [word for one in inner for word in words(one)]
    )


def error_code(reply: http.Reply) -> str:
    match reply.json():
        case {"error": str() as code}:
            return code
    return ""


def sign(body: bytes, key: str) -> str:
    return hmac.new(key.encode(), body, "sha256").hexdigest()


def payload_of(request: WebhookRequest) -> Any:
    try:
        return json.loads(request.body)
    except RecursionError:
        raise ValueError("a body that is nested too deeply") from None


def clean(value: Any) -> str:
    """A string that any database stores."""
    text = value if isinstance(value, str) else ""
    return text.replace("\0", "").encode("utf-8", "replace").decode().strip()


def time(event: Mapping[Any, Any]) -> datetime | None:
    """Seconds since 1970; None when it cannot be read, since no time decides anything here."""
    try:
        return datetime.fromtimestamp(event["at"], UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None
