"""Store what people said or did, as backends parse it: Message rows that are linked to what they answer."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from rcs_router import consent, content, logs, sql, wake
from rcs_router.backends import backends
from rcs_router.conf import router_settings
from rcs_router.content.characters import storable
from rcs_router.content.plain import Choice, match
from rcs_router.contract import Incoming, IncomingKind, Status
from rcs_router.models import Connection, Message, Transmission
from rcs_router.models.media import links_of

RECENT = 10  # how many of a person's newest messages a tap may belong to
SHORT = 60  # characters: longer texts are not looked up as the number or label of an option


def unrouted() -> QuerySet[Message]:
    """Return what no router app has seen yet, STOP and START first, each with our message that it most likely answers.

    That is the newest one that the person may have seen on this connection, unless it is older than REPLY_WINDOW.
    """
    window = timedelta(seconds=router_settings().REPLY_WINDOW)
    ours = Transmission.objects.filter(
        connection=OuterRef("connection"),
        created_at__lte=OuterRef("created_at"),
        created_at__gt=OuterRef("created_at") - window,
    ).exclude(status__in=[Status.QUEUED, Status.CANCELLED])
    rows = Message.objects.filter(direction=Message.Direction.IN, routed_at=None)
    return (
        rows.select_related("connection__contact", "answers__message")
        .annotate(likely=Subquery(ours.order_by("-created_at").values("message_id")[:1]))
        .order_by("-urgent", "created_at", "id")
    )


def is_consent_word(kind: str, text: str) -> bool:
    """Is it a STOP or START? Such a message goes before all others and is never given up."""
    return kind == IncomingKind.TEXT and consent.said(text) is not None


def link(row: Message) -> None:
    """Say what a free text answers; a tap and a form know it better."""
    if row.kind == IncomingKind.TEXT and row.in_response_to_id is None:
        row.in_response_to_id = getattr(row, "likely", None)


def store(connections: dict[str, Connection], said: Sequence[Incoming]) -> None:
    """Store what was said by `connections` (by identity); what the provider repeats is stored once."""
    rows = [as_row(connections[incoming.sender], incoming) for incoming in said]
    for before, row in pairwise(rows):  # in the order in which they came, which is the order of their answers
        row.created_at = max(row.created_at, before.created_at + timedelta(microseconds=1))
    sql.insert_all(rows, ignore_conflicts=True)
    _store_links(rows)
    for row in rows:
        logs.incoming(row.backend_id or "", row.pk, row.kind)


def _store_links(rows: list[Message]) -> None:
    """The files that came with messages are to be fetched: two statements, and only where there are any."""
    links = [link for row in rows if row.kind == IncomingKind.FILE for link in links_of(row)]
    if not links or not router_settings().MEDIA_FETCH:
        return
    keys = [link.message_id for link in links]
    new = set(Message.objects.filter(pk__in=keys).values_list("pk", flat=True))  # repeats were not stored
    sql.insert_all([link for link in links if link.message_id in new])
    wake.fetch()


def as_row(connection: Connection, incoming: Incoming) -> Message:
    """One incoming message, not saved: a numbered answer has become the tap that it stands for."""
    answered, choice = _answered(connection, incoming)
    place = incoming.kind == IncomingKind.LOCATION
    kind = IncomingKind.SUGGESTION if choice else incoming.kind
    return Message(
        direction=Message.Direction.IN,
        kind=kind,
        urgent=is_consent_word(kind, incoming.text),
        backend_id=connection.backend_id,
        connection=connection,
        external_id=incoming.id,
        text=choice.label if choice else storable(incoming.text),
        postback=choice.postback if choice else storable(incoming.postback),
        content=_place(incoming) if place else None,
        answers=answered,
        in_response_to_id=answered.message_id if answered else None,
        said_at=incoming.at,
        fields=_fields(incoming, typed=incoming.text if choice else ""),
    )


def _answered(connection: Connection, incoming: Incoming) -> tuple[Transmission | None, Choice | None]:
    """Which of our transmissions it answers, and for a typed answer the option that it chose."""
    if incoming.kind in {IncomingKind.SUGGESTION, IncomingKind.FORM}:
        return _named(connection, incoming.answers) or _tapped(connection, incoming.postback), None
    if consent.said(incoming.text):  # a typed STOP is a STOP, even where a chip has the same label
        return None, None
    if (
        incoming.kind == IncomingKind.TEXT
        and len(incoming.text) <= SHORT
        and _saw_numbers(connection, incoming)
    ):
        return _chosen(connection, incoming.text)
    return None, None


def _saw_numbers(connection: Connection, incoming: Incoming) -> bool:
    """May they have been shown numbered options? By SMS, which a provider of RCS may have sent by itself."""
    can = backends[connection.backend_id].capabilities
    if content.Reply not in can.suggestions:
        return True
    return can.own_fallback and incoming.fields.get("channel", "sms") == "sms"


def _named(connection: Connection, transmission: UUID | None) -> Transmission | None:
    """The one that the wire names, if it went to this person."""
    if transmission is None:
        return None
    return Transmission.objects.filter(pk=transmission, connection__identity__in=_names(connection)).first()


def _names(connection: Connection) -> list[str]:
    """Of this person: a chip may stand in a message to the token under which a provider knew them before."""
    if connection.contact_id is None:
        return [connection.identity]
    theirs = Connection.objects.filter(contact=connection.contact_id).values_list("identity", flat=True)
    return list({connection.identity, *theirs})


def _tapped(connection: Connection, postback: str) -> Transmission | None:
    """The newest message to this person that has such a chip; the wire does not say which one was tapped.

    One of the same backend goes first: two providers may have been given the same card.
    """
    newest = _newest(_names(connection)).select_related("message")[:RECENT]
    own_first = sorted(newest, key=lambda t: t.backend_id != connection.backend_id)
    return next((t for t in own_first if postback in _postbacks(t.message.content)), None)


def _chosen(connection: Connection, text: str) -> tuple[Transmission | None, Choice | None]:
    """A number answers the newest message only ("how many?" may have come since); a label any recent one."""
    for position, transmission in enumerate(_newest([connection.identity], connection.backend_id)[:RECENT]):
        if position and text.strip().rstrip(".)").isdigit():
            break
        choices = [Choice(**choice) for choice in transmission.choices]
        if choice := match(text, choices):
            return transmission, choice
    return None, None


def _newest(identities: list[str], alias: str = "") -> Any:
    """Transmissions that a person may have seen, newest first."""
    rows = Transmission.objects.filter(connection__identity__in=identities).exclude(
        status__in=[Status.QUEUED, Status.CANCELLED]
    )
    return (rows.filter(backend_id=alias) if alias else rows).order_by("-created_at")


def _postbacks(data: Any) -> set[str]:
    """Every postback in a stored content, without building the content."""
    if isinstance(data, list):
        return set().union(*(_postbacks(part) for part in data))
    if not isinstance(data, dict):
        return set()
    name = data.get("label") or data.get("name")  # of a chip, or of a form
    own = {data["postback"] or name} if name and "postback" in data else set()
    return own.union(*(_postbacks(part) for part in data.values() if isinstance(part, dict | list)))


def _place(incoming: Incoming) -> dict[str, Any] | None:
    if incoming.latitude is None or incoming.longitude is None:
        return None
    return content.dump(content.Location(incoming.latitude, incoming.longitude, incoming.text))


def _fields(incoming: Incoming, typed: str) -> dict[str, Any]:
    """What has no column: a file's address, the words that chose an option, and the wire's own extras."""
    extra = {"url": incoming.url, "media_type": incoming.media_type, "typed": typed}
    return {**incoming.fields, **{name: value for name, value in extra.items() if value}}
