"""Messages in, the same with their status as the database adds it up out: `Message.status` for lists, in one query."""

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

REVIEW_FIRST = -1  # stands for REVIEW, so that the least is what the whole message shows
ROADS = ("", "fallback_of__", "fallback_of__fallback_of__", "fallback_of__fallback_of__fallback_of__")


def ends() -> QuerySet[Any]:
    """The newest transmission of every road, with `end`: how far the person was reached, by it or by one before it."""
    arrived = [
        Case(When(**{f"{road}status__gte": Status.DELIVERED}, then=F(f"{road}status")), default=Value(0))
        for road in ROADS
    ]
    own = Case(
        When(best__gt=0, then=F("best")),
        When(status=Status.REVIEW, then=Value(REVIEW_FIRST)),
        default=F("status"),
        output_field=IntegerField(),
    )
    rows = Transmission.objects.filter(fallback=None).annotate(best=Greatest(*arrived))
    return rows.annotate(end=own).order_by()


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
    if standing is None:
        return None
    return Status.REVIEW if standing == REVIEW_FIRST else Status(standing)


def at_status(status: Status) -> Q:
    """Messages that show this status. Two set-wise conditions, because adding up every message would take long."""
    rank = REVIEW_FIRST if status == Status.REVIEW else int(status)
    ours = ends().filter(message=OuterRef("pk"))
    return Q(Exists(ours.filter(end=rank))) & ~Q(Exists(ours.filter(end__lt=rank)))
