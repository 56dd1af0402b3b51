"""May we write to this person? The ledger says who said what and when; the state is its last word."""

from django.db import models
from django.db.models.functions import Now


class Consent(models.Model):
    """Where one subject (a number or token, on every backend) stands now."""

    subject = models.CharField(max_length=100, primary_key=True)
    opted_out = models.BooleanField(default=False)
    changed_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.subject} {'opted out' if self.opted_out else 'opted in'}"


class ConsentRecord(models.Model):
    """One line of the ledger: append-only evidence."""

    subject = models.CharField(max_length=100, db_index=True)
    opted_out = models.BooleanField()
    source = models.CharField(max_length=60, help_text="keyword, provider event, send error, admin, api")
    backend = models.CharField(max_length=60, blank=True)
    words = models.CharField(max_length=200, blank=True, help_text="What the person said.")
    said_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return f"{self.subject} {'out' if self.opted_out else 'in'} by {self.source}"
