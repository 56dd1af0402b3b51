"""Stored webhook requests in; what each said and how its digestion went, and digesting again, out; secrets never."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from rcs_router import inbox
from rcs_router.admin import look
from rcs_router.admin.decoded import Masked, decoded
from rcs_router.admin.filters import WebhookState, webhook_state
from rcs_router.admin.readonly import ReadOnlyAdmin
from rcs_router.models import StoredWebhook

STATE_COLOURS = {
    "waiting": look.BUSY,
    "parked": look.BUSY,
    "failed": look.BAD,
    "set aside": "review",
    "orphan": "review",
    "digested": look.GOOD,
}


@admin.register(StoredWebhook)
class StoredWebhookAdmin(ReadOnlyAdmin):
    """What providers posted, as it came."""

    list_display = ("received", "backend", "state", "tries", "note", "due")
    list_filter = (WebhookState, "backend")
    date_hierarchy = "received_at"
    ordering = ("-received_at",)
    search_fields = ("dedupe", "note")
    search_help_text = "The provider's id of the request, or words of the note"
    actions = ("digest_again",)
    worded = ("query_shown", "body_shown")
    secretive = frozenset({"body", "query", "headers", "traceback"})
    parts = (
        (None, ("backend", "state", "note", "received", "due", "digested", "tries", "lost_leases")),
        ("Request", ("method", "query_shown", "body_shown", "headers_shown", "dedupe")),
        ("Traceback", ("traceback_shown",)),
    )
    readonly_fields = (
        *("state", "received", "due", "digested"),
        *("query_shown", "body_shown", "headers_shown", "traceback_shown"),
    )
    received = look.moment("received_at", "Received")
    due = look.moment("due_at", "Due")
    digested = look.moment("digested_at", "Digested")

    def get_queryset(self, request: HttpRequest) -> QuerySet[StoredWebhook]:
        rows = super().get_queryset(request)
        one = request.resolver_match and "object_id" in request.resolver_match.kwargs
        return rows if one else rows.defer("body", "headers", "query", "traceback")

    @admin.display(description="State")
    def state(self, row: StoredWebhook) -> SafeString:
        name = webhook_state(row)
        return look.word(name, STATE_COLOURS[name])

    @admin.display(description="Query")
    def query_shown(self, row: StoredWebhook) -> SafeString | None:
        return _table(Masked(row.backend).data(row.query))

    @admin.display(description="Headers")
    def headers_shown(self, row: StoredWebhook) -> SafeString | None:
        return _table(Masked(row.backend).data(row.headers))

    @admin.display(description="Body")
    def body_shown(self, row: StoredWebhook) -> SafeString | str:
        parts = [(title, text) for title, text in decoded(row) if text]
        block = '<div class="rcs-part"><b>{}</b><pre class="rcs-code">{}</pre></div>'
        return format_html_join("", block, parts) or "empty"

    @admin.display(description="Traceback")
    def traceback_shown(self, row: StoredWebhook) -> SafeString | None:
        if not row.traceback:
            return None
        return format_html('<pre class="rcs-code">{}</pre>', Masked(row.backend).text(row.traceback))

    @admin.action(description="Digest again", permissions=["change"])
    def digest_again(self, request: HttpRequest, rows: QuerySet[StoredWebhook]) -> None:
        chosen = rows.count()
        count = inbox.again(rows)
        if count:
            messages.success(request, f"{count} will be digested again.")
        if rest := chosen - count:
            messages.warning(request, f"{rest} left alone: digested well, or being digested right now.")


def _table(data: dict[str, Any]) -> SafeString | None:
    shown = [(look.readable(name), look.readable(str(value))) for name, value in sorted(data.items())]
    rows = format_html_join("", "<tr><th>{}</th><td>{}</td></tr>", shown)
    return format_html('<table class="rcs-table">{}</table>', rows) if rows else None
