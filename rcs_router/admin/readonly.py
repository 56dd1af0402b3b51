"""A model's admin in, one that shows and never edits out: history is read, and moved on only by actions."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest


class ReadOnlyAdmin(admin.ModelAdmin):
    """Nothing is added, edited or deleted; the permission to change is the permission to use the actions."""

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

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        context["show_close"] = False
        if obj := kwargs.get("obj"):
            context.update(self.beside(request, obj))
        return super().render_change_form(request, context, *args, **kwargs)

    def beside(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What the page shows below the fields of `obj`: the context of the model's template."""
        return {}
