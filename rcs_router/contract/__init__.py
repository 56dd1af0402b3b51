"""What router and backend say to each other. Backends import this, `content` and `errors`, and nothing else of ours."""

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
    """Why a message is sent: Google's list (reference: RCS for Business, `messageTrafficType`)."""

    AUTHENTICATION = "authentication"
    TRANSACTION = "transaction"
    SERVICE_REQUEST = "service_request"
    ACKNOWLEDGEMENT = "acknowledgement"
    PROMOTION = "promotion"


class Status(IntEnum):
    """Where a transmission stands. The number is its rank: what a provider reports moves it only upwards."""

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
    """What a provider may say of a transmission."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"  # for good; `code` and `detail` say why
    EXPIRED = "expired"  # its time is up and it was taken back: it will never be delivered
    EXPIRY_UNCERTAIN = "expiry_uncertain"  # its time is up, but it may still have been delivered
    REVOKED = "revoked"  # taken back, as we or somebody else asked: it will never be delivered
    UNKNOWN = "unknown"  # a kind we do not know: kept as an event, changes nothing


class IncomingKind(StrEnum):
    """What a person may say or do."""

    TEXT = "text"
    SUGGESTION = "suggestion"  # a tapped chip
    LOCATION = "location"
    FILE = "file"
    FORM = "form"  # a form that was filled in; the answers are `fields["form"]`
    DEVICE = "device"  # what the phone tells of itself when asked: `fields["device"]`
    TYPING = "typing"  # an event, not a message; `fields["active"]` is False when it ends
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outbound:
    """One message on its way to one connection: everything a backend needs for its one request."""

    id: UUID  # the transmission's; the provider's message id where the provider lets us choose
    to: str  # the connection's identity
    content: Content  # fitted to the backend: only what its capabilities name
    text: str  # the same as plain text, numbered options included: what an SMS says
    traffic: Traffic = Traffic.TRANSACTION
    expires_at: datetime | None = None  # aware, by the database's clock
    extra: Mapping[str, Any] = field(
        default_factory=dict
    )  # what the backend's `extra` allows of the message's `fields["extra"][alias]`
    in_response_to: UUID | None = None  # our id of the message that this answers
    external_id: str = ""  # the provider's own id of it, where this person said it by this backend


MALFORMED_REPLY = "malformed_reply"  # code of a SendResult whose answer could not be read


@dataclass(frozen=True, slots=True)
class SendResult:
    """The provider took the message. `provider_id`: its own id, empty where it uses ours."""

    provider_id: str = ""
    code: str = ""  # MALFORMED_REPLY: taken, but the answer could not be read, so it is doubted until proved
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a provider says of one transmission: named by our id (`transmission`) or by the provider's own, or both."""

    kind: ReceiptKind
    transmission: UUID | None = None
    provider_id: str = ""
    at: datetime | None = None  # the provider's time: a fact that is kept, never used for order
    event_id: str = ""  # the provider's id of this event; one that comes again changes nothing
    code: str = ""
    detail: str = ""
    # what the same code would raise as an answer: BadAddress ends the road, OptedOut records the person's refusal
    error: type[SendError] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Incoming:
    """What one person said or did."""

    kind: IncomingKind
    sender: str  # identity of the connection
    id: str = ""  # the provider's id; empty where its wire has none, and then nothing is deduplicated
    text: str = ""
    postback: str = ""
    latitude: float | None = None
    longitude: float | None = None
    url: str = ""  # of a file; usually expires
    media_type: str = ""
    answers: UUID | None = (
        None  # our message that was tapped, filled in or replied to, where the wire says which
    )
    answers_id: str = ""  # the same by the provider's id, where the wire names our message by that
    answered: bool = False  # the provider has answered this word by itself: nobody answers it again
    at: datetime | None = None
    fields: Mapping[str, Any] = field(
        default_factory=dict
    )  # whatever else the wire carries, JSON values only


