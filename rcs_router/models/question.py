"""Capability checks that run in the background."""

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from rcs_router.models.base import RouterModel


class Question(RouterModel):
    """The phones to ask about, and the answers so far. Rows are deleted after a day."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        ANSWERED = "answered", "answered"
        FAILED = "failed", "failed"  # the provider refused, failed several times, or took too long

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    backend = models.CharField(max_length=60, help_text="The alias.")
    asked_by = models.CharField(max_length=100, blank=True, help_text="Primary key of the user.")
    identities = models.JSONField(help_text="In the order in which they were asked about.")
    answers = models.JSONField(default=dict, help_text="By identity: is it reachable, with which features?")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    code = models.CharField(max_length=60, blank=True, help_text="Why it failed.")
    tries = models.PositiveSmallIntegerField(default=0, help_text="Failures in a row.")
    due_at = models.DateTimeField(db_default=Now())
    claim = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["due_at", "id"], condition=Q(state="waiting"), name="rcs_question_due"),
        ]

    def __str__(self) -> str:
        return f"{len(self.identities)} phones on {self.backend}: {self.state}"
