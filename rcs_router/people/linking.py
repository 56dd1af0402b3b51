"""Join identities that belong to one person: as one contact, or as one row."""

from django.db import IntegrityError
from django.utils import timezone

from rcs_router import database, signals
from rcs_router.backends import brand_of
from rcs_router.contract import Linked
from rcs_router.models import Connection, Contact, Event
from rcs_router.people import consent


def link(linked: Linked, connections: dict[str, Connection]) -> Contact:
    """Give the connections of `linked` (by identity) one contact, in the caller's transaction.

    If the new identity has a contact already, that one is kept: a number knows more of a person than a token. A refusal
    under the token counts for the number too.
    """
    newest = connections[linked.identity]
    older = [connections[identity] for identity in linked.others]
    contact = _contact([newest, *older])
    for connection in [newest, *older]:
        if connection.contact_id != contact.pk:
            connection.contact = contact
            connection.save(update_fields=["contact", "modified_on"])
        Event.objects.create(
            connection=connection,
            kind="linked",
            at=linked.at,
            detail=f"{', '.join(linked.others)} is {linked.identity}"[:500],
        )
    for connection in older:
        if connection.identity in consent.refused([connection.identity], brand_of(connection.backend_id)):
            consent.record(
                newest.identity, opted_out=True, source="linked identity", backend=newest.backend_id
            )
    told = {"connection": newest, "others": older, "contact": contact, "at": linked.at}
    signals.after_commit(signals.identities_linked, Connection, **told)
    return contact


def renumbered(row: Connection, number: str) -> Connection:
    """Store today's form of a number in a row that holds an older form, with its state of consent."""
    try:
        with database.atomic():
            Connection.objects.filter(pk=row.pk).update(identity=number, modified_on=timezone.now())
            Event.objects.create(connection=row, kind="renumbered", detail=f"{row.identity} is {number}")
            consent.renumber(row.identity, number)
    except IntegrityError:  # another process has just created a row with it
        return Connection.objects.get(backend_id=row.backend_id, identity=number)
    row.identity = number
    return row


def _contact(connections: list[Connection]) -> Contact:
    known = (connection.contact for connection in connections if connection.contact)
    return next(known, None) or Contact.objects.create()
