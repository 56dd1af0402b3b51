"""Contacts, their connections, and the backends of the connections."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import models
from django.db.models.functions import Now

from rcs_router.backends import backends, default_alias
from rcs_router.models.base import ForeignKey, RouterModel

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from rcs_router.models.message import Message, Transmission


class Backend(RouterModel):
    """A configured alias, for foreign keys; its settings stay in RCS_BACKENDS. The name is the key."""

    name = models.CharField(max_length=60, primary_key=True)

    if TYPE_CHECKING:
        connections: RelatedManager["Connection"]
        transmissions: RelatedManager[Transmission]

    class Meta:
        pass  # a Meta of its own: see RouterModel

    def __str__(self) -> str:
        return self.name


class Contact(RouterModel):
    """A person. Deleting a contact keeps the history: the connections stay, without a contact."""

    name = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=35, blank=True, help_text="A language tag such as en or pt-br.")
    created_on = models.DateTimeField(auto_now_add=True)
    modified_on = models.DateTimeField(auto_now=True)

    if TYPE_CHECKING:
        id: int
        connections: RelatedManager["Connection"]

    class Meta:
        pass  # a Meta of its own: see RouterModel

    def __str__(self) -> str:
        return self.name or "Anonymous"

    @property
    def is_anonymous(self) -> bool:
        return not self.name

    @property
    def default_connection(self) -> "Connection | None":
        """The connection that `send(content, contact)` uses; None if there is none."""
        return first_connections([self]).get(self.pk)


class Connection(RouterModel):
    """One identity on one backend: an E.164 number, or a provider's anonymous token."""

    backend: "models.ForeignKey[Backend, Backend]" = ForeignKey(
        Backend, on_delete=models.PROTECT, related_name="connections"
    )
    identity = models.CharField(max_length=100)
    contact: "models.ForeignKey[Contact | None, Contact | None]" = ForeignKey(
        Contact, on_delete=models.SET_NULL, null=True, blank=True, related_name="connections"
    )
    created_on = models.DateTimeField(db_default=Now(), editable=False)
    modified_on = models.DateTimeField(auto_now=True)

    if TYPE_CHECKING:
        id: int
        backend_id: str
        contact_id: int | None
        incoming: RelatedManager[Message]
        transmissions: RelatedManager[Transmission]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["backend", "identity"], name="rcs_connection_backend_identity"),
        ]
        indexes = [models.Index(fields=["identity"], name="rcs_connection_identity")]

    def __str__(self) -> str:
        return f"{self.identity} via {self.backend_id}"


def first_connections(contacts: Iterable[Contact]) -> dict[int, Connection]:
    """Return, by key, each contact's connection on DEFAULT_BACKEND, else on the first of RCS_BACKENDS that has one.

    A number comes before a provider's token: people who have both want the number to be used.
    """
    order = {alias: n for n, alias in enumerate(dict.fromkeys([default_alias(), *backends]))}

    def rank(connection: Connection) -> tuple[int, bool]:
        return order.get(connection.backend_id, len(order)), not connection.identity.startswith("+")

    first: dict[int, Connection] = {}
    rows = Connection.objects.filter(contact__in=[contact.pk for contact in contacts]).order_by("pk")
    for connection in sorted(rows, key=rank):
        first.setdefault(connection.contact_id or 0, connection)
    return first
