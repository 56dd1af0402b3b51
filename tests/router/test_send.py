"""send(): what it stores, whom it reaches, what it refuses in the caller's stack, and that it never sends twice."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db import connections as databases
from django.db.models import F
from django.utils import timezone

from rcs_router import lookup_connections, outbox, receive, send
from rcs_router.content import Card, Carousel, Media, OpenUrl, Reply, Text
from rcs_router.contract import Status
from rcs_router.errors import ConfigError, ContentError, IdentityError, RCSError
from rcs_router.models import Backend, Connection, Contact, Message, Transmission
from rcs_router.people import consent
from tests.core import ALICE, BACKENDS, BOB, CAROL, connection, drain, memory
from tests.statements import statements

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]
LINK = "https://shop.example/7"


def identities(message: Message) -> list[str]:
    return sorted(message.transmissions.values_list("connection__identity", flat=True))


# What is stored


def test_a_string_is_a_text() -> None:
    message = send("Hello", connection())
    t = message.transmissions.get()
    assert (message.body, message.text, message.direction) == (Text("Hello"), "Hello", "out")
    assert (t.status, t.backend_id, t.attempts, t.priority) == (Status.QUEUED, "rcs", 0, 20)
    assert message.status == Status.QUEUED
    assert memory().sent == []  # nothing leaves before a drain


def test_every_option_is_kept() -> None:
    incoming = receive("hi", connection())
    message = send(
        Card("Boots", suggestions=[Reply("Keep", "keep_7")]),
        connection(),
        traffic="authentication",
        ttl=timedelta(minutes=5),
        fallback_text="Boots",
        time_critical=True,
        in_response_to=incoming,
        fields={"order": 7},
        idempotency_key="order-7",
        is_error=True,
    )
    message.refresh_from_db()
    assert (message.traffic, message.ttl, message.fallback_text) == (
        "authentication",
        timedelta(minutes=5),
        "Boots",
    )
    assert (message.time_critical, message.in_response_to, message.is_error) == (True, incoming, True)
    assert (message.fields, message.idempotency_key) == ({"order": 7}, "order-7")
    t = message.transmissions.get()
    assert t.priority == 0
    assert t.expires_at is not None
    assert t.expires_at - t.due_at == timedelta(minutes=5)


def test_a_later_message_waits_and_its_ttl_begins_then() -> None:
    later = timezone.now() + timedelta(hours=1)
    t = send("Hello", connection(), send_at=later, ttl=timedelta(minutes=5)).transmissions.get()
    drain("rcs")
    assert (t.due_at, t.expires_at) == (later, later + timedelta(minutes=5))
    assert memory().sent == []


def test_a_time_zone_of_the_callers_is_understood() -> None:
    past = datetime(2020, 1, 1, tzinfo=UTC)
    send("Hello", connection(), send_at=past.astimezone(timezone.get_fixed_timezone(180)))
    drain("rcs")
    assert len(memory().sent) == 1


@pytest.mark.parametrize("given", [None, "transaction", "acknowledgement"])
def test_the_traffic_type_is_the_backends_unless_it_is_named(settings: Any, given: str | None) -> None:
    settings.RCS_BACKENDS = {**BACKENDS, "offers": BACKENDS["alone"] | {"TRAFFIC": "promotion"}}
    assert send("Hello", connection(alias="offers"), traffic=given).traffic == (given or "promotion")


def test_extras_reach_the_backend() -> None:
    extra = {"rcs": {"contentMessage": {"x": 1}}, "sms": {"mclass": 0}}
    send("Hello", connection(), fields={"extra": extra, "order": 7})
    drain("rcs")
    assert memory().sent[0].extra == {"contentMessage": {"x": 1}}


def test_what_a_plain_backend_loses_and_numbers_is_kept_on_the_transmission() -> None:
    content = Card("Boots", suggestions=[Reply("Keep", "keep_7"), OpenUrl("Track", url=LINK)])
    t = send(content, connection(alias="sms")).transmissions.get()
    assert t.choices == [{"number": 1, "label": "Keep", "postback": "keep_7"}]
    assert "1 chip became a numbered option" in t.lost
    native = send(content, connection(alias="rcs")).transmissions.get()
    assert (native.choices, native.lost) == ([], [])


def test_nothing_is_sent_when_the_callers_transaction_fails() -> None:
    to = connection()
    with pytest.raises(RuntimeError), transaction.atomic():
        send("Hello", to)
        raise RuntimeError
    drain("rcs")
    assert not Message.objects.exists()
    assert memory().sent == []


# Recipients


def contact(*backends: str, identity: str = ALICE, name: str = "Alice") -> Contact:
    person = Contact.objects.create(name=name)
    for alias in backends:
        Connection.objects.filter(pk=connection(identity, alias).pk).update(contact=person)
    return person


def test_duplicates_get_it_once() -> None:
    alice, bob = connection(ALICE), connection(BOB)
    assert identities(send("Hello", [alice, bob, alice, connection(ALICE)])) == [ALICE, BOB]


def test_a_contact_and_its_connection_are_one() -> None:
    person = contact("rcs")
    assert identities(send("Hello", [person, connection(ALICE), person])) == [ALICE]


@pytest.mark.parametrize("make", [list, tuple, iter, lambda people: (one for one in people)])
def test_any_iterable_will_do(make: Callable[[list[Connection]], Any]) -> None:
    assert identities(send("Hello", make([connection(ALICE), connection(BOB)]))) == [ALICE, BOB]


@pytest.mark.parametrize(
    ("aliases", "default", "wanted"),
    [
        (("rcs", "sms"), "", "rcs"),
        (("sms", "rcs"), "", "rcs"),  # the order of RCS_BACKENDS counts, not that of the rows
        (("sms",), "", "sms"),
        (("rcs", "sms"), "sms", "sms"),
        (("rcs",), "sms", "rcs"),
    ],
)
def test_a_contact_is_written_to_on_its_first_backend(
    settings: Any, aliases: tuple[str, ...], default: str, wanted: str
) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "DEFAULT_BACKEND": default}
    assert send("Hello", contact(*aliases)).transmissions.get().backend_id == wanted


def test_contacts_of_a_queryset() -> None:
    contact("rcs", "sms")
    contact("sms", identity=BOB, name="Bob")
    message = send("Hello", Contact.objects.all())
    assert sorted(message.transmissions.values_list("backend_id", flat=True)) == ["rcs", "sms"]


def test_a_thousand_contacts_cost_no_statement_each() -> None:
    made = Contact.objects.bulk_create([Contact(name=str(n)) for n in range(1000)])
    found = lookup_connections("rcs", [f"+3725{1000000 + n}" for n in range(1000)])
    for one, person in zip(found, made, strict=True):
        one.contact = person
    Connection.objects.bulk_update(found, ["contact"])
    with statements(12, "send() to 1,000 contacts"):
        send("Hello", made)
    assert Transmission.objects.count() == 1000


def test_a_contact_without_connections_is_named() -> None:
    person = contact(name="Lonely")
    with pytest.raises(ValueError, match=rf"contact Lonely \(id {person.pk}\) has no connection"):
        send("Hello", [contact("rcs"), person])


def test_a_queryset_is_read_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    lookup_connections("rcs", [f"+3725{1000000 + n}" for n in range(2500)])
    alive = most = 0
    init = Connection.__init__

    def counted(self: Connection, *args: Any, **kwargs: Any) -> None:
        nonlocal alive, most
        alive += 1
        most = max(most, alive)
        init(self, *args, **kwargs)

    def gone(self: Connection) -> None:
        nonlocal alive
        alive -= 1

    monkeypatch.setattr(Connection, "__init__", counted)
    monkeypatch.setattr(Connection, "__del__", gone, raising=False)
    people = Connection.objects.all()
    with statements(20, "send() to 2,500"):
        message = send("Hello", people)
    assert message.transmissions.count() == 2500
    assert people._result_cache is None
    assert 0 < most < 2500


ALL = Connection.objects
QUERYSETS: dict[str, Callable[[], Any]] = {
    "sliced": lambda: ALL.order_by("identity")[:2],
    "united": lambda: ALL.filter(identity=ALICE).union(ALL.filter(identity=BOB)),
    "or": lambda: ALL.filter(identity=ALICE) | ALL.filter(identity=BOB),
    "joined": lambda: ALL.filter(transmissions__message__text="before"),
    "joined and ordered": lambda: ALL.filter(transmissions__message__text="before").order_by(
        "transmissions__created_at"
    ),
    "annotated": lambda: ALL.exclude(identity=CAROL).annotate(sent=F("transmissions__id")),
    "only some columns": lambda: ALL.exclude(identity=CAROL).only("id"),
    "select_related": lambda: ALL.exclude(identity=CAROL).select_related("contact"),
    "distinct": lambda: ALL.exclude(identity=CAROL).distinct(),
    "related manager": lambda: Backend.objects.get(pk="rcs").connections.exclude(identity=CAROL),
}


@pytest.mark.parametrize("name", QUERYSETS)
def test_every_kind_of_queryset_reaches_everybody_once(name: str) -> None:
    for _ in range(2):
        send("before", [connection(ALICE), connection(BOB)])
    connection(CAROL)
    assert identities(send("Hello", QUERYSETS[name]())) == [ALICE, BOB]


def test_recipients_on_several_backends() -> None:
    message = send("Hello", [connection(ALICE, "rcs"), connection(BOB, "sms")])
    assert sorted(message.transmissions.values_list("backend_id", flat=True)) == ["rcs", "sms"]


# What is refused, before anything is stored

TOO_LONG = "x" * 3001
REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: send("Hello", ALICE), IdentityError, "takes connections, not the string"),  # type: ignore[arg-type]
    (lambda: send("Hello", [ALICE]), IdentityError, "takes connections and contacts, not"),  # type: ignore[list-item]
    (lambda: send("Hello", [connection(), 7]), IdentityError, "not 7"),  # type: ignore[list-item]
    (lambda: send("Hello", []), ValueError, "at least one recipient"),
    (lambda: send("Hello", iter(())), ValueError, "at least one recipient"),
    (lambda: send("Hello", Connection.objects.none()), ValueError, "at least one recipient"),
    (lambda: send("Hello", Contact.objects.all()), ValueError, "at least one recipient"),
    (lambda: send(None, connection()), ContentError, "not NoneType"),  # type: ignore[arg-type]
    (lambda: send(7, connection()), ContentError, "not int"),  # type: ignore[arg-type]
    (lambda: send("", connection()), ContentError, "text: may not be blank"),
    (lambda: send(" \n", connection()), ContentError, "text: may not be blank"),
    (lambda: send(TOO_LONG, connection()), ContentError, "text: 3001 characters, Memory allows 3000"),
    (lambda: send("x", connection(), traffic="spam"), ValueError, "traffic must be one of"),
    (lambda: send("x", connection(), ttl=timedelta(0)), ValueError, "ttl must be positive"),
    (lambda: send("x", connection(), ttl=timedelta(-1)), ValueError, "ttl must be positive"),
    (lambda: send("x", connection(), send_at=datetime(2030, 1, 1)), ValueError, "needs a time zone"),
]


@pytest.mark.parametrize(("call", "error", "words"), REFUSED)
def test_what_can_be_known_is_refused_in_the_callers_stack(
    call: Callable[[], Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert words in str(caught.value)
    assert not Message.objects.exists()


def test_what_a_fallback_cannot_carry_is_refused(settings: Any) -> None:
    tight = {"BACKEND": "rcs_router.testing.MemorySMS", "OPTIONS": {"limit": 10}}
    settings.RCS_BACKENDS = {**BACKENDS, "sms": tight}
    with pytest.raises(ContentError, match="Memory allows 10"):
        send("Hello, how are you?", connection())
    send("Hello", connection())
    send("Hello, how are you?", connection(alias="alone"))
    content = Card("Boots for the winter", suggestions=[Reply("Keep")])
    with pytest.raises(ContentError, match="Memory allows 10"):
        send(content, connection())
    send(Card("Boots for the winter"), connection(), fallback_text="Boots")


def test_the_numbered_options_count_against_the_fallbacks_limit(settings: Any) -> None:
    tight = {"BACKEND": "rcs_router.testing.MemorySMS", "OPTIONS": {"limit": 12}}
    settings.RCS_BACKENDS = {**BACKENDS, "sms": tight}
    send(Text("Hello"), connection())
    with pytest.raises(ContentError, match="16 characters"):
        send(Text("Hello", suggestions=[Reply("Keep it")]), connection())


def test_a_backend_that_is_not_configured_any_more_is_named(settings: Any) -> None:
    to = connection(alias="alone")
    settings.RCS_BACKENDS = {"rcs": BACKENDS["alone"]}
    with pytest.raises(ConfigError, match="there is no backend 'alone'; RCS_BACKENDS has rcs"):
        send("Hello", to)
    assert not Message.objects.exists()


def test_every_error_of_ours_has_one_base() -> None:
    assert all(issubclass(error, RCSError) for error in (ConfigError, ContentError, IdentityError))


NESTED: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: Card("a", suggestions=[Reply("b"), {"type": "reply", "label": ""}]),  # type: ignore[arg-type]
        "suggestions[1].label: may not be blank",
    ),
    (lambda: Text("a", [{"type": "teleport"}]), "suggestions[0]: input tag 'teleport'"),  # type: ignore[arg-type]
    (lambda: Card("a", "b", {"url": "ftp://x"}), "media.url: 'ftp://x' is not an http or https address"),  # type: ignore[arg-type]
    (lambda: Media("nowhere"), "url: 'nowhere' is not an http or https address"),
    (lambda: Reply(" "), "label: may not be blank"),
    (
        lambda: Carousel([{"type": "card", "title": "a"}, {"type": "card", "title": 7}]),  # type: ignore[arg-type,list-item]
        "cards[1].title: input should be a valid string",
    ),
    (
        lambda: Carousel(
            [
                {"title": "a"},
                {
                    "title": "b",
                    "suggestions": [{"type": "reply", "label": "x"}] * 2
                    + [{"type": "dial", "label": "y", "phone": "x"}],
                },
            ]  # type: ignore[arg-type,list-item]
        ),
        "cards[1].suggestions[2].phone: string should match pattern",
    ),
    (lambda: Carousel([Card("only one")]), "cards: "),  # type: ignore[arg-type]
    (lambda: Card(), "a card needs a title, a description or media"),
]


@pytest.mark.parametrize(("build", "words"), NESTED)
def test_a_content_error_names_the_path(build: Callable[[], Any], words: str) -> None:
    with pytest.raises(ContentError) as caught:
        build()
    assert str(caught.value).startswith(words)
    assert caught.value.path == ("" if words.startswith("a card") else words.partition(": ")[0])


# Consent


def test_promotions_to_people_who_left_are_cancelled_and_the_others_leave() -> None:
    consent.record(ALICE, opted_out=True, source="test")
    message = send("Offer!", [connection(ALICE), connection(BOB)], traffic="promotion")
    drain("rcs")
    rows = {t.connection.identity: (t.status, t.reason) for t in message.transmissions.all()}
    assert rows == {ALICE: (Status.CANCELLED, "opted_out"), BOB: (Status.ACCEPTED, "")}


@pytest.mark.parametrize("traffic", ["authentication", "transaction", "service_request", "acknowledgement"])
def test_essential_traffic_reaches_everybody(traffic: str) -> None:
    consent.record(ALICE, opted_out=True, source="test")
    assert send("Code 123", connection(), traffic=traffic).status == Status.QUEUED


# Twice


def test_the_same_key_is_the_same_message() -> None:
    first = send("Hello", connection(), idempotency_key="order-7")
    again = send("Something else", connection(BOB), idempotency_key="order-7")
    assert again == first
    assert identities(first) == [ALICE]
    assert send("Hello", connection(), idempotency_key="order-8") != first


def test_no_key_is_not_a_key() -> None:
    assert send("Hello", connection()) != send("Hello", connection())
    assert send("Hello", connection(), idempotency_key="") != send("Hello", connection(), idempotency_key="")


def test_the_same_key_inside_of_one_transaction() -> None:
    to = connection()
    with transaction.atomic():
        first = send("Hello", to, idempotency_key="order-7")
        assert send("Hello", to, idempotency_key="order-7") == first
    assert Message.objects.count() == 1


def test_another_constraint_is_not_mistaken_for_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise IntegrityError("something else")

    monkeypatch.setattr(outbox, "enqueue", broken)
    with pytest.raises(IntegrityError, match="something else"):
        send("Hello", connection(), idempotency_key="order-7")


def test_a_key_that_was_taken_a_moment_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have looked, both have found nothing: the second INSERT meets the first."""
    to = connection()
    first = send("Hello", to, idempotency_key="order-7")
    real, asked = Message.objects.filter, []

    def blind_once(**lookups: Any) -> Any:
        asked.append(lookups)
        return real(**lookups) if len(asked) > 1 else Message.objects.none()

    monkeypatch.setattr(Message.objects, "filter", blind_once)
    with transaction.atomic():
        assert send("Hello", to, idempotency_key="order-7") == first
        assert len(asked) == 2
        assert Message.objects.count() == 1  # the caller's transaction still works


def test_two_threads_with_the_same_key_send_once() -> None:
    to, together = connection(), threading.Barrier(2)
    results: list[Message | Exception] = []

    def work() -> None:
        try:
            together.wait(10)
            results.append(send("Hello", to, idempotency_key="order-7"))
        except Exception as error:
            results.append(error)
        finally:
            databases.close_all()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [type(result) for result in results] == [Message, Message], results
    assert results[0] == results[1]
    assert Transmission.objects.count() == 1


@pytest.mark.parametrize("hours", [-23, 0, 19, 23])
def test_a_time_may_be_told_by_any_clock_on_earth_and_beyond(hours: int) -> None:
    """PostgreSQL knows no offset from UTC of 16 hours or more; Python does, and so does JSON."""
    at = datetime.now(timezone.get_fixed_timezone(hours * 60)) + timedelta(days=1)
    assert send("Hello", connection(), send_at=at).transmissions.get().due_at == at
