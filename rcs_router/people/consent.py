"""Decide whether a person may be sent promotions, and record what they say about it.

It is asked at `send()`, at the claim, and when the message leaves.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone

from rcs_router import database, signals
from rcs_router.backends import backends, brand_of
from rcs_router.conf import router_settings
from rcs_router.content.spelling import word
from rcs_router.contract import Traffic
from rcs_router.models import Connection, Consent, ConsentRecord, Message
from rcs_router.people import numbering
from rcs_router.people.identities import is_number, normalise_sender


def needs_consent(traffic: str) -> bool:
    """Return True for promotions; codes, orders and answers are what the person asked for."""
    return traffic == Traffic.PROMOTION


def refused(subjects: Iterable[str], brand: str = "") -> set[str]:
    """Return those of `subjects` who refuse promotions of `brand`.

    A STOP by SMS counts for RCS, but for no other brand.
    """
    subjects = set(subjects)
    forms = [form for subject in subjects for form in numbering.forms(subject)]
    standing = _standing(brand, subject__in=forms)
    return {subject for subject in subjects if standing.get(numbering.today(subject))}


def everybody(brand: str = "") -> dict[str, bool]:
    """Return every known number and whether it refuses promotions of `brand`; tokens are left out."""
    return _standing(brand, subject__startswith="+")


def has_spoken(subject: str, brand: str = "") -> bool:
    """Return True if this person has ever refused or accepted promotions of `brand`."""
    return Consent.objects.filter(subject__in=numbering.forms(subject), brand__in=scope(brand)).exists()


def record(
    subject: str,
    *,
    opted_out: bool,
    source: str,
    backend: str = "",
    brand: str | None = None,
    words: str = "",
    said_at: datetime | None = None,
) -> bool:
    """Add a line to the ledger and update the state. Return True for a change, which is acknowledged once.

    `subject`: a token, or a number with + in any spacing. `brand`: default: the brand of `backend`.
    """
    subject, brand = normalise_sender(subject, tokens=True), brand_of(backend) if brand is None else brand
    with database.atomic():
        before = (len(scope(brand)) > 1 or len(numbering.forms(subject)) > 1) and subject in refused(
            [subject], brand
        )
        state, _ = Consent.objects.select_for_update().get_or_create(
            subject=subject, brand=brand, defaults={"opted_out": before}
        )
        ConsentRecord.objects.create(
            brand=brand,
            subject=subject,
            opted_out=opted_out,
            source=source,
            backend=backend,
            words=words[:200],
            said_at=said_at,
        )
        changed = state.opted_out != opted_out and (opted_out or not _left_later(subject, brand, said_at))
        if changed:
            Consent.objects.filter(pk=state.pk).update(opted_out=opted_out, changed_at=timezone.now())
        if changed or before:
            _say_of_other_forms(subject, brand, opted_out if changed else state.opted_out)
        if opted_out and not is_number(subject):
            _refuse_behind(subject, backend, brand, said_at)
    if changed:
        signals.after_commit(
            signals.consent_changed, Consent, subject=subject, brand=brand, opted_out=opted_out, source=source
        )
    return changed


def evidence(subject: str, brand: str | None = None) -> list[dict[str, Any]]:
    """Return every line of the ledger about `subject`, oldest first, as plain values; of one brand, or of all (None).

    `when` is when it was recorded, and `said_at` the provider's time; both ISO 8601.
    """
    subjects = numbering.forms(normalise_sender(subject, tokens=True))
    rows = ConsentRecord.objects.filter(subject__in=subjects).order_by("pk")
    if brand is not None:
        rows = rows.filter(brand__in=scope(brand))
    return [
        {
            "who": row.subject,
            "brand": row.brand,
            "what": "opted out" if row.opted_out else "opted in",
            "when": row.created_at.isoformat(),
            "said_at": row.said_at.isoformat() if row.said_at else None,
            "words": row.words,
            "source": row.source,
            "backend": row.backend,
        }
        for row in rows
    ]


def scope(brand: str) -> list[str]:
    """Return the brands whose ledger counts for `brand`, itself first.

    A refusal from before brands were used counts for all brands, until some backend has no brand again.
    """
    if not brand or any(not brand_of(alias) for alias in backends):
        return [brand]
    return [brand, ""]


def with_standing(rows: QuerySet[Connection]) -> QuerySet[Connection]:
    """Annotate connections with `opted_out`: does this person refuse promotions of this backend's brand?"""
    whens = [When(backend_id=alias, then=Value(brand_of(alias))) for alias in backends if brand_of(alias)]
    rows = rows.alias(brand_asked=Case(*whens, default=Value("")))
    own = Consent.objects.filter(subject=OuterRef("identity"), brand=OuterRef("brand_asked"))
    standing: Any = Exists(own.filter(opted_out=True))
    if "" in {name for alias in backends for name in scope(brand_of(alias))}:
        unnamed = Consent.objects.filter(subject=OuterRef("identity"), brand="", opted_out=True)
        inherits = Q(backend_id__in=[alias for alias in backends if "" in scope(brand_of(alias))])
        standing = standing | (Exists(unnamed) & ~Exists(own) & inherits)
    return rows.annotate(opted_out=standing)


