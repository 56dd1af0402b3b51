"""The contract between router and backends. A backend imports this, `content` and `errors`, and nothing else of
ours.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, ClassVar
from uuid import UUID

from rcs_router.content import Content
from rcs_router.content.fitting import Feature
from rcs_router.content.limits import Limits
from rcs_router.contract.extra import sorted_extra
from rcs_router.contract.options import Options, in_lower_case, secret, several
from rcs_router.errors import SendError, WebhookRefused

__all__ = [
    "MALFORMED_REPLY",
    "BaseBackend",
    "Capabilities",
    "FileReport",
    "Incoming",
    "IncomingKind",
    "Linked",
    "Options",
    "Outbound",
    "Receipt",
    "ReceiptKind",
    "SendResult",
    "Status",
    "Traffic",
    "WebhookAnswer",
    "WebhookRequest",
    "in_lower_case",
    "secret",
    "several",
    "sorted_extra",
    "time_left",
    "within",
]


class Traffic(StrEnum):
    """The reason why a message is sent: Google's list (reference: RCS for Business, `messageTrafficType`)."""

    AUTHENTICATION = "authentication"
    TRANSACTION = "transaction"
    SERVICE_REQUEST = "service_request"
    ACKNOWLEDGEMENT = "acknowledgement"
    PROMOTION = "promotion"


class Status(IntEnum):
    """The status of a transmission. The number is its rank: a provider's reports only raise it."""

    QUEUED = 0
    SENDING = 10
    ACCEPTED = 20
    REVIEW = 30
    CANCELLED = 35
    EXPIRED = 40
    FAILED = 50
    DELIVERED = 80
    READ = 90


class ReceiptKind(StrEnum):
    """What a provider may report about a transmission."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"  # final; `code` and `detail` say why
    EXPIRED = "expired"  # its ttl is over and it was revoked: it will never be delivered
    EXPIRY_UNCERTAIN = "expiry_uncertain"  # its ttl is over, but it may still have been delivered
    REVOKED = "revoked"  # revoked, as we or somebody else asked: it will never be delivered
    UNKNOWN = "unknown"  # an unknown kind: kept as an event, changes nothing


class IncomingKind(StrEnum):
    """What a person may say or do."""

    TEXT = "text"
    SUGGESTION = "suggestion"  # a tapped chip
    LOCATION = "location"
    FILE = "file"
    FORM = "form"  # a form with its answers in `fields["form"]`
    DEVICE = "device"  # the phone's answer about itself: `fields["device"]`
    TYPING = "typing"  # an event, not a message; `fields["active"]` is False when typing ends
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outbound:
    """One message on its way to one connection: everything that a backend needs for its one request."""

    id: UUID  # the transmission's id; also the provider's message id where the provider lets us choose it
    to: str  # the connection's identity
    content: Content  # fitted to the backend: only what its capabilities name
    text: str  # the same as plain text with numbered options: the text of an SMS
    traffic: Traffic = Traffic.TRANSACTION
    expires_at: datetime | None = None  # aware, by the database's clock
    extra: Mapping[str, Any] = field(
        default_factory=dict
    )  # the part of the message's `fields["extra"][alias]` that the backend's `extra` allows
    in_response_to: UUID | None = None  # our id of the message that this answers
    external_id: str = ""  # the provider's id of that message, if this person sent it by this backend


MALFORMED_REPLY = "malformed_reply"  # code of a SendResult whose answer could not be read


@dataclass(frozen=True, slots=True)
class SendResult:
    """The provider accepted the message. `provider_id`: its own id, empty if it uses ours."""

    provider_id: str = ""
    code: str = ""  # MALFORMED_REPLY: accepted, but the answer could not be read, so it is not certain until a receipt comes
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A provider's report about one transmission, named by our id (`transmission`), by the provider's own id, or by
    both.
    """

    kind: ReceiptKind
    transmission: UUID | None = None
    provider_id: str = ""
    at: datetime | None = None  # the provider's time, which is stored and never used for order
    event_id: str = ""  # the provider's id of this event; a repeated event changes nothing
    code: str = ""
    detail: str = ""
    # what the same code raises as an answer: BadAddress ends the fallback chain, OptedOut records the person's refusal
    error: type[SendError] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Incoming:
    """What one person said or did."""

    kind: IncomingKind
    sender: str  # identity of the connection
    id: str = ""  # the provider's id; empty if the provider sends none, and then nothing is deduplicated
    text: str = ""
    postback: str = ""
    latitude: float | None = None
    longitude: float | None = None
    url: str = ""  # of a file; usually expires
    media_type: str = ""
    answers: UUID | None = (
        None  # our message that was tapped, filled in or replied to, if the provider names it
    )
    answers_id: str = ""  # the same by the provider's id, if the provider uses that
    answered: bool = False  # the provider has answered this word itself, so nobody answers again
    at: datetime | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)  # other values that the provider sends, JSON only


