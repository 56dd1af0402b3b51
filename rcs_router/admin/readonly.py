"""The base class of admin pages for rows that nobody edits: only actions change them."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst

from rcs_router.admin.base import BaseAdmin, can_view_messages


class ReadOnlyAdmin(BaseAdmin):
    """Show rows without adding, editing or deleting them. The change permission allows the actions."""

    field_groups: ClassVar[Sequence[tuple[str | None, Sequence[str]]]] = ()
    change_form_template = "admin/rcs_router/readonly_change_form.html"
    list_per_page = 50
    show_full_result_count = False  # counting a large table is slower than showing a page of it

    class Media:
        css = {"all": ["rcs_router/admin.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow the actions of the list, but no changes of a single object, so that its page is for viewing."""
        return obj is None and self.can_operate(request)

    def can_operate(self, request: HttpRequest) -> bool:
        """Return whether the user may run the actions."""
        return super().has_change_permission(request)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the field groups without the fields that are empty in this row."""
        hidden = () if can_view_messages(request) else self.message_fields
        groups = self.get_field_groups(obj)
        visible = [(title, [name for name in names if name not in hidden]) for title, names in groups]
        filled = [(title, self._filled(names, obj)) for title, names in visible]
        return [(title, {"fields": names}) for title, names in filled if names]

    def get_field_groups(self, obj: Any) -> Sequence[tuple[str | None, Sequence[str]]]:
        """Return titles and names of fields for the page of one row."""
        return self.field_groups

    def _filled(self, names: Sequence[str], obj: Any) -> list[str]:
        own = {
            name: getattr(self, name)(obj) if hasattr(self, name) else getattr(obj, name) for name in names
        }
        return [name for name, value in own.items() if value not in ("", None, [], {}) and value is not False]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        if obj := kwargs.get("obj"):
            context.update(self.page_context(request, obj))
        return super().render_change_form(request, context, *args, **kwargs)

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Return the context that the template of the model needs for `obj`, besides its fields."""
        return {}
