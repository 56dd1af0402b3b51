"""The lists: as many queries for 30 rows as for 3, found by what people type, filtered by what they click."""

from collections.abc import Callable
from datetime import timedelta
from itertools import cycle
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from rcs_router import lookup_connections, outbox, receive, send, sql
from rcs_router.contract import Status, WebhookRequest
from rcs_router.inbox import intake
from rcs_router.models import BackendState, Connection, Contact, Message, StoredWebhook, Transmission
from rcs_router.outbox import pace
from rcs_router.people import consent
from tests.admin.pages import found, listed, page, words
from tests.core import ALICE, BOB, CAROL, connection, memory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("router")]


def _numbers(start: int, count: int) -> list[str]:
    return [f"+372555{n:05}" for n in range(start, start + count)]


def _outgoing(start: int, count: int) -> None:
    for one in _named(start, count):
        message = send("Hello", one)
        outbox.open_fallback(message.transmissions.get(), "test", timezone.now())


def _incoming(start: int, count: int) -> None:
    for one in _named(start, count):
        receive("Hello", one)


def _named(start: int, count: int) -> list[Any]:
    found = lookup_connections("rcs", _numbers(start, count))
    for one in found:
        one.contact = Contact.objects.create(name=f"Person {one.identity}")
        one.save()
    return found


def _webhooks(start: int, count: int) -> None:
    for _ in range(count):
        intake.accept(memory(), WebhookRequest("POST", b"hello"))


def _consents(start: int, count: int) -> None:
    for number in _numbers(start, count):
        consent.record(number, opted_out=True, source="keyword")


def _states(start: int, count: int) -> None:
    for n in range(start, start + count):
        pace.pause(f"backend{n}", "throttled", 60, timezone.now())


@pytest.mark.parametrize(
    ("model", "make"),
    [
        ("message", _outgoing),
        ("message", _incoming),
        ("transmission", _outgoing),
        ("contact", _outgoing),
        ("connection", _outgoing),
        ("storedwebhook", _webhooks),
        ("consent", _consents),
        ("consentrecord", _consents),
        ("backendstate", _states),
    ],
)
def test_30_rows_need_no_more_queries_than_3(boss, model, make: Callable[[int, int], None]):
    make(0, 3)
    few = _queries(boss, model, at_least=3)
    make(3, 27)
    assert _queries(boss, model, at_least=30) == few


def _queries(boss: Any, model: str, at_least: int) -> int:
    boss.get(listed(model))  # permissions and content types are cached
    with CaptureQueriesContext(
        database,
    ) as captured:
        assert len(found(boss, model)) >= at_least
    return len(captured)


COUNTING = 1  # statements that count the recipients of a whole page by status


@pytest.mark.parametrize(("messages", "people"), [(0, 0), (1, 1), (1, 40), (7, 3), (40, 2)])
def test_the_recipients_of_a_page_are_counted_by_one_query(
    boss, django_assert_num_queries, messages: int, people: int
):
    boss.get(listed("message"))
    with CaptureQueriesContext(database) as empty:
        boss.get(listed("message"))
    for n in range(messages):
        message = send("Hello", lookup_connections("rcs", _numbers(100 * n, people)))
        for row, status in zip(message.transmissions.all(), cycle(Status), strict=False):
            Transmission.objects.filter(pk=row.pk).update(status=status)
    with django_assert_num_queries(len(empty) + (COUNTING if messages else 0)) as captured:
        assert len(found(boss, "message")) == messages
    counting = [query["sql"] for query in captured if "GROUP BY" in query["sql"]]
    assert len(counting) == (COUNTING if messages else 0)


@pytest.mark.parametrize("status", list(Status), ids=lambda status: status.name)
def test_a_message_page_needs_no_more_queries_for_20_recipients_than_for_2(boss, status):
    ttl = timedelta(minutes=5)
    few, many = (send("Hello", lookup_connections("rcs", _numbers(0, n)), ttl=ttl) for n in (2, 20))
    Transmission.objects.update(status=status)
    boss.get(page(few))
    counts = []
    for message in (few, many):
        with CaptureQueriesContext(database) as captured:
            boss.get(page(message))
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_a_message_to_many_shows_a_part_and_a_way_to_all(boss):
    message = send("Hello", lookup_connections("rcs", _numbers(0, 25)))
    response = boss.get(page(message))
    assert len(response.context["timelines"]) == 20
    assert "All 25 recipients" in words(response)
    assert len(found(boss, "transmission", message__id__exact=str(message.pk))) == 25


