"""Opting out and in on somebody's behalf, and letting a backend go on."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from rcs_router import alarms, sql
from rcs_router.models import Alarm, BackendState, Consent, ConsentRecord, Message
from rcs_router.outbox import pace
from rcs_router.people import consent
from tests.admin.pages import act, found, listed, page, words
from tests.core import ALICE, BOB, connection, drain, memory, sent_to

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


@pytest.mark.parametrize("opted_out", [True, False])
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("model", ["consent", "connection"])
def test_opting_writes_the_ledger_and_says_what_changed(boss, model, before, opted_out):
    consent.record(ALICE, opted_out=before, source="keyword")
    row = Consent.objects.get() if model == "consent" else connection(ALICE)
    told = act(boss, model, "opt_out" if opted_out else "opt_in", [row])[1]
    state = "opted out of promotions" if opted_out else "opted in to promotions"
    already = f"1 had {state} before; each got one more record in the ledger."
    assert told == ([f"1 {state}."] if before != opted_out else [already])
    assert Consent.objects.get().opted_out == opted_out
    last = ConsentRecord.objects.latest("pk")
    assert (last.subject, last.opted_out, last.source, last.words) == (ALICE, opted_out, "admin", "by boss")
    assert not Message.objects.exists()


def test_opting_out_counts_a_number_once_for_all_its_backends(boss):
    rows = [connection(ALICE, "rcs"), connection(ALICE, "sms"), connection(BOB)]
    assert act(boss, "connection", "opt_out", rows)[1] == ["2 opted out of promotions."]
    assert "opted out" in words(boss.get(page(Consent.objects.get(subject=ALICE))))
    assert sent_to(traffic="promotion").reason == "opted_out"


def test_the_ledger_of_one_number_is_on_its_page(boss):
    consent.record(ALICE, opted_out=True, source="keyword", words="STOP <b>", backend="sms")
    consent.record(BOB, opted_out=True, source="api")
    response = boss.get(page(Consent.objects.get(subject=ALICE)))
    assert "opted out keyword via sms STOP <b>" in words(response)
    assert "STOP <b>" not in response.content.decode()
    assert "api" not in words(response)


def test_resume_lets_the_next_drain_send_at_once(boss):
    row = sent_to()
    pace.pause("rcs", "misconfigured", 3600, sql.now(BackendState))
    drain("rcs")
    assert not memory().sent
    text = words(boss.get(listed("backendstate")))
    assert "rcs paused misconfigured" in text
    state = BackendState.objects.get(pk="rcs")
    assert act(boss, "backendstate", "resume", [state])[1] == ["Resumed: rcs."]
    drain("rcs")
    assert [outbound.id for outbound in memory().sent] == [row.pk]
    assert "misconfigured" in LogEntry.objects.get().change_message


def test_resume_says_what_was_not_paused(boss):
    pace.state("sms")
    assert act(boss, "backendstate", "resume", [BackendState.objects.get(pk="sms")])[1] == [
        "1 not changed: not paused."
    ]
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(
    ("ahead", "pauses", "expected"), [(60, 1, "paused"), (-60, 1, "trying again"), (None, 0, "working")]
)
def test_a_backend_says_how_it_is(boss, ahead, pauses, expected):
    pace.state("rcs")
    until = None if ahead is None else sql.now(BackendState) + timedelta(seconds=ahead)
    BackendState.objects.filter(pk="rcs").update(paused_until=until, pauses=pauses)
    sent_to()
    assert f"rcs {expected} " in words(boss.get(listed("backendstate")))
    assert words(boss.get(page(BackendState.objects.get(pk="rcs")))).endswith("Messages waiting: 1")


def test_a_pause_shows_the_providers_words_and_since_when(boss):
    pace.pause("rcs", "unavailable", 3600, sql.now(BackendState))
    since = sql.now(BackendState) - timedelta(minutes=10)
    BackendState.objects.filter(pk="rcs").update(detail="down <b> till noon", paused_since=since)
    text = words(boss.get(listed("backendstate")))
    assert "unavailable down <b> till noon" in text
    assert f"{timezone.localtime(since):%H:%M:%S}" in text
    BackendState.objects.filter(pk="rcs").update(pauses=0, paused_until=None)
    assert "till noon" not in words(boss.get(listed("backendstate")))


def test_alarms_are_listed_with_what_to_do(boss):
    now = sql.now(Alarm)
    alarms.begin(alarms.SLOW, "rcs", "15 of 20 requests", now=now)
    alarms.begin(alarms.REVIEW, "", "20 on sms", now=now)
    alarms.end(alarms.REVIEW, now=now)
    text = words(boss.get(listed("alarm")))
    assert "slow_provider rcs raised" in text
    assert "review_growing - is over" in text
    row = Alarm.objects.get(kind=alarms.SLOW)
    shown = words(boss.get(page(row)))
    assert "a provider answers slowly" in shown
    assert "see docs/operating.md, “A provider is slow”" in shown
    assert [row.kind for row in found(boss, "alarm", ended_at__isempty="1")] == [alarms.SLOW]
