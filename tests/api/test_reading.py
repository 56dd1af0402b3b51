"""Lists, filters, pages, single rows, and what a person decides about a transmission."""

from typing import Any

import pytest

from rcs_router import receive
from rcs_router.content import Reply, Text
from rcs_router.contract import Incoming, IncomingKind, Status
from rcs_router.errors import Refused
from rcs_router.inbox import intake
from rcs_router.inbox.incoming import store
from rcs_router.models import Contact, Message, Transmission
from rcs_router.outbox import operate
from tests import core
from tests.api.client import API
from tests.api.core import ALICE, BOB
from tests.statements import statements

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unhurried")]


def ids(answer: tuple[int, Any]) -> list[str]:
    assert answer[0] == 200, answer
    return [row["id"] for row in answer[1]["results"]]


def test_pages_meet_every_row_once_also_when_new_ones_come(api: API) -> None:
    made = [str(core.sent_to(content=str(n)).message_id) for n in range(5)]
    Message.objects.update(created_at=Message.objects.first().created_at)  # type: ignore[union-attr]
    _status, first = api.get("messages/", limit=2)
    seen = [row["id"] for row in first["results"]]
    core.sent_to(content="new")
    address = first["next"]
    while address:
        answer = api.client.get(address, headers={"Authorization": f"Token {api.token}"}).json()
        seen += [row["id"] for row in answer["results"]]
        address = answer["next"]
    assert sorted(seen) == sorted(made)


def test_pages_of_people(api: API) -> None:
    keys = [Contact.objects.create(name=str(n)).pk for n in range(3)]
    _status, first = api.get("contacts/", limit=2)
    answer = api.client.get(first["next"], headers={"Authorization": f"Token {api.token}"}).json()
    assert [row["id"] for row in [*first["results"], *answer["results"]]] == keys[::-1]
    assert answer["next"] is None


@pytest.fixture
def talk(api: API) -> dict[str, str]:
    """A delivered message, a promotion that fell back, and a tap on the first."""
    ann = Contact.objects.create(name="Ann")
    first = core.sent_to(content=Text("Yes?", suggestions=[Reply("Yes", "yes_7")]))
    first.connection.contact = ann
    first.connection.save()
    api.send("Offer", BOB, traffic="promotion", key="offer")
    core.drain("rcs")
    operate.fall_back(Transmission.objects.get(connection__identity=BOB, backend="rcs"))
    tap = receive("Yes", first.connection, postback="yes_7")
    intake.digest()
    return {
        "first": str(first.message_id),
        "offer": str(Message.objects.get(traffic="promotion").pk),
        "tap": str(tap.pk),
        "ann": str(ann.pk),
        "sent": str(first.pk),
    }


MESSAGES: list[tuple[dict[str, str], list[str]]] = [
    ({"direction": "in"}, ["tap"]),
    ({"direction": "out"}, ["offer", "first"]),
    ({"kind": "suggestion"}, ["tap"]),
    ({"traffic": "promotion"}, ["offer"]),
    ({"status": "failed"}, ["offer"]),
    ({"status": "accepted"}, ["first"]),
    ({"status": "read"}, []),
    ({"backend": "sms"}, ["offer"]),
    ({"backend": "rcs"}, ["tap", "offer", "first"]),
    ({"identity": ALICE}, ["tap", "first"]),
    ({"contact": "{ann}"}, ["tap", "first"]),
    ({"idempotency_key": "offer"}, ["offer"]),
    ({"since": "2999-01-01T00:00:00Z"}, []),
    ({"until": "2999-01-01T00:00:00Z", "direction": "in"}, ["tap"]),
]


@pytest.mark.parametrize(("query", "wanted"), MESSAGES)
def test_filters_of_messages(
    api: API, talk: dict[str, str], query: dict[str, str], wanted: list[str]
) -> None:
    query = {name: value.format(**talk) for name, value in query.items()}
    assert ids(api.get("messages/", **query)) == [talk[name] for name in wanted]


TRANSMISSIONS: list[tuple[dict[str, str], int]] = [
    ({}, 3),
    ({"status": "failed"}, 1),
    ({"backend": "sms"}, 1),
    ({"identity": BOB}, 2),
    ({"contact": "{ann}"}, 1),
    ({"message": "{offer}"}, 2),
    ({"traffic": "promotion"}, 2),
    ({"idempotency_key": "offer"}, 2),
    ({"since": "2999-01-01T00:00:00Z"}, 0),
    ({"until": "2000-01-01T00:00:00Z"}, 0),
]


@pytest.mark.parametrize(("query", "count"), TRANSMISSIONS)
def test_filters_of_transmissions(api: API, talk: dict[str, str], query: dict[str, str], count: int) -> None:
    query = {name: value.format(**talk) for name, value in query.items()}
    assert len(ids(api.get("transmissions/", **query))) == count


INTERACTIONS: list[tuple[dict[str, str], int]] = [
    ({}, 1),
    ({"kind": "suggestion"}, 1),
    ({"kind": "form"}, 0),
    ({"transmission": "{sent}"}, 1),
    ({"message": "{first}"}, 1),
    ({"message": "{offer}"}, 0),
    ({"contact": "{ann}"}, 1),
    ({"postback": "yes_7"}, 1),
    ({"postback": "yes"}, 0),
    ({"postback_prefix": "yes_"}, 1),
    ({"identity": BOB}, 0),
    ({"backend": "rcs"}, 1),
]


