"""Who is written to: contacts, their connections, and the backends that carry the connections."""

from django.db import models
from django.db.models.functions import Now

from rcs_router.models.base import ForeignKey, RouterModel


class Backend(RouterModel):
    """A configured alias, for foreign keys; its settings stay in RCS_BACKENDS. The name is the key."""

    name = models.CharField(max_length=60, primary_key=True)

    class Meta:
        pass  # its own: see RouterModel

    def __str__(self) -> str:
        return self.name


class Contact(RouterModel):
    """A person. Deleting one keeps the history: their connections stay, with nobody's name on them."""

    name = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=35, blank=True, help_text="A language tag such as en or pt-br.")
    created_on = models.DateTimeField(auto_now_add=True)
    modified_on = models.DateTimeField(auto_now=True)

    class Meta:
        pass  # its own: see RouterModel

    def __str__(self) -> str:
        return self.name or "Anonymous"

    @property
    def is_anonymous(self) -> bool:
        return not self.name


class Connection(RouterModel):
    """One identity on one backend: an E.164 number, or a provider's anonymous token."""

    backend = ForeignKey(Backend, on_delete=models.PROTECT, related_name="connections")
    identity = models.CharField(max_length=100)
    contact = ForeignKey(
        Contact, on_delete=models.SET_NULL, null=True, blank=True, related_name="connections"
    )
    created_on = models.DateTimeField(db_default=Now(), editable=False)
    modified_on = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["backend", "identity"], name="rcs_connection_backend_identity"),
        ]
        indexes = [models.Index(fields=["identity"], name="rcs_connection_identity")]

    def __str__(self) -> str:
        return f"{self.identity} via {self.backend_id}"
