"""Received files in; a list of them, the picture or a link to what is stored, and fetching again, out."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.safestring import SafeString

from rcs_router.admin import look
from rcs_router.admin.readonly import ReadOnlyAdmin
from rcs_router.contract import IncomingKind
from rcs_router.inbox import media
from rcs_router.inbox.media import cards
from rcs_router.models import InboundFile, Message

State = InboundFile.State
COLOURS = {
    State.WAITING: look.BUSY,
    State.FETCHED: look.GOOD,
    State.GONE: look.QUIET,
    State.REFUSED: look.BAD,
    State.FAILED: look.BAD,
}
PICTURES = {"image/jpeg", "image/png", "image/gif", "image/webp"}  # what every browser shows


class Shown:
    """The columns that the list and a message's page have in common."""

    @admin.display(description="State", ordering="state")
    def standing(self, row: InboundFile) -> SafeString:
        return look.word(row.get_state_display(), COLOURS[State(row.state)])

    @admin.display(description="What")
    def what(self, row: InboundFile) -> str:
        kind = row.media_type or row.declared_type
        return f"thumbnail ({kind})" if row.thumbnail and kind else kind or str(row).partition(" ")[0]

    @admin.display(description="Size", ordering="size")
    def length(self, row: InboundFile) -> str | None:
        return None if row.size is None else filesizeformat(row.size)

    @admin.display(description="File")
    def stored(self, row: InboundFile) -> SafeString | str | None:
        """Opens in a page of its own; what has no address in this storage is named."""
        if not row.file:
            return None
        name = str(row.file.name)
        try:
            url = row.file.url
        except (NotImplementedError, ValueError):
            return name
        if row.media_type in PICTURES:
            shown = format_html('<img class="rcs-picture" src="{}" alt="{}" loading="lazy">', url, name)
        else:
            shown = format_html("{}", name.rpartition("/")[2])
        return format_html('<a href="{}" rel="noopener noreferrer" target="_blank">{}</a>', url, shown)


class Files(Shown, admin.TabularInline):
    """On the page of a message that brought files."""

    model = InboundFile
    verbose_name_plural = "Files"
    fields = readonly_fields = ("stored", "what", "length", "standing", "code", "tries")
    ordering = ("thumbnail", "created_at")
    extra = 0
    show_change_link = True

    def has_view_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        """Of a message that is no file there is no empty section; without a message Django asks for the rows."""
        may_have = obj is None or obj.kind == IncomingKind.FILE
        return may_have and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(InboundFile)
class InboundFileAdmin(Shown, ReadOnlyAdmin):
    """What people sent, and whether we have it. The provider's link is not shown: it is as good as the file."""

    list_display = ("when", "standing", "what", "length", "who", "stored", "code", "tries", "due")
    list_display_links = ("when", "standing")
    list_select_related = ("message__connection__contact",)
    list_filter = ("state", "thumbnail")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    actions = ("fetch_again",)
    worded = ("said", "card")
    secretive = frozenset({"url", "file"})
    parts = (
        (None, ("stored", "card", "standing", "code", "what", "length", "who", "said")),
        ("More", ("declared_type", "tries", "when", "due", "fetched", "expires")),
    )
    readonly_fields = (
        *("stored", "card", "standing", "what", "length", "who", "said"),
        *("when", "due", "fetched", "expires"),
    )
    when = look.moment("created_at", "Received")
    due = look.moment("due_at", "Due")
    fetched = look.moment("fetched_at", "Fetched")
    expires = look.moment("expires_at", "Link ends")

    @admin.display(description="Contact card")
    def card(self, row: InboundFile) -> str:
        """Empty where there is nothing to show: no card, no extra `vcard`, or no file any more."""
        try:
            return str(cards.read(row) or "")
        except (ImportError, OSError):
            return ""

    @admin.display(description="Who")
    def who(self, row: InboundFile) -> SafeString | str:
        connection = row.message.connection
        return look.link(connection, connection.contact or connection.identity) if connection else "nobody"

    @admin.display(description="Message")
    def said(self, row: InboundFile) -> SafeString | str:
        return look.link(row.message, look.excerpt(row.message.text) or "the message")

    @admin.action(description="Fetch again", permissions=["change"])
    def fetch_again(self, request: HttpRequest, rows: QuerySet[InboundFile]) -> None:
        chosen = rows.count()
        count = media.again(rows)
        if count:
            messages.success(request, f"{count} will be fetched again.")
        if rest := chosen - count:
            messages.warning(request, f"{rest} left alone: fetched already, or being fetched right now.")
