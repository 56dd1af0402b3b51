"""Edit contacts and connections, the only rows that can be edited here, and show their latest messages."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from rcs_router.admin import rendering, search
from rcs_router.admin.base import BaseAdmin, can_view_messages
from rcs_router.admin.consent import promotions_badge, record_consent
from rcs_router.admin.conversation import latest_entries
from rcs_router.backends import backends, brand_of
from rcs_router.errors import ConfigError, IdentityError
from rcs_router.models import Connection, Contact, Message, Transmission
from rcs_router.people import consent
from rcs_router.people.identities import normalise


def with_history(rows: QuerySet[Connection]) -> QuerySet[Connection]:
    """Add `has_history`: whether the connection has messages."""
    sent = Transmission.objects.filter(connection=OuterRef("pk"))
    incoming = Message.objects.filter(connection=OuterRef("pk"))
    return rows.annotate(has_history=Exists(sent) | Exists(incoming))


class ConnectionForm(forms.ModelForm):
    """Store numbers as E.164. A connection with messages keeps its number, because the history belongs to it."""

    class Meta:
        model = Connection
        fields = ("backend", "identity", "contact")
        labels = {"identity": "Number"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if getattr(self.instance, "has_history", False):
            # Users who may only view get a form without fields.
            for name in {"backend", "identity"} & self.fields.keys():
                self.fields[name].disabled = True
                self.fields[name].help_text = "This connection has messages, so this cannot change."

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
    """The connections on the page of a contact."""

    model = Connection
    form = ConnectionForm
    extra = 0
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        return with_history(super().get_queryset(request)).order_by("pk")


class HasContact(admin.SimpleListFilter):
    """Connections with and without a contact."""

    title = "contact"
    parameter_name = "named"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        return [("yes", "has a contact"), ("no", "has no contact")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in {"yes", "no"}:
            return queryset
        return queryset.filter(contact__isnull=self.value() == "no")


class PeopleAdmin(BaseAdmin):
    """Show the latest messages below the form, to users who may view messages."""

    show_full_result_count = False
    list_per_page = 50
    change_form_template = "admin/rcs_router/people_change_form.html"

    class Media:
        css = {"all": ["rcs_router/admin.css"]}

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        obj = kwargs.get("obj")
        if obj and can_view_messages(request):
            own = [obj] if isinstance(obj, Connection) else list(obj.connections.all())
            query = own[0].identity if len(own) == 1 else ""
            context.update(can_view_messages=True, latest=latest_entries(own), search=query)
        return super().render_change_form(request, context, *args, **kwargs)


@admin.register(Contact)
class ContactAdmin(PeopleAdmin):
    """A person. The connections and messages of a deleted contact stay."""

    list_display = ("name_shown", "numbers", "language", "modified")
    list_filter = ("language",)
    ordering = ("name", "pk")
    search_fields = ("name", "connections__identity")
    search_help_text = "Name or number"
    inlines = [ConnectionInline]
    fields = ("name", "language")
    modified = rendering.time_column("modified_on", "Modified")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contact]:
        connections = Prefetch("connections", Connection.objects.order_by("pk"))
        return super().get_queryset(request).prefetch_related(connections)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search.clean(search_term)
        numbers = Connection.objects.filter(search.numbers(term)).values("contact")
        return queryset.filter(Q(name__icontains=term) | Q(pk__in=numbers)) if term else queryset, False

    @admin.display(description="Name", ordering="name")
    def name_shown(self, row: Contact) -> str:
        return str(row)

    @admin.display(description="Numbers")
    def numbers(self, row: Contact) -> SafeString | str:
        own = [(rendering.link(c, c.identity), c.backend_id) for c in row.connections.all()]
        return format_html_join(", ", "{} <small>{}</small>", own) or "-"


@admin.register(Connection)
class ConnectionAdmin(PeopleAdmin):
    """A number or token on a backend."""

    form = ConnectionForm
    list_display = ("identity", "backend", "contact_link", "promotions", "created")
    list_filter = ("backend", HasContact)
    list_select_related = ("contact", "backend")
    ordering = ("-created_on", "-pk")
    search_fields = ("identity", "contact__name")
    search_help_text = "Number, or the contact's name"
    autocomplete_fields = ("contact",)
    actions = ("opt_out", "opt_in")
    created = rendering.time_column("created_on", "Created")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        return consent.with_standing(with_history(super().get_queryset(request)))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search.clean(search_term)
        return queryset.filter(search.people(term)) if term else queryset, False

    @admin.display(description="Contact", ordering="contact__name")
    def contact_link(self, row: Connection) -> SafeString | str:
        return rendering.link(row.contact, row.contact) if row.contact else "-"

    @admin.display(description="Promotions")
    def promotions(self, row: Connection) -> SafeString:
        return promotions_badge(opted_out=getattr(row, "opted_out", False))

    @admin.action(description="Opt out of promotions", permissions=["change"])
    def opt_out(self, request: HttpRequest, rows: QuerySet[Connection]) -> None:
        record_consent(request, _subjects(rows), opted_out=True)

    @admin.action(description="Opt in to promotions again", permissions=["change"])
    def opt_in(self, request: HttpRequest, rows: QuerySet[Connection]) -> None:
        record_consent(request, _subjects(rows), opted_out=False)


def _subjects(rows: QuerySet[Connection]) -> list[tuple[str, str]]:
    """Return (identity, brand of the backend) for each connection, as the ledger has them."""
    return [(who, brand_of(alias)) for who, alias in rows.values_list("identity", "backend_id")]
