"""Frequency caps: what counts, what waits and until when, what is given back, and what it costs."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from rcs_router import send
from rcs_router.conf import Cap
from rcs_router.contract import Status
from rcs_router.errors import Ambiguous, Throttled, Unavailable, Unreachable
from rcs_router.models import BackendState, Tally, Transmission
from rcs_router.outbox import drain as drain_module
from rcs_router.people import caps
from tests.consent.workers import Worker
from tests.core import ALICE, BACKENDS, BOB, ROUTER, connection, drain, memory, sent_to

HOUR, DAY, WEEK = 3600.0, 86400.0, 7 * 86400.0
NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("ago", "given", "wait"),
    [
        ([], [Cap(1, DAY)], 0),
        ([HOUR], [Cap(1, DAY)], 23 * HOUR),
        ([DAY], [Cap(1, DAY)], 0),  # exactly a window ago
        ([HOUR, 2 * HOUR], [Cap(3, DAY)], 0),
        ([HOUR, 2 * HOUR, 5 * HOUR], [Cap(3, DAY)], 19 * HOUR),
        ([HOUR] * 5, [Cap(3, DAY)], 23 * HOUR),  # more than allowed: the cap was set lower
        ([HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR], [Cap(3, DAY)], 21 * HOUR),
        ([HOUR, 2 * DAY], [Cap(2, DAY), Cap(2, WEEK)], 5 * DAY),
        ([HOUR, 2 * DAY], [Cap(1, DAY), Cap(3, WEEK)], 23 * HOUR),
        ([HOUR, 2 * DAY], [], 0),
    ],
)
def test_when_one_may_leave(ago: list[float], given: list[Cap], wait: float) -> None:
    used = {str(n): NOW - seconds for n, seconds in enumerate(ago)}
    assert caps.free_at(used, "new", given, NOW) - NOW == wait


def test_its_own_earlier_attempt_does_not_count() -> None:
    assert caps.free_at({"a": NOW - 60}, "a", [Cap(1, DAY)], NOW) == NOW


@given(
    st.lists(st.integers(0, int(3 * DAY)), max_size=30),
    st.lists(st.builds(Cap, st.integers(1, 4), st.sampled_from([HOUR, DAY])), min_size=1, max_size=2),
)
def test_whoever_waits_as_told_never_exceeds_a_cap(wanted: list[int], given: list[Cap]) -> None:
    """One after the other asks, and comes back when it was told to; then each window is looked at."""
    queue, used, left = sorted((at, n) for n, at in enumerate(wanted)), {}, []
    while queue:
        at, n = queue.pop(0)
        free = caps.free_at(used, str(n), given, NOW + at)
        if free > NOW + at:
            queue = sorted([*queue, (free - NOW, n)])
            continue
        used[str(n)] = NOW + at
        left.append(at)
    for cap in given:
        for at in left:
            assert sum(at - cap.seconds < other <= at for other in left) <= cap.count


@pytest.fixture
def capped(router: None, settings: Any) -> None:
    settings.RCS_ROUTER = ROUTER | {"CAPS": ["2/d"], "PAUSES": [0.001]}


def standing(*rows: Transmission) -> list[tuple[Status, str]]:
    for row in rows:
        row.refresh_from_db()
    return [(Status(row.status), row.reason) for row in rows]


def used(number: str = ALICE) -> int:
    tally = Tally.objects.filter(subject=number).first()
    return len(tally.used) if tally else 0


LEFT, WAITS = (Status.ACCEPTED, ""), (Status.QUEUED, "frequency cap")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("capped")
class TestCapped:
    def test_the_third_waits_for_the_window(self) -> None:
        rows = [sent_to(traffic="promotion") for _ in range(3)]
        drain()
        assert standing(*rows) == [LEFT, LEFT, WAITS]
        wait = rows[2].due_at - timezone.now()
        assert timedelta(hours=23, minutes=59) < wait <= timedelta(days=1)
        assert [event.kind for event in rows[2].events.all()] == ["wait"]

    def test_it_leaves_when_the_window_has_passed(self) -> None:
        rows = [sent_to(traffic="promotion") for _ in range(3)]
        drain()
        tally = Tally.objects.get(subject=ALICE)
        tally.used = {key: at - 86400 for key, at in tally.used.items()}
        tally.save()
        Transmission.objects.filter(status=Status.QUEUED).update(due_at=timezone.now())
        drain()
        assert standing(*rows) == [LEFT, LEFT, LEFT]
        assert used() == 1, "what no cap looks back to is forgotten"

    def test_what_would_be_of_no_use_then_is_cancelled(self) -> None:
        rows = [sent_to(traffic="promotion", ttl=timedelta(hours=2)) for _ in range(3)]
        drain()
        assert standing(*rows) == [LEFT, LEFT, (Status.CANCELLED, "frequency cap")]
        assert not Transmission.objects.filter(fallback_of=rows[2]).exists()

    def test_each_person_counts_alone(self) -> None:
        rows = [sent_to(traffic="promotion", number=number) for number in (ALICE, BOB) for _ in range(2)]
        drain()
        assert standing(*rows) == [LEFT] * 4

    @pytest.mark.parametrize(
        "traffic", ["authentication", "transaction", "service_request", "acknowledgement"]
    )
    def test_essential_messages_neither_count_nor_wait(self, traffic: str) -> None:
        rows = [sent_to(traffic=traffic) for _ in range(4)]
        drain()
        assert standing(*rows) == [LEFT] * 4
        assert used() == 0

    def test_all_backends_of_the_brand_count_together(self) -> None:
        rows = [sent_to(alias, traffic="promotion") for alias in ("rcs", "sms", "alone")]
        drain()
        assert standing(*rows) == [LEFT, LEFT, WAITS]

    def test_brands_count_apart(self, settings: Any) -> None:
        settings.RCS_BACKENDS = {**BACKENDS, "alone": BACKENDS["alone"] | {"BRAND": "other"}}
        rows = [sent_to(alias, traffic="promotion") for alias in ("rcs", "rcs", "alone", "alone")]
        drain()
        assert standing(*rows) == [LEFT] * 4

    def test_retries_and_fallbacks_count_once(self) -> None:
        first = sent_to(traffic="promotion")
        memory().outcomes.extend([Unavailable(), Unavailable(), Unreachable()])
        for _ in range(3):
            drain("rcs")
        drain("sms")
        assert standing(first)[0][0] == Status.FAILED
        assert standing(first.fallback) == [LEFT]
        assert used() == 1

    def test_a_lost_answer_counts(self) -> None:
        memory("sms").outcomes.append(Ambiguous())
        sent_to("sms", traffic="promotion")
        drain()
        assert used() == 1

    def test_what_could_not_leave_is_given_back(self) -> None:
        """Claimed and counted, but the backend rests before its request leaves."""
        for _ in range(2):
            sent_to(traffic="promotion")
        memory().outcomes.append(Throttled(retry_after=60))
        drain("rcs")
        assert used() == 1, "the one whose request left; to one person they leave one by one"
        BackendState.objects.update(paused_until=None)
        Transmission.objects.update(due_at=timezone.now())
        drain("rcs")
        assert used() == 2

    def test_what_was_called_back_is_given_back(self) -> None:
        sent_to(traffic="promotion")
        one = Worker("rcs", lambda flight: None)
        one.claim()
        [flight] = one.start()
        flight.fence = 0.0
        one.leave()
        one.finish()
        assert (used(), memory().sent) == (0, [])

    def test_a_message_that_may_have_arrived_stays_counted_when_its_retry_is_given_back(self) -> None:
        sent_to(traffic="promotion")
        memory().outcomes.append(Ambiguous())
        drain("rcs")
        Transmission.objects.update(status=Status.QUEUED, due_at=timezone.now())
        one = Worker("rcs", lambda flight: None)
        one.claim()
        one.finish()
        assert used() == 1

    def test_in_one_batch_of_many_people(self) -> None:
        people = [connection(f"+3725551{n:04}") for n in range(20)]
        for _ in range(3):
            send("Offer", people, traffic="promotion")
        drain("rcs")
        assert Transmission.objects.filter(status=Status.ACCEPTED).count() == 40
        assert set(Transmission.objects.exclude(status=Status.ACCEPTED).values_list("reason", flat=True)) == {
            "frequency cap"
        }


@pytest.mark.django_db(transaction=True)
def test_without_caps_no_statement_is_spent(router: None) -> None:
    sent_to(traffic="promotion")
    with CaptureQueriesContext(database) as statements:
        drain_module.drain("rcs", budget=5)
    assert not [query for query in statements.captured_queries if Tally._meta.db_table in query["sql"]]


@pytest.mark.django_db(transaction=True)
def test_counting_stays_within_the_budget_of_a_drain(capped: None) -> None:
    send("Offer", [connection(f"+3725550{n:04}") for n in range(1000)], traffic="promotion")
    with CaptureQueriesContext(database) as statements:
        drain_module.drain("rcs", budget=60)
    assert len(memory().sent) == 1000
    assert len(statements) / 1000 <= 0.25, f"{len(statements)} statements"


@pytest.mark.django_db(transaction=True)
def test_giving_back_leaves_what_another_worker_counted_since() -> None:
    now, message = datetime.fromtimestamp(NOW, UTC), uuid4()
    mine, theirs = caps.Wish(ALICE, message), caps.Wish(ALICE, message)
    caps.reserve("", [mine], [Cap(1, DAY)], now)
    caps.reserve("", [theirs], [Cap(1, DAY)], now + timedelta(seconds=1))
    caps.give_back("", [mine])
    assert used() == 1
    caps.give_back("", [theirs])
    assert Tally.objects.get().used == {message.hex: NOW}, "as it was before"
