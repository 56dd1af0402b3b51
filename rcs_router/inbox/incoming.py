"""Store incoming messages that backends have parsed, linked to the messages that they answer."""

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
SHORT = 60  # characters; longer texts are not compared with the numbers and labels of options
PROVIDER = "provider"  # `fields["answered_by"]` of a word that the provider has answered already


def unrouted() -> QuerySet[Message]:
    """Return the messages that are not routed yet, STOP and START first, each with `likely`: the message it may answer.

    `likely` is the newest message that the person may have seen on this connection, within REPLY_WINDOW.
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
    """Return True for a STOP or START that is not a limited word: it is routed first and never set aside."""
    return kind == IncomingKind.TEXT and consent.said(text) is not None and not consent.is_limited(text)


def _is_consent_request(connection: Connection, incoming: Incoming) -> bool:
    """Return True for STOP or START. A limited word does not count if our newest message is not a promotion."""
    if incoming.kind != IncomingKind.TEXT or consent.said(incoming.text) is None:
        return False
    if not consent.is_limited(incoming.text):
        return True
    since = timezone.now() - timedelta(seconds=router_settings().REPLY_WINDOW)
    newest = _newest(_identities(connection)).filter(created_at__gt=since)
    traffic = newest.values_list("message__traffic", flat=True).first()
    return traffic is None or consent.needs_consent(traffic)


def is_answered(row: Message) -> bool:
    """Return True if the provider has answered this word already."""
    return bool(row.fields.get("answered_by") == PROVIDER)


def link(row: Message) -> None:
    """Set the message that a free text answers. For taps and forms it is known exactly when they are stored."""
    if row.kind == IncomingKind.TEXT and row.in_response_to_id is None:
        row.in_response_to_id = getattr(row, "likely", None)


def store(connections: dict[str, Connection], received: Sequence[Incoming]) -> None:
    """Store incoming messages, with `connections` by identity. A message that the provider repeats is stored once."""
    rows = [as_row(connections[incoming.sender], incoming) for incoming in received]
    for before, row in pairwise(rows):  # answers are sent in the order of arrival
        row.created_at = max(row.created_at, before.created_at + timedelta(microseconds=1))
    stored = sql.insert_all(rows, ignore_conflicts=True)
    if others := _with_shared_ids(row for row in rows if row.pk not in stored):
        sql.insert_all(others, ignore_conflicts=True)
    _store_links(rows)
    for row in rows:
        logs.incoming(row.backend_id or "", row.pk, row.kind)


def _with_shared_ids(refused: Iterable[Message]) -> list[Message]:
    """Return the rows that are not repeats, under new ids: some providers give one id to several kinds of messages."""
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
    """Queue the files of new messages for download, in two statements. Does nothing without files."""
    links = [link for row in rows if row.kind == IncomingKind.FILE for link in links_of(row)]
    if not links or not router_settings().MEDIA_FETCH:
        return
    keys = [link.message_id for link in links]
    new = set(Message.objects.filter(pk__in=keys).values_list("pk", flat=True))  # without repeats
    sql.insert_all([link for link in links if link.message_id in new])
    wake.fetch()


def as_row(connection: Connection, incoming: Incoming) -> Message:
    """Return one incoming message, not saved. A typed answer to a numbered option becomes a tap.

    A typed STOP stays a STOP, even if a chip has the same label.
    """
    consent_request = _is_consent_request(connection, incoming)
    answered, choice = _answered(connection, incoming, consent_request)
    place = incoming.kind == IncomingKind.LOCATION
    kind = IncomingKind.SUGGESTION if choice else incoming.kind
    return Message(
        direction=Message.Direction.IN,
        kind=kind,
        urgent=consent_request,
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
    connection: Connection, incoming: Incoming, consent_request: bool
) -> tuple[Transmission | None, Choice | None]:
    """Return the transmission that is answered and, for a typed answer, the chosen option."""
    named = _referenced(connection, incoming)
    if incoming.kind in {IncomingKind.SUGGESTION, IncomingKind.FORM}:
        return named or _message_with_chip(connection, incoming.postback), None
    if consent_request or not _may_choose(connection, incoming):
        return named, None
    if named:
        return named, match(incoming.text, _choices(named))
    return _match_option(connection, incoming.text)


def _may_choose(connection: Connection, incoming: Incoming) -> bool:
    """Return True for a short text of a person who may have seen numbered options.

    A word that the provider has answered already does not choose an option.
    """
    if incoming.kind != IncomingKind.TEXT or incoming.answered:
        return False
    short = 0 < len(spelling.folded(incoming.text)) <= SHORT
    return short and _may_have_seen_numbers(connection, incoming)


def _may_have_seen_numbers(connection: Connection, incoming: Incoming) -> bool:
    """Return True if numbered options may have been sent: by SMS, which an RCS provider may fall back to by itself."""
    can = backends[connection.backend_id].capabilities
    if content.Reply not in can.suggestions:
        return True
    return can.own_fallback and incoming.fields.get("channel", "sms") == "sms"


def _referenced(connection: Connection, incoming: Incoming) -> Transmission | None:
    """Return the transmission that the provider names, by our id or by its own, if it was sent to this person."""
    if incoming.answers is None and not incoming.answers_id:
        return None
    theirs = Transmission.objects.filter(connection__identity__in=_identities(connection))
    if incoming.answers is not None:
        return theirs.filter(pk=incoming.answers).first()
    return theirs.filter(backend_id=connection.backend_id, provider_id=incoming.answers_id).first()


def _identities(connection: Connection) -> list[str]:
    """Return all identities of this person, because a chip may be in a message to an earlier token."""
    theirs = {connection.identity}
    if connection.contact_id is not None:
        people = Connection.objects.filter(contact=connection.contact_id)
        theirs |= set(people.values_list("identity", flat=True))
    return list({form for identity in theirs for form in numbering.forms(identity)})


def _message_with_chip(connection: Connection, postback: str) -> Transmission | None:
    """Return the newest message to this person with such a chip; the provider does not say which message was tapped.

    Messages of the same backend come first: two providers may have sent the same card.
    """
    newest = _newest(_identities(connection)).select_related("message")[:RECENT]
    own_first = sorted(newest, key=lambda t: t.backend_id != connection.backend_id)
    return next((t for t in own_first if postback in _postbacks(t.message.content)), None)


def _match_option(connection: Connection, text: str) -> tuple[Transmission | None, Choice | None]:
    """Return the message and the option that `text` chooses.

    A number refers to the newest message only ("how many?" may be a later question), a label to any recent message.
    """
    newest = _newest(numbering.forms(connection.identity), connection.backend_id)[:RECENT]
    for position, transmission in enumerate(newest):
        if position and spelling.number(text) is not None:
            break
        if choice := match(text, _choices(transmission)):
            return transmission, choice
    return None, None


def _choices(transmission: Transmission) -> list[Choice]:
    """Return the numbered options that a transmission offered."""
    return [Choice(**choice) for choice in transmission.choices]


def _newest(identities: list[str], alias: str = "") -> Any:
    """Return the transmissions that a person may have seen, newest first."""
    rows = Transmission.objects.filter(connection__identity__in=identities).exclude(
        status__in=[Status.QUEUED, Status.CANCELLED]
    )
    return (rows.filter(backend_id=alias) if alias else rows).order_by("-created_at")


def _postbacks(data: Any) -> set[str]:
    """Return every postback in stored content, without loading the content."""
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
    """Return the values without a column: the file, the typed text of a choice, and the provider's own fields."""
    extra = {"url": incoming.url, "media_type": incoming.media_type, "typed": typed}
    extra["answered_by"] = PROVIDER if incoming.answered else ""
    return {**incoming.fields, **{name: value for name, value in extra.items() if value}}