@dataclass(frozen=True, slots=True)
class Linked:
    """Several identities of this backend are one person, who is known as `identity` from now on."""

    identity: str
    others: tuple[str, ...]  # such as the anonymous token under which the person wrote before
    id: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FileReport:
    """The result for a file that the provider keeps for us. `status` is the provider's word, such as ready."""

    file_id: str
    status: str
    url: str = ""
    size: int | None = None  # bytes
    valid_until: datetime | None = None


Parsed = Receipt | Incoming | Linked | FileReport


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A provider's HTTP request, as it arrived or as it was stored. Header names are lower case."""

    method: str
    body: bytes = b""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str = ""  # the address as our server sees it, with its query; not stored
    raw_query: bytes = b""  # the query string, for values in a charset other than UTF-8; not stored
    sent: bytes = b""  # the compressed body as it was sent (`body` is unpacked); not stored

    @property
    def signed(self) -> bytes:
        """The bytes that a signature over the body covers: the body as it was sent."""
        return self.sent or self.body


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """The HTTP answer for the provider."""

    status: int = 200
    body: str = ""
    content_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Capabilities:
    """What a backend can carry and do. Declared data: contents are fitted to it, `send()` checks it, and the docs
    show it.
    """

    content: frozenset[type]  # contents it carries natively; others travel as plain text
    suggestions: frozenset[type] = frozenset()
    features: frozenset[Feature] = frozenset()  # the optional features of those
    fallback_urls: frozenset[type] = frozenset()  # chips whose `fallback_url` it carries
    idempotent: bool = False  # ignores a message whose id it has seen, so a retry is safe
    bulk: int = 0  # messages that `send_many` takes at once; 0: it has no `send_many`
    revoke: bool = False
    status: bool = False  # can be asked for the status of a message
    check: bool = False
    typing: bool = False
    mark_read: bool = False
    upload: bool = False
    webhook: bool = True
    own_fallback: bool = False  # falls back to SMS by itself
    opt_out_list: bool = False  # keeps a list of people who refuse messages, which can be read and written
    tokens: bool = False  # identities without + are the provider's tokens; incoming identities are exact


_end: ContextVar[float | None] = ContextVar("rcs_end", default=None)  # by time.monotonic()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give all requests that a backend makes in this block `seconds` together; `http.call` obeys it."""
    token = _end.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _end.reset(token)


def time_left() -> float | None:
    """Return the seconds that are left of `within`, 0 when none are; None outside it."""
    end = _end.get()
    return None if end is None else max(end - time.monotonic(), 0.0)


