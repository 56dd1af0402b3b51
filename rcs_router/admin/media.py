"""List the files that people sent, show or link them, and fetch them again."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.safestring import SafeString

from rcs_router.admin import rendering
from rcs_router.admin.readonly import ReadOnlyAdmin
from rcs_router.contract import IncomingKind
from rcs_router.inbox import media
from rcs_router.inbox.media import cards
from rcs_router.models import InboundFile, Message

State = InboundFile.State
STATE_COLOURS = {
    State.WAITING: rendering.BUSY,
    State.FETCHED: rendering.GOOD,
    State.GONE: rendering.QUIET,
    State.REFUSED: rendering.BAD,
    State.FAILED: rendering.BAD,
}
PICTURES = {"image/jpeg", "image/png", "image/gif", "image/webp"}  # every browser can show these


class FileColumns:
    """The columns that are both in the list and on the page of a message."""

    @admin.display(description="State", ordering="state")
    def state_badge(self, row: InboundFile) -> SafeString:
        return rendering.badge(row.get_state_display(), STATE_COLOURS[State(row.state)])

    @admin.display(description="Type")
    def file_type(self, row: InboundFile) -> str:
        kind = row.media_type or row.declared_type
        return f"thumbnail ({kind})" if row.thumbnail and kind else kind or str(row).partition(" ")[0]

    @admin.display(description="Size", ordering="size")
    def file_size(self, row: InboundFile) -> str | None:
        return None if row.size is None else filesizeformat(row.size)

    @admin.display(description="File")
    def file_link(self, row: InboundFile) -> SafeString | str | None:
        """Return a link that opens a new tab; only the name if the storage has no address for the file."""
        if not row.file:
            return None
        name = str(row.file.name)
        try:
            url = row.file.url
        except (NotImplementedError, ValueError):
            return name
        if row.media_type in PICTURES:
            label = format_html('<img class="rcs-picture" src="{}" alt="{}" loading="lazy">', url, name)
        else:
            label = format_html("{}", name.rpartition("/")[2])
        return format_html('<a href="{}" rel="noopener noreferrer" target="_blank">{}</a>', url, label)


class Files(FileColumns, admin.TabularInline):
    """The files on the page of a message."""

    model = InboundFile
    verbose_name_plural = "Files"
    fields = readonly_fields = ("file_link", "file_type", "file_size", "state_badge", "code", "tries")
    ordering = ("thumbnail", "created_at")
    extra = 0
    show_change_link = True

    def has_view_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        """Hide the section for messages without files. Without `obj` Django asks about the model."""
        may_have = obj is None or obj.kind == IncomingKind.FILE
        return may_have and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(InboundFile)
class InboundFileAdmin(FileColumns, ReadOnlyAdmin):
    """The files that people sent. The provider's link is not shown: whoever has it can read the file."""

    list_display = (
        "received",
        "state_badge",
        "file_type",
        "file_size",
        "person",
        "file_link",
        "code",
        "tries",
        "due",
    )
    list_display_links = ("received", "state_badge")
    list_select_related = ("message__connection__contact",)
    list_filter = ("state", "thumbnail")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    actions = ("fetch_again",)
    message_fields = ("message_link", "card")
    unfilterable = frozenset({"url", "file"})
    field_groups = (
        (
            None,
            ("file_link", "card", "state_badge", "code", "file_type", "file_size", "person", "message_link"),
        ),
        ("More", ("declared_type", "tries", "received", "due", "fetched", "expires")),
    )
    readonly_fields = (
        *("file_link", "card", "state_badge", "file_type", "file_size", "person", "message_link"),
        *("received", "due", "fetched", "expires"),
    )
    received = rendering.time_column("created_at", "Received")
    due = rendering.time_column("due_at", "Due")
    fetched = rendering.time_column("fetched_at", "Fetched")
    expires = rendering.time_column("expires_at", "Link ends")

    @admin.display(description="Contact card")
    def card(self, row: InboundFile) -> str:
        """Return the card as text; empty if the file is not a card or is gone, or without the extra `vcard`."""
        try:
            return str(cards.read(row) or "")
        except (ImportError, OSError):
            return ""

    @admin.display(description="Who")
    def person(self, row: InboundFile) -> SafeString | str:
        connection = row.message.connection
        return (
            rendering.link(connection, connection.contact or connection.identity) if connection else "nobody"
        )

    @admin.display(description="Message")
    def message_link(self, row: InboundFile) -> SafeString | str:
        return rendering.link(row.message, rendering.excerpt(row.message.text) or "the message")

    @admin.action(description="Fetch again", permissions=["change"])
    def fetch_again(self, request: HttpRequest, rows: QuerySet[InboundFile]) -> None:
        chosen = rows.count()
        count = media.again(rows)
        if count:
            messages.success(request, f"{count} will be fetched again.")
        if rest := chosen - count:
            messages.warning(request, f"{rest} not changed: already fetched, or being fetched now.")
