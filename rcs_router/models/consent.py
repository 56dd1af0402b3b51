"""Consent: the ledger holds every statement, and the state is the result."""

from django.db import models
from django.db.models.functions import Now

from rcs_router.models.base import RouterModel


class Consent(RouterModel):
    """The current state of one subject (a number or token) for one brand, on all of its backends."""

    brand = models.CharField(
        max_length=60,
        blank=True,
        default="",
        db_default="",  # a worker of an older release sets no brand
        help_text="BRAND of RCS_BACKENDS; empty: no brand.",
    )
    subject = models.CharField(max_length=100)
    opted_out = models.BooleanField(default=False)
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            # the subject first, so that the index also finds a person whatever the brand
            models.UniqueConstraint(fields=["subject", "brand"], name="rcs_consent_once"),
        ]

    def __str__(self) -> str:
        of = f" of {self.brand}" if self.brand else ""
        return f"{self.subject} opted {'out' if self.opted_out else 'in'}{of}"


class ConsentRecord(RouterModel):
    """One line of the ledger: evidence that is never changed."""

    brand = models.CharField(max_length=60, blank=True, default="", db_default="")
    subject = models.CharField(max_length=100, db_index=True)
    opted_out = models.BooleanField()
    source = models.CharField(max_length=60, help_text="keyword, provider event, send error, admin, api")
    backend = models.CharField(max_length=60, blank=True)
    words = models.CharField(max_length=200, blank=True, help_text="What the person said.")
    said_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        pass  # a Meta of its own: see RouterModel

    def __str__(self) -> str:
        return f"{self.subject} {'out' if self.opted_out else 'in'} by {self.source}"


class Tally(RouterModel):
    """The promotions that one subject recently had of one brand; counted only while there are CAPS."""

    brand = models.CharField(max_length=60, blank=True, default="", db_default="")
    subject = models.CharField(max_length=100)
    used = models.JSONField(
        default=dict, help_text="Message id → UNIX seconds at which it was about to leave."
    )

    class Meta:
        verbose_name_plural = "tallies"
        constraints = [
            models.UniqueConstraint(fields=["subject", "brand"], name="rcs_tally_once"),
        ]

    def __str__(self) -> str:
        return f"{self.subject}: {len(self.used)}"
