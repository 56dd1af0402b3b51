"""Test cases with the names of RapidSMS's test cases: a test that you port changes only its imports and numbers.

Like `RCSTestCase`, they use the real router, and a ported test also has `handset()` and `plays()`.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.test import TestCase, TransactionTestCase

from rcs_router import lookup_connections, receive, send
from rcs_router.backends import backends
from rcs_router.models import Connection, Contact, Message, Transmission
from rcs_router.people.recipients import Recipients
from rcs_router.testing.cases import RCSTestMixin
from rcs_router.testing.world import Apps

MOCK = "mockbackend"


class RapidTestMixin(RCSTestMixin):
    """Run `apps` first, then `handlers`. If both are left out, the settings apply."""

    backends: ClassVar[dict[str, Any] | None] = {MOCK: {"BACKEND": "rcs_router.testing.MemorySMS"}}
    handlers: ClassVar[Apps | None] = None

    def setUp(self) -> None:
        if self.handlers is not None:
            self.apps = (*(self.apps or ()), *self.handlers)  # type: ignore[misc]  # of this test alone
        super().setUp()

    def lookup_connections(self, identities: Iterable[str], backend: str = MOCK) -> list[Connection]:
        return lookup_connections(backend, identities)

    def receive(self, text: str, connection: Connection, **options: Any) -> Message:
        """Receive `text`, and return the message after it is routed and answered."""
        return self._when_done(receive(text, connection, **options))

    def send(self, text: str, connections: Recipients, **options: Any) -> Message:
        """Send `text`, and return the message after the backends were given it."""
        return self._when_done(send(text, connections, **options))

    def _when_done(self, message: Message) -> Message:
        self.rcs.work()
        return Message.objects.get(pk=message.pk)

    @property
    def inbound(self) -> list[Message]:
        """The messages that people sent, oldest first."""
        return list(self.rcs.inbound)

    @property
    def outbound(self) -> list[Message]:
        """The messages that were sent to people, oldest first."""
        return list(self.rcs.outbound)

    @property
    def sent_messages(self) -> list[dict[str, Any]]:
        """What the backends were given: `id_`, `text` and `identities` for each backend and message."""
        self.rcs.work()
        given: dict[Any, dict[str, Any]] = {}
        for alias in backends:
            for outbound in self.rcs[alias].sent:
                message = Transmission.objects.values_list("message_id", flat=True).get(pk=outbound.id)
                new = {"id_": str(message), "text": outbound.text, "identities": []}
                given.setdefault((alias, message), new)["identities"].append(outbound.to)
        return list(given.values())

    def clear_sent_messages(self) -> None:
        self.rcs.work()
        for alias in backends:
            self.rcs[alias].sent.clear()

    def create_contact(self, data: Mapping[str, Any] | None = None) -> Contact:
        return Contact.objects.create(**{"name": f"Contact {Contact.objects.count() + 1}", **(data or {})})

    def create_connection(self, data: Mapping[str, Any] | None = None) -> Connection:
        """Return a connection on the first backend, with a new number, unless `data` says otherwise."""
        fields = {"backend": next(iter(backends)), "identity": self.rcs.handset().number, **(data or {})}
        [connection] = lookup_connections(fields.pop("backend"), [fields.pop("identity")])
        for name, value in fields.items():
            setattr(connection, name, value)
        connection.save()
        return connection


class RapidTest(RapidTestMixin, TestCase):
    """Run each test in a transaction that is rolled back."""


class RapidTransactionTest(RapidTestMixin, TransactionTestCase):
    """Run tests with real commits. This is slow, because every table is emptied."""
