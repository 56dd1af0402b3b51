"""Files that people sent us: first the provider's link, later the file in our own storage."""

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import IO, Any

from django.core.files.base import File
from django.core.files.storage import Storage, storages
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.deconstruct import deconstructible

from rcs_router import addresses, database
from rcs_router.conf import router_settings
from rcs_router.models.base import RouterModel
from rcs_router.models.message import Message

_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")  # RFC 6838, section 4.2


@deconstructible(path="rcs_router.models.media.InboundStorage")
class InboundStorage(Storage):
    """The storage of STORAGES that MEDIA_STORAGE names, looked up at each use: nothing is read at import."""

    def open(self, name: str, mode: str = "rb") -> File:
        return _storage().open(name, mode)

    def save(self, name: str | None, content: IO[Any], max_length: int | None = None) -> str:
        return _storage().save(name, content, max_length=max_length)

    def delete(self, name: str) -> None:
        _storage().delete(name)

    def exists(self, name: str) -> bool:
        return _storage().exists(name)

    def size(self, name: str) -> int:
        return _storage().size(name)

    def url(self, name: str | None) -> str:
        return _storage().url(name)

    def path(self, name: str) -> str:
        return _storage().path(name)


def _storage() -> Storage:
    return storages[router_settings().MEDIA_STORAGE]


class InboundFile(RouterModel):
    """One link of an incoming message: its file, or the thumbnail that the provider made."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"  # to be fetched, for the first time or again
        FETCHED = "fetched", "fetched"  # `file` holds it
        GONE = "gone", "gone"  # the link has expired
        REFUSED = (
            "refused",
            "refused",
        )  # too large, of a type that is not allowed, or at a refused address
        FAILED = "failed", "failed"  # every try failed

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="files")
    thumbnail = models.BooleanField(default=False, help_text="The provider's small picture of the file.")
    url = models.TextField(help_text="The provider's link. Whoever has it can read the file.")
    host = models.CharField(
        max_length=255, blank=True, default="", db_default="", help_text="Where the link leads first."
    )
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="When the link ends, if the wire says so."
    )
    declared_type = models.CharField(max_length=100, blank=True, help_text="What the provider calls it.")
    media_type = models.CharField(max_length=100, blank=True, help_text="What its bytes are.")
    size = models.PositiveBigIntegerField(null=True, blank=True, help_text="Bytes.")
    file = models.FileField(storage=InboundStorage(), max_length=200, blank=True)

    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    code = models.CharField(max_length=40, blank=True, help_text="Why it is not fetched: a stable word.")
    tries = models.PositiveSmallIntegerField(default=0, help_text="How often it was begun.")
    due_at = models.DateTimeField(db_default=Now(), help_text="When to fetch it.")
    claim = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    fetched_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "received file"
        indexes = [
            models.Index(  # in the order in which those of one host are claimed
                fields=["host", "due_at", "id"], condition=Q(state="waiting"), name="rcs_file_turn"
            ),
            models.Index(  # those that are being fetched
                fields=["lease_until"],
                condition=Q(state="waiting", lease_until__isnull=False),
                name="rcs_file_leased",
            ),
            models.Index(fields=["-created_at"], name="rcs_file_newest"),
        ]

    def __str__(self) -> str:
        return f"{'thumbnail' if self.thumbnail else 'file'} {self.state}"


def links_of(message: Message) -> list[InboundFile]:
    """Return the unsaved links of an incoming message: its file, and its thumbnail if there is one."""
    fields: Mapping[str, Any] = message.fields
    until = _time(fields.get("expires_at"))
    file, thumbnail = _text(fields.get("url")), _text(fields.get("thumbnail_url"))
    declared = media_type(_text(fields.get("media_type")))
    rows = [InboundFile(message=message, url=file, declared_type=declared, expires_at=until)] if file else []
    if thumbnail:
        rows.append(InboundFile(message=message, url=thumbnail, thumbnail=True, expires_at=until))
    for row in rows:
        row.host = _host(row.url)
    return rows


def _host(url: str) -> str:
    """Return the host that a link leads to first; empty where it cannot be read."""
    try:
        return addresses.origin(url)[1][:255]
    except addresses.RefusedAddress:
        return ""


def media_type(given: str) -> str:
    """Return `image/jpeg` for `Image/JPEG; name=a.jpg`; empty for an invalid type, or one longer than the column."""
    name = given.partition(";")[0].strip().lower()
    return name if len(name) <= 100 and _TYPE.fullmatch(name) else ""


def _text(value: Any) -> str:
    return value.replace("\0", "").strip() if isinstance(value, str) else ""


def _time(value: Any) -> datetime | None:
    """Return an ISO 8601 time, in UTC if it names no zone; None for anything else."""
    try:
        at = parse_datetime(_text(value))
    except ValueError:
        return None
    return at.replace(tzinfo=at.tzinfo or UTC) if at else None


@receiver(post_delete, sender=InboundFile)
def _forget(sender: Any, instance: InboundFile, using: str, **kwargs: Any) -> None:
    """Delete the stored file of a deleted row, after the commit, because a deleted file cannot be restored."""
    if instance.file:
        database.on_commit(partial(instance.file.storage.delete, str(instance.file.name)), using)
