"""Messages and transmissions: a Message is one send or receive, a Transmission is its way to one connection."""

import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import F, Q, QuerySet
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.functional import cached_property

from rcs_router.content import Content, load
from rcs_router.contract import IncomingKind, Status, Traffic
from rcs_router.models.base import RouterModel
from rcs_router.models.people import Backend, Connection, Contact

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from rcs_router.models.event import Event

# A message shows the status of that recipient which comes first here: faults before everything else, then the least
# advanced. Recipients who were taken out or who refuse count only when there are no others.
WORST_FIRST = (
    *(Status.REVIEW, Status.FAILED, Status.EXPIRED),
    *(Status.QUEUED, Status.SENDING, Status.ACCEPTED, Status.DELIVERED, Status.READ),
    Status.CANCELLED,
)
STATUSES = [(status.value, status.name.lower()) for status in Status]
PRIORITY = {  # small numbers leave first: a one-time password never waits behind a campaign
    Traffic.AUTHENTICATION: 0,
    Traffic.ACKNOWLEDGEMENT: 10,
    Traffic.TRANSACTION: 20,
    Traffic.SERVICE_REQUEST: 20,
    Traffic.PROMOTION: 50,
}

TAKEN_OUT = "taken out by a router app"  # reasons of transmissions that a router app removed
STOPPED_BY = "stopped by "


