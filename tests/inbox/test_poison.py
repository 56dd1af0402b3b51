"""Rows whose workers die: claimed alone, then set aside; their batch-mates are dealt with at once."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from rcs_router import receive, sql, sweep
from rcs_router.inbox import intake, queue
from rcs_router.models import Connection, Consent, Message, StoredWebhook
from rcs_router.testing import MemoryBackend
from tests.core import ALICE, connection
from tests.inbox.test_webhook import post

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]

NUMBERS = [f"+3725550{n:04}" for n in range(10)]


class Killed(BaseException):
    """In the place of a process that dies: nothing is written any more."""


def leases_end(model: type[Message | StoredWebhook]) -> None:
    """Seconds pass in which no heartbeat comes."""
    model.objects.filter(claim__isnull=False).update(lease_until=timezone.now() - timedelta(seconds=1))


def digest_and_die() -> None:
    with pytest.raises(Killed):
        intake.digest()


@pytest.fixture
def deadly(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The text "poison" kills: in the app, and in the webhook's parse."""
    seen: list[str] = []
    parse = MemoryBackend.parse

    def kills(self: Any, request: Any) -> Any:
        seen.append(request.body.decode())
        if b"poison" in request.body:
            raise Killed
        return parse(self, request)

    monkeypatch.setattr(MemoryBackend, "parse", kills)
    return seen


def test_a_webhook_whose_parse_kills_is_set_aside_and_takes_nobody_along(
    deadly: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    for n, number in enumerate(NUMBERS):
        post(f"text {number} {'poison' if n == 4 else 'hello'}")
    for death in range(3):
        digest_and_die()
        if death == 0:
            assert not Message.objects.exists(), "the batch was lost with its worker"
        leases_end(StoredWebhook)
    with caplog.at_level(logging.ERROR):
        intake.digest()
    assert Message.objects.count() == len(NUMBERS) - 1
    row = StoredWebhook.objects.get(note__startswith="set aside")
    assert row.note == "set aside: 3 workers died while digesting it"
    assert row.digested_at
    assert sum("poison" in body for body in deadly) == 3, "it was not tried once more"
    assert any(f"webhook request {row.pk}" in record.getMessage() for record in caplog.records)
    assert not sweep.to_digest(sql.now(Message))


def test_batch_mates_do_not_wait_for_the_poison_to_be_set_aside(deadly: list[str]) -> None:
    for text in ("hello", "poison", "there"):
        post(f"text {ALICE} {text}")
    digest_and_die()
    leases_end(StoredWebhook)
    for _ in range(2):  # each a worker that is started again; the poison's lease has not ended
        try:
            intake.digest()
        except Killed:
            continue
    assert sorted(Message.objects.values_list("text", flat=True)) == ["hello", "there"]


def test_what_is_set_aside_can_be_digested_again(deadly: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    post(f"text {ALICE} poison")
    StoredWebhook.objects.update(lost_leases=3)
    intake.digest()
    assert StoredWebhook.objects.get().note.startswith("set aside")
    monkeypatch.undo()
    assert intake.again(StoredWebhook.objects.all()) == 1
    assert StoredWebhook.objects.get().lost_leases == 0
    intake.digest()
    assert Message.objects.get().text == "poison"


@pytest.mark.parametrize(
    ("claimed", "lost", "until", "count"),
    [
        (False, 0, None, 0),  # never claimed
        (False, 0, -1, 0),  # was put off, and it is time
        (True, 0, None, 0),  # parked by an older release, which left the claim
        (True, 0, -1, 1),  # its worker has died
        (True, 1, -1, 2),
        (False, 2, None, 2),  # put back by a worker that lived
    ],
)
@pytest.mark.parametrize("model", [Message, StoredWebhook])
def test_only_a_lease_that_ended_is_counted(
    model: Any, claimed: bool, lost: int, until: int | None, count: int
) -> None:
    post(f"text {ALICE} hello") if model is StoredWebhook else receive("hello", connection())
    claim = "00000000-0000-4000-8000-000000000001" if claimed else None
    at = timezone.now() + timedelta(seconds=until) if until else None
    model.objects.update(claim=claim, lost_leases=lost, lease_until=at)
    intake.digest()
    assert set(model.objects.values_list("lost_leases", flat=True)) >= {count}
    assert not model.objects.exclude(claim=None).exists()


def suspects(*, lost: int = 1) -> list[Message]:
    rows = [receive(str(n), connection(number)) for n, number in enumerate(NUMBERS[:3])]
    Message.objects.update(lost_leases=lost)
    return rows


def test_messages_that_lost_a_lease_are_claimed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    suspects()
    batches: list[int] = []
    real = queue.Batch.__init__
    monkeypatch.setattr(
        queue.Batch, "__init__", lambda self, c, rows: batches.append(len(rows)) or real(self, c, rows)
    )
    intake.digest()
    assert batches == [1, 1, 1]
    assert not Message.objects.filter(routed_at=None).exists()


def test_a_message_that_took_three_workers_is_set_aside(caplog: pytest.LogCaptureFixture) -> None:
    rows = suspects(lost=3)
    with caplog.at_level(logging.ERROR):
        intake.digest()
    for row in rows:
        row.refresh_from_db()
        assert row.set_aside_at
        assert row.errors == [{"phase": "route", "error": "3 workers died while router apps had it"}]
        told = [r.getMessage() for r in caplog.records if str(row.pk) in r.getMessage()]
        assert len(told) == 1
        assert "route it again" in told[0]


def test_what_is_set_aside_holds_up_nobody_and_can_be_routed_again() -> None:
    first, second = receive("1", connection()), receive("2", connection())
    Message.objects.filter(pk=first.pk).update(lost_leases=3)
    intake.digest()
    second.refresh_from_db()
    assert second.routed_at
    assert intake.route_again(Message.objects.all()) == 1
    first.refresh_from_db()
    assert (first.routed_at, first.set_aside_at, first.lost_leases, first.errors) == (None, None, 0, [])
    intake.digest()
    first.refresh_from_db()
    assert (first.routed_at is None, first.set_aside_at) == (False, None)
    assert intake.route_again(Message.objects.all()) == 0


@pytest.mark.parametrize("lost", [0, 1, 3, 30])
def test_a_stop_is_never_set_aside(lost: int) -> None:
    receive("STOP", connection())
    Message.objects.update(lost_leases=lost)
    intake.digest()
    assert Consent.objects.get(subject=ALICE).opted_out
    assert Message.objects.get(direction="in").set_aside_at is None


def test_a_start_that_kills_is_routed_without_apps(settings: Any) -> None:
    """Of somebody who never left it is for the apps, so an app may die of it."""
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "APPS": ["tests.inbox.apps.Deadly"]}
    receive("START", connection())
    for _ in range(3):
        digest_and_die()
        leases_end(Message)
    intake.digest()
    assert Message.objects.get().routed_at


def test_an_app_that_kills_leaves_everybody_else_answered(settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "APPS": ["tests.inbox.apps.Deadly"]}
    for n, number in enumerate(NUMBERS):
        receive("poison" if n == 4 else "hello", connection(number))
    for _ in range(3):
        digest_and_die()
        leases_end(Message)
    intake.digest()
    assert Message.objects.filter(direction="out", text="hello yourself").count() == len(NUMBERS) - 1
    assert Message.objects.get(set_aside_at__isnull=False).text == "poison"
    assert Connection.objects.count() == len(NUMBERS)
