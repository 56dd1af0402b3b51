"""Turn what somebody typed into a search box into conditions on people, messages and transmissions."""

import re
from uuid import UUID

from django.db.models import Q

from rcs_router.content.spelling import visible
from rcs_router.models import Connection, Transmission
from rcs_router.people.identities import spellings

HELP = (
    "A number or its end, the name of a contact, a part of the text, or the id of a message or transmission"
)


def clean(typed: str) -> str:
    """Return the search term without blanks around it and without NUL, which no stored text contains."""
    return typed.replace("\0", "").strip()


def numbers(term: str, field: str = "identity") -> Q:
    """Return a condition: `field` contains the digits of `term`, or is the number that it spells in any other way."""
    return Q(**{f"{field}__icontains": _digits(term)}) | Q(**{f"{field}__in": spellings(term)})


def people(term: str, path: str = "") -> Q:
    """Return a condition: connections by number or contact's name. `path` leads from the rows to the connection."""
    return numbers(term, f"{path}identity") | Q(**{f"{path}contact__name__icontains": term})


def messages(term: str) -> Q:
    """Return a condition: messages by sender, recipient, text and id. Without joins no message is found twice."""
    who = Connection.objects.filter(people(term)).values("pk")
    sent = Transmission.objects.filter(connection__in=who).values("message")
    found = Q(text__icontains=term) | Q(connection__in=who) | Q(pk__in=sent)
    if key := _uuid(term):
        found |= Q(pk=key) | Q(pk__in=Transmission.objects.filter(pk=key).values("message"))
    return found


def transmissions(term: str, *, texts: bool = True) -> Q:
    """Return a condition: transmissions by recipient, by our ids and the provider's and, with `texts`, by text."""
    found = people(term, "connection__") | Q(provider_id=term)
    if texts:
        found |= Q(message__text__icontains=term)
    if key := _uuid(term):
        found |= Q(pk=key) | Q(message=key)
    return found


def _digits(term: str) -> str:
    """Return a number, or a part of one, without blanks and punctuation; anything else as it is."""
    seen = visible(term)
    return re.sub(r"[^\d+]", "", seen) if re.fullmatch(r"[+\d\s()./-]+", seen) else term


def _uuid(term: str) -> UUID | None:
    try:
        return UUID(term)
    except ValueError:
        return None
