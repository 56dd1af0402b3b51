"""One phone that never stops writing: nobody else waits for it."""

import pytest

from rcs_router import lookup_connections, receive, sql
from rcs_router.contract import Incoming, IncomingKind
from rcs_router.inbox import digest, queue
from rcs_router.inbox.incoming import store
from rcs_router.models import Connection, Message
from tests.core import ALICE, BOB, CAROL

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


def said(connection: Connection, count: int, text: str = "hello") -> None:
    rows = [Incoming(IncomingKind.TEXT, connection.identity, text=f"{text} {n}") for n in range(count)]
    store({connection.identity: connection}, rows)


def flood(monkeypatch: pytest.MonkeyPatch, count: int = 60) -> tuple[Connection, ...]:
    """ALICE has written many times as many messages as a claim looks at; the others one each, after her."""
    monkeypatch.setattr(queue, "WINDOW", 10)
    monkeypatch.setattr(queue, "BATCH", 4)
    people = tuple(lookup_connections("rcs", [ALICE, BOB, CAROL]))
    said(people[0], count)
    for other in people[1:]:
        said(other, 1)
    return people


def routed(connection: Connection) -> int:
    return Message.objects.filter(connection=connection, routed_at__isnull=False).count()


def test_nobody_waits_behind_a_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob, carol = flood(monkeypatch)
    digest._round(digest.look())
    assert (routed(bob), routed(carol)) == (1, 1)
    assert routed(alice) <= 2
    digest.run()
    assert routed(alice) == 60


def test_nor_while_somebody_else_is_at_the_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then none of the first messages is in its turn, and nothing says that others are, further behind."""
    alice, bob, _ = flood(monkeypatch)
    queue._claim(queue.fresh(), sql.now(Message), 1)
    work = digest.look()
    assert (work.messages, work.crowd) == (False, True)
    digest._round(work)
    assert (routed(alice), routed(bob)) == (0, 1)


def test_several_floods_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "WINDOW", 10)
    monkeypatch.setattr(queue, "BATCH", 4)
    people = lookup_connections("rcs", [f"+3725550{n:04}" for n in range(12)])
    for one in people:
        said(one, 20)
    for _ in range(6):
        digest._round(digest.look())
    assert all(routed(one) for one in people)
    digest.run()
    assert sum(map(routed, people)) == 12 * 20


def test_messages_of_one_person_stay_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    alice, *_ = flood(monkeypatch)
    digest.run()
    rows = Message.objects.filter(connection=alice).order_by("routed_at", "created_at")
    assert list(rows.values_list("text", flat=True)) == [f"hello {n}" for n in range(60)]


def test_a_stop_goes_before_a_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    alice, *_ = flood(monkeypatch)
    receive("STOP", alice)
    digest._round(digest.look())
    assert Message.objects.get(text="STOP").handled_by == "consent"


def test_a_claim_looks_at_no_more_than_its_window(monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob, _ = flood(monkeypatch)
    _, rows = queue._claim(queue.fresh(), sql.now(Message), 4)
    assert [row.connection for row in rows] == [alice]
    said(bob, 1)
    assert len(queue.turns.following(4)) == 3  # of three people
