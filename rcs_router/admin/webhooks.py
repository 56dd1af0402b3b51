"""Show the stored webhook requests with their secrets masked, and digest them again."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from rcs_router.admin import rendering
from rcs_router.admin.filters import WebhookState, webhook_state
from rcs_router.admin.readonly import ReadOnlyAdmin
from rcs_router.admin.webhook_body import Masker, body_parts
from rcs_router.inbox import intake
from rcs_router.models import StoredWebhook

STATE_COLOURS = {
    "waiting": rendering.BUSY,
    "parked": rendering.BUSY,
    "failed": rendering.BAD,
    "set aside": "review",
    "orphan": "review",
    "digested": rendering.GOOD,
}


@admin.register(StoredWebhook)
class StoredWebhookAdmin(ReadOnlyAdmin):
    """The requests of providers, as they came."""

    list_display = ("received", "backend", "state", "tries", "note", "due")
    list_filter = (WebhookState, "backend")
    date_hierarchy = "received_at"
    ordering = ("-received_at",)
    search_fields = ("dedupe", "note")
    search_help_text = "The provider's id of the request, or a part of the note"
    actions = ("digest_again",)
    message_fields = ("query_shown", "body_shown")
    unfilterable = frozenset({"body", "query", "headers", "traceback"})
    field_groups = (
        (None, ("backend", "state", "note", "received", "due", "digested", "tries", "lost_leases")),
        ("Request", ("method", "query_shown", "body_shown", "headers_shown", "dedupe")),
        ("Traceback", ("traceback_shown",)),
    )
    readonly_fields = (
        *("state", "received", "due", "digested"),
        *("query_shown", "body_shown", "headers_shown", "traceback_shown"),
    )
    received = rendering.time_column("received_at", "Received")
    due = rendering.time_column("due_at", "Due")
    digested = rendering.time_column("digested_at", "Digested")

    def get_queryset(self, request: HttpRequest) -> QuerySet[StoredWebhook]:
        rows = super().get_queryset(request)
        one = request.resolver_match and "object_id" in request.resolver_match.kwargs
        return rows if one else rows.defer("body", "headers", "query", "traceback")

    @admin.display(description="State")
    def state(self, row: StoredWebhook) -> SafeString:
        name = webhook_state(row)
        return rendering.badge(name, STATE_COLOURS[name])

    @admin.display(description="Query")
    def query_shown(self, row: StoredWebhook) -> SafeString | None:
        return _table(Masker(row.backend).data(row.query))

    @admin.display(description="Headers")
    def headers_shown(self, row: StoredWebhook) -> SafeString | None:
        return _table(Masker(row.backend).data(row.headers))

    @admin.display(description="Body")
    def body_shown(self, row: StoredWebhook) -> SafeString | str:
        field_groups = [(title, text) for title, text in body_parts(row) if text]
        block = '<div class="rcs-part"><b>{}</b><pre class="rcs-code">{}</pre></div>'
        return format_html_join("", block, field_groups) or "empty"

    @admin.display(description="Traceback")
    def traceback_shown(self, row: StoredWebhook) -> SafeString | None:
        if not row.traceback:
            return None
        return format_html('<pre class="rcs-code">{}</pre>', Masker(row.backend).text(row.traceback))

    @admin.action(description="Digest again", permissions=["change"])
    def digest_again(self, request: HttpRequest, rows: QuerySet[StoredWebhook]) -> None:
        chosen = rows.count()
        count = intake.again(rows)
        if count:
            messages.success(request, f"{count} will be digested again.")
        if rest := chosen - count:
            messages.warning(request, f"{rest} not changed: digested without errors, or being digested now.")


def _table(data: dict[str, Any]) -> SafeString | None:
    cells = [
        (rendering.replace_surrogates(name), rendering.replace_surrogates(str(value)))
        for name, value in sorted(data.items())
    ]
    rows = format_html_join("", "<tr><th>{}</th><td>{}</td></tr>", cells)
    return format_html('<table class="rcs-table">{}</table>', rows) if rows else None
