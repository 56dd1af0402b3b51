"""Show consent and its ledger, download the evidence, and opt people out and in on their behalf."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.safestring import SafeString

from rcs_router.admin import rendering, search
from rcs_router.admin.readonly import ReadOnlyAdmin
from rcs_router.models import Consent, ConsentRecord
from rcs_router.people import consent, numbering

LEDGER = 50  # records on the page of one subject
EVIDENCE = ("rcs_router.view_consent", "rcs_router.view_consentrecord")


def promotions_badge(*, opted_out: bool) -> SafeString:
    """Return the badge that says whether promotions are allowed."""
    return (
        rendering.badge("opted out", rendering.BAD)
        if opted_out
        else rendering.badge("allowed", rendering.GOOD)
    )


def record_consent(request: HttpRequest, people: Iterable[tuple[str, str]], *, opted_out: bool) -> None:
    """Record the consent of each (subject, brand), and show the user how many changed.

    The people get no acknowledgement, because they did not write to us.
    """
    by = f"by {request.user.get_username()}"
    chosen = list(dict.fromkeys(people))
    changed = sum(
        consent.record(who, brand=brand, opted_out=opted_out, source="admin", words=by)
        for who, brand in chosen
    )
    state = "opted out of promotions" if opted_out else "opted in to promotions"
    if changed:
        messages.success(request, f"{changed} {state}.")
    if same := len(chosen) - changed:
        messages.warning(request, f"{same} had {state} before; each got one more record in the ledger.")


def json_download(lines: list[dict[str, Any]]) -> JsonResponse:
    """Return the lines as a JSON file, with all letters as they were written."""
    options = {"indent": 2, "ensure_ascii": False}
    file = {"Content-Disposition": 'attachment; filename="consent.json"'}
    return JsonResponse(lines, safe=False, json_dumps_params=options, headers=file)


class SubjectAdmin(ReadOnlyAdmin):
    """Find rows by their number, in any spelling."""

    search_fields = ("subject",)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search.clean(search_term)
        return queryset.filter(search.numbers(term, "subject")) if term else queryset, False


@admin.register(Consent)
class ConsentAdmin(SubjectAdmin):
    """The consent of a number or token, for all backends of a brand."""

    list_display = ("subject", "brand", "promotions", "changed")
    list_filter = ("opted_out", "brand")
    ordering = ("-changed_at",)
    date_hierarchy = "changed_at"
    actions = ("opt_out", "opt_in", "evidence")
    field_groups = ((None, ("subject", "brand", "promotions", "changed")),)
    readonly_fields = ("promotions", "changed")
    changed = rendering.time_column("changed_at", "Since")
    change_form_template = "admin/rcs_router/consent_change_form.html"

    @admin.display(description="Promotions", ordering="opted_out")
    def promotions(self, row: Consent) -> SafeString:
        return promotions_badge(opted_out=row.opted_out)

    @admin.action(description="Opt out of promotions", permissions=["change"])
    def opt_out(self, request: HttpRequest, rows: QuerySet[Consent]) -> None:
        record_consent(request, rows.values_list("subject", "brand"), opted_out=True)

    @admin.action(description="Opt in to promotions again", permissions=["change"])
    def opt_in(self, request: HttpRequest, rows: QuerySet[Consent]) -> None:
        record_consent(request, rows.values_list("subject", "brand"), opted_out=False)

    @admin.action(description="Download the evidence (JSON)", permissions=["evidence"])
    def evidence(self, request: HttpRequest, rows: QuerySet[Consent]) -> JsonResponse:
        """Download all records of the ledger for the selected subjects and brands."""
        chosen = rows.order_by("subject", "brand").values_list("subject", "brand")
        return json_download([line for who, brand in chosen for line in consent.evidence(who, brand)])

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.download_one)
        return [path("<int:key>/evidence/", view, name="rcs_router_consent_evidence"), *super().get_urls()]

    def download_one(self, request: HttpRequest, key: int) -> JsonResponse:
        """Download the evidence from the page of one subject."""
        row = get_object_or_404(Consent, pk=key)
        if not (self.has_view_permission(request, row) and self.has_evidence_permission(request)):
            raise PermissionDenied
        return json_download(consent.evidence(row.subject, row.brand))

    def has_evidence_permission(self, request: HttpRequest) -> bool:
        """Require the same permissions as the API: the evidence contains the ledger."""
        return bool(request.user.has_perms(EVIDENCE))

    def page_context(self, request: HttpRequest, obj: Consent) -> dict[str, Any]:
        if not self.has_evidence_permission(request):
            return {}
        ledger = ConsentRecord.objects.filter(
            subject__in=numbering.forms(obj.subject), brand__in=consent.scope(obj.brand)
        )
        lines = ledger.order_by("-pk")[:LEDGER]
        return {
            "ledger": [(row, promotions_badge(opted_out=row.opted_out)) for row in lines],
            "evidence": reverse("admin:rcs_router_consent_evidence", args=[obj.pk]),
        }


@admin.register(ConsentRecord)
class ConsentRecordAdmin(SubjectAdmin):
    """The ledger: evidence that never changes."""

    list_display = ("when", "subject", "brand", "promotions", "source", "backend", "words", "said")
    list_filter = ("opted_out", "source", "brand")
    ordering = ("-pk",)
    date_hierarchy = "created_at"
    field_groups = ((None, ("subject", "brand", "promotions", "source", "backend", "words", "said", "when")),)
    readonly_fields = ("promotions", "said", "when")
    when = rendering.time_column("created_at", "When")
    said = rendering.time_column("said_at", "Said at")

    @admin.display(description="Promotions", ordering="opted_out")
    def promotions(self, row: ConsentRecord) -> SafeString:
        return promotions_badge(opted_out=row.opted_out)