class Message(RouterModel):
    """One message, incoming or outgoing: content, traffic type and options."""

    class Direction(models.TextChoices):
        OUT = "out", "outgoing"
        IN = "in", "incoming"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    direction = models.CharField(max_length=3, choices=Direction.choices)
    content = models.JSONField(
        null=True, help_text="rcs_router.content as JSON; null for what is not content."
    )
    text = models.TextField(blank=True, help_text="The same as plain text.")
    traffic = models.CharField(max_length=20, choices=[(t.value, t.value) for t in Traffic], blank=True)
    fields = models.JSONField(default=dict, blank=True)
    in_response_to: "models.ForeignKey[Message | None, Message | None]" = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="replies"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    errors = models.JSONField(
        default=list, blank=True, help_text="Router apps that raised: app, phase and error."
    )

    # Outgoing only.
    ttl = models.DurationField(null=True, blank=True)
    time_critical = models.BooleanField(default=False)
    fall_back_after = models.DurationField(
        null=True, blank=True, help_text="Deadline on each backend; empty: the backend's FALLBACK_AFTER."
    )
    fallback_text = models.TextField(blank=True)
    is_error = models.BooleanField(default=False)
    idempotency_key = models.CharField(max_length=200, null=True, blank=True, unique=True)

    # Incoming only.
    kind = models.CharField(max_length=20, choices=[(k.value, k.value) for k in IncomingKind], blank=True)
    backend: "models.ForeignKey[Backend | None, Backend | None]" = models.ForeignKey(
        Backend, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    connection: "models.ForeignKey[Connection | None, Connection | None]" = models.ForeignKey(
        Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="incoming"
    )
    external_id = models.CharField(max_length=200, blank=True)
    postback = models.TextField(blank=True)
    answers: "models.ForeignKey[Transmission | None, Transmission | None]" = models.ForeignKey(
        "Transmission", on_delete=models.SET_NULL, null=True, blank=True, related_name="answered_by"
    )
    said_at = models.DateTimeField(null=True, blank=True, help_text="The provider's time.")
    routed_at = models.DateTimeField(null=True, blank=True)
    handled = models.BooleanField(
        default=False, db_default=False, help_text="A router app's `handle` answered; not a `default`."
    )
    handled_by = models.CharField(max_length=200, blank=True)
    urgent = models.BooleanField(
        default=False, db_default=False, help_text="STOP, START: routed before everything else."
    )
    claim = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    lost_leases = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="Workers that died while router apps had it."
    )
    set_aside_at = models.DateTimeField(
        null=True, blank=True, help_text="Routing was given up then: a person decides."
    )

    if TYPE_CHECKING:
        connection_id: int | None
        backend_id: str | None
        in_response_to_id: uuid.UUID | None
        answers_id: uuid.UUID | None
        transmissions: RelatedManager["Transmission"]
        replies: RelatedManager["Message"]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["backend", "external_id"],
                condition=~Q(external_id="") & Q(direction="in"),
                name="rcs_incoming_once",
            ),
        ]
        indexes = [
            models.Index(  # the order in which they are claimed
                fields=["-urgent", "created_at", "id"],
                condition=Q(direction="in", routed_at=None),
                name="rcs_message_to_route",
            ),
            models.Index(  # finds earlier messages of the same person that are not routed yet
                fields=["connection", "created_at"],
                condition=Q(direction="in", routed_at=None),
                name="rcs_message_turn",
            ),
            models.Index(  # the few that a worker has, or may have died of
                fields=["lease_until"],
                condition=Q(direction="in", routed_at=None)
                & (Q(lost_leases__gt=0) | Q(lease_until__isnull=False)),
                name="rcs_message_leased",
            ),
            models.Index(fields=["-created_at"], name="rcs_message_newest"),
            models.Index(
                fields=["-set_aside_at"],
                condition=Q(set_aside_at__isnull=False),
                name="rcs_message_set_aside",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.direction} {self.id}"

    @property
    def body(self) -> Content | None:
        """The content as a value; None if it is not content (a tap, a position)."""
        return load(self.content) if self.content else None

    @cached_property
    def connections(self) -> list[Connection]:
        """The sender, or the recipients without those whom a router app removed."""
        if self.direction == Message.Direction.IN:
            return [self.connection] if self.connection else []
        rows = self.transmissions.filter(fallback_of=None).exclude(reason=TAKEN_OUT)
        return [row.connection for row in rows.select_related("connection").order_by("created_at", "pk")]

    @property
    def contact(self) -> Contact | None:
        """The contact of the first connection."""
        return self.connection.contact if self.connection else None

    @cached_property
    def raw_text(self) -> str:
        """The text before router apps changed it, on the result of `send()`; otherwise the stored text."""
        return self.text

    @property
    def processed(self) -> bool:
        """True if all phases have seen it. False if an app stopped an outgoing message."""
        if self.direction == Message.Direction.IN:
            return self.routed_at is not None and self.set_aside_at is None
        return self.transmissions.exclude(reason__startswith=STOPPED_BY).exists()

    @property
    def responses(self) -> "QuerySet[Message]":
        """The messages that answer it, oldest first."""
        return self.replies.order_by("created_at")

    @property
    def status(self) -> Status | None:
        """The status over all recipients; None if it has none yet.

        It is the first of WORST_FIRST that any recipient has; `by_status` counts the recipients of each.
        """
        return min(self.by_status, key=WORST_FIRST.index, default=None)

    @property
    def by_status(self) -> dict[Status, int]:
        """The number of recipients for each status, the worst first.

        A recipient counts as DELIVERED or READ when the message arrived on any backend, else with the status of the
        last backend that was tried.
        """
        rows = {t.pk: t for t in self.transmissions.all()}
        parents = {t.fallback_of_id for t in rows.values()}
        ends = Counter(_end_of_chain(t, rows) for t in rows.values() if t.pk not in parents)
        return {status: ends[status] for status in WORST_FIRST if status in ends}


class FirstRecipient(ForwardManyToOneDescriptor):
    """`message.connection`: the sender, or the first of `connections` of an outgoing message."""

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        if instance is None or instance.direction == Message.Direction.IN or instance.connection_id:
            return super().__get__(instance, cls)
        return next(iter(instance.connections), None)


Message.connection = FirstRecipient(Message._meta.get_field("connection"))  # type: ignore[assignment]


def _end_of_chain(last: "Transmission", rows: dict[uuid.UUID, "Transmission"]) -> Status:
    chain = [last]
    while chain[-1].fallback_of_id:
        chain.append(rows[chain[-1].fallback_of_id])
    best = max(Status(t.status) for t in chain)
    return best if best >= Status.DELIVERED else Status(last.status)


class RevokeFor(models.TextChoices):
    """The reason for a revoke, and so the status after it."""

    EXPIRY = "expiry", "its time is up"
    FALLBACK = "fallback", "another backend shall carry it"
    CANCEL = "cancel", "somebody asked for it"
    LOOK_UP = "look_up", "only to hear how it stands"  # and nothing is revoked


class Transmission(RouterModel):
    """One outgoing message on its way to one connection. Its id is the id that the provider is given.

    Only `rcs_router.outbox` writes `status`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    message: "models.ForeignKey[Message, Message]" = models.ForeignKey(
        Message, on_delete=models.CASCADE, related_name="transmissions"
    )
    # Both keys are the first columns of indexes below; each index less makes a campaign faster.
    connection: "models.ForeignKey[Connection, Connection]" = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="transmissions", db_index=False
    )
    backend: "models.ForeignKey[Backend, Backend]" = models.ForeignKey(
        Backend, on_delete=models.PROTECT, related_name="transmissions", db_index=False
    )
    fallback_of = models.OneToOneField(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="fallback"
    )
    root_backend = models.CharField(
        max_length=60, blank=True, help_text="Whose FALLBACK list a fallback follows."
    )
    choices = models.JSONField(default=list, blank=True, help_text="Numbered options that an SMS may answer.")
    lost = models.JSONField(default=list, blank=True, help_text="What this backend could not carry.")

    status = models.PositiveSmallIntegerField(choices=STATUSES, default=Status.QUEUED)
    reason = models.CharField(
        max_length=60, blank=True, help_text="Why it stands where it stands: a stable word."
    )
    detail = models.TextField(blank=True)
    priority = models.PositiveSmallIntegerField(default=20)
    due_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    fall_back_at = models.DateTimeField(
        null=True, blank=True, help_text="Deadline: without proof by then, the next backend takes over."
    )
    look_at = models.DateTimeField(
        null=True, blank=True, help_text="When to look for proof, if no receipt has come by then."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    lost_leases = models.PositiveSmallIntegerField(default=0)
    unknown = models.BooleanField(
        default=False, help_text="A request left without an answer: the provider may have the message."
    )
    started = models.BooleanField(default=False, help_text="Its request may have left since it was claimed.")
    claim = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    expiry_seen = models.BooleanField(default=False, help_text="Its time was up, and that was dealt with.")
    revoke_at = models.DateTimeField(
        null=True, blank=True, help_text="When to ask the provider to take it back."
    )
    revoke_for = models.CharField(max_length=10, choices=RevokeFor.choices, blank=True)
    revokes = models.PositiveSmallIntegerField(default=0, help_text="How often the provider was asked.")
    provider_id = models.CharField(max_length=200, blank=True)

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    accepted_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)

    if TYPE_CHECKING:
        message_id: uuid.UUID
        connection_id: int
        backend_id: str
        fallback_of_id: uuid.UUID | None
        answered_by: RelatedManager[Message]
        events: RelatedManager[Event]

    class Meta:
        indexes = [
            models.Index(
                fields=["backend", "priority", "due_at", "id"],
                condition=Q(status=Status.QUEUED),
                name="rcs_transmission_due",
            ),
            models.Index(
                fields=["lease_until"], condition=Q(status=Status.SENDING), name="rcs_transmission_leased"
            ),
            models.Index(
                fields=["backend", "provider_id"],
                condition=~Q(provider_id=""),
                name="rcs_transmission_provider",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(status=Status.ACCEPTED, expiry_seen=False, expires_at__isnull=False),
                name="rcs_transmission_expiring",
            ),
            models.Index(  # separate from the one above, since SQLite uses no partial index for an IN
                fields=["expires_at"],
                condition=Q(status=Status.QUEUED, expiry_seen=False, expires_at__isnull=False),
                name="rcs_transmission_waiting",
            ),
            models.Index(
                fields=["fall_back_at"],
                condition=Q(status=Status.QUEUED, fall_back_at__isnull=False),
                name="rcs_transmission_deadline",
            ),
            models.Index(
                fields=["fall_back_at"],
                condition=Q(status=Status.ACCEPTED, fall_back_at__isnull=False),
                name="rcs_transmission_unproved",
            ),
            models.Index(
                fields=["look_at"],
                condition=Q(status=Status.ACCEPTED, look_at__isnull=False),
                name="rcs_transmission_silent",
            ),
            models.Index(
                fields=["backend", "revoke_at"],
                condition=Q(revoke_at__isnull=False),
                name="rcs_transmission_revoking",
            ),
            models.Index(
                fields=["-created_at"], condition=Q(status=Status.REVIEW), name="rcs_transmission_review"
            ),
            models.Index(fields=["connection", "-created_at"], name="rcs_transmission_connection"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(fallback_of=F("id")), name="rcs_transmission_not_its_own_fallback"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {Status(self.status).name.lower()}"

    @property
    def late_rcs(self) -> bool:
        """True if it arrived although its fallback had already left: the person then has both."""
        child = getattr(self, "fallback", None)
        return (
            self.status >= Status.DELIVERED
            and child is not None
            and (child.status != Status.CANCELLED and child.attempts > 0)
        )