def unrefused(brand: str) -> tuple[str, list[str]]:
    """Return SQL that is true where transmission `t` is allowed: no promotion, or accepted by its person."""
    brands = scope(brand)
    state, people, messages = (model._meta.db_table for model in (Consent, Connection, Message))
    newest = (
        f"SELECT c.opted_out FROM {messages} m, {people} k, {state} c "  # noqa: S608
        "WHERE m.id = t.message_id AND m.traffic = %s AND k.id = t.connection_id AND c.subject = k.identity "
        f"AND c.brand IN ({', '.join(['%s'] * len(brands))}) ORDER BY c.brand DESC LIMIT 1"
    )
    return f"NOT COALESCE(({newest}), FALSE)", [str(Traffic.PROMOTION), *brands]


def said(text: str) -> bool | None:
    """Return True if the whole message is a word for STOP, False for START, and None for neither."""
    typed = word(text)
    if typed and typed in _known(router_settings().OPT_OUT_WORDS):
        return True
    if typed and typed in _known(router_settings().OPT_IN_WORDS):
        return False
    return None


def is_limited(text: str) -> bool:
    """Return True if the whole message is a word that means STOP only as an answer to a promotion."""
    return word(text) in _known(router_settings().OPT_OUT_WORDS_AFTER_OFFERS)


def asks_for_help(text: str) -> bool:
    """Return True if the whole message is a word for HELP."""
    typed = word(text)
    return bool(typed) and typed in _known(router_settings().HELP_WORDS)


@lru_cache(maxsize=8)
def _known(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(word, words))


def _standing(brand: str, **which: Any) -> dict[str, bool]:
    """Return the current state of the subjects that `which` selects; a statement to the brand itself counts most.

    A number has today's form. Where rows hold several forms of it, a refusal under any of them is a refusal.
    """
    said: dict[tuple[str, str], bool] = {}
    rows = Consent.objects.filter(brand__in=scope(brand), **which)
    for subject, of, opted_out in rows.values_list("subject", "brand", "opted_out"):
        key = (of, numbering.today(subject))
        said[key] = opted_out or said.get(key, False)
    return {subject: said[of, subject] for of, subject in sorted(said)}


def renumber(old: str, new: str) -> None:
    """Move the state from a number's old form to today's, after a row of ours got today's form."""
    for state in Consent.objects.filter(subject=old):
        known = Consent.objects.filter(subject=new, brand=state.brand)
        if not known.exists():
            Consent.objects.filter(pk=state.pk).update(subject=new)
        elif state.opted_out:
            known.update(opted_out=True)


def _say_of_other_forms(subject: str, brand: str, opted_out: bool) -> None:
    """Copy the state to rows that still hold another form of this number: the claim asks with the form they hold."""
    others = numbering.forms(subject)[1:]
    held = (
        set(Connection.objects.filter(identity__in=others).values_list("identity", flat=True))
        if others
        else ()
    )
    for other in held:
        Consent.objects.update_or_create(subject=other, brand=brand, defaults={"opted_out": opted_out})
    if not opted_out:
        Consent.objects.filter(subject__in=others, brand=brand).update(opted_out=False)


def _refuse_behind(token: str, backend: str, brand: str, said_at: datetime | None) -> None:
    """Let a refusal under a token count for the person's numbers too, because messages fall back to them."""
    theirs = Connection.objects.filter(contact__connections__identity=token, identity__startswith="+")
    numbers = set(theirs.values_list("identity", flat=True))
    for number in sorted(numbers - refused(numbers, brand)):
        record(
            number, opted_out=True, source="linked identity", backend=backend, brand=brand, said_at=said_at
        )


def _left_later(subject: str, brand: str, said_at: datetime | None) -> bool:
    """Return True if the person refused after they said this. Providers repeat events, so an old START may come last.

    Nothing was said after it was recorded, whatever the provider's clock says.
    """
    if said_at is None:
        return False
    lines = ConsentRecord.objects.filter(subject__in=numbering.forms(subject), brand__in=scope(brand))
    return lines.filter(opted_out=True, said_at__gt=said_at, created_at__gt=said_at).exists()
