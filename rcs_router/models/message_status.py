"""Compute `Message.status` and `Message.by_status` in the database, for lists of messages."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    IntegerField,
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
CHAIN = ("", "fallback_of__", "fallback_of__fallback_of__", "fallback_of__fallback_of__fallback_of__")


def ends() -> QuerySet[Any]:
    """Return the newest transmission of each recipient, with `end`: its status, as an index of WORST_FIRST."""
    # The statuses of arrival have the same order in WORST_FIRST, so the greatest index wins. Indexes and not statuses:
    # looked up afterwards, each index would repeat the whole expression in the SQL.
    arrived = [Case(*_indexes(ARRIVED, f"{step}status"), default=Value(-1)) for step in CHAIN]
    rows = Transmission.objects.filter(fallback=None).annotate(best=Greatest(*arrived))
    last = Case(*_indexes(WORST_FIRST, "status"), output_field=IntegerField())
    return rows.annotate(end=Case(When(best__gte=0, then=F("best")), default=last)).order_by()


def _indexes(statuses: Iterable[Status], field: str) -> list[When]:
    return [When(**{field: status}, then=Value(WORST_FIRST.index(status))) for status in statuses]


def with_recipient(messages: QuerySet[Message]) -> QuerySet[Message]:
    """Annotate messages with `to_identity` and `to_name`, the number and the contact's name of one recipient."""
    first = Transmission.objects.filter(message=OuterRef("pk"), fallback_of=None).order_by()
    return messages.annotate(
        to_identity=Subquery(first.values("connection__identity")[:1]),
        to_name=Subquery(first.values("connection__contact__name")[:1]),
    )


def at_status(status: Status) -> Q:
    """Return the messages with this status, by two set-wise conditions, which are faster than adding up each."""
    place = WORST_FIRST.index(status)
    ours = ends().filter(message=OuterRef("pk"))
    return Q(Exists(ours.filter(end=place))) & ~Q(Exists(ours.filter(end__lt=place)))


def by_status(messages: Iterable[Message]) -> dict[Any, dict[Status, int]]:
    """Return `Message.by_status` by key, for a whole page in one statement."""
    ours = ends().filter(message__in=[message.pk for message in messages])
    counted: dict[Any, dict[Status, int]] = defaultdict(dict)
    for key, end, number in ours.values_list("message", "end").annotate(number=Count("pk")).order_by("end"):
        counted[key][WORST_FIRST[end]] = number
    return counted
