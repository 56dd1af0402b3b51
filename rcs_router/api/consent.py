"""A number or token in; where it stands, who said so when, the evidence as a file, and a change of it, out."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from rcs_router.api import filters
from rcs_router.api.bodies import Wish
from rcs_router.api.errors import Problem, invalid
from rcs_router.api.operation import described
from rcs_router.api.reading import read
from rcs_router.api.recipients import unknown_backend
from rcs_router.api.shown import ConsentChanged, ConsentShown, Evidence
from rcs_router.api.view import View, may
from rcs_router.backends import backends, brand_of
from rcs_router.errors import IdentityError
from rcs_router.inbox.consent_words import change_consent
from rcs_router.models import Connection, Consent, ConsentRecord
from rcs_router.people import consent, numbering
from rcs_router.people.connections import connections_for
from rcs_router.people.identities import normalise

LEDGER = 100  # newest lines shown; the export has all
WHOSE = (
    "Of the brand named, else of the backend's, else of the only one there is. `said_at`: when the person said so; "
    "an opting in that is older than the last opting out changes nothing."
)
SUBJECT = OpenApiParameter(
    "subject", str, OpenApiParameter.PATH, description="A number, or a provider's token."
)


class Standing(View):
    """Where one subject stands with each brand."""

    needs = {"GET": may("view_consent")}

    @described(
        operation_id="get_consent",
        summary="Does this person want promotions?",
        description="One entry for each brand of RCS_BACKENDS (an empty one where there are no brands). Somebody of "
        "whom nothing was heard has not opted out.",
        parameters=[SUBJECT],
        responses={200: ConsentShown},
    )
    def get(self, request: Request, subject: str) -> Response:
        filters.nothing_asked(request)
        return Response(ConsentShown(standing(request, read_subject(subject))).data)


class Export(View):
    """The evidence about one subject."""

    needs = {"GET": may("view_consent", "view_consentrecord")}

    @described(
        operation_id="export_consent",
        summary="All evidence about one person, as a file",
        parameters=[SUBJECT],
        responses={200: Evidence},
    )
    def get(self, request: Request, subject: str) -> Response:
        filters.nothing_asked(request)
        subject = read_subject(subject)
        facts = {
            **standing(request, subject),
            "ledger": ConsentRecord.objects.filter(subject__in=numbering.forms(subject)).order_by("pk"),
            "connections": Connection.objects.filter(identity__in=numbering.forms(subject)).order_by("pk"),
            "exported_at": timezone.now(),
        }
        headers = {"Content-Disposition": 'attachment; filename="consent.json"'}
        return Response(Evidence(facts).data, headers=headers)


class Change(View):
    """Opting out or in on a person's behalf; one more line of the ledger in any case."""

    needs = {"POST": may("change_consent")}
    opted_out = True

    @described(
        operation_id="opt_out",
        summary="This person wants no promotions",
        description=WHOSE,
        parameters=[SUBJECT],
        request=Wish,
        responses={200: ConsentChanged},
    )
    def post(self, request: Request, subject: str) -> Response:
        filters.nothing_asked(request)
        subject, wish = read_subject(subject), read(request, Wish)
        words = wish.words or f"by {request.user.get_username()}"[:200]
        if wish.backend and wish.backend not in backends:
            raise invalid([unknown_backend(wish.backend, "backend")])
        write = self.acknowledged if wish.acknowledge else self.silently
        changed = write(subject, wish, words)
        return Response(ConsentChanged({**standing(request, subject), "changed": changed}).data)

    def silently(self, subject: str, wish: Wish, words: str) -> bool:
        return consent.record(
            subject,
            opted_out=self.opted_out,
            source="api",
            backend=wish.backend,
            brand=_brand(wish),
            words=words,
            said_at=wish.said_at,
        )

    def acknowledged(self, subject: str, wish: Wish, words: str) -> bool:
        if not wish.backend:
            raise invalid([Problem("required", "which backend shall carry the acknowledgement?", "backend")])
        _brand(wish)
        connection = connections_for(wish.backend, [subject])[0]
        return change_consent(
            connection, opted_out=self.opted_out, source="api", words=words, at=wish.said_at
        )


class OptIn(Change):
    """The other way."""

    opted_out = False

    @described(
        operation_id="opt_in",
        summary="This person wants promotions again",
        description=WHOSE,
        parameters=[SUBJECT],
        request=Wish,
        responses={200: ConsentChanged},
    )
    def post(self, request: Request, subject: str) -> Response:
        return super().post(request, subject)


def read_subject(written: str) -> str:
    """A number as E.164, else the token as it is, or whatever has written to us. Raises Failure 400."""
    if "\0" in written or len(written) > 100:
        raise invalid(
            [Problem("identity_invalid", "a number, or a token of at most 100 characters", "subject")]
        )
    try:
        return normalise(written, tokens=True)
    except IdentityError as error:
        if Connection.objects.filter(
            identity=written
        ).exists():  # a short code, or a token that is all digits
            return written
        raise invalid([Problem("identity_invalid", str(error), "subject")]) from None


def standing(request: Request, subject: str) -> dict[str, Any]:
    """How it stands with each brand, and the newest lines of the ledger for those who may view it."""
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
    if request.user.has_perms(may("view_consentrecord")):
        ledger = ConsentRecord.objects.filter(subject__in=forms).order_by("-pk")[:LEDGER]
    return {"subject": subject, "standing": each, "ledger": ledger}


def brands() -> list[str]:
    """Those of RCS_BACKENDS; an empty one where a backend has none."""
    return sorted({brand_of(alias) for alias in backends})


def _brand(wish: Wish) -> str:
    """Whose promotions it is about: the brand named, that of the backend, or the only one. Raises Failure 400."""
    own = brand_of(wish.backend) if wish.backend else wish.brand
    if own is None:
        known = brands()
        if len(known) > 1:
            raise invalid([Problem("required", f"there are several: {', '.join(map(repr, known))}", "brand")])
        return known[0]
    if own not in brands():
        raise invalid([Problem("unknown_brand", f"no backend has the brand {own!r}", "brand")])
    if wish.brand not in {None, own}:
        raise invalid([Problem("unknown_brand", f"{wish.backend!r} has the brand {own!r}", "brand")])
    return own
