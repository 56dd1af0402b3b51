"""The consent ledger in; where everybody stands, who said so when, and opting out or in on their behalf, out."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.safestring import SafeString

from rcs_router.admin import look
from rcs_router.admin.readonly import ReadOnlyAdmin
from rcs_router.models import Consent, ConsentRecord
from rcs_router.people import consent

LEDGER = 50  # lines on the page of one subject
EVIDENCE = ("rcs_router.view_consent", "rcs_router.view_consentrecord")


def opting(*, opted_out: bool) -> SafeString:
    return look.word("opted out", look.BAD) if opted_out else look.word("allowed", look.GOOD)


def opt(
    site: admin.ModelAdmin, request: HttpRequest, people: Iterable[tuple[str, str]], *, opted_out: bool
) -> None:
    """Write the ledger for each subject and brand, and say how many that changed.

    Nobody is told: the person did not write to us.
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
        messages.warning(request, f"{same} had {state} before; the ledger has one more line.")


def download(lines: list[dict[str, Any]]) -> JsonResponse:
    """As a file, in the letters that people wrote."""
    options = {"indent": 2, "ensure_ascii": False}
    file = {"Content-Disposition": 'attachment; filename="consent.json"'}
    return JsonResponse(lines, safe=False, json_dumps_params=options, headers=file)


@admin.register(Consent)
class ConsentAdmin(ReadOnlyAdmin):
    """Where one number stands, on every backend of a brand."""

    list_display = ("subject", "brand", "standing", "changed")
    list_filter = ("opted_out", "brand")
    search_fields = ("subject",)
    ordering = ("-changed_at",)
    date_hierarchy = "changed_at"
    actions = ("opt_out", "opt_in", "evidence")
    parts = ((None, ("subject", "brand", "standing", "changed")),)
    readonly_fields = ("standing", "changed")
    changed = look.moment("changed_at", "Since")
    change_form_template = "admin/rcs_router/consent_change_form.html"

    @admin.display(description="Promotions", ordering="opted_out")
    def standing(self, row: Consent) -> SafeString:
        return opting(opted_out=row.opted_out)

    @admin.action(description="Opt out of promotions", permissions=["change"])
    def opt_out(self, request: HttpRequest, rows: QuerySet[Consent]) -> None:
        opt(self, request, rows.values_list("subject", "brand"), opted_out=True)

    @admin.action(description="Opt in to promotions again", permissions=["change"])
    def opt_in(self, request: HttpRequest, rows: QuerySet[Consent]) -> None:
        opt(self, request, rows.values_list("subject", "brand"), opted_out=False)

    @admin.action(description="Download the evidence (JSON)", permissions=["evidence"])
    def evidence(self, request: HttpRequest, rows: QuerySet[Consent]) -> JsonResponse:
        """All lines of the ledger about the chosen subjects and brands, as a file."""
        chosen = rows.order_by("subject", "brand").values_list("subject", "brand")
        return download([line for who, brand in chosen for line in consent.evidence(who, brand)])

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.download_one)
        return [path("<int:key>/evidence/", view, name="rcs_router_consent_evidence"), *super().get_urls()]

    def download_one(self, request: HttpRequest, key: int) -> JsonResponse:
        """The button on the page of one subject."""
        row = get_object_or_404(Consent, pk=key)
        if not (self.has_view_permission(request, row) and self.has_evidence_permission(request)):
            raise PermissionDenied
        return download(consent.evidence(row.subject, row.brand))

    def has_evidence_permission(self, request: HttpRequest) -> bool:
        """As in the API: the evidence is the ledger."""
        return bool(request.user.has_perms(EVIDENCE))

    def beside(self, request: HttpRequest, obj: Consent) -> dict[str, Any]:
        if not self.has_evidence_permission(request):
            return {}
        ledger = ConsentRecord.objects.filter(subject=obj.subject, brand__in=consent.scope(obj.brand))
        lines = ledger.order_by("-pk")[:LEDGER]
        return {
            "ledger": [(row, opting(opted_out=row.opted_out)) for row in lines],
            "evidence": reverse("admin:rcs_router_consent_evidence", args=[obj.pk]),
        }


@admin.register(ConsentRecord)
class ConsentRecordAdmin(ReadOnlyAdmin):
    """The ledger: evidence, never changed."""

    list_display = ("when", "subject", "brand", "standing", "source", "backend", "words", "said")
    list_filter = ("opted_out", "source", "brand")
    search_fields = ("subject",)
    ordering = ("-pk",)
    date_hierarchy = "created_at"
    parts = ((None, ("subject", "brand", "standing", "source", "backend", "words", "said", "when")),)
    readonly_fields = ("standing", "said", "when")
    when = look.moment("created_at", "When")
    said = look.moment("said_at", "Said at")

    @admin.display(description="Promotions", ordering="opted_out")
    def standing(self, row: ConsentRecord) -> SafeString:
        return opting(opted_out=row.opted_out)