class TestMessages:
    @pytest.fixture(autouse=True)
    def _messages(self, router: None) -> None:
        alice, bob = connection(ALICE), connection(BOB)
        alice.contact = Contact.objects.create(name="Alice Aas")
        alice.save()
        self.one = send("Your parcel has left\nthe warehouse", alice)
        self.three = send("Winter sale", [alice, bob, connection(CAROL)], traffic="promotion")
        self.said = receive("Where is my parcel?", bob)
        self.tap = receive("", alice, postback="keep_7")

    def test_say_who_what_and_how_it_went(self, boss):
        Transmission.objects.filter(message=self.one).update(status=Status.DELIVERED)
        text = words(boss.get(listed("message")))
        assert f"→ delivered Alice Aas ({ALICE}) Your parcel has left the warehouse transaction" in text
        assert "→ queued 3 recipients Winter sale promotion" in text
        assert f"← to be routed {BOB} Where is my parcel?" in text
        assert f"← to be routed Alice Aas ({ALICE}) tapped: keep_7" in text

    @pytest.mark.parametrize(
        ("typed", "expected"),
        [
            ("+37255501234", {"one", "three", "tap"}),
            ("+372 5550-1234", {"one", "three", "tap"}),
            (" 5550 1235 ", {"three", "said"}),
            ("alice aas", {"one", "three", "tap"}),
            ("parcel", {"one", "said"}),
            ("nobody has said this", set()),
            ("%", set()),
            ("'; DROP TABLE", set()),
        ],
    )
    def test_are_found_by_number_name_and_text(self, boss, typed, expected):
        assert self._names(found(boss, "message", q=typed)) == expected

    def test_to_many_say_how_many_are_in_each_status(self, boss):
        ends = (Status.DELIVERED, Status.FAILED, Status.DELIVERED)
        for row, status in zip(self.three.transmissions.order_by("connection__identity"), ends, strict=True):
            Transmission.objects.filter(pk=row.pk).update(status=status)
        assert "→ failed 1 failed, 2 delivered 3 recipients Winter sale" in words(boss.get(listed("message")))

    def test_count_a_person_whom_a_fallback_reached_once(self, boss):
        first, second, third = self.three.transmissions.order_by("connection__identity")
        child = outbox.open_fallback(first, "test", timezone.now())
        Transmission.objects.filter(pk=child.pk).update(status=Status.DELIVERED)
        Transmission.objects.filter(pk=second.pk).update(status=Status.REVIEW)
        Transmission.objects.filter(pk=third.pk).update(status=Status.CANCELLED)
        text = words(boss.get(listed("message")))
        assert "→ needs review 1 needs review, 1 delivered, 1 cancelled 3 recipients Winter sale" in text

    def test_whose_recipients_are_all_in_one_status_need_no_counts(self, boss):
        self.three.transmissions.update(status=Status.READ)
        assert "→ read 3 recipients Winter sale" in words(boss.get(listed("message")))

    def test_are_found_by_id_of_message_and_transmission(self, boss):
        assert self._names(found(boss, "message", q=str(self.one.pk))) == {"one"}
        assert self._names(found(boss, "message", q=str(self.three.transmissions.first().pk))) == {"three"}

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({}, {"one", "three", "said", "tap"}),
            ({"direction__exact": "in"}, {"said", "tap"}),
            ({"traffic__exact": "promotion"}, {"three"}),
            ({"review": "yes"}, {"three"}),
            ({"status": "30"}, {"three"}),
            ({"status": "0"}, {"one"}),
            ({"status": "90"}, set()),
            ({"status": "nonsense"}, {"one", "three", "said", "tap"}),
            ({"errors": "yes"}, {"said"}),
        ],
    )
    def test_are_filtered(self, boss, query, expected):
        first = self.three.transmissions.first()
        Transmission.objects.filter(pk=first.pk).update(status=Status.REVIEW)
        Message.objects.filter(pk=self.said.pk).update(errors=[{"app": "shop", "error": "KeyError"}])
        assert self._names(found(boss, "message", **query)) == expected

    def test_lead_to_what_needs_review(self, boss):
        assert "review" not in words(boss.get(listed("message"))).partition("results")[0]
        self.three.transmissions.update(status=Status.REVIEW)
        response = boss.get(listed("message"))
        assert "3 transmissions need review" in words(response)
        assert f'href="{listed("transmission")}?review=yes"' in response.content.decode()
        assert len(found(boss, "transmission", review="yes")) == 3

    def test_say_which_backend_is_paused(self, boss):
        pace.pause("rcs", "throttled", 60, sql.now(BackendState))
        assert "rcs is paused until" in words(boss.get(listed("message")))

    def _names(self, rows: list[Any]) -> set[str]:
        names = {self.one.pk: "one", self.three.pk: "three", self.said.pk: "said", self.tap.pk: "tap"}
        assert len(rows) == len({row.pk for row in rows}), "a message is listed twice"
        return {names[row.pk] for row in rows}