@dataclass(frozen=True, slots=True)
class Linked:
    """Several identities of this backend are one person, who wants to be known as `identity` from now on."""

    identity: str
    others: tuple[str, ...]  # e.g. the anonymous token under which they wrote until now
    id: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of a file that the provider keeps for us. `status` is the provider's word, e.g. ready."""

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
    url: str = ""  # as it was called, with its query, by what our server sees; not stored
    raw_query: bytes = b""  # the query string, for values in another charset than UTF-8; not stored
    sent: bytes = b""  # the body as it was sent, where it was compressed (`body` is unpacked); not stored

    @property
    def signed(self) -> bytes:
        """The bytes that a signature over the body covers: those that were sent."""
        return self.sent or self.body


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What the provider gets to hear."""

    status: int = 200
    body: str = ""
    content_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Capabilities:
    """What a backend can carry and do. Declared data: content is fitted to it, `send()` checks it, the docs show it."""

    content: frozenset[type]  # content it carries natively; everything else travels as plain text
    suggestions: frozenset[type] = frozenset()
    features: frozenset[Feature] = frozenset()  # the finer points of those
    fallback_urls: frozenset[type] = frozenset()  # chips whose `fallback_url` it carries
    idempotent: bool = False  # drops a message whose id it has seen, so a repeat is safe
    bulk: int = 0  # messages that `send_many` takes at once; 0: it has none
    revoke: bool = False
    status: bool = False  # can be asked how a message stands
    check: bool = False
    typing: bool = False
    mark_read: bool = False
    upload: bool = False
    webhook: bool = True
    own_fallback: bool = False  # falls back to SMS by itself
    opt_out_list: bool = False  # keeps a list of people who want no messages, which can be read and written
    tokens: bool = False  # identities without + are the provider's tokens; incoming ones are exact


_end: ContextVar[float | None] = ContextVar("rcs_end", default=None)  # by time.monotonic()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give all requests that a backend makes in this block so many seconds together; `http.call` keeps to it."""
    token = _end.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _end.reset(token)


def time_left() -> float | None:
    """Return the seconds that are left of `within`, 0 when none are; None outside of it."""
    end = _end.get()
    return None if end is None else max(end - time.monotonic(), 0.0)


