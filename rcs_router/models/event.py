"""Events of transmissions and connections, never changed, in the order in which they became known."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from rcs_router.models.base import RouterModel
from rcs_router.models.message import STATUSES, Transmission
from rcs_router.models.people import Connection


class Event(RouterModel):
    """One event with its cause. It is never changed, and removed only with its transmission."""

    transmission = models.ForeignKey(
        Transmission, on_delete=models.CASCADE, null=True, blank=True, related_name="events", db_index=False
    )
    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, null=True, blank=True, related_name="events"
    )
    kind = models.CharField(
        max_length=30, help_text="attempt, receipt, lease, fallback, expiry, revoke, operator, …"
    )
    status = models.PositiveSmallIntegerField(
        choices=STATUSES, null=True, blank=True, help_text="The status this leads to, if the rank allows."
    )
    code = models.CharField(max_length=60, blank=True)
    detail = models.TextField(blank=True)
    attempt = models.PositiveSmallIntegerField(null=True, blank=True)
    took_ms = models.PositiveIntegerField(null=True, blank=True)
    next_at = models.DateTimeField(null=True, blank=True, help_text="When the next attempt is due.")
    at = models.DateTimeField(null=True, blank=True, help_text="The provider's time.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    dedupe = models.CharField(max_length=200, blank=True, help_text="Backend and the provider's event id.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dedupe"], condition=~Q(dedupe=""), name="rcs_event_once"),
        ]
        indexes = [models.Index(fields=["transmission", "id"], name="rcs_event_timeline")]

    def __str__(self) -> str:
        return f"{self.kind} {self.code}".strip()
