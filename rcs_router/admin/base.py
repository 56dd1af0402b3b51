"""A request for an admin page in; the page, or the plain list where the request holds what no database stores."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.request import QueryDict

SELECTED = ACTION_CHECKBOX_NAME
MAY_READ = "rcs_router.view_message"  # the permission to see what messages say


def may_read(request: HttpRequest) -> bool:
    """Whether this user may see what messages say, wherever it stands."""
    return bool(request.user.has_perm(MAY_READ))


class GuardedAdmin(admin.ModelAdmin):
    """What a message says is shown to those who may view messages, and no address brings a page down.

    `worded`: the columns and fields in which words of a message stand. `secretive`: fields by which nobody may filter,
    since each question answers a bit of what they hold.
    """

    worded: ClassVar[Sequence[str]] = ()
    secretive: ClassVar[frozenset[str]] = frozenset()

    def get_list_display(self, request: HttpRequest) -> Any:
        shown = super().get_list_display(request)
        return shown if may_read(request) else [name for name in shown if name not in self.worded]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        found = super().get_fieldsets(request, obj)
        return found if may_read(request) else list(self._without_words(found))

    def _without_words(self, fieldsets: Any) -> Any:
        for title, options in fieldsets:
            if names := [name for name in options["fields"] if name not in self.worded]:
                yield title, {**options, "fields": names}

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        if lookup.partition("__")[0] in self.secretive:
            return False
        return super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model | None:
        return None if "\0" in object_id else super().get_object(request, object_id, from_field)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if _has_nul(request.GET) or not all(map(self._is_key, request.POST.getlist(SELECTED))):
            return _refused(request)
        return super().changelist_view(request, extra_context)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return (
            _refused(request) if _has_nul(request.GET) else super().changeform_view(request, *args, **kwargs)
        )

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return _refused(request) if _has_nul(request.GET) else super().delete_view(request, *args, **kwargs)

    def history_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return _refused(request) if _has_nul(request.GET) else super().history_view(request, *args, **kwargs)

    def _is_key(self, value: str) -> bool:
        try:
            self.opts.pk.run_validators(self.opts.pk.to_python(value))
        except ValidationError:
            return False
        return "\0" not in value


def _has_nul(query: QueryDict) -> bool:
    """In a name or a value. PostgreSQL takes none, and answers after the page has begun."""
    return any("\0" in name or any("\0" in value for value in values) for name, values in query.lists())


def _refused(request: HttpRequest) -> HttpResponse:
    messages.error(request, "This address holds a character that cannot be looked for.")
    return HttpResponseRedirect(request.path)