class BaseBackend:
    """One provider behind one alias. Subclasses know no model, no task, no retry and no setting but their options.

    `send` and `media_headers` are called from several threads at once; everything else from one at a time.
    """

    Options: ClassVar[type[Options]] = Options
    capabilities: Capabilities  # of the class; an instance may narrow them by its options
    limits: ClassVar[Limits | None] = None  # the provider's dated table, for the docs and the admin
    provider: ClassVar[str] = ""  # the name people see, e.g. "Google RBM"
    tested: ClassVar[str] = "emulator"  # how far this backend is tested: live, emulator, documents only
    # Parameters and headers (in lower case) that carry a secret: they are never stored.
    secret_names: ClassVar[frozenset[str]] = frozenset({"authorization", "secret"})
    # What a message's `fields["extra"][alias]` may set, as dotted paths into the request; "*": anything. Never who gets
    # the message, who sends it, where it is reported to, how long it lives, what it falls back to, nor credentials.
    extra: frozenset[str] = frozenset()

    def __init__(self, alias: str, options: Any, *, webhook_url: str = "") -> None:
        self.alias = alias
        self.options = options
        self.webhook_url = webhook_url  # absolute address of our webhook for this alias; empty if not known

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.alias!r}>"

    def send(self, outbound: Outbound) -> SendResult:
        """Make the one request. Raises a SendError; any other exception counts as a bug and ends in review."""
        raise NotImplementedError

    def send_many(self, outbounds: Sequence[Outbound]) -> list[SendResult | SendError]:
        """One request for several messages of a campaign: what became of each, in their order.

        Raises a SendError when the request as a whole failed; then it holds for each of them.
        """
        raise NotImplementedError

    def check(self, content: Content) -> list[str]:
        """Why this backend cannot carry `content`, as `path: problem` lines; empty when it can. No request is made.

        Called at `send()` for this backend and those it falls back to.
        """
        return []

    def refused_extra(self, extra: Mapping[str, Any]) -> list[str]:
        """The paths in a message's `extra` that it may not set; `send()` refuses such a message."""
        return sorted_extra(extra, self.extra)[1]

    def problems(self) -> list[str]:
        """What is wrong with the options beyond their types: one sentence each, shown by `manage.py check`."""
        return []

    def warnings(self) -> list[str]:
        """Return what is allowed and not safe about the options, as `problems` does; `manage.py check` warns of it."""
        return []

    # The webhook. `verify` comes first; the others see only verified requests.

    def handshake(self, request: WebhookRequest) -> WebhookAnswer | None:
        """Answer to a provider that checks the address when it is set up; None: not a handshake. Verifies by itself."""
        return None

    def verify(self, request: WebhookRequest) -> None:
        """Raise WebhookRefused unless the request comes from the provider."""
        raise WebhookRefused(f"{type(self).__name__} takes no webhooks", status=404)

    def dedupe_key(self, request: WebhookRequest) -> str | None:
        """The same for a request that the provider repeats, at most 100 characters; None: repeats cannot be told."""
        return None

    def kept(self, request: WebhookRequest) -> WebhookRequest:
        """The verified request as it is stored, and as `parse` sees it: without what `secret_names` names."""
        return replace(
            request,
            query={k: v for k, v in request.query.items() if k.lower() not in self.secret_names},
            headers={k: v for k, v in request.headers.items() if k not in self.secret_names},
        )

    def parse(self, request: WebhookRequest) -> list[Parsed]:
        """What the request says. Raises anything for a request that makes no sense; it is kept with the traceback."""
        raise NotImplementedError

    def acknowledge(self) -> WebhookAnswer:
        """What the provider expects to hear when a request was stored."""
        return WebhookAnswer()

    # Optional, announced by capabilities.

    def revoke(self, transmission: UUID, to: str, provider_id: str = "") -> bool | None:
        """Take an undelivered message back: True when the provider says it did, False when it is too late.

        None: it was asked, and will tell later (a REVOKED receipt), or when it is asked again.
        """
        raise NotImplementedError

    def status(self, transmission: UUID, to: str, provider_id: str = "") -> list[Receipt]:
        """How a message stands, as receipts; empty when the provider knows nothing new."""
        raise NotImplementedError

    def check_capabilities(self, identities: list[str]) -> dict[str, frozenset[str] | None]:
        """What each phone can: a set of the provider's feature names, or None for a phone it cannot reach."""
        raise NotImplementedError

    def check_requests(self, count: int) -> int:
        """Return how many requests `check_capabilities` makes for so many: one for each, where it has no batches."""
        return count

    def typing(self, to: str, active: bool = True) -> None:
        """Show the person that we are writing, or (where the wire has it) that we have stopped."""
        raise NotImplementedError

    def mark_read(self, to: str, incoming_id: str) -> None:
        """Tell the person that their message was read."""
        raise NotImplementedError

    # Files that people send, where the provider keeps them behind our credentials.

    def media_origins(self) -> Iterable[str]:
        """Return the addresses of hosts that want our credentials for a file, e.g. https://api.example.com.

        Scheme, host and port count, the path does not. None by default: most links are good by themselves.
        """
        return ()

    def media_headers(self) -> Mapping[str, str]:
        """Return the headers for a file on one of `media_origins`; the router sends them nowhere else.

        Raises a SendError when a token cannot be had: the file is fetched later. Called from several threads at once.
        """
        return {}

    def opted_out(self) -> list[str]:
        """The numbers on the provider's own list of people who want no messages."""
        raise NotImplementedError

    def opt_out(self, number: str) -> bool:
        """Put a number on that list; False when it was there already."""
        raise NotImplementedError

    def opt_in(self, number: str) -> bool:
        """Take a number off it; False when it was not there."""
        raise NotImplementedError
