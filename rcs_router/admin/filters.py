"""The filters at the side of the lists."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest

from rcs_router.contract import Status
from rcs_router.models import Message, StoredWebhook, Transmission
from rcs_router.models.message_status import at_status
from rcs_router.outbox.silence import NO_PROOF

# Accepted, and its outcome is unknown, its ttl has ended, or the provider was asked and had no news.
WITHOUT_PROOF = Q(status=Status.ACCEPTED) & (Q(unknown=True) | Q(expiry_seen=True) | Q(reason=NO_PROOF))
Choices = list[tuple[Any, str]]


class NeedsReview(admin.SimpleListFilter):
    """Transmissions that wait for a person's decision, and messages with such transmissions."""

    title = "needs review"
    parameter_name = "review"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("yes", "needs review"), ("doubt", "accepted, without proof")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = {"yes": Q(status=Status.REVIEW), "doubt": WITHOUT_PROOF}.get(self.value() or "")
        if wanted is None:
            return queryset
        if queryset.model is Transmission:
            return queryset.filter(wanted)
        return queryset.filter(Exists(Transmission.objects.filter(wanted, message=OuterRef("pk"))))


class MessageStatus(admin.SimpleListFilter):
    """Messages by their status, which is the worst of their recipients."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(str(status.value), status.name.lower()) for status in Status]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        known = {str(status.value): status for status in Status}
        status = known.get(self.value() or "")
        return queryset if status is None else queryset.filter(at_status(status))


class HasErrors(admin.SimpleListFilter):
    """Incoming messages for which a router app raised an error."""

    title = "router app errors"
    parameter_name = "errors"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("yes", "with errors")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        return queryset.exclude(errors=[]) if self.value() == "yes" else queryset


class SetAside(admin.SimpleListFilter):
    """Incoming messages that the router has given up routing: a person decides."""

    title = "set aside"
    parameter_name = "aside"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("yes", "set aside")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        return queryset.filter(set_aside_at__isnull=False) if self.value() == "yes" else queryset


WEBHOOK_STATES = {  # the conditions must agree with `webhook_state`
    "waiting": Q(digested_at=None, tries=0),
    "parked": Q(digested_at=None, tries__gt=0),
    "failed": Q(digested_at__isnull=False, note__startswith="failed"),
    "set aside": Q(digested_at__isnull=False, note__startswith="set aside"),
    "orphan": Q(digested_at__isnull=False, note__startswith="orphan"),
    "digested": Q(digested_at__isnull=False, note=""),
}


def webhook_state(row: StoredWebhook) -> str:
    """Return the state of one stored request, as a key of WEBHOOK_STATES."""
    if row.digested_at is None:
        return "parked" if row.tries else "waiting"
    return next(
        (state for state in ("failed", "set aside", "orphan") if row.note.startswith(state)), "digested"
    )


class WebhookState(admin.SimpleListFilter):
    """Stored requests by the state of their digestion."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(state, state) for state in WEBHOOK_STATES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[StoredWebhook]) -> QuerySet[StoredWebhook]:
        return queryset.filter(WEBHOOK_STATES.get(self.value() or "", Q()))
