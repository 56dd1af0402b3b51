"""The values that router and backends exchange: what is sent, what a provider reports, and what a person says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID

from rcs_router.content import Content
from rcs_router.errors import SendError


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
    )  # what the backend allows of the message's `fields["extra"][alias]`
    in_response_to: UUID | None = None  # our id of the message that this answers
    external_id: str = ""  # the provider's id of that message, if this person sent it by this backend


MALFORMED_REPLY = "malformed_reply"  # code of a SendResult whose answer could not be read


@dataclass(frozen=True, slots=True)
class SendResult:
    """The provider accepted the message. `provider_id`: its own id, empty if it uses ours."""

    provider_id: str = ""
    code: str = ""  # MALFORMED_REPLY: accepted, but the answer was unreadable, so only a receipt proves it
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A provider's report about one transmission, named by our id (`transmission`), the provider's own, or both."""

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
