"""A STOP goes before everything else that people say."""

import pytest
from django.db import connection as database

from rcs_router import lookup_connections, receive, sql
from rcs_router.contract import Incoming, IncomingKind
from rcs_router.inbox import intake, queue
from rcs_router.inbox.incoming import store
from rcs_router.models import Consent, Message
from tests.core import ALICE, BOB, CAROL, connection
from tests.inbox.test_webhook import post

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


@pytest.mark.parametrize(
    ("text", "urgent"),
    [("STOP", True), ("stop!", True), ("Start", True), ("stop it", False), ("HELP", False), ("", False)],
)
@pytest.mark.parametrize("how", ["webhook", "receive"])
def test_what_is_urgent(text: str, urgent: bool, how: str) -> None:
    if how == "receive":
        receive(text, connection())
    else:
        store({ALICE: connection()}, [Incoming(IncomingKind.TEXT, ALICE, text=text)])
    assert Message.objects.get().urgent is urgent


def test_a_chip_called_stop_is_not_urgent() -> None:
    assert not receive("STOP", connection(), postback="stop_7").urgent


def test_it_is_claimed_before_all_others_and_waits_for_nobody() -> None:
    store({BOB: connection(BOB)}, [Incoming(IncomingKind.TEXT, BOB, text=str(n)) for n in range(50)])
    receive("first", connection(ALICE))
    for number in (ALICE, BOB, CAROL):
        receive("STOP", connection(number))
    _, rows = queue._claim(queue.fresh(), sql.now(Message), 4)
    assert [row.text for row in rows] == ["STOP", "STOP", "STOP", "0"]


def test_one_that_comes_while_others_are_routed_is_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Webhooks and messages take turns: a STOP is digested although messages wait to be routed."""
    monkeypatch.setattr(queue, "BATCH", 2)
    numbers = [f"+3725551{n:04}" for n in range(6)]
    for number in numbers:
        receive("hello", connection(number))
    seen: list[int] = []
    real = queue.route_batch

    def batch(now: object) -> int:
        if not seen:
            post(f"text {ALICE} STOP")
        seen.append(Consent.objects.count())
        return real(now)

    monkeypatch.setattr(queue, "route_batch", batch)
    intake.digest()
    assert seen[:3] == [0, 0, 1]
    assert len(seen) > 3


def test_what_an_older_release_has_stored_is_a_stop_all_the_same() -> None:
    receive("STOP", connection())
    Message.objects.update(urgent=False, lost_leases=9)
    intake.digest()
    assert Consent.objects.get(subject=ALICE).opted_out


@pytest.mark.skipif(database.vendor != "postgresql", reason="only it tells its plan so")
@pytest.mark.parametrize("analysed", [False, True])
def test_the_next_messages_are_found_without_sorting_all_that_wait(analysed: bool) -> None:
    """Else a claim takes longer and longer while a backlog grows."""
    people = {one.identity: one for one in lookup_connections("rcs", [f"+37255{n:06}" for n in range(1500)])}
    store(people, [Incoming(IncomingKind.TEXT, number, text="hello") for number in people])
    where = queue.fresh().format(now="%s")
    statement = (
        f"EXPLAIN SELECT id FROM {Message._meta.db_table} WHERE {where} "
        f"ORDER BY {queue.ORDER} LIMIT 15 FOR UPDATE SKIP LOCKED"
    )
    with database.cursor() as cursor:
        if analysed:
            cursor.execute("ANALYZE")
        cursor.execute(statement, [sql.now(Message)] * where.count("%s"))
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "rcs_message_to_route" in plan
    assert "Seq Scan on rcs_router_message" not in plan
