"""Webhook requests as providers sent them; their meaning is digested later."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from rcs_router.contract import WebhookRequest
from rcs_router.models.base import RouterModel


class StoredWebhook(RouterModel):
    """One verified webhook request, kept as it came, before and after it is digested."""

    backend = models.CharField(
        max_length=60, help_text="The alias; no foreign key, so that storing never fails on one."
    )
    dedupe = models.CharField(max_length=100, null=True, blank=True)
    method = models.CharField(max_length=8)
    query = models.JSONField(default=dict, blank=True)
    headers = models.JSONField(default=dict, blank=True)
    body = models.BinaryField(default=b"")
    received_at = models.DateTimeField(db_default=Now(), editable=False)

    due_at = models.DateTimeField(db_default=Now(), help_text="When to digest it.")
    digested_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    claim = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    lost_leases = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="Workers that died while they digested it."
    )
    note = models.CharField(max_length=200, blank=True)
    traceback = models.TextField(blank=True)

    class Meta:
        verbose_name = "webhook request"
        constraints = [
            models.UniqueConstraint(fields=["backend", "dedupe"], name="rcs_webhook_once"),
        ]
        indexes = [
            models.Index(  # in the order in which those of one backend are claimed
                fields=["backend", "due_at", "id"], condition=Q(digested_at=None), name="rcs_webhook_turn"
            ),
            models.Index(  # the few that a worker has, or may have died of
                fields=["lease_until"],
                condition=Q(digested_at=None) & (Q(lost_leases__gt=0) | Q(lease_until__isnull=False)),
                name="rcs_webhook_leased",
            ),
            models.Index(fields=["-received_at"], name="rcs_webhook_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.backend} #{self.pk}"

    def as_request(self) -> WebhookRequest:
        return WebhookRequest(self.method, bytes(self.body), self.query, self.headers)
