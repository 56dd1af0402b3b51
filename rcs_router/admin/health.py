"""Show which backends are paused, since when and why, and which alarms there are; resume a backend at once."""

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

from rcs_router import alarms, database, pace, wake
from rcs_router.admin import look
from rcs_router.admin.readonly import ReadOnlyAdmin
from rcs_router.contract import Status
from rcs_router.models import Alarm, BackendState, Transmission


@admin.register(BackendState)
class BackendStateAdmin(ReadOnlyAdmin):
    """One line per backend that was used."""

    list_display = ("backend", "standing", "reason", "words", "since", "until", "waiting")
    list_select_related = ("backend",)
    ordering = ("backend",)
    actions = ("resume",)
    parts = ((None, ("backend", "standing", "reason", "words", "since", "until", "pauses", "waiting")),)
    readonly_fields = ("standing", "words", "since", "until", "waiting")
    since = look.moment("paused_since", "Since")
    until = look.moment("paused_until", "Until")

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
    def standing(self, row: BackendState) -> SafeString:
        if getattr(row, "is_paused", False):
            return look.word("paused", look.BAD)
        return look.word("trying again", look.BUSY) if row.pauses else look.word("working", look.GOOD)

    @admin.display(description="The provider's words")
    def words(self, row: BackendState) -> str:
        return look.excerpt(row.detail) if row.pauses else ""

    @admin.display(description="Messages waiting")
    def waiting(self, row: BackendState) -> int:
        return getattr(row, "queued", 0)

    def beside(self, request: HttpRequest, obj: BackendState) -> dict[str, Any]:
        return {"has_history": True}  # who resumed it, and when

    @admin.action(description="Resume now", permissions=["change"])
    def resume(self, request: HttpRequest, rows: QuerySet[BackendState]) -> None:
        """Go on as if a request had just gone through; the next failure pauses it again."""
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
            messages.warning(request, f"{idle} not paused.")


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin):
    """One line per kind of trouble and backend: the last time that it was raised."""

    list_display = ("kind", "backend", "standing", "since", "until", "detail")
    list_filter = (("ended_at", admin.EmptyFieldListFilter), "kind")
    ordering = ("-raised_at",)
    parts = ((None, ("kind", "means", "backend", "standing", "since", "until", "mailed", "detail", "todo")),)
    readonly_fields = ("means", "standing", "since", "until", "mailed", "todo")
    since = look.moment("raised_at", "Since")
    until = look.moment("ended_at", "Until")
    mailed = look.moment("mailed_at", "Mailed")

    @admin.display(description="State", ordering="ended_at")
    def standing(self, row: Alarm) -> SafeString:
        return look.word("is over", look.QUIET) if row.ended_at else look.word("raised", look.BAD)

    @admin.display(description="Meaning")
    def means(self, row: Alarm) -> str:
        return alarms.KINDS[row.kind].means if row.kind in alarms.KINDS else ""

    @admin.display(description="What to do")
    def todo(self, row: Alarm) -> str:
        return alarms.advice(row.kind)
