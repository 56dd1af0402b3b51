"""A backend without a network. It keeps what it is given for a test to look at, and its outcomes can be set."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import get_args
from uuid import UUID

from rcs_router import content as contents
from rcs_router.content.fitting import Feature
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
from rcs_router.errors import SendError, WebhookRefused

RICH: frozenset[type] = frozenset(get_args(contents.Content))
CHIPS: frozenset[type] = frozenset(get_args(get_args(contents.Suggestion)[0]))
Outcome = SendResult | SendError | Callable[[Outbound], SendResult]


@dataclass(frozen=True)
class MemoryOptions(Options):
    """Options of the memory backend."""

    secret: str = secret(default="memory")
    limit: int = 3000  # characters of a Text


class MemoryBackend(BaseBackend):
    """Carries all content natively. `outcomes`: what the next sends do, in order; after them, sends succeed."""

    Options = MemoryOptions
    provider = "Memory"
    secret_names = frozenset({"x-memory-secret"})
    extra = frozenset({"*"})
    capabilities = Capabilities(
        content=RICH,
        suggestions=CHIPS,
        features=frozenset(Feature),
        fallback_urls=frozenset(chip for chip in CHIPS if "fallback_url" in {f.name for f in fields(chip)}),
        idempotent=True,
        revoke=True,
        status=True,
        typing=True,
        mark_read=True,
    )

    def __init__(self, alias: str, options: MemoryOptions, *, webhook_url: str = "") -> None:
        super().__init__(alias, options, webhook_url=webhook_url)
        self.sent: list[Outbound] = []
        self.outcomes: deque[Outcome] = deque()
        self.revocable: bool | SendError | None = True
        self.reports: dict[UUID, list[Receipt]] = {}  # what `status()` returns for a transmission
        self.revoked: list[UUID] = []
        self.told: list[tuple[str, str]] = []

    def send(self, outbound: Outbound) -> SendResult:
        self.sent.append(outbound)
        outcome = self.outcomes.popleft() if self.outcomes else SendResult()
        if isinstance(outcome, SendError):
            raise outcome
        return outcome if isinstance(outcome, SendResult) else outcome(outbound)

    def check(self, content: contents.Content) -> list[str]:
        text = content.text if isinstance(content, contents.Text) else ""
        if len(text) > self.options.limit:
            return [f"text: {len(text)} characters, Memory allows {self.options.limit}"]
        return []

    def status(self, transmission: UUID, to: str, provider_id: str = "") -> list[Receipt]:
        return self.reports.get(transmission, [])

    def revoke(self, transmission: UUID, to: str, provider_id: str = "") -> bool | None:
        self.revoked.append(transmission)
        if isinstance(self.revocable, SendError):
            raise self.revocable
        return self.revocable

    def typing(self, to: str, active: bool = True) -> None:
        self.told.append(("typing" if active else "typing ended", to))

    def mark_read(self, to: str, incoming_id: str) -> None:
        self.told.append(("read", incoming_id))

    def verify(self, request: WebhookRequest) -> None:
        if request.headers.get("x-memory-secret") != self.options.secret:
            raise WebhookRefused("wrong secret")

    def dedupe_key(self, request: WebhookRequest) -> str | None:
        return request.headers.get("x-memory-id")

    def parse(self, request: WebhookRequest) -> list[Parsed]:
        """Parse lines of `<receipt kind> <transmission>` or `text <sender> <words>`."""
        return [_parsed(line) for line in request.body.decode().splitlines()]


class MemorySMS(MemoryBackend):
    """An SMS gateway: carries plain text only, and is not idempotent."""

    provider = "Memory SMS"
    capabilities = Capabilities(content=frozenset({contents.Text}))


def _parsed(line: str) -> Receipt | Incoming:
    kind, who, *words = line.split(" ", 2)
    if kind in set(ReceiptKind):
        return Receipt(ReceiptKind(kind), transmission=UUID(who))
    return Incoming(IncomingKind(kind), who, text="".join(words))
