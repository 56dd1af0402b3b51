"""What somebody typed into a search box in, the conditions that find people, messages and transmissions out."""

import re
from uuid import UUID

from django.db.models import Q

from rcs_router.models import Connection, Transmission

HELP = "A number (or its end), a contact's name, words of the text, or the id of a message or transmission"


def term(typed: str) -> str:
    """What is looked for: without blanks around it, and without NUL, which no text holds."""
    return typed.replace("\0", "").strip()


def people(term: str, path: str = "") -> Q:
    """Connections by number or by their contact's name; `path` leads from the rows to the connection."""
    return Q(**{f"{path}identity__icontains": number(term)}) | Q(**{f"{path}contact__name__icontains": term})


def number(term: str) -> str:
    """Digits as they are stored, however a number was written; anything else as it is."""
    written = re.fullmatch(r"\+?[\d\s()./-]+", term.strip())
    return re.sub(r"[^\d+]", "", term) if written else term.strip()


def messages(term: str) -> Q:
    """By who said it or got it, by text, and by id. Sets of keys, not joins: no message is found twice."""
    who = Connection.objects.filter(people(term)).values("pk")
    sent = Transmission.objects.filter(connection__in=who).values("message")
    found = Q(text__icontains=term) | Q(connection__in=who) | Q(pk__in=sent)
    if key := _uuid(term):
        found |= Q(pk=key) | Q(pk__in=Transmission.objects.filter(pk=key).values("message"))
    return found


def transmissions(term: str, *, texts: bool = True) -> Q:
    """By number, contact's name, by the ids that we and the provider use and, with `texts`, by what is said."""
    found = people(term, "connection__") | Q(provider_id=term)
    if texts:
        found |= Q(message__text__icontains=term)
    if key := _uuid(term):
        found |= Q(pk=key) | Q(message=key)
    return found


def _uuid(term: str) -> UUID | None:
    try:
        return UUID(term)
    except ValueError:
        return None
