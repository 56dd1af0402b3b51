"""Store what people said or did, as backends parse it: Message rows that are linked to what they answer."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from rcs_router import content, logs, sql, wake
from rcs_router.backends import backends
from rcs_router.conf import router_settings
from rcs_router.content import spelling
from rcs_router.content.characters import storable
from rcs_router.content.plain import Choice, match
from rcs_router.contract import Incoming, IncomingKind, Status
from rcs_router.models import Connection, Message, Transmission
from rcs_router.models.media import links_of
from rcs_router.people import consent, numbering

RECENT = 10  # how many of a person's newest messages a tap may belong to
SHORT = 60  # characters: longer texts are not looked up as the number or label of an option
PROVIDER = "provider"  # `fields["answered_by"]` of a word that the provider has answered by itself


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
    """Is it a STOP or START, whatever it answers? Such a message goes before all others and is never given up."""
    return kind == IncomingKind.TEXT and consent.said(text) is not None and not consent.is_limited(text)


def _is_wish(connection: Connection, incoming: Incoming) -> bool:
    """Is it a STOP or START? A limited word is none where our newest message was something else than an offer."""
    if incoming.kind != IncomingKind.TEXT or consent.said(incoming.text) is None:
        return False
    if not consent.is_limited(incoming.text):
        return True
    since = timezone.now() - timedelta(seconds=router_settings().REPLY_WINDOW)
    newest = _newest(_names(connection)).filter(created_at__gt=since)
    traffic = newest.values_list("message__traffic", flat=True).first()
    return traffic is None or consent.needs_consent(traffic)


def is_answered(row: Message) -> bool:
    """Has the provider answered this word by itself?"""
    return bool(row.fields.get("answered_by") == PROVIDER)


def link(row: Message) -> None:
    """Say what a free text answers; a tap and a form know it better."""
    if row.kind == IncomingKind.TEXT and row.in_response_to_id is None:
        row.in_response_to_id = getattr(row, "likely", None)


def store(connections: dict[str, Connection], said: Sequence[Incoming]) -> None:
    """Store what was said by `connections` (by identity); what the provider repeats is stored once."""
    rows = [as_row(connections[incoming.sender], incoming) for incoming in said]
    for before, row in pairwise(rows):  # in the order in which they came, which is the order of their answers
        row.created_at = max(row.created_at, before.created_at + timedelta(microseconds=1))
    stored = sql.insert_all(rows, ignore_conflicts=True)
    if others := _others(row for row in rows if row.pk not in stored):
        sql.insert_all(others, ignore_conflicts=True)
    _store_links(rows)
    for row in rows:
        logs.incoming(row.backend_id or "", row.pk, row.kind)


def _others(refused: Iterable[Message]) -> list[Message]:
    """Those that are no repeats: the provider has given their id to something else that the person did, too."""
    rows = list(refused)
    if not rows:
        return []
    known = Message.objects.filter(direction=Message.Direction.IN, backend_id=rows[0].backend_id)
    names = {row.external_id for row in rows}
    kinds = dict(known.filter(external_id__in=names).values_list("external_id", "kind"))
    others = [row for row in rows if kinds.get(row.external_id, row.kind) != row.kind]
    for row in others:
        row.external_id = f"{row.external_id}#{row.kind}"[:200]
    return others


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
    """One incoming message, not saved: a numbered answer has become the tap that it stands for.

    A typed STOP is a STOP, even where a chip has the same label.
    """
    wish = _is_wish(connection, incoming)
    answered, choice = _answered(connection, incoming, wish)
    place = incoming.kind == IncomingKind.LOCATION
    kind = IncomingKind.SUGGESTION if choice else incoming.kind
    return Message(
        direction=Message.Direction.IN,
        kind=kind,
        urgent=wish,
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


def _answered(
    connection: Connection, incoming: Incoming, wish: bool
) -> tuple[Transmission | None, Choice | None]:
    """Which of our transmissions it answers, and for a typed answer the option that it chose."""
    named = _named(connection, incoming)
    if incoming.kind in {IncomingKind.SUGGESTION, IncomingKind.FORM}:
        return named or _tapped(connection, incoming.postback), None
    if wish or not _may_choose(connection, incoming):
        return named, None
    if named:
        return named, match(incoming.text, _choices(named))
    return _chosen(connection, incoming.text)


def _may_choose(connection: Connection, incoming: Incoming) -> bool:
    """Is it a short text of somebody who may have been shown numbered options?

    A word that the provider has answered is done.
    """
    if incoming.kind != IncomingKind.TEXT or incoming.answered:
        return False
    short = 0 < len(spelling.folded(incoming.text)) <= SHORT
    return short and _saw_numbers(connection, incoming)


def _saw_numbers(connection: Connection, incoming: Incoming) -> bool:
    """May they have been shown numbered options? By SMS, which a provider of RCS may have sent by itself."""
    can = backends[connection.backend_id].capabilities
    if content.Reply not in can.suggestions:
        return True
    return can.own_fallback and incoming.fields.get("channel", "sms") == "sms"


def _named(connection: Connection, incoming: Incoming) -> Transmission | None:
    """The one that the wire names, by our id or by the provider's, if it went to this person."""
    if incoming.answers is None and not incoming.answers_id:
        return None
    theirs = Transmission.objects.filter(connection__identity__in=_names(connection))
    if incoming.answers is not None:
        return theirs.filter(pk=incoming.answers).first()
    return theirs.filter(backend_id=connection.backend_id, provider_id=incoming.answers_id).first()


def _names(connection: Connection) -> list[str]:
    """Of this person: a chip may stand in a message to the token under which a provider knew them before."""
    theirs = {connection.identity}
    if connection.contact_id is not None:
        people = Connection.objects.filter(contact=connection.contact_id)
        theirs |= set(people.values_list("identity", flat=True))
    return list({form for identity in theirs for form in numbering.forms(identity)})


def _tapped(connection: Connection, postback: str) -> Transmission | None:
    """The newest message to this person that has such a chip; the wire does not say which one was tapped.

    One of the same backend goes first: two providers may have been given the same card.
    """
    newest = _newest(_names(connection)).select_related("message")[:RECENT]
    own_first = sorted(newest, key=lambda t: t.backend_id != connection.backend_id)
    return next((t for t in own_first if postback in _postbacks(t.message.content)), None)


def _chosen(connection: Connection, text: str) -> tuple[Transmission | None, Choice | None]:
    """A number answers the newest message only ("how many?" may have come since); a label any recent one."""
    newest = _newest(numbering.forms(connection.identity), connection.backend_id)[:RECENT]
    for position, transmission in enumerate(newest):
        if position and spelling.number(text) is not None:
            break
        if choice := match(text, _choices(transmission)):
            return transmission, choice
    return None, None


def _choices(transmission: Transmission) -> list[Choice]:
    """The numbered options that it offered."""
    return [Choice(**choice) for choice in transmission.choices]


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
    extra["answered_by"] = PROVIDER if incoming.answered else ""
    return {**incoming.fields, **{name: value for name, value in extra.items() if value}}
