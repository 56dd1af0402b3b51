"""List transmissions, show one with its timeline, and run operations on them."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from rcs_router import sql
from rcs_router.admin import rendering, search
from rcs_router.admin.base import can_view_messages
from rcs_router.admin.filters import NeedsReview
from rcs_router.admin.readonly import ReadOnlyAdmin
from rcs_router.admin.timeline import LABELS, Timeline, timeline
from rcs_router.models import BackendState, Event, Transmission
from rcs_router.outbox import operate


def bulk_action(name: str) -> Callable[[Any, HttpRequest, QuerySet[Transmission]], None]:
    """Return the action of the list for an operation."""

    @admin.action(description=f"{LABELS[name]} (selected transmissions)", permissions=["change"])
    def action(site: Any, request: HttpRequest, rows: QuerySet[Transmission]) -> None:
        loaded = rows.select_related("message", "connection", "fallback")
        run_operation(request, name, loaded.order_by("created_at", "pk"))

    action.__name__ = name
    return action


def run_operation(request: HttpRequest, what: str, rows: Iterable[Transmission]) -> None:
    """Run an operation on each row, and show the user how many changed, how many did not, and why."""
    why = Counter(operate.act(what, row, request.user.get_username()) for row in rows)
    moved = why.pop("", 0)
    if moved:
        messages.success(request, f"{LABELS[what]}: {_count(moved)}.")
    if why:
        reasons = "; ".join(f"{reason} ({number})" for reason, number in why.most_common())
        messages.warning(request, f"{LABELS[what]}: not possible for {_count(why.total())}: {reasons}.")


def _count(number: int) -> str:
    return "1 transmission" if number == 1 else f"{number} transmissions"


def paused_backends(now: datetime) -> dict[Any, BackendState]:
    """Return the paused backends by alias."""
    return {state.pk: state for state in BackendState.objects.filter(paused_until__gt=now)}


def timelines(rows: QuerySet[Transmission], *, can_operate: bool) -> list[Timeline]:
    """Return the timeline of each row, loaded by few queries."""
    now = sql.now(Transmission)
    states = paused_backends(now)
    loaded = rows.select_related("message", "connection__contact", "fallback")
    events = Prefetch("events", Event.objects.order_by("id"))
    return [
        timeline(row, now, states.get(row.backend_id), possible_operations(row), can_operate=can_operate)
        for row in loaded.prefetch_related(events)
    ]


def possible_operations(row: Transmission) -> list[str]:
    """Return the operations that are possible in the present state."""
    return [what for what in LABELS if not operate.refusal(what, row)]


@admin.register(Transmission)
class TransmissionAdmin(ReadOnlyAdmin):
    """An outgoing message to one connection. The actions call rcs_router.outbox.operate."""

    list_display = (
        "created",
        "status_badge",
        "person",
        "backend",
        "message_link",
        "reason",
        "attempts",
        "due",
    )
    list_display_links = ("created", "status_badge")
    list_select_related = ("connection__contact", "message", "backend")
    list_filter = (NeedsReview, "status", "backend", "unknown")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    search_fields = ("pk",)
    search_help_text = search.HELP
    actions = [bulk_action(what) for what in LABELS]
    message_fields = ("message_link", "numbered_options")
    unfilterable = frozenset({"choices"})
    change_form_template = "admin/rcs_router/transmission/change_form.html"
    field_groups = (
        (None, ("status_badge", "reason", "detail", "message_link", "connection", "backend", "fallback_of")),
        ("Times", ("created", "due", "expires", "accepted", "delivered", "read", "failed")),
        (
            "More",
            (
                "attempts",
                "lost_leases",
                "unknown",
                "revokes",
                "numbered_options",
                "losses",
                "provider_id",
                "id",
            ),
        ),
    )
    readonly_fields = ("status_badge", "message_link", *field_groups[1][1], "numbered_options", "losses")

    created = rendering.time_column("created_at", "Created")
    due = rendering.time_column("due_at", "Due")
    expires = rendering.time_column("expires_at", "Expires")
    accepted = rendering.time_column("accepted_at", "Accepted")
    delivered = rendering.time_column("delivered_at", "Delivered")
    read = rendering.time_column("read_at", "Read")
    failed = rendering.time_column("failed_at", "Failed")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Transmission]:
        return super().get_queryset(request).defer("message__content", "message__fields", "message__errors")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        if not (term := search.clean(search_term)):
            return queryset, False
        return queryset.filter(search.transmissions(term, texts=can_view_messages(request))), False

    @admin.display(description="Status", ordering="status")
    def status_badge(self, row: Transmission) -> SafeString:
        return rendering.status_badge(row.status)

    @admin.display(description="Who", ordering="connection__identity")
    def person(self, row: Transmission) -> SafeString | str:
        contact, number = row.connection.contact, row.connection.identity
        return rendering.link(row.connection, f"{contact} ({number})" if contact else number)

    @admin.display(description="Message")
    def message_link(self, row: Transmission) -> SafeString | str:
        return rendering.link(row.message, rendering.excerpt(row.message.text) or "…")

    @admin.display(description="Numbered options")
    def numbered_options(self, row: Transmission) -> str:
        return ", ".join(f"{c['number']}) {c['label']}" for c in row.choices)

    @admin.display(description="Lost on this backend")
    def losses(self, row: Transmission) -> str:
        return "; ".join(row.lost)

    def page_context(self, request: HttpRequest, obj: Transmission) -> dict[str, Any]:
        family = Transmission.objects.filter(pk__in=[key for key in (obj.pk, obj.fallback_of_id) if key])
        family |= Transmission.objects.filter(fallback_of=obj)
        return {
            "timelines": timelines(
                family.order_by("created_at", "due_at"), can_operate=self.can_operate(request)
            )
        }

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_POST(self.operate))
        return [
            path("<uuid:key>/operate/", view, name="rcs_router_transmission_operate"),
            *super().get_urls(),
        ]

    def operate(self, request: HttpRequest, key: Any) -> HttpResponse:
        """Run the operation of a button, and go back to the page with the button."""
        if not self.can_operate(request):
            raise PermissionDenied
        what, back = request.POST.get("what", ""), request.POST.get("back", "")
        if what not in operate.OPERATIONS:
            return HttpResponseBadRequest("unknown operation")
        row = get_object_or_404(Transmission.objects.select_related("message", "connection"), pk=key)
        run_operation(request, what, [row])
        safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure())
        return HttpResponseRedirect(back if safe else rendering.change_url(row))
