"""List messages with their status, and show one message with the timelines of its transmissions."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from rcs_router import sql
from rcs_router.admin import rendering, search
from rcs_router.admin.filters import HasErrors, MessageStatus, NeedsReview, SetAside
from rcs_router.admin.media import Files
from rcs_router.admin.readonly import ReadOnlyAdmin
from rcs_router.admin.transmission import paused_backends, timelines
from rcs_router.contract import IncomingKind, Status
from rcs_router.errors import ContentError
from rcs_router.inbox import intake
from rcs_router.models import Message, Transmission
from rcs_router.models.message_status import by_status, with_recipient

MAX_SHOWN = 20  # recipients and answers on the page of one message; the lists show all of them
_MORE = ("is_error", "fields_json", "idempotency_key", "external_id", "routed", "id")
_OUT = (
    "content_html",
    "status_badge",
    "counts",
    "traffic",
    "created",
    "in_response_to",
    "ttl",
    "time_critical",
    "fallback_text",
)
_IN = (
    "content_html",
    "person",
    "status_badge",
    "kind",
    "backend",
    "created",
    "said_at_provider",
    "answers",
    "postback",
    "handled_by",
)
OUTGOING = ((None, _OUT), ("More", _MORE))
INCOMING = ((None, _IN), ("More", ("app_errors", "set_aside", "lost_leases", *_MORE)))


class MessageChangeList(ChangeList):
    """Count the recipients of all messages of a page by one query."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        count_recipients(self.result_list)


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    """A message of either direction. The only action is for messages that were set aside."""

    list_display = ("created", "arrow", "status_badge", "person", "summary", "traffic_name")
    list_display_links = ("created", "summary")
    list_select_related = ("connection__contact",)
    list_filter = (NeedsReview, "direction", MessageStatus, "traffic", HasErrors, SetAside)
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    actions = ("route_again",)
    inlines = (Files,)
    search_fields = ("pk",)
    search_help_text = search.HELP
    readonly_fields = (
        "content_html",
        "person",
        "status_badge",
        "counts",
        "created",
        "said_at_provider",
        "routed",
        "set_aside",
        "app_errors",
        "fields_json",
    )
    change_list_template = "admin/rcs_router/message/change_list.html"
    change_form_template = "admin/rcs_router/message/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        return with_recipient(super().get_queryset(request))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return MessageChangeList

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search.clean(search_term)
        return queryset.filter(search.messages(term)) if term else queryset, False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        review = Transmission.objects.filter(status=Status.REVIEW).count()
        paused = list(paused_backends(sql.now(Message)).values())
        aside = Message.objects.filter(set_aside_at__isnull=False).count()
        banners = {"review": review, "paused": paused, "set_aside": aside}
        return super().changelist_view(request, {**banners, **(extra_context or {})})

    def get_field_groups(self, obj: Message) -> Any:
        return INCOMING if obj.direction == Message.Direction.IN else OUTGOING

    def page_context(self, request: HttpRequest, obj: Message) -> dict[str, Any]:
        roots = obj.transmissions.filter(fallback_of=None)
        first = list(
            roots.order_by("created_at", "pk").values_list("connection__identity", flat=True)[:MAX_SHOWN]
        )
        family = obj.transmissions.filter(connection__identity__in=first)
        can_operate = request.user.has_perm("rcs_router.change_transmission")
        ordered = family.order_by("connection__identity", "created_at", "due_at")
        return {
            "subtitle": self.summary(obj),
            "timelines": timelines(ordered, can_operate=can_operate),
            "recipients": roots.count(),
            "responses": obj.responses.order_by("created_at")[:MAX_SHOWN],
        }

    # The columns of the list

    created = rendering.time_column("created_at", "When")
    said_at_provider = rendering.time_column("said_at", "By the provider's clock")
    routed = rendering.time_column("routed_at", "Routed")
    set_aside = rendering.time_column("set_aside_at", "Set aside")

    @admin.display(description="", ordering="direction")
    def arrow(self, row: Message) -> SafeString:
        arrow, words = ("→", "outgoing") if row.direction == Message.Direction.OUT else ("←", "incoming")
        return format_html('<span class="rcs-{}" title="{}">{}</span>', row.direction, words, arrow)

    @admin.display(description="Who")
    def person(self, row: Message) -> SafeString | str:
        if row.direction == Message.Direction.IN and row.connection:
            contact, number = row.connection.contact, row.connection.identity
            return rendering.link(row.connection, f"{contact} ({number})" if contact else number)
        count = sum(recipient_counts(row).values())
        if count != 1:
            return f"{count} recipients" if count else "nobody"
        name, number = getattr(row, "to_name", ""), getattr(row, "to_identity", "")
        return f"{name} ({number})" if name else number

    @admin.display(description="Text")
    def summary(self, row: Message) -> str:
        text = rendering.excerpt(row.text)
        if row.kind == IncomingKind.SUGGESTION:
            return f"tapped: {text or rendering.excerpt(row.postback)}"
        return text or f"({row.kind or 'nothing'})"

    @admin.display(description="Traffic", ordering="traffic")
    def traffic_name(self, row: Message) -> str:
        return row.traffic.replace("_", " ") or "-"

    @admin.display(description="Status")
    def status_badge(self, row: Message) -> SafeString:
        if row.direction == Message.Direction.IN:
            return _incoming_badge(row)
        counts = recipient_counts(row)
        if not counts:
            return rendering.badge("no recipients", rendering.QUIET)
        worst = rendering.status_badge(next(iter(counts)))
        return format_html("{} <small>{}</small>", worst, _in_words(counts)) if len(counts) > 1 else worst

    # The fields of the page

    @admin.display(description="Content")
    def content_html(self, row: Message) -> SafeString:
        return content(row)

    @admin.display(description="Recipients")
    def counts(self, row: Message) -> str:
        return _in_words(recipient_counts(row)) or "none"

    @admin.display(description="Router app errors")
    def app_errors(self, row: Message) -> SafeString | None:
        return rendering.json_block(row.errors)

    @admin.display(description="Fields")
    def fields_json(self, row: Message) -> SafeString | None:
        return rendering.json_block(row.fields)

    @admin.action(description="Route again what was set aside", permissions=["change"])
    def route_again(self, request: HttpRequest, rows: QuerySet[Message]) -> None:
        chosen = rows.count()
        count = intake.route_again(Message.objects.filter(pk__in=rows.values("pk")))
        if count:
            messages.success(request, f"{count} will be routed again.")
        if rest := chosen - count:
            messages.warning(request, f"{rest} not changed: not set aside.")


