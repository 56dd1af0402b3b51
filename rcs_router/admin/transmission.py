"""Transmissions in; their list, their page with its timeline, and what a person may decide about them out."""

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
from rcs_router.admin import look, search
from rcs_router.admin.filters import NeedsReview
from rcs_router.admin.guard import may_read
from rcs_router.admin.readonly import ReadOnlyAdmin
from rcs_router.admin.timeline import LABELS, Way, way
from rcs_router.models import BackendState, Event, Transmission
from rcs_router.outbox import operate


def bulk(what: str) -> Callable[[Any, HttpRequest, QuerySet[Transmission]], None]:
    """The list's action for one of the operations."""

    @admin.action(description=f"{LABELS[what]} (selected transmissions)", permissions=["change"])
    def action(site: Any, request: HttpRequest, rows: QuerySet[Transmission]) -> None:
        operate_on(
            request,
            what,
            rows.select_related("message", "connection", "fallback").order_by("created_at", "pk"),
        )

    action.__name__ = what
    return action


def operate_on(request: HttpRequest, what: str, rows: Iterable[Transmission]) -> None:
    """Do it to each, and tell the person how many moved, how many did not, and why."""
    why = Counter(operate.act(what, row, request.user.get_username()) for row in rows)
    moved = why.pop("", 0)
    if moved:
        messages.success(request, f"{LABELS[what]}: {_count(moved)}.")
    if why:
        reasons = "; ".join(f"{reason} ({number})" for reason, number in why.most_common())
        messages.warning(request, f"{LABELS[what]}: not possible for {_count(why.total())}: {reasons}.")


def _count(number: int) -> str:
    return "1 transmission" if number == 1 else f"{number} transmissions"


def resting(now: datetime) -> dict[Any, BackendState]:
    """The backends that rest, by alias."""
    return {state.pk: state for state in BackendState.objects.filter(paused_until__gt=now)}


def ways(rows: QuerySet[Transmission], *, may_act: bool) -> list[Way]:
    """Each of `rows` with its timeline, loaded in few queries."""
    now = sql.now(Transmission)
    states = resting(now)
    loaded = rows.select_related("message", "connection__contact", "fallback")
    events = Prefetch("events", Event.objects.order_by("id"))
    return [
        way(row, now, states.get(row.backend_id), possible(row), may_act=may_act)
        for row in loaded.prefetch_related(events)
    ]


def possible(row: Transmission) -> list[str]:
    """The operations that a person may choose from as it stands."""
    return [what for what in LABELS if not operate.refusal(what, row)]


@admin.register(Transmission)
class TransmissionAdmin(ReadOnlyAdmin):
    """One message on its way to one connection; what a person decides is done by rcs_router.outbox.operate."""

    list_display = ("when", "standing", "who", "backend", "says", "reason", "attempts", "due")
    list_display_links = ("when", "standing")
    list_select_related = ("connection__contact", "message", "backend")
    list_filter = (NeedsReview, "status", "backend", "unknown")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    search_fields = ("pk",)
    search_help_text = search.HELP
    actions = [bulk(what) for what in LABELS]
    worded = ("says", "options")
    secretive = frozenset({"choices"})
    change_form_template = "admin/rcs_router/transmission/change_form.html"
    parts = (
        (None, ("standing", "reason", "detail", "says", "connection", "backend", "fallback_of")),
        ("Times", ("when", "due", "expires", "accepted", "delivered", "read", "failed")),
        ("More", ("attempts", "lost_leases", "unknown", "revokes", "options", "losses", "provider_id", "id")),
    )
    readonly_fields = ("standing", "says", *parts[1][1], "options", "losses")

    when = look.moment("created_at", "Created")
    due = look.moment("due_at", "Due")
    expires = look.moment("expires_at", "Of use until")
    accepted = look.moment("accepted_at", "Accepted")
    delivered = look.moment("delivered_at", "Delivered")
    read = look.moment("read_at", "Read")
    failed = look.moment("failed_at", "Failed")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Transmission]:
        return super().get_queryset(request).defer("message__content", "message__fields", "message__errors")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        if not (term := search.term(search_term)):
            return queryset, False
        return queryset.filter(search.transmissions(term, texts=may_read(request))), False

    @admin.display(description="Status", ordering="status")
    def standing(self, row: Transmission) -> SafeString:
        return look.status_word(row.status)

    @admin.display(description="Who", ordering="connection__identity")
    def who(self, row: Transmission) -> SafeString | str:
        person = row.connection.contact
        return look.link(
            row.connection, f"{person} ({row.connection.identity})" if person else row.connection.identity
        )

    @admin.display(description="Message")
    def says(self, row: Transmission) -> SafeString | str:
        return look.link(row.message, look.excerpt(row.message.text) or "…")

    @admin.display(description="Numbered options")
    def options(self, row: Transmission) -> str:
        return ", ".join(f"{c['number']}) {c['label']}" for c in row.choices)

    @admin.display(description="Lost on this backend")
    def losses(self, row: Transmission) -> str:
        return "; ".join(row.lost)

    def beside(self, request: HttpRequest, obj: Transmission) -> dict[str, Any]:
        family = Transmission.objects.filter(pk__in=[key for key in (obj.pk, obj.fallback_of_id) if key])
        family |= Transmission.objects.filter(fallback_of=obj)
        return {"ways": ways(family.order_by("created_at", "due_at"), may_act=self.may_act(request))}

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_POST(self.operate))
        return [
            path("<uuid:key>/operate/", view, name="rcs_router_transmission_operate"),
            *super().get_urls(),
        ]

    def operate(self, request: HttpRequest, key: Any) -> HttpResponse:
        """A button of one transmission: the same as the list's action, then back to where the button was."""
        if not self.may_act(request):
            raise PermissionDenied
        what, back = request.POST.get("what", ""), request.POST.get("back", "")
        if what not in operate.OPERATIONS:
            return HttpResponseBadRequest("unknown operation")
        row = get_object_or_404(Transmission.objects.select_related("message", "connection"), pk=key)
        operate_on(request, what, [row])
        safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure())
        return HttpResponseRedirect(back if safe else look.page(row))
