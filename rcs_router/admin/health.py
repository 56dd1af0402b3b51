"""Show which backends are paused, since when and why; resume a backend; show the alarms."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import (
    BooleanField,
    Count,
    ExpressionWrapper,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce, Now
from django.http import HttpRequest
from django.utils.safestring import SafeString

from rcs_router import alarms, database, wake
from rcs_router.admin import rendering
from rcs_router.admin.readonly import ReadOnlyAdmin
from rcs_router.contract import Status
from rcs_router.models import Alarm, BackendState, Transmission
from rcs_router.outbox import pace


@admin.register(BackendState)
class BackendStateAdmin(ReadOnlyAdmin):
    """One row per backend that was used."""

    list_display = ("backend", "state_badge", "reason", "provider_message", "since", "until", "waiting")
    list_select_related = ("backend",)
    ordering = ("backend",)
    actions = ("resume",)
    field_groups = (
        (
            None,
            ("backend", "state_badge", "reason", "provider_message", "since", "until", "pauses", "waiting"),
        ),
    )
    readonly_fields = ("state_badge", "provider_message", "since", "until", "waiting")
    since = rendering.time_column("paused_since", "Since")
    until = rendering.time_column("paused_until", "Until")

    def get_queryset(self, request: HttpRequest) -> QuerySet[BackendState]:
        queued = Transmission.objects.filter(backend=OuterRef("pk"), status=Status.QUEUED).order_by()
        count = Subquery(queued.values("backend").annotate(n=Count("pk")).values("n"), IntegerField())
        return (
            super()
            .get_queryset(request)
            .annotate(
                queued=Coalesce(count, 0),
                is_paused=ExpressionWrapper(Q(paused_until__gt=Now()), BooleanField()),
            )
        )

    @admin.display(description="State", ordering="paused_until")
    def state_badge(self, row: BackendState) -> SafeString:
        if getattr(row, "is_paused", False):
            return rendering.badge("paused", rendering.BAD)
        return (
            rendering.badge("trying again", rendering.BUSY)
            if row.pauses
            else rendering.badge("working", rendering.GOOD)
        )

    @admin.display(description="The provider's message")
    def provider_message(self, row: BackendState) -> str:
        return rendering.excerpt(row.detail) if row.pauses else ""

    @admin.display(description="Messages waiting")
    def waiting(self, row: BackendState) -> int:
        return getattr(row, "queued", 0)

    def page_context(self, request: HttpRequest, obj: BackendState) -> dict[str, Any]:
        return {"has_history": True}  # who resumed it, and when

    @admin.action(description="Resume now", permissions=["change"])
    def resume(self, request: HttpRequest, rows: QuerySet[BackendState]) -> None:
        """Resume as if a request had just succeeded; the next failure pauses the backend again."""
        paused = list(rows.filter(pauses__gt=0))
        with database.atomic():
            for state in paused:
                pace.recover(state.pk)
                wake.drain(state.pk)
                self.log_change(request, state, f"Resumed; it was paused because of: {state.reason}")
        names = ", ".join(state.pk for state in paused)
        if paused:
            messages.success(request, f"Resumed: {names}.")
        if idle := rows.count() - len(paused):
            messages.warning(request, f"{idle} not changed: not paused.")


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin):
    """One row per kind of alarm and backend: the last time that it was raised."""

    list_display = ("kind", "backend", "state_badge", "since", "until", "detail")
    list_filter = (("ended_at", admin.EmptyFieldListFilter), "kind")
    ordering = ("-raised_at",)
    field_groups = (
        (None, ("kind", "meaning", "backend", "state_badge", "since", "until", "mailed", "detail", "advice")),
    )
    readonly_fields = ("meaning", "state_badge", "since", "until", "mailed", "advice")
    since = rendering.time_column("raised_at", "Since")
    until = rendering.time_column("ended_at", "Until")
    mailed = rendering.time_column("mailed_at", "Mailed")

    @admin.display(description="State", ordering="ended_at")
    def state_badge(self, row: Alarm) -> SafeString:
        return (
            rendering.badge("is over", rendering.QUIET)
            if row.ended_at
            else rendering.badge("raised", rendering.BAD)
        )

    @admin.display(description="Meaning")
    def meaning(self, row: Alarm) -> str:
        return alarms.KINDS[row.kind].means if row.kind in alarms.KINDS else ""

    @admin.display(description="What to do")
    def advice(self, row: Alarm) -> str:
        return alarms.advice(row.kind)
