"""Looking for trouble: each kind begins once, says what is wrong, and ends by itself."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from rcs_router import alarms, outbox, sql
from rcs_router.alarms import counts, measures
from rcs_router.contract import Receipt, ReceiptKind, Status
from rcs_router.models import (
    Alarm,
    BackendMinute,
    BackendState,
    LastRun,
    Message,
    StoredWebhook,
    Transmission,
)
from tests.alarms.steps import NOW, Heard, before, incoming, minute, transmission
from tests.core import drain, sent_to

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


def pause(alias: str = "rcs") -> None:
    transmission(alias, status=Status.DELIVERED)
    BackendState.objects.create(backend_id=alias, pauses=1, paused_until=NOW + timedelta(seconds=60))


def requests_fail() -> None:
    minute(1, attempts=20, failed_attempts=15)


def receipts_fail() -> None:
    minute(1, attempts=10, receipts=10, failed_receipts=10)


def receipts_stop() -> None:
    minute(60, attempts=50, receipts=45)
    minute(8, attempts=30)


def receipts_never_came() -> None:
    minute(8, attempts=60)


def provider_is_slow() -> None:
    minute(1, attempts=20, slow_attempts=15)


def queue_is_old() -> None:
    transmission(ago=200, priority=0)


def webhook_is_old() -> None:
    StoredWebhook.objects.create(backend="rcs", method="POST", due_at=before(200))


def message_is_not_routed() -> None:
    incoming(ago=200)


def review_grows() -> None:
    for _ in range(15):
        transmission(status=Status.REVIEW, reason="unavailable", ago=60)
    for _ in range(5):
        incoming(ago=60, set_aside_at=before(30), routed_at=before(30))


def beat_is_gone() -> None:
    LastRun.objects.create(job="beat", at=before(61))


def all_is_well() -> None:
    BackendMinute.objects.all().delete()
    Transmission.objects.all().delete()
    StoredWebhook.objects.all().delete()
    Message.objects.all().delete()
    LastRun.objects.filter(job="beat").update(at=NOW)


TROUBLES: list[tuple[Callable[[], None], str, str, str]] = [
    (
        requests_fail,
        alarms.FAILURES,
        "rcs",
        "15 of 20 requests failed in 5 min (in the day before: 0%)",
    ),
    (receipts_fail, alarms.FAILURES, "rcs", "10 of 10 receipts say failed"),
    (receipts_stop, alarms.NO_RECEIPTS, "rcs", "no receipt for 60 min, and 30 messages were accepted since"),
    (receipts_never_came, alarms.NO_RECEIPTS, "rcs", "Does the provider have the right webhook address?"),
    (provider_is_slow, alarms.SLOW, "rcs", "15 of 20 requests took longer than 3 s"),
    (queue_is_old, alarms.BACKLOG, "rcs", "is due for 3 min"),
    (webhook_is_old, alarms.BACKLOG, "", "the oldest stored webhook waits for 3 min"),
    (message_is_not_routed, alarms.BACKLOG, "", "the oldest incoming message waits for 3 min"),
    (review_grows, alarms.REVIEW, "", "15 on rcs (unavailable), 5 incoming messages set aside"),
    (beat_is_gone, alarms.BEAT, "", "the last tick came 61 s ago"),
]


@pytest.mark.parametrize(("trouble", "kind", "backend", "words"), TROUBLES)
def test_trouble_is_an_alarm_once_and_ends_by_itself(
    heard: Heard, trouble: Callable[[], None], kind: str, backend: str, words: str
) -> None:
    alarms.look(NOW)
    assert heard.began == []
    trouble()
    alarms.look(NOW)
    alarms.look(NOW + timedelta(seconds=10))
    assert (heard.began, heard.ended) == ([(kind, backend)], [])
    assert words in heard.details[0]
    all_is_well()
    alarms.look(NOW + timedelta(seconds=20))
    alarms.look(NOW + timedelta(seconds=30))
    assert (heard.began, heard.ended) == ([(kind, backend)], [(kind, backend)])
    assert Alarm.objects.get().ended_at == NOW + timedelta(seconds=20)


def test_every_kind_but_pauses_is_found_by_looking() -> None:
    assert {kind for _, kind, *_ in TROUBLES} | {alarms.PAUSED} == set(alarms.KINDS)


FINE: list[Callable[[], object]] = [
    lambda: minute(1, attempts=1000, failed_attempts=100),
    lambda: minute(10, attempts=100, failed_attempts=100),  # it was before the window
    lambda: minute(1, alias="gone", attempts=100, failed_attempts=100),  # it left the settings
    lambda: minute(1, attempts=500),  # sent just now: no receipt can be missed
    lambda: ((minute(8, attempts=100, receipts=1), minute(7, receipts=80))),  # a burst that was reported
    lambda: (minute(60, attempts=1000, receipts=10), minute(8, attempts=100)),  # it rarely reports
    lambda: transmission(ago=200, priority=50),  # promotions may wait
    lambda: transmission(ago=-200, priority=0),  # not due yet
    lambda: (pause(), transmission(ago=200, priority=0)),  # the pause is the alarm
    lambda: incoming(ago=200, set_aside_at=before(7200)),
    lambda: StoredWebhook.objects.create(backend="rcs", due_at=NOW + timedelta(hours=1)),
    lambda: [transmission(status=Status.REVIEW, ago=4000) for _ in range(30)],
    lambda: LastRun.objects.create(job="beat", at=before(59)),
    lambda: LastRun.objects.create(job="beat", at=None),
]


@pytest.mark.parametrize("given", FINE)
def test_what_is_no_trouble(heard: Heard, given: Callable[[], object]) -> None:
    given()
    alarms.look(NOW)
    assert heard.began == []


def test_a_backend_without_webhooks_has_no_receipts_to_miss(heard: Heard, settings: Any) -> None:
    settings.RCS_BACKENDS = {"rcs": {"BACKEND": "tests.test_checks.Deaf"}}
    receipts_stop()
    alarms.look(NOW)
    assert heard.began == []


def test_an_outage_is_one_alarm_and_not_three(heard: Heard) -> None:
    pause()
    alarms.begin(alarms.PAUSED, "rcs", "unavailable", now=NOW)
    minute(0, attempts=20, failed_attempts=20)
    transmission(ago=500, priority=0)
    alarms.look(NOW)
    assert heard.began == [(alarms.PAUSED, "rcs")]
    BackendState.objects.update(pauses=0, paused_until=None)
    alarms.look(NOW + timedelta(seconds=60))  # what waited is on its way now
    assert heard.began == [(alarms.PAUSED, "rcs")]
    assert heard.ended == [(alarms.PAUSED, "rcs")]
    alarms.look(NOW + timedelta(seconds=60 + 121))  # or it is not
    assert heard.began[1:] == [(alarms.BACKLOG, "rcs")]


def test_a_pause_whose_end_nobody_reported_ends(heard: Heard) -> None:
    pause()
    alarms.begin(alarms.PAUSED, "rcs", now=NOW)
    alarms.begin(alarms.PAUSED, "gone", now=NOW)  # it left the settings
    alarms.look(NOW)
    assert heard.ended == [(alarms.PAUSED, "gone")]
    BackendState.objects.update(pauses=0)
    alarms.look(NOW)
    assert heard.ended[1:] == [(alarms.PAUSED, "rcs")]


def test_failed_receipts_without_a_fallback_are_counted_told_and_raised(heard: Heard, caplog: Any) -> None:
    rows = [sent_to("alone", f"+3725550{n:04}") for n in range(10)]
    drain("alone")
    said = [Receipt(ReceiptKind.FAILED, transmission=row.pk, code="blocked") for row in rows]
    now = sql.now(Transmission)
    assert outbox.apply_receipts("alone", said, now) == []
    assert set(Transmission.objects.values_list("status", flat=True)) == {Status.FAILED}
    lines = [r for r in caplog.records if r.name == "rcs_router.receipts"]
    assert {(r.alias, r.transmission, r.code, r.next_step) for r in lines} == {
        ("alone", str(row.pk), "blocked", "nothing more: counted") for row in rows
    }
    assert {r.levelname for r in lines} == {"WARNING"}
    alarms.look(now)
    assert BackendMinute.objects.get(backend="alone", receipts__gt=0).failed_receipts == 10
    assert heard.began == [(alarms.FAILURES, "alone")]


def test_trouble_with_looking_stops_no_sweep(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def gone(*args: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(measures, "last_runs", gone)
    alarms.look(NOW)
    assert "looking for alarms failed: OperationalError" in caplog.text


def test_old_counts_are_forgotten() -> None:
    minute(8 * 24 * 60 + 2, attempts=1)
    minute(8 * 24 * 60 - 2, attempts=2)
    alarms.look(NOW)
    assert [row.attempts for row in BackendMinute.objects.all()] == [2]


def test_what_was_counted_here_is_written_first() -> None:
    counts.attempt("rcs", failed=True, seconds=0)
    alarms.look(NOW)
    assert BackendMinute.objects.get().failed_attempts == 1


BIG_TABLES = {"rcs_router_transmission", "rcs_router_message", "rcs_router_storedwebhook"}


def test_looking_reads_no_large_table_from_end_to_end() -> None:
    """It runs every ten seconds, over tables that only grow: each query is led by one of our indexes."""
    for trouble, *_ in TROUBLES:
        if trouble not in {receipts_never_came, receipts_fail, provider_is_slow, requests_fail}:
            trouble()
    with CaptureQueriesContext(database) as captured:
        alarms.look(NOW)
    queries = [q["sql"] for q in captured if any(f'"{table}"' in q["sql"] for table in BIG_TABLES)]
    assert len(queries) >= 5
    plans = [plan_of(query) for query in queries]
    assert [plan for plan in plans if not is_indexed(plan)] == []


def plan_of(query: str) -> list[str]:
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")
        cursor.execute(("EXPLAIN " if database.vendor == "postgresql" else "EXPLAIN QUERY PLAN ") + query)
        lines = [str(row[-1]) for row in cursor.fetchall()]
        if database.vendor == "postgresql":
            cursor.execute("RESET enable_seqscan")
    return lines


def is_indexed(plan: list[str]) -> bool:
    """Does every step over a table, but the few rows of the backends, name one of our partial indexes?"""
    steps = [line for line in plan if re.search("SEARCH|SCAN|Scan", line)]
    steps = [step for step in steps if not re.search("rcs_router_backend|subquery|Bitmap Heap Scan", step)]
    return bool(steps) and all(re.search("rcs_(transmission|message|webhook)_", step) for step in steps)
