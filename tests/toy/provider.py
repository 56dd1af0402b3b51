"""A backend for the invented provider Toy, with signed webhooks: a template for your own."""

import hmac
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from rcs_backends import http
from rcs_backends.payload import merged, telling
from rcs_backends.reading import decoded, digest, is_one_of, text, time
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
    several,
    sorted_extra,
)
from rcs_router.errors import BadAddress, OptedOut, Unreachable, Unreadable, WebhookRefused

ERRORS: http.Errors = {"no_rcs": Unreachable, "no_such_number": BadAddress, "stopped": OptedOut}
RECEIPTS = {"delivered": ReceiptKind.DELIVERED, "seen": ReceiptKind.READ, "failed": ReceiptKind.FAILED}


@dataclass(frozen=True)
class ToyOptions(Options):
    """`url` is the address of the API, without a slash at its end."""

    url: str
    api_key: str = secret()
    webhook_key: str | tuple[str, ...] = secret()  # several while you change it

    @property
    def webhook_keys(self) -> tuple[str, ...]:
        return several(self.webhook_key)


class Toy(BaseBackend):
    """One account at Toy."""

    Options = ToyOptions
    options: ToyOptions
    provider = "Toy"
    extra = frozenset({"tag"})  # what a message's fields["extra"]["toy"] may set
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
        message = {"id": str(outbound.id), "to": outbound.to, **said(outbound.content)}
        reply = http.call(
            "POST",
            f"{self.options.url}/messages",
            json=merged(message, sorted_extra(outbound.extra, self.extra)[0]),
            headers={"Authorization": f"Bearer {self.options.api_key}"},
            timeout=self.options.timeout,
            repeatable=True,
            errors=ERRORS,
            code_of=error_code,
            secrets=[*self.options.secrets(), *telling(message)],
        )
        match reply.json():
            case {"ticket": str() as ticket} if ticket:
                return SendResult(provider_id=ticket)
        raise Unreadable(http.without(reply, "a ticket"))

    # In.

    def verify(self, request: WebhookRequest) -> None:
        if request.method != "POST":
            raise WebhookRefused("not a POST", status=405)
        expected = [sign(request.signed, key) for key in self.options.webhook_keys if key]
        if not is_one_of(request.headers.get("x-toy-signature", ""), expected):
            raise WebhookRefused("the signature does not match")

    def dedupe_key(self, request: WebhookRequest) -> str | None:
        """Toy repeats a request byte by byte, and its ids are in there."""
        return digest(request.body.hex())

    def parse(self, request: WebhookRequest) -> list[Parsed]:
        """Return the one event. Raise ValueError for anything else; then the request is kept with the traceback."""
        match decoded(request.body):
            case {"event": str() as name, "id": str() as id, "message": str() as message, **rest}:
                kind, why = RECEIPTS.get(name, ReceiptKind.UNKNOWN), text(rest.get("error"))
                told: dict[str, Any] = {"code": why, "error": ERRORS.get(why), "at": time(rest.get("at"))}
                return [Receipt(kind, transmission=UUID(message), event_id=text(id), **told)]
            case {"from": str() as sender, "id": str() as id, "text": str() as words, **rest} if text(
                sender
            ).strip():
                tap, at = text(rest.get("postback")), time(rest.get("at"))
                kind_of = IncomingKind.SUGGESTION if tap else IncomingKind.TEXT
                return [Incoming(kind_of, text(sender), id=text(id), text=text(words), postback=tap, at=at)]
        raise ValueError("neither an event of a message nor something that a person said")


def said(content: Content) -> dict[str, Any]:
    """Return a content as Toy writes it. It is fitted: a Text or a Card, with replies and links."""
    chips = [
        {"label": chip.label, "data": postback_of(chip), "link": getattr(chip, "url", None)}
        for chip in [*content.suggestions, *(content.chips if isinstance(content, Card) else ())]
    ]
    if isinstance(content, Card):
        picture = content.media.url if content.media else None
        return {"title": content.title, "text": content.description, "picture": picture, "buttons": chips}
    assert isinstance(content, Text)
    return {"text": content.text, "buttons": chips}


def error_code(reply: http.Reply) -> str:
    match reply.json():
        case {"error": str() as code}:
            return code
    return ""


def sign(body: bytes, key: str) -> str:
    return hmac.new(key.encode(), body, "sha256").hexdigest()
