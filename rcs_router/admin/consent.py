"""The consent ledger in; where everybody stands, who said so when, and opting out or in on their behalf, out."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from rcs_router import consent
from rcs_router.admin import look
from rcs_router.admin.readonly import ReadOnlyAdmin
from rcs_router.models import Consent, ConsentRecord

LEDGER = 50  # lines on the page of one subject


def opting(*, opted_out: bool) -> SafeString:
    return look.word("opted out", look.BAD) if opted_out else look.word("allowed", look.GOOD)


def opt(site: admin.ModelAdmin, request: HttpRequest, subjects: Iterable[str], *, opted_out: bool) -> None:
    """Write the ledger for each, and say how many that changed. Nobody is told: the person did not write to us."""
    by = f"by {request.user.get_username()}"
    chosen = list(dict.fromkeys(subjects))
    changed = sum(consent.record(who, opted_out=opted_out, source="admin", words=by) for who in chosen)
    state = "opted out of promotions" if opted_out else "opted in to promotions"
    if changed:
        messages.success(request, f"{changed} {state}.")
    if same := len(chosen) - changed:
        messages.warning(request, f"{same} had {state} before; the ledger has one more line.")


@admin.register(Consent)
class ConsentAdmin(ReadOnlyAdmin):
    """Where one number stands, on every backend."""

    list_display = ("subject", "standing", "changed")
    list_filter = ("opted_out",)
    search_fields = ("subject",)
    ordering = ("-changed_at",)
    date_hierarchy = "changed_at"
    actions = ("opt_out", "opt_in")
    parts = ((None, ("subject", "standing", "changed")),)
    readonly_fields = ("standing", "changed")
    changed = look.moment("changed_at", "Since")
    change_form_template = "admin/rcs_router/consent_change_form.html"

    @admin.display(description="Promotions", ordering="opted_out")
    def standing(self, row: Consent) -> SafeString:
        return opting(opted_out=row.opted_out)

    @admin.action(description="Opt out of promotions", permissions=["change"])
    def opt_out(self, request: HttpRequest, rows: QuerySet[Consent]) -> None:
        opt(self, request, rows.values_list("subject", flat=True), opted_out=True)

    @admin.action(description="Opt in to promotions again", permissions=["change"])
    def opt_in(self, request: HttpRequest, rows: QuerySet[Consent]) -> None:
        opt(self, request, rows.values_list("subject", flat=True), opted_out=False)

    def beside(self, request: HttpRequest, obj: Consent) -> dict[str, Any]:
        ledger = ConsentRecord.objects.filter(subject=obj.subject).order_by("-pk")[:LEDGER]
        return {"ledger": [(row, opting(opted_out=row.opted_out)) for row in ledger]}


@admin.register(ConsentRecord)
class ConsentRecordAdmin(ReadOnlyAdmin):
    """The ledger: evidence, never changed."""

    list_display = ("when", "subject", "standing", "source", "backend", "words", "said")
    list_filter = ("opted_out", "source")
    search_fields = ("subject",)
    ordering = ("-pk",)
    date_hierarchy = "created_at"
    parts = ((None, ("subject", "standing", "source", "backend", "words", "said", "when")),)
    readonly_fields = ("standing", "said", "when")
    when = look.moment("created_at", "When")
    said = look.moment("said_at", "Said at")

    @admin.display(description="Promotions", ordering="opted_out")
    def standing(self, row: ConsentRecord) -> SafeString:
        return opting(opted_out=row.opted_out)
