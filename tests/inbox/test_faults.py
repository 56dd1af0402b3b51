"""Digests that overlap, freeze or lose their database: nothing is stored twice, nothing is given up."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from rcs_router import receive
from rcs_router.inbox import intake, queue
from rcs_router.models import Message, StoredWebhook
from tests.core import ALICE, connection
from tests.inbox.test_webhook import post

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


def test_a_digest_that_wakes_past_its_lease_stores_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory backend's wire has no ids here, so nothing but the claim keeps the words from being doubled."""
    for words in ("one", "two"):
        post(f"text {ALICE} {words}")
    real, frozen = intake._apply, []

    def freezes(alias: str, parsed: list[intake.Digest], now: datetime) -> None:
        if not frozen:
            frozen.append(parsed)
            StoredWebhook.objects.update(lease_until=now - timedelta(seconds=1))
            intake.digest()
        real(alias, parsed, now)

    monkeypatch.setattr(intake, "_apply", freezes)
    intake.digest()
    assert sorted(Message.objects.filter(direction="in").values_list("text", flat=True)) == ["one", "two"]
    assert set(StoredWebhook.objects.values_list("tries", "note")) == {(1, "")}


def test_a_digest_that_fails_past_its_lease_spoils_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    post(f"text {ALICE} hello")
    real, frozen = intake._apply, []

    def freezes(alias: str, parsed: list[intake.Digest], now: datetime) -> None:
        if not frozen:
            frozen.append(parsed)
            StoredWebhook.objects.update(lease_until=now - timedelta(seconds=1))
            intake.digest()
            raise ValueError("broken")
        real(alias, parsed, now)

    monkeypatch.setattr(intake, "_apply", freezes)
    intake.digest()
    assert set(StoredWebhook.objects.values_list("tries", "note")) == {(1, "")}


def test_a_database_in_trouble_gives_up_no_incoming_message(monkeypatch: pytest.MonkeyPatch) -> None:
    row = receive("hello", connection())
    real = queue.route

    def away(*args: Any) -> Any:
        raise OperationalError("database is locked")

    monkeypatch.setattr(queue, "route", away)
    for _ in range(len(queue.RETRIES) + 3):
        Message.objects.update(lease_until=None)
        intake.digest()
    monkeypatch.setattr(queue, "route", real)
    row.refresh_from_db()
    assert (row.routed_at, row.errors, row.lost_leases) == (None, [], 0)
    Message.objects.update(lease_until=None)
    intake.digest()
    row.refresh_from_db()
    assert row.routed_at
