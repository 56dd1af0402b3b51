"""Show the consent of a number or token, export the evidence, and opt people out and in."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from rcs_router.api import filters
from rcs_router.api.bodies import ConsentChange
from rcs_router.api.exceptions import Problem, bad_request
from rcs_router.api.parsers import parse_body
from rcs_router.api.permissions import perms
from rcs_router.api.recipients import unknown_backend
from rcs_router.api.schema import extend_schema
from rcs_router.api.serializers import ConsentChangedSerializer, ConsentSerializer, EvidenceSerializer
from rcs_router.api.views import APIView
from rcs_router.backends import backends, brand_of
from rcs_router.errors import IdentityError
from rcs_router.inbox.consent_words import change_consent
from rcs_router.models import Connection, Consent, ConsentRecord
from rcs_router.people import consent, numbering
from rcs_router.people.connections import connections_for
from rcs_router.people.identities import normalise

LEDGER = 100  # newest records shown; the export has all of them
CHANGE = (
    "The change is about `brand`, else about the brand of `backend`, else about the only brand. `said_at` is when the "
    "person said so; an opt-in that is older than the last opt-out changes nothing."
)
SUBJECT = OpenApiParameter(
    "subject", str, OpenApiParameter.PATH, description="A number, or a provider's token."
)


class ConsentDetail(APIView):
    """Show the consent of one subject for each brand."""

    required_permissions = {"GET": perms("view_consent")}

    @extend_schema(
        operation_id="get_consent",
        summary="Whether a person wants promotions",
        description="One entry for each brand of RCS_BACKENDS; without brands, one entry with an empty name. People "
        "who never said anything have not opted out.",
        parameters=[SUBJECT],
        responses={200: ConsentSerializer},
    )
    def get(self, request: Request, subject: str) -> Response:
        filters.refuse_parameters(request)
        return Response(ConsentSerializer(consent_status(request, parse_subject(subject))).data)


class ConsentExport(APIView):
    """Export the evidence about one subject."""

    required_permissions = {"GET": perms("view_consent", "view_consentrecord")}

    @extend_schema(
        operation_id="export_consent",
        summary="All evidence about one person, as a file",
        parameters=[SUBJECT],
        responses={200: EvidenceSerializer},
    )
    def get(self, request: Request, subject: str) -> Response:
        filters.refuse_parameters(request)
        subject = parse_subject(subject)
        facts = {
            **consent_status(request, subject),
            "ledger": ConsentRecord.objects.filter(subject__in=numbering.forms(subject)).order_by("pk"),
            "connections": Connection.objects.filter(identity__in=numbering.forms(subject)).order_by("pk"),
            "exported_at": timezone.now(),
        }
        headers = {"Content-Disposition": 'attachment; filename="consent.json"'}
        return Response(EvidenceSerializer(facts).data, headers=headers)


class OptOut(APIView):
    """Opt a person out on their behalf. Each call adds a record to the ledger."""

    required_permissions = {"POST": perms("change_consent")}
    opted_out = True

    @extend_schema(
        operation_id="opt_out",
        summary="Opt a person out of promotions",
        description=CHANGE,
        parameters=[SUBJECT],
        request=ConsentChange,
        responses={200: ConsentChangedSerializer},
    )
    def post(self, request: Request, subject: str) -> Response:
        filters.refuse_parameters(request)
        subject, change = parse_subject(subject), parse_body(request, ConsentChange)
        words = change.words or f"by {request.user.get_username()}"[:200]
        if change.backend and change.backend not in backends:
            raise bad_request(unknown_backend(change.backend, "backend"))
        write = self.record_and_acknowledge if change.acknowledge else self.record
        changed = write(subject, change, words)
        return Response(
            ConsentChangedSerializer({**consent_status(request, subject), "changed": changed}).data
        )

    def record(self, subject: str, change: ConsentChange, words: str) -> bool:
        return consent.record(
            subject,
            opted_out=self.opted_out,
            source="api",
            backend=change.backend,
            brand=_brand(change),
            words=words,
            said_at=change.said_at,
        )

    def record_and_acknowledge(self, subject: str, change: ConsentChange, words: str) -> bool:
        if not change.backend:
            raise bad_request(
                Problem("required", "name the backend that sends the acknowledgement", "backend")
            )
        _brand(change)
        connection = connections_for(change.backend, [subject])[0]
        return change_consent(
            connection, opted_out=self.opted_out, source="api", words=words, at=change.said_at
        )


class OptIn(OptOut):
    """Opt a person in on their behalf. Each call adds a record to the ledger."""

    opted_out = False

    @extend_schema(
        operation_id="opt_in",
        summary="Opt a person in to promotions again",
        description=CHANGE,
        parameters=[SUBJECT],
        request=ConsentChange,
        responses={200: ConsentChangedSerializer},
    )
    def post(self, request: Request, subject: str) -> Response:
        return super().post(request, subject)


def parse_subject(written: str) -> str:
    """Return a number as E.164; tokens and identities of existing connections as they are. Raises APIError 400."""
    if "\0" in written or len(written) > 100:
        raise bad_request(
            Problem("identity_invalid", "use a number, or a token of at most 100 characters", "subject")
        )
    try:
        return normalise(written, tokens=True)
    except IdentityError as error:
        if Connection.objects.filter(identity=written).exists():  # a short code, or a token of digits only
            return written
        raise bad_request(Problem("identity_invalid", str(error), "subject")) from None


def consent_status(request: Request, subject: str) -> dict[str, Any]:
    """Return the consent for each brand and, for users who may view the ledger, its newest records."""
    forms = numbering.forms(subject)
    rows = Consent.objects.filter(subject__in=forms).order_by("changed_at")
    since = dict(rows.values_list("brand", "changed_at"))
    each = [
        {
            "brand": brand,
            "opted_out": subject in consent.refused([subject], brand),
            "changed_at": since.get(brand),
        }
        for brand in brands()
    ]
    ledger = ConsentRecord.objects.none()
    if request.user.has_perms(perms("view_consentrecord")):
        ledger = ConsentRecord.objects.filter(subject__in=forms).order_by("-pk")[:LEDGER]
    return {"subject": subject, "standing": each, "ledger": ledger}


def brands() -> list[str]:
    """Return the brands of RCS_BACKENDS; an empty name for backends without a brand."""
    return sorted({brand_of(alias) for alias in backends})


def _brand(change: ConsentChange) -> str:
    """Return the brand that a change is about. Raises APIError 400."""
    own = brand_of(change.backend) if change.backend else change.brand
    if own is None:
        known = brands()
        if len(known) > 1:
            raise bad_request(
                Problem("required", f"name one of the brands: {', '.join(map(repr, known))}", "brand")
            )
        return known[0]
    if own not in brands():
        raise bad_request(Problem("unknown_brand", f"no backend has the brand {own!r}", "brand"))
    if change.brand not in {None, own}:
        raise bad_request(Problem("unknown_brand", f"{change.backend!r} has the brand {own!r}", "brand"))
    return own
