"""What all workers share about a backend: its pace, its rest, and how many drains may run."""

from django.db import models

from rcs_router.models.people import Backend


class BackendState(models.Model):
    """One row per backend."""

    backend = models.OneToOneField(Backend, on_delete=models.CASCADE, primary_key=True, related_name="state")
    next_free = models.FloatField(
        default=0, help_text="UNIX seconds: the theoretical arrival time of the rate limiter (GCRA)."
    )
    paused_until = models.DateTimeField(null=True, blank=True)
    pauses = models.PositiveSmallIntegerField(default=0, help_text="Rests in a row; 0 while all is well.")
    reason = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.backend_id} {'resting' if self.pauses else 'working'}"


class DrainSlot(models.Model):
    """A place for one drain of one backend; a drain that dies loses it when the lease ends."""

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
