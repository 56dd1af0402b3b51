"""One phone that never stops writing: nobody else waits for it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection as database

from rcs_router import lookup_connections, receive, sql
from rcs_router.contract import Incoming, IncomingKind
from rcs_router.inbox import intake, queue
from rcs_router.inbox.incoming import store
from rcs_router.models import Connection, Consent, Message, StoredWebhook
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
    intake._round(intake.look())
    assert (routed(bob), routed(carol)) == (1, 1)
    assert routed(alice) <= 2
    intake.digest()
    assert routed(alice) == 60


def test_nor_while_somebody_else_is_at_the_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then none of the first messages is in its turn, and nothing says that others are, further behind."""
    alice, bob, _ = flood(monkeypatch)
    queue._claim(queue.fresh(), sql.now(Message), 1)
    work = intake.look()
    assert (work.messages, work.crowd) == (False, True)
    intake._round(work)
    assert (routed(alice), routed(bob)) == (0, 1)


def test_several_floods_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "WINDOW", 10)
    monkeypatch.setattr(queue, "BATCH", 4)
    people = lookup_connections("rcs", [f"+3725550{n:04}" for n in range(12)])
    for one in people:
        said(one, 20)
    for _ in range(6):
        intake._round(intake.look())
    assert all(routed(one) for one in people)
    intake.digest()
    assert sum(map(routed, people)) == 12 * 20


def test_messages_of_one_person_stay_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    alice, *_ = flood(monkeypatch)
    intake.digest()
    rows = Message.objects.filter(connection=alice).order_by("routed_at", "created_at")
    assert list(rows.values_list("text", flat=True)) == [f"hello {n}" for n in range(60)]


def test_a_stop_goes_before_a_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    alice, *_ = flood(monkeypatch)
    receive("STOP", alice)
    intake._round(intake.look())
    assert Message.objects.get(text="STOP").handled_by == "consent"


def test_a_claim_looks_at_no_more_than_its_window(monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob, _ = flood(monkeypatch)
    _, rows = queue._claim(queue.fresh(), sql.now(Message), 4)
    assert [row.connection for row in rows] == [alice]
    said(bob, 1)
    assert len(queue.turns.following(4)) == 3  # of three people


# Stored webhooks


def posted(alias: str, *bodies: str | bytes) -> None:
    rows = [
        StoredWebhook(backend=alias, method="POST", body=body.encode() if isinstance(body, str) else body)
        for body in bodies
    ]
    StoredWebhook.objects.bulk_create(rows)


def undigested(alias: str) -> int:
    return StoredWebhook.objects.filter(backend=alias, digested_at=None).count()


def test_a_stop_waits_for_no_other_backends_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH", 20)
    monkeypatch.setattr(intake, "LEAST", 5)
    posted("rcs", *["nonsense"] * 21)
    posted("alone", f"text {BOB} STOP")
    work = intake.look()
    assert sorted(work.webhooks) == ["alone", "rcs"]
    intake._round(work)
    assert Consent.objects.get(subject=BOB).opted_out
    assert undigested("rcs") == 21 - 20 // 2
    intake.digest()
    assert undigested("rcs") == 0


def test_each_of_many_backends_has_its_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH", 10)
    monkeypatch.setattr(intake, "LEAST", 4)
    aliases = [f"gone-{n}" for n in range(5)]
    for alias in aliases:
        posted(alias, *["hello"] * 5)
    intake._round(intake.look())
    assert [undigested(alias) for alias in aliases] == [1] * 5


def test_a_backend_whose_webhooks_are_not_due_is_not_asked_for() -> None:
    now = sql.now(StoredWebhook)
    posted("rcs", "hello")
    posted("sms", "hello")
    StoredWebhook.objects.filter(backend="sms").update(due_at=now + timedelta(minutes=1))
    assert intake.look().webhooks == ("rcs",)
    StoredWebhook.objects.filter(backend="rcs").update(claim=uuid4(), lease_until=now + timedelta(minutes=1))
    assert not intake.look()


def test_webhooks_of_one_backend_stay_in_their_order() -> None:
    words = [str(n) for n in range(25)]
    posted("rcs", *(f"text {ALICE} {word}" for word in words))
    while intake._digest_batch("rcs", sql.now(StoredWebhook), 10)[0]:
        pass
    assert list(Message.objects.order_by("created_at").values_list("text", flat=True)) == words


def test_bodies_that_are_read_at_once_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    most, size = 2_000_000, 900_000
    monkeypatch.setattr(intake, "BATCH_BYTES", most)
    posted("rcs", *(b"x" * size for _ in range(7)), b"x" * (most + 1), *(b"x" for _ in range(5)))
    real, read = intake._claim, []

    def claim(*args: Any) -> list[StoredWebhook]:
        rows = real(*args)
        read.append([len(row.body) for row in rows])
        return rows

    monkeypatch.setattr(intake, "_claim", claim)
    intake.digest()
    assert read == [[size] * 3, [size] * 3, [size, most + 1], [1] * 5]
    assert undigested("rcs") == 0


LEASED = [
    ("rcs_webhook_leased", "rcs_router_storedwebhook", lambda: intake.SUSPECT),
    ("rcs_message_leased", "rcs_router_message", queue.suspect),
]


@pytest.mark.parametrize(("index", "table", "where"), LEASED, ids=["webhooks", "messages"])
def test_what_a_worker_died_of_is_found_without_a_look_at_all_that_waits(
    index: str, table: str, where: Callable[[], str]
) -> None:
    posted("rcs", *["hello"] * 1500)
    people = {one.identity: one for one in lookup_connections("rcs", [f"+37255{n:06}" for n in range(1500)])}
    store(people, [Incoming(IncomingKind.TEXT, number, text="hello") for number in people])
    plan = explained(f"SELECT 1 FROM {table} WHERE {where()}")
    assert index in plan
    assert "rcs_message_to_route" not in plan
    assert "Seq Scan" not in plan
    assert "SCAN s\n" not in f"{plan}\n"


def explained(statement: str) -> str:
    """How the database would go about it, in its own words."""
    postgresql = database.vendor == "postgresql"
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
        params = [sql.now(Message)] * statement.count("{now}")
        explain = "EXPLAIN" if postgresql else "EXPLAIN QUERY PLAN"
        cursor.execute(f"{explain} {statement.format(now='%s')}", sql.params_for(params, database))
        plan = "\n".join(str(row[-1]) for row in cursor.fetchall())
        if not postgresql:
            cursor.execute("DELETE FROM sqlite_stat1")  # else these numbers choose the plans of later tests
    return plan