@pytest.mark.parametrize(("query", "count"), INTERACTIONS)
def test_filters_of_interactions(api: API, talk: dict[str, str], query: dict[str, str], count: int) -> None:
    query = {name: value.format(**talk) for name, value in query.items()}
    assert len(ids(api.get("interactions/", **query))) == count


def test_what_counts_as_an_interaction(api: API) -> None:
    here = core.connection()
    fields = {"url": "https://rcs.example/x.jpg"}
    store(
        {ALICE: here},
        [
            Incoming(IncomingKind.TEXT, ALICE, text="Hello"),
            Incoming(IncomingKind.LOCATION, ALICE, latitude=59.4, longitude=24.7),
            Incoming(IncomingKind.FILE, ALICE, **fields),
            Incoming(IncomingKind.FORM, ALICE, postback="f", fields={"form": {"name": "Ann"}}),
            Incoming(IncomingKind.TYPING, ALICE),
        ],
    )
    _, answer = api.get("interactions/")
    assert {row["kind"] for row in answer["results"]} == {"location", "file", "form"}
    place = next(row for row in answer["results"] if row["kind"] == "location")
    assert place["content"]["latitude"] == 59.4
    form = next(row for row in answer["results"] if row["kind"] == "form")
    assert form["fields"] == {"form": {"name": "Ann"}}


def test_lists_ask_the_same_number_of_statements_for_any_number_of_rows(api: API) -> None:
    for n in range(20):
        core.sent_to(number=f"+3725550{1000 + n}")
    for path, most in {
        "messages/": 6,
        "transmissions/": 4,
        "interactions/": 4,
        "connections/": 4,
        "contacts/": 5,
    }.items():
        with statements(most, path):
            assert api.get(path)[0] == 200


def test_one_message(api: API, talk: dict[str, str]) -> None:
    status, answer = api.get(f"messages/{talk['offer']}/")
    assert status == 200
    assert answer["transmissions"] == {"failed": 1, "queued": 1}
    assert answer["idempotency_key"] == "offer"
    status, tap = api.get(f"messages/{talk['tap']}/")
    assert (tap["kind"], tap["postback"], tap["answers"], tap["transmissions"]) == (
        "suggestion",
        "yes_7",
        talk["sent"],
        {},
    )


def test_one_transmission_with_its_history(api: API, talk: dict[str, str]) -> None:
    status, answer = api.get(f"transmissions/{talk['sent']}/")
    assert (status, answer["status"], answer["backend"]) == (200, "accepted", "rcs")
    assert [event["kind"] for event in answer["events"]] == ["attempt"]
    assert answer["operations"] == ["fall_back", "revoke", "look_up"]


def in_review() -> Transmission:
    row = core.sent_to("alone")
    core.memory("alone").outcomes.append(Refused("no"))
    core.drain("alone")
    row.refresh_from_db()
    assert row.status == Status.REVIEW
    return row


DECISIONS: list[tuple[str, str, str]] = [  # what, from where, to where
    ("retry", "review", "queued"),
    ("fall_back", "queued", "failed"),
    ("revoke", "accepted", "accepted"),
    ("look_up", "accepted", "accepted"),
    ("cancel", "queued", "cancelled"),
    ("close", "review", "cancelled"),
    ("resend", "review", "queued"),
]


@pytest.mark.parametrize(("what", "begin", "end"), DECISIONS)
def test_a_decision(api: API, what: str, begin: str, end: str) -> None:
    row = in_review() if begin == "review" else core.sent_to()
    if begin == "accepted":
        core.drain("rcs")
    status, answer = api.post(f"transmissions/{row.pk}/{what}/")
    assert (status, answer["status"]) == (200, end), answer
    assert (answer["id"] == str(row.pk)) is (what != "resend")
    assert any("by ann" in event["detail"] for event in answer["events"])
    if what in {"fall_back", "cancel", "close", "resend"}:
        status, answer = api.post(f"transmissions/{row.pk}/{what}/")
        assert (status, answer["code"]) == (409, "not_possible")
        assert answer["detail"]


def test_a_decision_that_comes_too_late(api: API, monkeypatch: pytest.MonkeyPatch) -> None:
    row = core.sent_to()
    monkeypatch.setitem(operate.OPERATIONS, "cancel", lambda row, who: False)
    status, answer = api.post(f"transmissions/{row.pk}/cancel/", {})
    assert (status, answer["code"]) == (409, "moved_on")


def test_a_decision_takes_no_body(api: API) -> None:
    row = core.sent_to()
    status, answer = api.post(f"transmissions/{row.pk}/cancel/", {"why": "so"})
    assert (status, answer["code"], answer["path"]) == (400, "unknown_field", "why")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["messages/", "transmissions/", "interactions/"])
@pytest.mark.parametrize("name", ["since", "until"])
def test_a_time_far_from_utc_is_a_time(api: API, path: str, name: str) -> None:
    status, _ = api.get(f"{path}?{name}=1288-06-15T01:54:37.7%2B19:40")
    assert status == 200
