"""Contacts and connections in; the only rows that people may edit here, with what was last said to them, out."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from rcs_router.admin import look, search
from rcs_router.admin.consent import opt, opting
from rcs_router.admin.guard import GuardedAdmin, may_read
from rcs_router.admin.latest import latest
from rcs_router.backends import backends, brand_of
from rcs_router.errors import ConfigError, IdentityError
from rcs_router.models import Connection, Contact, Message, Transmission
from rcs_router.people import consent
from rcs_router.people.identities import normalise


def with_history(rows: QuerySet[Connection]) -> QuerySet[Connection]:
    """Adds `has_history`: was anything ever said on it?"""
    sent = Transmission.objects.filter(connection=OuterRef("pk"))
    heard = Message.objects.filter(connection=OuterRef("pk"))
    return rows.annotate(has_history=Exists(sent) | Exists(heard))


class ConnectionForm(forms.ModelForm):
    """A number is stored as E.164; one on which something was said stays what it was, or history would lie."""

    class Meta:
        model = Connection
        fields = ("backend", "identity", "contact")
        labels = {"identity": "Number"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if getattr(self.instance, "has_history", False):
            for name in {"backend", "identity"} & self.fields.keys():  # who may only view has none
                self.fields[name].disabled = True
                self.fields[name].help_text = "Messages were sent to it, so it stays as it is."

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        backend, identity = data.get("backend"), data.get("identity")
        if not backend or not identity or not {"backend", "identity"}.intersection(self.changed_data):
            return data
        try:
            tokens = backends[backend.pk].capabilities.tokens
            data["identity"] = normalise(identity, tokens=tokens)
        except ConfigError as error:
            self.add_error("backend", str(error))
        except IdentityError as error:
            self.add_error("identity", str(error))
        return data


class ConnectionInline(admin.TabularInline):
    """A contact's connections, to edit and to add."""

    model = Connection
    form = ConnectionForm
    extra = 0
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        return with_history(super().get_queryset(request)).order_by("pk")


class HasContact(admin.SimpleListFilter):
    """Numbers with and without a name."""

    title = "contact"
    parameter_name = "named"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        return [("yes", "has a contact"), ("no", "nobody's")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in {"yes", "no"}:
            return queryset
        return queryset.filter(contact__isnull=self.value() == "no")


class PeopleAdmin(GuardedAdmin):
    """What contacts and connections have in common: the latest messages below the form, for those who may read them."""

    show_full_result_count = False
    list_per_page = 50
    change_form_template = "admin/rcs_router/people_change_form.html"

    class Media:
        css = {"all": ["rcs_router/admin.css"]}

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        obj = kwargs.get("obj")
        if obj and may_read(request):
            own = [obj] if isinstance(obj, Connection) else list(obj.connections.all())
            search_for = own[0].identity if len(own) == 1 else ""
            context.update(may_read=True, latest=latest(own), search=search_for)
        return super().render_change_form(request, context, *args, **kwargs)


@admin.register(Contact)
class ContactAdmin(PeopleAdmin):
    """A person. Deleting one keeps the connections and all that was said."""

    list_display = ("name_shown", "numbers", "language", "modified")
    list_filter = ("language",)
    ordering = ("name", "pk")
    search_fields = ("name", "connections__identity")
    search_help_text = "Name or number"
    inlines = [ConnectionInline]
    fields = ("name", "language")
    modified = look.moment("modified_on", "Modified")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contact]:
        connections = Prefetch("connections", Connection.objects.order_by("pk"))
        return super().get_queryset(request).prefetch_related(connections)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search.term(search_term)
        numbers = Connection.objects.filter(identity__icontains=search.number(term)).values("contact")
        return queryset.filter(Q(name__icontains=term) | Q(pk__in=numbers)) if term else queryset, False

    @admin.display(description="Name", ordering="name")
    def name_shown(self, row: Contact) -> str:
        return str(row)

    @admin.display(description="Numbers")
    def numbers(self, row: Contact) -> SafeString | str:
        own = [(look.link(c, c.identity), c.backend_id) for c in row.connections.all()]
        return format_html_join(", ", "{} <small>{}</small>", own) or "-"


@admin.register(Connection)
class ConnectionAdmin(PeopleAdmin):
    """A number on a backend."""

    form = ConnectionForm
    list_display = ("identity", "backend", "contact_link", "promotions", "created")
    list_filter = ("backend", HasContact)
    list_select_related = ("contact", "backend")
    ordering = ("-created_on", "-pk")
    search_fields = ("identity", "contact__name")
    search_help_text = "Number, or the contact's name"
    autocomplete_fields = ("contact",)
    actions = ("opt_out", "opt_in")
    created = look.moment("created_on", "Created")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        return consent.with_standing(with_history(super().get_queryset(request)))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search.term(search_term)
        return queryset.filter(search.people(term)) if term else queryset, False

    @admin.display(description="Contact", ordering="contact__name")
    def contact_link(self, row: Connection) -> SafeString | str:
        return look.link(row.contact, row.contact) if row.contact else "-"

    @admin.display(description="Promotions")
    def promotions(self, row: Connection) -> SafeString:
        return opting(opted_out=getattr(row, "opted_out", False))

    @admin.action(description="Opt out of promotions", permissions=["change"])
    def opt_out(self, request: HttpRequest, rows: QuerySet[Connection]) -> None:
        opt(self, request, _subjects(rows), opted_out=True)

    @admin.action(description="Opt in to promotions again", permissions=["change"])
    def opt_in(self, request: HttpRequest, rows: QuerySet[Connection]) -> None:
        opt(self, request, _subjects(rows), opted_out=False)


def _subjects(rows: QuerySet[Connection]) -> list[tuple[str, str]]:
    """As the ledger knows them: each with the brand of its backend."""
    return [(who, brand_of(alias)) for who, alias in rows.values_list("identity", "backend_id")]