def count_recipients(rows: Iterable[Message]) -> None:
    """Set `counts` of each message: how many recipients are in each status, the worst status first."""
    found = by_status(rows)
    for row in rows:
        vars(row)["counts"] = found.get(row.pk, {})


def recipient_counts(row: Message) -> dict[Status, int]:
    """Return the `counts` of a message. The list has them already; for other messages this is one query."""
    if "counts" not in vars(row):
        count_recipients([row])
    counts: dict[Status, int] = vars(row)["counts"]
    return counts


def _in_words(counts: dict[Status, int]) -> str:
    return ", ".join(f"{number} {rendering.status_name(status)}" for status, number in counts.items())


def content(row: Message) -> SafeString:
    """Return the content as HTML: cards, chips, files. Content that cannot be read is shown as JSON."""
    problem, body = "", None
    try:
        body = row.body
    except ContentError as error:
        problem = str(error)
    context = {"message": row, "body": body, "problem": problem, "raw": rendering.json_block(row.content)}
    return render_to_string("admin/rcs_router/content.html", context)


def _incoming_badge(row: Message) -> SafeString:
    if row.set_aside_at:
        return rendering.badge("set aside", "review")
    if row.errors:
        return rendering.badge("app error", rendering.BAD)
    if row.routed_at is None:
        return rendering.badge("to be routed", rendering.BUSY)
    return (
        rendering.badge("handled", rendering.GOOD)
        if row.handled_by
        else rendering.badge("routed", rendering.QUIET)
    )
