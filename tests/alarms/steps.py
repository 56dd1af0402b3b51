"""Steps that the tests of the alarms share: minutes that were counted, and rows that wait."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from rcs_router.models import Backend, BackendMinute, Connection, Message, Transmission

NOW = timezone.now().replace(second=30, microsecond=0)


@dataclass
class Heard:
    """What the signals said, in order."""

    began: list[tuple[str, str]] = field(default_factory=list)
    ended: list[tuple[str, str]] = field(default_factory=list)
    details: list[str] = field(default_factory=list)


def minute(ago: float, alias: str = "rcs", **numbers: int) -> None:
    """Counts of the minute that began `ago` minutes before NOW."""
    at = NOW.replace(second=0) - timedelta(minutes=ago)
    BackendMinute.objects.create(backend=alias, minute=at, **numbers)


def connection_on(alias: str) -> Connection:
    backend, _ = Backend.objects.get_or_create(pk=alias)
    return Connection.objects.get_or_create(backend=backend, identity="+37255501234")[0]


def transmission(alias: str = "rcs", *, ago: float = 0, **fields: object) -> Transmission:
    """One that was made, and is due since, `ago` seconds before NOW."""
    at = NOW - timedelta(seconds=ago)
    row = Transmission(
        message=Message.objects.create(direction="out", text="hello", traffic="transaction"),
        connection=connection_on(alias),
        backend_id=alias,
        **{"due_at": at, "created_at": at, **fields},
    )
    row.save(force_insert=True)
    return row


def incoming(*, ago: float, **fields: object) -> Message:
    to = connection_on("rcs")
    return Message.objects.create(
        direction="in",
        kind="text",
        connection=to,
        backend_id="rcs",
        external_id=str(uuid.uuid4()),
        created_at=before(ago),
        **fields,
    )


def before(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)
