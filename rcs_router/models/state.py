"""What all workers share about a backend: its pace, its pause, and its slots for drains."""

from django.db import models

from rcs_router.models.base import RouterModel
from rcs_router.models.people import Backend


class BackendState(RouterModel):
    """One row per backend."""

    backend = models.OneToOneField(Backend, on_delete=models.CASCADE, primary_key=True, related_name="state")
    next_free = models.FloatField(
        default=0, help_text="UNIX seconds: the theoretical arrival time of the rate limiter (GCRA)."
    )
    paused_until = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Failed requests in a row, over all workers."
    )
    pauses = models.PositiveSmallIntegerField(default=0, help_text="Pauses in a row; 0 while all is well.")
    paused_since = models.DateTimeField(null=True, blank=True, help_text="Start of the outage.")
    reason = models.CharField(max_length=200, blank=True)
    detail = models.TextField(blank=True, db_default="", default="", help_text="The provider's own words.")

    class Meta:
        pass  # a Meta of its own: see RouterModel

    def __str__(self) -> str:
        return f"{self.backend_id} {'paused' if self.pauses else 'working'}"


class DrainSlot(RouterModel):
    """A slot for one drain of one backend; a drain that dies loses it when the lease ends."""

    backend = models.ForeignKey(Backend, on_delete=models.CASCADE, related_name="slots")
    number = models.PositiveSmallIntegerField()
    holder = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["backend", "number"], name="rcs_slot_number"),
        ]

    def __str__(self) -> str:
        return f"{self.backend_id} {self.number}"


class LastRun(RouterModel):
    """When a job that all workers share last ran, such as `sweep`; the row lets one worker at a time run it."""

    job = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField(null=True, blank=True)
    since = models.DateTimeField(null=True, blank=True, help_text="It has run without a gap since then.")

    class Meta:
        pass  # a Meta of its own: see RouterModel

    def __str__(self) -> str:
        return f"{self.job} at {self.at}"


class BackendMinute(RouterModel):
    """One backend's requests and receipts in one minute. For alarms; a crash may lose some counts."""

    backend = models.CharField(max_length=60)
    minute = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0, help_text="Requests that ended.")
    failed_attempts = models.PositiveIntegerField(default=0)
    slow_attempts = models.PositiveIntegerField(
        default=0, help_text="Those that took longer than SLOW_AFTER."
    )
    receipts = models.PositiveIntegerField(
        default=0, help_text="Receipts that say delivered, read or failed."
    )
    failed_receipts = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["backend", "minute"], name="rcs_backend_minute_once"),
        ]
        indexes = [models.Index(fields=["minute"], name="rcs_backend_minute")]

    def __str__(self) -> str:
        return f"{self.backend} {self.minute:%Y-%m-%d %H:%M}"


class Alarm(RouterModel):
    """One kind of fault of one backend (or of none): raised once, and ended when it is over."""

    kind = models.CharField(max_length=40)
    backend = models.CharField(max_length=60, blank=True)
    detail = models.TextField(blank=True)
    raised_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Empty while the trouble lasts.")
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "backend"], name="rcs_alarm_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.backend}".strip()