class BaseBackend:
    """One provider behind one alias. Subclasses know no model, no task, no retry, and no setting except their options.

    `send` and `media_headers` are called from several threads at once, everything else from one thread at a time.
    """

    Options: ClassVar[type[Options]] = Options
    capabilities: Capabilities  # of the class; an instance may narrow them by its options
    limits: ClassVar[Limits | None] = None  # the provider's dated table, for the docs and the admin
    provider: ClassVar[str] = ""  # the name that people see, such as "Google RBM"
    tested: ClassVar[str] = "emulator"  # how far this backend is tested: live, emulator, documents only
    # Parameters and headers (in lower case) that carry a secret: they are never stored.
    secret_names: ClassVar[frozenset[str]] = frozenset({"authorization", "secret"})
    # What a message's `fields["extra"][alias]` may set, as dotted paths into the request; "*": anything. It never sets the
    # recipient, the sender, the report address, the lifetime, a fallback, or credentials.
    extra: frozenset[str] = frozenset()

    def __init__(self, alias: str, options: Any, *, webhook_url: str = "") -> None:
        self.alias = alias
        self.options = options
        self.webhook_url = webhook_url  # absolute address of our webhook for this alias; empty if unknown

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.alias!r}>"

    def send(self, outbound: Outbound) -> SendResult:
        """Make the one request. Raises a SendError; any other exception counts as a bug and ends in review."""
        raise NotImplementedError

    def send_many(self, outbounds: Sequence[Outbound]) -> list[SendResult | SendError]:
        """Send several messages of a campaign in one request; return the result of each, in their order.

        Raises a SendError when the whole request failed; it then holds for each message.
        """
        raise NotImplementedError

    def check(self, content: Content) -> list[str]:
        """Return why this backend cannot carry `content`, as `path: problem` lines; empty if it can. No request is
        made.

        Called at `send()` for this backend and those of its fallback chain.
        """
        return []

    def refused_extra(self, extra: Mapping[str, Any]) -> list[str]:
        """Return the paths in a message's `extra` that it may not set; `send()` refuses such a message."""
        return sorted_extra(extra, self.extra)[1]

    def problems(self) -> list[str]:
        """Return what is wrong with the options beyond their types: one sentence each, shown by `manage.py check`."""
        return []

    def warnings(self) -> list[str]:
        """Return what is allowed but not safe about the options, as `problems` does; `manage.py check` warns about
        it.
        """
        return []

    # The webhook. `verify` comes first; the other methods see only verified requests.

    def handshake(self, request: WebhookRequest) -> WebhookAnswer | None:
        """Return the answer for a provider that checks the address when it is set up; None for other requests.
        Verifies itself.
        """
        return None

    def verify(self, request: WebhookRequest) -> None:
        """Raise WebhookRefused unless the request comes from the provider."""
        raise WebhookRefused(f"{type(self).__name__} takes no webhooks", status=404)

    def dedupe_key(self, request: WebhookRequest) -> str | None:
        """Return a key that is the same for a repeated request, at most 100 characters; None if repeats cannot be
        recognized.
        """
        return None

    def kept(self, request: WebhookRequest) -> WebhookRequest:
        """Return the verified request as it is stored and parsed: without the secrets that `secret_names` names."""
        return replace(
            request,
            query={k: v for k, v in request.query.items() if k.lower() not in self.secret_names},
            headers={k: v for k, v in request.headers.items() if k not in self.secret_names},
        )

    def parse(self, request: WebhookRequest) -> list[Parsed]:
        """Return what the request reports. Raises any exception for an invalid request, which is kept with the
        traceback.
        """
        raise NotImplementedError

    def acknowledge(self) -> WebhookAnswer:
        """Return the answer that the provider expects when a request was stored."""
        return WebhookAnswer()

    # Optional, announced by capabilities.

    def revoke(self, transmission: UUID, to: str, provider_id: str = "") -> bool | None:
        """Revoke an undelivered message. Return True when the provider revoked it, and False when it is too late.

        None: the provider was asked, and answers later (by a REVOKED receipt, or when it is asked again).
        """
        raise NotImplementedError

    def status(self, transmission: UUID, to: str, provider_id: str = "") -> list[Receipt]:
        """Return the status of a message, as receipts; empty when the provider has no news."""
        raise NotImplementedError

    def check_capabilities(self, identities: list[str]) -> dict[str, frozenset[str] | None]:
        """Return the features of each phone: a set of the provider's names, or None for a phone that it cannot
        reach.
        """
        raise NotImplementedError

    def check_requests(self, count: int) -> int:
        """Return how many requests `check_capabilities` makes for `count` phones: one for each, without a batch
        method.
        """
        return count

    def typing(self, to: str, active: bool = True) -> None:
        """Show the person that we are writing, or (if the provider supports it) that we have stopped."""
        raise NotImplementedError

    def mark_read(self, to: str, incoming_id: str) -> None:
        """Tell the person that their message was read."""
        raise NotImplementedError

    # Files that people send, if the provider keeps them behind our credentials.

    def media_origins(self) -> Iterable[str]:
        """Return the origins of hosts that need our credentials for a file, such as https://api.example.com.

        Scheme, host and port count, the path does not. Empty by default: most links need no credentials.
        """
        return ()

    def media_headers(self) -> Mapping[str, str]:
        """Return the headers for a file on one of `media_origins`; the router sends them to no other host.

        Raises a SendError when there is no token: the file is fetched later. Called from several threads at once.
        """
        return {}

    def opted_out(self) -> list[str]:
        """Return the numbers on the provider's own list of people who refuse messages."""
        raise NotImplementedError

    def opt_out(self, number: str) -> bool:
        """Add a number to that list; return False if it was on it."""
        raise NotImplementedError

    def opt_in(self, number: str) -> bool:
        """Remove a number from that list; return False if it was not on it."""
        raise NotImplementedError
