"""Messages in; a list that says who, what and how it went, and a page with every transmission's story, out."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from rcs_router import sql
from rcs_router.admin import look, search
from rcs_router.admin.filters import HasErrors, MessageStatus, NeedsReview, SetAside
from rcs_router.admin.media import Files
from rcs_router.admin.readonly import ReadOnlyAdmin
from rcs_router.admin.transmission import resting, ways
from rcs_router.contract import IncomingKind, Status
from rcs_router.errors import ContentError
from rcs_router.inbox import digest
from rcs_router.models import Message, Transmission
from rcs_router.models.message_status import by_status, status_of, with_standing

SHOWN = 20  # recipients, and answers, on the page of one message; the lists have all of them
_MORE = ("is_error", "extra", "idempotency_key", "external_id", "routed", "id")
_OUT = (
    "shown",
    "standing_word",
    "counted",
    "traffic",
    "when",
    "in_response_to",
    "ttl",
    "time_critical",
    "fallback_text",
)
_IN = (
    "shown",
    "who",
    "standing_word",
    "kind",
    "backend",
    "when",
    "said",
    "answers",
    "postback",
    "handled_by",
)
OUTGOING = ((None, _OUT), ("More", _MORE))
INCOMING = ((None, _IN), ("More", ("problems", "put_aside", "lost_leases", *_MORE)))


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    """What was said and what became of it. The one action is for what was set aside."""

    list_display = ("when", "way", "standing_word", "who", "says", "traffic_word")
    list_display_links = ("when", "says")
    list_select_related = ("connection__contact",)
    list_filter = (NeedsReview, "direction", MessageStatus, "traffic", HasErrors, SetAside)
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    actions = ("route_again",)
    inlines = (Files,)
    search_fields = ("pk",)
    search_help_text = search.HELP
    readonly_fields = (
        "shown",
        "who",
        "standing_word",
        "counted",
        "when",
        "said",
        "routed",
        "put_aside",
        "problems",
        "extra",
    )
    change_list_template = "admin/rcs_router/message/change_list.html"
    change_form_template = "admin/rcs_router/message/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        return with_standing(super().get_queryset(request))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search.term(search_term)
        return queryset.filter(search.messages(term)) if term else queryset, False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        review = Transmission.objects.filter(status=Status.REVIEW).count()
        states = list(resting(sql.now(Message)).values())
        aside = Message.objects.filter(set_aside_at__isnull=False).count()
        banners = {"review": review, "resting": states, "set_aside": aside}
        return super().changelist_view(request, {**banners, **(extra_context or {})})

    def sections(self, obj: Message) -> Any:
        return INCOMING if obj.direction == Message.Direction.IN else OUTGOING

    def beside(self, request: HttpRequest, obj: Message) -> dict[str, Any]:
        roots = obj.transmissions.filter(fallback_of=None)
        first = list(
            roots.order_by("created_at", "pk").values_list("connection__identity", flat=True)[:SHOWN]
        )
        family = obj.transmissions.filter(connection__identity__in=first)
        may_act = request.user.has_perm("rcs_router.change_transmission")
        ordered = family.order_by("connection__identity", "created_at", "due_at")
        return {
            "subtitle": self.says(obj),
            "ways": ways(ordered, may_act=may_act),
            "recipients": roots.count(),
            "responses": obj.responses.order_by("created_at")[:SHOWN],
        }

    # The list's columns

    when = look.moment("created_at", "When")
    said = look.moment("said_at", "By the provider's clock")
    routed = look.moment("routed_at", "Routed")
    put_aside = look.moment("set_aside_at", "Set aside")

    @admin.display(description="", ordering="direction")
    def way(self, row: Message) -> SafeString:
        arrow, words = ("→", "outgoing") if row.direction == Message.Direction.OUT else ("←", "incoming")
        return format_html('<span class="rcs-{}" title="{}">{}</span>', row.direction, words, arrow)

    @admin.display(description="Who")
    def who(self, row: Message) -> SafeString | str:
        if row.direction == Message.Direction.IN and row.connection:
            person, number = row.connection.contact, row.connection.identity
            return look.link(row.connection, f"{person} ({number})" if person else number)
        count = getattr(row, "recipients", None) or 0
        if count != 1:
            return f"{count} recipients" if count else "nobody"
        name, number = getattr(row, "to_name", ""), getattr(row, "to_identity", "")
        return f"{name} ({number})" if name else number

    @admin.display(description="Says")
    def says(self, row: Message) -> str:
        text = look.excerpt(row.text)
        if row.kind == IncomingKind.SUGGESTION:
            return f"tapped: {text or look.excerpt(row.postback)}"
        return text or f"({row.kind or 'nothing'})"

    @admin.display(description="Traffic", ordering="traffic")
    def traffic_word(self, row: Message) -> str:
        return row.traffic.replace("_", " ") or "-"

    @admin.display(description="Status")
    def standing_word(self, row: Message) -> SafeString:
        if row.direction == Message.Direction.IN:
            return _incoming_word(row)
        status = status_of(getattr(row, "standing", None))
        return look.word("no recipients", look.QUIET) if status is None else look.status_word(status)

    # The page's fields

    @admin.display(description="Content")
    def shown(self, row: Message) -> SafeString:
        return content(row)

    @admin.display(description="Recipients")
    def counted(self, row: Message) -> str:
        """How many stand where, the worst first."""
        found = by_status([row]).get(row.pk, {})
        return ", ".join(f"{number} {look.name(status)}" for status, number in found.items()) or "none"

    @admin.display(description="Router app errors")
    def problems(self, row: Message) -> SafeString | None:
        return look.pretty(row.errors)

    @admin.display(description="Fields")
    def extra(self, row: Message) -> SafeString | None:
        return look.pretty(row.fields)

    @admin.action(description="Route again what was set aside", permissions=["change"])
    def route_again(self, request: HttpRequest, rows: QuerySet[Message]) -> None:
        chosen = rows.count()
        count = digest.route_again(Message.objects.filter(pk__in=rows.values("pk")))
        if count:
            messages.success(request, f"{count} will be routed again.")
        if rest := chosen - count:
            messages.warning(request, f"{rest} left alone: not set aside.")


def content(row: Message) -> SafeString:
    """What it says, readably: cards, chips and files as HTML, anything that cannot be read as the JSON that it is."""
    problem, body = "", None
    try:
        body = row.body
    except ContentError as error:
        problem = str(error)
    context = {"message": row, "body": body, "problem": problem, "raw": look.pretty(row.content)}
    return render_to_string("admin/rcs_router/content.html", context)


def _incoming_word(row: Message) -> SafeString:
    if row.set_aside_at:
        return look.word("set aside", "review")
    if row.errors:
        return look.word("app error", look.BAD)
    if row.routed_at is None:
        return look.word("to be routed", look.BUSY)
    return look.word("handled", look.GOOD) if row.handled_by else look.word("routed", look.QUIET)
