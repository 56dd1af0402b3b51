"""The backends' shared state in; which of them rest, why and until when, and resuming one now, out."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
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

from rcs_router import pace, wake
from rcs_router.admin import look
from rcs_router.admin.readonly import ReadOnlyAdmin
from rcs_router.contract import Status
from rcs_router.models import BackendState, Transmission


@admin.register(BackendState)
class BackendStateAdmin(ReadOnlyAdmin):
    """One line per backend that was used."""

    list_display = ("backend", "standing", "reason", "until", "pauses", "waiting")
    list_select_related = ("backend",)
    ordering = ("backend",)
    actions = ("resume",)
    parts = ((None, ("backend", "standing", "reason", "until", "pauses", "waiting")),)
    readonly_fields = ("standing", "until", "waiting")
    until = look.moment("paused_until", "Until")

    def get_queryset(self, request: HttpRequest) -> QuerySet[BackendState]:
        queued = Transmission.objects.filter(backend=OuterRef("pk"), status=Status.QUEUED).order_by()
        count = Subquery(queued.values("backend").annotate(n=Count("pk")).values("n"), IntegerField())
        return (
            super()
            .get_queryset(request)
            .annotate(
                queued=Coalesce(count, 0),
                resting=ExpressionWrapper(Q(paused_until__gt=Now()), BooleanField()),
            )
        )

    @admin.display(description="State", ordering="paused_until")
    def standing(self, row: BackendState) -> SafeString:
        if getattr(row, "resting", False):
            return look.word("resting", look.BAD)
        return look.word("trying again", look.BUSY) if row.pauses else look.word("working", look.GOOD)

    @admin.display(description="Messages waiting")
    def waiting(self, row: BackendState) -> int:
        return getattr(row, "queued", 0)

    def beside(self, request: HttpRequest, obj: BackendState) -> dict[str, Any]:
        return {"has_history": True}  # who resumed it, and when

    @admin.action(description="Resume now", permissions=["change"])
    def resume(self, request: HttpRequest, rows: QuerySet[BackendState]) -> None:
        """As if a request had just gone through; the next failure lets it rest again."""
        rested = list(rows.filter(pauses__gt=0))
        with transaction.atomic():
            for state in rested:
                pace.recover(state.pk)
                wake.drain(state.pk)
                self.log_change(request, state, f"Resumed; it rested because of: {state.reason}")
        names = ", ".join(state.pk for state in rested)
        if rested:
            messages.success(request, f"Resumed: {names}.")
        if idle := rows.count() - len(rested):
            messages.warning(request, f"{idle} did not rest.")