@pytest.mark.parametrize(
    ("typed", "expected"), [("5550 1234", 2), ("bob", 1), ("sale", 2), ("gw-77", 1), ("nothing", 0)]
)
def test_transmissions_are_found(boss, typed, expected):
    alice, bob = connection(ALICE), connection(BOB)
    bob.contact = Contact.objects.create(name="Bob")
    bob.save()
    send("Winter sale", [alice, bob])
    mine = send("Hello", alice).transmissions.get()
    Transmission.objects.filter(pk=mine.pk).update(provider_id="gw-77")
    assert len(found(boss, "transmission", q=typed)) == expected


def test_transmissions_are_found_by_id(boss):
    mine, other = (send("Hello", connection()).transmissions.get() for _ in range(2))
    assert found(boss, "transmission", q=str(mine.pk)) == [mine]
    assert found(boss, "transmission", q=str(other.message_id)) == [other]


@pytest.mark.parametrize(
    ("state", "facts"),
    [
        ("waiting", {}),
        ("parked", {"tries": 2, "note": "waits for its transmission"}),
        ("failed", {"tries": 1, "note": "failed: ValueError", "digested_at": timezone.now()}),
        (
            "orphan",
            {"tries": 7, "note": "orphan: there is no such transmission", "digested_at": timezone.now()},
        ),
        ("digested", {"tries": 1, "digested_at": timezone.now() - timedelta(days=1)}),
    ],
)
def test_the_state_of_a_webhook_request_is_the_same_in_words_and_in_the_filter(boss, state, facts):
    row = StoredWebhook.objects.create(backend="rcs", method="POST", **facts)
    assert f" rcs {state} " in words(boss.get(listed("storedwebhook")))
    for other in ("waiting", "parked", "failed", "orphan", "digested"):
        assert found(boss, "storedwebhook", state=other) == ([row] if other == state else [])


OLD, TODAY = "+5215512345678", "+525512345678"
TYPED = {
    ALICE: [
        *(ALICE, "5550-1234", "(+372) 5550 1234", "00372 5550 1234", "tel:+37255501234"),
        *("sms:%2B372-5550-1234", "\u2066+372\u200b55501234", "\uff0b372 55501234"),
    ],
    OLD: [OLD, TODAY, "tel:+52 55 1234 5678", "00525512345678"],
    TODAY: [OLD, TODAY, "tel:+5215512345678", "+52 1 55 1234 5678", "+52 044 55 1234 5678"],
}


@pytest.mark.parametrize(("stored", "typed"), [(one, typed) for one, many in TYPED.items() for typed in many])
def test_a_number_is_found_in_any_spelling(boss, stored: str, typed: str):
    backend = connection(BOB).backend
    person = Connection.objects.create(
        backend=backend, identity=stored, contact=Contact.objects.create(name="X")
    )
    consent.record(stored, opted_out=True, source="keyword")
    message = send("Hello", person)
    assert found(boss, "connection", q=typed) == [person]
    assert found(boss, "contact", q=typed) == [person.contact]
    assert found(boss, "message", q=typed) == [message]
    assert found(boss, "transmission", q=typed) == [message.transmissions.get()]
    assert len(found(boss, "consentrecord", q=typed)) == 1
    assert {row.subject for row in found(boss, "consent", q=typed)} - {OLD, TODAY} <= {stored}
    assert found(boss, "consent", q=typed)


@pytest.mark.parametrize("typed", [BOB, "tel:+37255501235", "00525512345678", "nobody"])
def test_a_number_of_somebody_else_is_not_found(boss, typed: str):
    consent.record(ALICE, opted_out=True, source="keyword")
    send("Hello", connection(ALICE))
    for model in ("connection", "contact", "message", "transmission", "consent", "consentrecord"):
        assert found(boss, model, q=typed) == [], model
