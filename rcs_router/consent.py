"""May we write to this person? Asked at `send()` and again when a batch is claimed; changed by what people say."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from rcs_router import signals
from rcs_router.conf import router_settings
from rcs_router.contract import Traffic
from rcs_router.models import Consent, ConsentRecord


def needs_consent(traffic: str) -> bool:
    """Only promotions may be refused: codes, orders and answers are what the person asked for."""
    return traffic == Traffic.PROMOTION


def refused(subjects: Iterable[str]) -> set[str]:
    """Those of `subjects` who want no promotions. They hold on every backend: a STOP by SMS counts for RCS."""
    return set(
        Consent.objects.filter(subject__in=list(subjects), opted_out=True).values_list("subject", flat=True)
    )


def has_spoken(subject: str) -> bool:
    """Has this person ever ended the offers, or asked for them?"""
    return Consent.objects.filter(subject=subject).exists()


def record(
    subject: str,
    *,
    opted_out: bool,
    source: str,
    backend: str = "",
    words: str = "",
    said_at: datetime | None = None,
) -> bool:
    """Write a line of the ledger, and the state. True: a change, which is acknowledged once."""
    with transaction.atomic():
        state, created = Consent.objects.select_for_update().get_or_create(
            subject=subject, defaults={"opted_out": opted_out}
        )
        ConsentRecord.objects.create(
            subject=subject,
            opted_out=opted_out,
            source=source,
            backend=backend,
            words=words[:200],
            said_at=said_at,
        )
        changed = opted_out if created else state.opted_out != opted_out
        changed = changed and (opted_out or not _left_later(subject, said_at))
        if changed and not created:
            Consent.objects.filter(pk=subject).update(opted_out=opted_out, changed_at=timezone.now())
    if changed:
        signals.after_commit(
            signals.consent_changed, Consent, subject=subject, opted_out=opted_out, source=source
        )
    return changed


def _left_later(subject: str, said_at: datetime | None) -> bool:
    """Did they end the offers after they said this? Providers repeat events, so an old START may come last."""
    if said_at is None:
        return False
    return ConsentRecord.objects.filter(subject=subject, opted_out=True, said_at__gt=said_at).exists()


def said(text: str) -> bool | None:
    """True: the whole message is a word for STOP; False: for START; None: it is neither."""
    word = _word(text)
    if word and word in {_word(known) for known in router_settings().OPT_OUT_WORDS}:
        return True
    if word and word in {_word(known) for known in router_settings().OPT_IN_WORDS}:
        return False
    return None


def _word(text: str) -> str:
    """Without case, quotes and punctuation around it, and whichever way its letters are composed."""
    return re.sub(r"^\W+|\W+$", "", unicodedata.normalize("NFKC", text).casefold())
