"""May we write to this person? Asked at `send()`, at the claim and when it leaves; changed by what people say."""

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
from rcs_router.people.identities import heard, is_number


def needs_consent(traffic: str) -> bool:
    """Only promotions may be refused: codes, orders and answers are what the person asked for."""
    return traffic == Traffic.PROMOTION


def refused(subjects: Iterable[str], brand: str = "") -> set[str]:
    """Those of `subjects` who want no promotions of `brand`: a STOP by SMS counts for RCS, but for no other brand."""
    subjects = set(subjects)
    forms = [form for subject in subjects for form in numbering.forms(subject)]
    standing = _standing(brand, subject__in=forms)
    return {subject for subject in subjects if standing.get(numbering.today(subject))}


def everybody(brand: str = "") -> dict[str, bool]:
    """Every number of which anything is known, and whether it wants no promotions of `brand`; tokens are left out."""
    return _standing(brand, subject__startswith="+")


def has_spoken(subject: str, brand: str = "") -> bool:
    """Has this person ever ended the offers of `brand`, or asked for them?"""
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
    """Write a line of the ledger, and the state. True: a change, which is acknowledged once.

    `subject`: a number with + however it is spaced, or a token. `brand`: whose promotions; by default those of the
    brand that `backend` belongs to.
    """
    subject, brand = heard(subject, tokens=True), brand_of(backend) if brand is None else brand
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
    """Every line of the ledger about `subject`, oldest first, as plain values; of one brand, or of all (None).

    `when`: it was written, `said_at`: the provider's time of it; both ISO 8601.
    """
    subjects = numbering.forms(heard(subject, tokens=True))
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
    """The brands whose ledger counts for `brand`, with itself first.

    What was said before brands were told apart was said to all of them, until a backend has no brand again.
    """
    if not brand or any(not brand_of(alias) for alias in backends):
        return [brand]
    return [brand, ""]


def with_standing(rows: QuerySet[Connection]) -> QuerySet[Connection]:
    """Adds `opted_out` to connections: does this person want no promotions of this backend's brand?"""
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
    """SQL that is true where transmission `t` is no promotion, or its person does not refuse those of `brand`."""
    brands = scope(brand)
    state, people, messages = (model._meta.db_table for model in (Consent, Connection, Message))
    newest = (
        f"SELECT c.opted_out FROM {messages} m, {people} k, {state} c "  # noqa: S608
        "WHERE m.id = t.message_id AND m.traffic = %s AND k.id = t.connection_id AND c.subject = k.identity "
        f"AND c.brand IN ({', '.join(['%s'] * len(brands))}) ORDER BY c.brand DESC LIMIT 1"
    )
    return f"NOT COALESCE(({newest}), FALSE)", [str(Traffic.PROMOTION), *brands]


def said(text: str) -> bool | None:
    """True: the whole message is a word for STOP; False: for START; None: it is neither."""
    typed = word(text)
    if typed and typed in _known(router_settings().OPT_OUT_WORDS):
        return True
    if typed and typed in _known(router_settings().OPT_IN_WORDS):
        return False
    return None


def is_limited(text: str) -> bool:
    """Is the whole message a word that is a STOP only as an answer to a promotion?"""
    return word(text) in _known(router_settings().OPT_OUT_WORDS_AFTER_OFFERS)


def asks_for_help(text: str) -> bool:
    """Is the whole message a word for HELP?"""
    typed = word(text)
    return bool(typed) and typed in _known(router_settings().HELP_WORDS)


@lru_cache(maxsize=8)
def _known(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(word, words))


def _standing(brand: str, **which: Any) -> dict[str, bool]:
    """Who has said what, of those chosen by `which`; said to the brand itself counts before all else.

    A number has the form of today; where rows hold several forms of it, a refusal under any is one.
    """
    said: dict[tuple[str, str], bool] = {}
    rows = Consent.objects.filter(brand__in=scope(brand), **which)
    for subject, of, opted_out in rows.values_list("subject", "brand", "opted_out"):
        key = (of, numbering.today(subject))
        said[key] = opted_out or said.get(key, False)
    return {subject: said[of, subject] for of, subject in sorted(said)}


def renumber(old: str, new: str) -> None:
    """A row of ours has been given its number's form of today: what stands under the old form stands under the new."""
    for state in Consent.objects.filter(subject=old):
        known = Consent.objects.filter(subject=new, brand=state.brand)
        if not known.exists():
            Consent.objects.filter(pk=state.pk).update(subject=new)
        elif state.opted_out:
            known.update(opted_out=True)


def _say_of_other_forms(subject: str, brand: str, opted_out: bool) -> None:
    """Rows that still hold another form of this number stand where it stands: the claim asks for what they hold."""
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
    """The numbers of whoever refuses under a token refuse too: that is where its messages fall back to."""
    theirs = Connection.objects.filter(contact__connections__identity=token, identity__startswith="+")
    numbers = set(theirs.values_list("identity", flat=True))
    for number in sorted(numbers - refused(numbers, brand)):
        record(
            number, opted_out=True, source="linked identity", backend=backend, brand=brand, said_at=said_at
        )


def _left_later(subject: str, brand: str, said_at: datetime | None) -> bool:
    """Did they end the offers after they said this? Providers repeat events, so an old START may come last.

    Nothing was said after it was recorded, whatever the provider's clock says.
    """
    if said_at is None:
        return False
    lines = ConsentRecord.objects.filter(subject__in=numbering.forms(subject), brand__in=scope(brand))
    return lines.filter(opted_out=True, said_at__gt=said_at, created_at__gt=said_at).exists()
