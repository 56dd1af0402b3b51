"""The shapes of what callers send: read strictly, unknown fields refused, and shown as they are in the document."""

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

MOST_RECIPIENTS = 10_000
MOST_CHECKED = 1_000
MOST_IMPORTED = 5_000
LONGEST_TTL = 366 * 24 * 3600  # seconds


def _content(data: Any) -> Content:
    """A string is a Text, as in Python. Raises ContentError."""
    if isinstance(data, str):
        data = {"type": "text", "text": data}
    if not isinstance(data, dict):
        raise ContentError("", "content must be a string or an object with a type")
    return load(data, strict=True)


def _within_a_calendar(at: Any) -> Any:
    """Times are kept in UTC and counted from: not in the first or last year that there is."""
    if not MINYEAR < at.year < MAXYEAR - 2:
        raise ValueError(f"the year must be from {MINYEAR + 1} to {MAXYEAR - 3}")
    return at


AnyContent = Annotated[Any, AfterValidator(_content)]  # the document names it: see document
Moment = Annotated[AwareDatetime, AfterValidator(_within_a_calendar)]
Key = Annotated[int, Field(ge=1, le=2**63 - 1)]
Alias = Annotated[str, Field(min_length=1, max_length=60)]
Identity = Annotated[str, Field(min_length=1, max_length=100)]
Name = Annotated[str, Field(max_length=200)]
Language = Annotated[str, Field(max_length=35)]


class Body(BaseModel):
    """Base of every shape."""

    model_config = ConfigDict(extra="forbid")


class Identities(Body):
    """Numbers (or a provider's tokens) on one backend; those that are new become connections."""

    backend: Alias
    identities: Annotated[list[Identity], Field(min_length=1, max_length=MOST_RECIPIENTS)]


class ContactIds(Body):
    """Contacts, each written to on its first backend."""

    contacts: Annotated[list[Key], Field(min_length=1, max_length=MOST_RECIPIENTS)]


class ConnectionIds(Body):
    """Connections."""

    connections: Annotated[list[Key], Field(min_length=1, max_length=MOST_RECIPIENTS)]


def _variant(data: Any) -> str | None:
    """Which of the three it is meant to be, so that errors are about that one."""
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
        custom_error_message="exactly one of identities (with backend), contacts and connections",
    ),
]


class Outgoing(Body):
    """What is to be said to whom; every option is that of send() in Python."""

    content: AnyContent
    recipients: Recipients
    traffic: Traffic | None = None
    ttl: Annotated[int, Field(ge=1, le=LONGEST_TTL, description="Seconds.")] | None = None
    fall_back_after: Annotated[float, Field(gt=0, le=LONGEST_TTL, description="Seconds.")] | None = None
    fallback_text: Annotated[str, Field(max_length=10_000)] = ""
    send_at: Moment | None = None
    time_critical: bool = False
    strict: bool = False
    in_response_to: UUID | None = None
    fields: dict[str, Any] = {}


class NewConnection(Body):
    """A number or token on a backend."""

    backend: Alias
    identity: Identity


class NewConnectionOf(NewConnection):
    """The same, of a contact."""

    contact: Key | None = None


class Owner(Body):
    """Whose a connection is; null: nobody's."""

    contact: Key | None


class NewContact(Body):
    """A person and where to reach them."""

    name: Name = ""
    language: Language = ""
    connections: Annotated[list[NewConnection], Field(max_length=50)] = []


class ContactChange(Body):
    """What is not there stays as it is."""

    name: Name | None = None
    language: Language | None = None


class ImportedContact(Body):
    """A row of an import: the person is found by any of the connections; what is not there stays as it is."""

    name: Name | None = None
    language: Language | None = None
    connections: Annotated[list[NewConnection], Field(min_length=1, max_length=10)]


class Import(Body):
    """Rows are looked at one by one: a bad one is reported, and the others are imported.

    Each is an object with `connections` (1 to 10 of backend and identity), and perhaps `name` and `language`.
    """

    contacts: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST_IMPORTED)]


class Merged(Body):
    """The contact that becomes part of the one in the address, and is no more."""

    contact: Key


class Question(Body):
    """Whose phones the provider is to be asked about."""

    backend: Alias
    identities: Annotated[list[Identity], Field(min_length=1, max_length=MOST_CHECKED)]


class Wish(Body):
    """What a person said of offers, and when. `acknowledge`: tell them, on `backend`."""

    words: Annotated[str, Field(max_length=200)] = ""
    said_at: Moment | None = None
    backend: Annotated[str, Field(max_length=60)] = ""
    brand: Annotated[str, Field(max_length=60)] | None = None
    acknowledge: bool = False


class Nothing(Body):
    """An empty object, or no body at all."""
