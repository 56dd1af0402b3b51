"""A model's admin in, one that shows and never edits out: history is read, and moved on only by actions."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst

from rcs_router.admin.guard import GuardedAdmin, may_read


class ReadOnlyAdmin(GuardedAdmin):
    """Nothing is added, edited or deleted; the permission to change is the permission to use the actions."""

    parts: ClassVar[Sequence[tuple[str | None, Sequence[str]]]] = ()
    change_form_template = "admin/rcs_router/readonly_change_form.html"
    list_per_page = 50
    show_full_result_count = False  # counting a large table takes longer than showing a page of it

    class Media:
        css = {"all": ["rcs_router/admin.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Of the model, for actions; of any one object never, so that its page is for viewing."""
        return obj is None and self.may_act(request)

    def may_act(self, request: HttpRequest) -> bool:
        return super().has_change_permission(request)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The declared ones, without the fields of this row in which there is nothing."""
        hidden = () if may_read(request) else self.worded
        sections = [(title, [n for n in names if n not in hidden]) for title, names in self.sections(obj)]
        kept = [(title, self._filled(names, obj)) for title, names in sections]
        return [(title, {"fields": names}) for title, names in kept if names]

    def sections(self, obj: Any) -> Sequence[tuple[str | None, Sequence[str]]]:
        """Titles and names of fields, for the page of one row."""
        return self.parts

    def _filled(self, names: Sequence[str], obj: Any) -> list[str]:
        shown = {
            name: getattr(self, name)(obj) if hasattr(self, name) else getattr(obj, name) for name in names
        }
        return [
            name for name, value in shown.items() if value not in ("", None, [], {}) and value is not False
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        if obj := kwargs.get("obj"):
            context.update(self.beside(request, obj))
        return super().render_change_form(request, context, *args, **kwargs)

    def beside(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What the page shows below the fields of `obj`: the context of the model's template."""
        return {}
