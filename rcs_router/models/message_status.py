"""Add up in the database what `Message.status` and `Message.by_status` say of one message, for lists of them."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    IntegerField,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Greatest

from rcs_router.contract import Status
from rcs_router.models import Message, Transmission
from rcs_router.models.message import WORST_FIRST

ARRIVED = (Status.DELIVERED, Status.READ)
ROADS = ("", "fallback_of__", "fallback_of__fallback_of__", "fallback_of__fallback_of__fallback_of__")


def ends() -> QuerySet[Any]:
    """The newest transmission of every recipient, with `end`: where they stand, as a place in WORST_FIRST."""
    # The places that a message may reach by arriving stand in the order of their statuses, so the greatest is kept.
    # Places, not statuses: looked up afterwards, each place would repeat the whole expression in the SQL.
    arrived = [Case(*_places(ARRIVED, f"{road}status"), default=Value(-1)) for road in ROADS]
    rows = Transmission.objects.filter(fallback=None).annotate(best=Greatest(*arrived))
    last = Case(*_places(WORST_FIRST, "status"), output_field=IntegerField())
    return rows.annotate(end=Case(When(best__gte=0, then=F("best")), default=last)).order_by()


def _places(statuses: Iterable[Status], field: str) -> list[When]:
    return [When(**{field: status}, then=Value(WORST_FIRST.index(status))) for status in statuses]


def with_standing(messages: QuerySet[Message]) -> QuerySet[Message]:
    """Adds `standing` (see `status_of`), `recipients`, and the identity and name of one of them."""
    ours = ends().filter(message=OuterRef("pk")).values("message")
    first = Transmission.objects.filter(message=OuterRef("pk"), fallback_of=None).order_by()
    return messages.annotate(
        standing=Subquery(ours.annotate(least=Min("end")).values("least")),
        recipients=Subquery(first.values("message").annotate(count=Count("pk")).values("count")),
        to_identity=Subquery(first.values("connection__identity")[:1]),
        to_name=Subquery(first.values("connection__contact__name")[:1]),
    )


def status_of(standing: int | None) -> Status | None:
    """`standing` as a status; None for a message without transmissions."""
    return None if standing is None else WORST_FIRST[standing]


def at_status(status: Status) -> Q:
    """Messages that show this status. Two set-wise conditions, because adding up every message would take long."""
    place = WORST_FIRST.index(status)
    ours = ends().filter(message=OuterRef("pk"))
    return Q(Exists(ours.filter(end=place))) & ~Q(Exists(ours.filter(end__lt=place)))


def by_status(messages: Iterable[Message]) -> dict[Any, dict[Status, int]]:
    """`Message.by_status` of each, by key, for a whole page by one statement; those without any are left out."""
    ours = ends().filter(message__in=[message.pk for message in messages])
    counted: dict[Any, dict[Status, int]] = defaultdict(dict)
    for key, end, number in ours.values_list("message", "end").annotate(number=Count("pk")).order_by("end"):
        counted[key][WORST_FIRST[end]] = number
    return counted
