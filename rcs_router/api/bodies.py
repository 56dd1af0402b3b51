"""The request bodies: pydantic models that convert no types and refuse unknown fields."""

from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
)

from rcs_router.content import Content, load
from rcs_router.contract import Traffic
from rcs_router.errors import ContentError

MAX_RECIPIENTS = 10_000
MAX_CHECKED = 1_000
MAX_IMPORTED = 5_000
MAX_TTL = 366 * 24 * 3600  # seconds


def _content(data: Any) -> Content:
    """Return the content that `data` describes; a string is a Text, as in Python. Raises ContentError."""
    if isinstance(data, str):
        data = {"type": "text", "text": data}
    if not isinstance(data, dict):
        raise ContentError("", "content must be a string or an object with a type")
    return load(data, strict=True)


def _in_calendar(at: Any) -> Any:
    """Refuse the first and the last years of the calendar: we convert times to UTC and add to them."""
    if not MINYEAR < at.year < MAXYEAR - 2:
        raise ValueError(f"the year must be from {MINYEAR + 1} to {MAXYEAR - 3}")
    return at


AnyContent = Annotated[Any, AfterValidator(_content)]  # openapi.document() describes it
DateTime = Annotated[AwareDatetime, AfterValidator(_in_calendar)]
Key = Annotated[int, Field(ge=1, le=2**63 - 1)]
Alias = Annotated[str, Field(min_length=1, max_length=60)]
Identity = Annotated[str, Field(min_length=1, max_length=100)]
Name = Annotated[str, Field(max_length=200)]
Language = Annotated[str, Field(max_length=35)]


class Body(BaseModel):
    """Base class of every body."""

    model_config = ConfigDict(extra="forbid")


class Identities(Body):
    """Numbers or a provider's tokens on one backend. New ones become connections."""

    backend: Alias
    identities: Annotated[list[Identity], Field(min_length=1, max_length=MAX_RECIPIENTS)]


class ContactIds(Body):
    """Contacts. Each gets the message on its first backend."""

    contacts: Annotated[list[Key], Field(min_length=1, max_length=MAX_RECIPIENTS)]


class ConnectionIds(Body):
    """The ids of connections."""

    connections: Annotated[list[Key], Field(min_length=1, max_length=MAX_RECIPIENTS)]


def _variant(data: Any) -> str | None:
    """Return the variant that the caller means, so that errors are about that variant."""
    names = set(data) if isinstance(data, Mapping) else {"contacts"}
    named = [name for name in ("identities", "contacts", "connections") if name in names]
    return f"by_{named[0]}" if len(named) == 1 else "by_identities" if named == [] else None


Recipients = Annotated[
    Annotated[Identities, Tag("by_identities")]
    | Annotated[ContactIds, Tag("by_contacts")]
    | Annotated[ConnectionIds, Tag("by_connections")],
    Discriminator(
        _variant,
        custom_error_type="ambiguous",
        custom_error_message="give exactly one of identities (with backend), contacts and connections",
    ),
]


class Outgoing(Body):
    """A message to send. The options are those of `send()` in Python."""

    content: AnyContent
    recipients: Recipients
    traffic: Traffic | None = None
    ttl: Annotated[int, Field(ge=1, le=MAX_TTL, description="SecondsField.")] | None = None
    fall_back_after: Annotated[float, Field(gt=0, le=MAX_TTL, description="SecondsField.")] | None = None
    fallback_text: Annotated[str, Field(max_length=10_000)] = ""
    send_at: DateTime | None = None
    time_critical: bool = False
    strict: bool = False
    in_response_to: UUID | None = None
    fields: dict[str, Any] = {}


class NewConnection(Body):
    """A number or a provider's token on a backend."""

    backend: Alias
    identity: Identity


class NewOwnedConnection(NewConnection):
    """A new connection, optionally of a contact."""

    contact: Key | None = None


class ConnectionChange(Body):
    """The contact that gets the connection; null: no contact."""

    contact: Key | None


class NewContact(Body):
    """A new contact with its connections."""

    name: Name = ""
    language: Language = ""
    connections: Annotated[list[NewConnection], Field(max_length=50)] = []


class ContactChange(Body):
    """Changes of a contact. Fields that are left out do not change."""

    name: Name | None = None
    language: Language | None = None


class ImportedContact(Body):
    """One row of an import. Any of its connections identifies the contact; fields that are left out do not change."""

    name: Name | None = None
    language: Language | None = None
    connections: Annotated[list[NewConnection], Field(min_length=1, max_length=10)]


class Import(Body):
    """Contacts to import. An invalid row is reported, and the other rows are imported.

    A row is an object with `connections` (1 to 10 objects with `backend` and `identity`) and optionally `name` and
    `language`.
    """

    contacts: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_IMPORTED)]


class ContactMerge(Body):
    """The contact to merge into the one in the address. It is deleted."""

    contact: Key


class CapabilityRequest(Body):
    """The phones whose capabilities the provider is asked for."""

    backend: Alias
    identities: Annotated[list[Identity], Field(min_length=1, max_length=MAX_CHECKED)]


class ConsentChange(Body):
    """What a person said about promotions, and when. With `acknowledge`, `backend` sends them an acknowledgement."""

    words: Annotated[str, Field(max_length=200)] = ""
    said_at: DateTime | None = None
    backend: Annotated[str, Field(max_length=60)] = ""
    brand: Annotated[str, Field(max_length=60)] | None = None
    acknowledge: bool = False


class EmptyBody(Body):
    """An empty object. The body may also be missing."""
