"""The webhook view and the digest: what is believed, what is stored, what comes of it, and what never does."""

import json
import uuid
from typing import Any

import pytest
from django.db import DatabaseError
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from rcs_router import receive
from rcs_router.content import Card, Reply
from rcs_router.contract import Status
from rcs_router.inbox import intake, queue
from rcs_router.models import Consent, ConsentRecord, Event, Message, StoredWebhook, Transmission
from tests.core import ALICE, BOB, ROUTER, connection, drain, memory, sent_to

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]

SIGNED = {"x-memory-secret": "memory"}


def post(body: str | bytes, alias: str = "rcs", **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in (headers or SIGNED).items()}
    return Client().post(f"/rcs/webhooks/{alias}/", body, content_type="text/plain", headers=sent)


def said(text: str, **headers: str) -> Message:
    """A person says something over the memory backend, and it is digested."""
    assert post(f"text {ALICE} {text}", **(SIGNED | headers)).status_code == 200
    intake.digest()
    return Message.objects.filter(direction="in").latest("created_at")


@pytest.fixture
def accepted() -> Transmission:
    t = sent_to()
    drain()
    return t


def status(t: Transmission) -> Status:
    t.refresh_from_db()
    return Status(t.status)


def test_a_receipt_is_stored_then_digested(accepted: Transmission) -> None:
    assert post(f"delivered {accepted.pk}").status_code == 200
    assert status(accepted) == Status.ACCEPTED
    assert intake.digest() == 1
    assert status(accepted) == Status.DELIVERED
    assert StoredWebhook.objects.get().digested_at


@pytest.mark.parametrize(
    ("alias", "headers", "body", "answer"),
    [
        ("nobody", SIGNED, "text +3725 hi", 404),
        ("rcs", {"x-memory-secret": "wrong"}, "text +3725 hi", 401),
        ("rcs", {"x-other": "1"}, "text +3725 hi", 401),
        ("rcs", SIGNED, b"x" * 1_000_001, 413),
    ],
)
def test_what_is_refused_leaves_no_row(
    alias: str, headers: dict[str, str], body: str | bytes, answer: int
) -> None:
    assert post(body, alias, **headers).status_code == answer
    assert not StoredWebhook.objects.exists()


@pytest.mark.parametrize("method", ["put", "delete", "patch", "head", "options"])
def test_other_methods_are_not_allowed(method: str) -> None:
    assert getattr(Client(), method)("/rcs/webhooks/rcs/").status_code == 405


def test_a_repeat_is_stored_once(accepted: Transmission) -> None:
    for _ in range(3):
        assert post(f"delivered {accepted.pk}", **SIGNED, x_memory_id="7").status_code == 200
    assert StoredWebhook.objects.count() == 1


def test_the_same_words_twice_are_two_messages_where_the_wire_has_no_ids() -> None:
    said("yes")
    said("yes")
    assert Message.objects.filter(direction="in").count() == 2


def test_storing_is_one_statement(accepted: Transmission) -> None:
    with CaptureQueriesContext(database) as queries:
        post(f"delivered {accepted.pk}")
    assert [q["sql"].split()[0] for q in queries if q["sql"].split()[0] not in {"BEGIN", "COMMIT"}] == [
        "INSERT"
    ]


def test_a_database_that_is_away_is_the_providers_to_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(intake, "accept", away)
    assert post("text +3725 hi").status_code == 503


@pytest.mark.parametrize("body", [b"\xff\xfe", b"no", b"delivered not-a-uuid", b"dance +3725 x"])
def test_what_cannot_be_parsed_is_kept_and_holds_up_nobody(body: bytes, accepted: Transmission) -> None:
    post(body)
    post(f"delivered {accepted.pk}")
    intake.digest()
    bad = StoredWebhook.objects.earliest("id")
    assert bad.traceback
    assert bad.note.startswith("failed")
    assert status(accepted) == Status.DELIVERED


def test_a_receipt_before_its_transmission_is_parked_and_found_again() -> None:
    t = sent_to()
    early = uuid.uuid4()
    post(f"delivered {early}")
    intake.digest()
    row = StoredWebhook.objects.get()
    assert (row.digested_at, row.tries, row.note) == (None, 1, "waits for its transmission")
    Transmission.objects.filter(pk=t.pk).update(id=early)
    StoredWebhook.objects.update(due_at=timezone.now())
    intake.digest()
    assert Transmission.objects.get(pk=early).status == Status.DELIVERED


