"""The base class of all our admin pages: who may see message texts, and requests that no database accepts."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.request import QueryDict

SELECTED = ACTION_CHECKBOX_NAME
VIEW_MESSAGE = "rcs_router.view_message"


def can_view_messages(request: HttpRequest) -> bool:
    """Return whether this user may see the texts of messages, on any page."""
    return bool(request.user.has_perm(VIEW_MESSAGE))


class BaseAdmin(admin.ModelAdmin):
    """Hide message texts from users who may not view messages, and answer requests with NUL characters.

    `message_fields` are the columns and fields that contain texts of messages. Nobody may filter by the fields in
    `unfilterable`: each answer would reveal a part of their values.
    """

    message_fields: ClassVar[Sequence[str]] = ()
    unfilterable: ClassVar[frozenset[str]] = frozenset()

    def get_list_display(self, request: HttpRequest) -> Any:
        columns = super().get_list_display(request)
        if can_view_messages(request):
            return columns
        return [name for name in columns if name not in self.message_fields]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        return fieldsets if can_view_messages(request) else list(self._without_messages(fieldsets))

    def _without_messages(self, fieldsets: Any) -> Any:
        for title, options in fieldsets:
            if names := [name for name in options["fields"] if name not in self.message_fields]:
                yield title, {**options, "fields": names}

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        if lookup.partition("__")[0] in self.unfilterable:
            return False
        return super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model | None:
        return None if "\0" in object_id else super().get_object(request, object_id, from_field)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if _has_nul(request.GET) or not all(map(self._is_key, request.POST.getlist(SELECTED))):
            return _refuse(request)
        return super().changelist_view(request, extra_context)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return (
            _refuse(request) if _has_nul(request.GET) else super().changeform_view(request, *args, **kwargs)
        )

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return _refuse(request) if _has_nul(request.GET) else super().delete_view(request, *args, **kwargs)

    def history_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return _refuse(request) if _has_nul(request.GET) else super().history_view(request, *args, **kwargs)

    def _is_key(self, value: str) -> bool:
        try:
            self.opts.pk.run_validators(self.opts.pk.to_python(value))
        except ValidationError:
            return False
        return "\0" not in value


def _has_nul(query: QueryDict) -> bool:
    """Return whether a name or value has a NUL, which PostgreSQL refuses when the page is already being rendered."""
    return any("\0" in name or any("\0" in value for value in values) for name, values in query.lists())


def _refuse(request: HttpRequest) -> HttpResponse:
    messages.error(request, "The address contains a character that cannot be searched for.")
    return HttpResponseRedirect(request.path)