def test_a_receipt_of_nothing_becomes_an_orphan_in_the_end(settings: Any) -> None:
    settings.RCS_ROUTER = ROUTER | {"WEBHOOK_RETRY_DELAYS": [0, 0]}
    post(f"delivered {uuid.uuid4()}")
    for _ in range(3):
        intake.digest()
    row = StoredWebhook.objects.get()
    assert row.digested_at
    assert row.note.startswith("orphan")


def test_an_echo_costs_at_most_14_statements(settings: Any) -> None:
    settings.RCS_ROUTER = ROUTER | {"APPS": ["rcs_router.handlers.Echo"]}
    alice = connection()
    intake.digest()
    with CaptureQueriesContext(database) as queries:
        receive("echo hello", alice)
        intake.digest()
    assert Message.objects.get(direction="out").text == "hello"
    assert len(queries) <= 14, [q["sql"][:80] for q in queries]


def test_a_number_is_the_postback_of_its_option() -> None:
    t = sent_to(
        "sms", content=Card("Boots", suggestions=[Reply("Keep", "keep_7"), Reply("Return", "return_7")])
    )
    drain("sms")
    assert "2) Return" in memory("sms").sent[0].text
    post(f"text {ALICE} 2", alias="sms")
    post(f"text {ALICE} keep", alias="sms")
    intake.digest()
    two, keep = Message.objects.filter(direction="in").order_by("created_at")
    assert (two.postback, two.text, two.kind, two.answers_id) == ("return_7", "Return", "suggestion", t.pk)
    assert (keep.postback, keep.in_response_to_id) == ("keep_7", t.message_id)


def test_a_number_answers_the_newest_message_only() -> None:
    sent_to("sms", content=Card("Boots", suggestions=[Reply("Keep", "keep_7")]))
    sent_to("sms", content="How many?")
    drain("sms")
    post(f"text {ALICE} 1", alias="sms")
    intake.digest()
    assert Message.objects.get(direction="in").postback == ""


def test_stop_stops_promotions_everywhere_and_is_acknowledged_once() -> None:
    said("Stop!")
    said("STOP")
    assert Consent.objects.get(subject=ALICE).opted_out
    assert ConsentRecord.objects.count() == 2
    assert Message.objects.filter(direction="out", traffic="acknowledgement").count() == 1
    offer, order = sent_to("sms", traffic="promotion"), sent_to("sms")
    drain()
    assert (status(offer), status(order)) == (Status.CANCELLED, Status.ACCEPTED)
    said("start")
    assert status(sent_to("sms", traffic="promotion")) == Status.QUEUED


def test_the_menus_event_and_the_typed_word_are_one_opt_out() -> None:
    post(f"unsubscribe {ALICE}\ntext {ALICE} STOP")
    intake.digest()
    assert Message.objects.filter(direction="out").count() == 1


def test_typing_is_an_event_not_a_message() -> None:
    post(f"typing {BOB}")
    intake.digest()
    assert not Message.objects.exists()
    assert Event.objects.get().connection.identity == BOB


@pytest.mark.parametrize("what", ["typing", "read"])
def test_typing_and_read_marks_go_out_beside_the_queue(what: str, settings: Any) -> None:
    settings.RCS_ROUTER = ROUTER | {"APPS": [f"tests.inbox.apps.{what.title()}"]}
    alice = connection()
    receive("hi", alice, external_id="m-1")
    intake.digest()
    queue._aside.submit(int).result(5)
    queue._aside.submit(int).result(5)
    assert [kind for kind, _ in memory().told] == [what]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", json.dumps({"message": {}}).encode(), b"\x00" * 100, "ü".encode("latin-1")],
)
def test_odd_bodies_never_end_in_a_500(body: bytes) -> None:
    assert post(body).status_code == 200
    intake.digest()
    assert StoredWebhook.objects.get().digested_at


def test_a_typed_stop_is_a_stop_even_where_a_chip_is_called_so() -> None:
    sent_to("sms", content=Card("Boots", suggestions=[Reply("Stop", "stop_7"), Reply("Keep", "keep_7")]))
    drain("sms")
    post(f"text {ALICE} stop", alias="sms")
    intake.digest()
    assert Consent.objects.get(subject=ALICE).opted_out
    post(f"text {ALICE} 1", alias="sms")
    intake.digest()
    latest = Message.objects.filter(direction="in").latest("created_at")
    assert latest.postback == "stop_7", "its number is still the chip"


def test_a_sender_without_plus_is_no_number_of_the_default_region(settings: Any) -> None:
    settings.RCS_ROUTER = ROUTER | {"DEFAULT_REGION": "EE"}
    post("text 37255501234 hi")
    intake.digest()
    assert Message.objects.get().connection.identity == ALICE
