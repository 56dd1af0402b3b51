"""Consent: which words mean it, what the ledger keeps, and that no STOP is ever lost."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rcs_router import receive, send
from rcs_router.content import Reply, Text
from rcs_router.contract import BaseBackend, Status, WebhookRequest
from rcs_router.inbox import intake
from rcs_router.inbox.consent_words import change_consent
from rcs_router.models import Consent, ConsentRecord, Message, StoredWebhook
from rcs_router.people import consent
from tests.core import ALICE, BACKENDS, BOB, ROUTER, connection, drain, memory
from tests.phases import apps

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


@pytest.fixture
def app(settings: Any) -> Any:
    settings.RCS_ROUTER = ROUTER | {"APPS": apps.PATHS[:1]}
    apps.forget()
    yield apps
    apps.forget()


def hear(text: str, number: str = ALICE, alias: str = "rcs", **options: Any) -> Message:
    row = receive(text, connection(number, alias), **options)
    intake.digest()
    row.refresh_from_db()
    return row


def answers() -> list[str]:
    rows = Message.objects.filter(direction="out", traffic="acknowledgement").order_by("created_at")
    return [text[:12] for text in rows.values_list("text", flat=True)]


def is_out(number: str = ALICE) -> bool:
    return bool(consent.refused([number]))


STOPS = [
    "stop",
    "STOP",
    " Stop \n",
    "stop.",
    "STOP!",
    "Stop !",
    "stop. ",
    '"STOP"',
    "'stop'",
    "“STOP”",
    "stop?",
    "\uff33\uff34\uff2f\uff30",  # full width
]
OTHERS = ["StopAll", "unsubscribe", "Cancel", "END", "quit", "baja", "Parar"]


@pytest.mark.parametrize("text", STOPS + OTHERS)
def test_words_that_end_offers(text: str) -> None:
    assert consent.said(text) is True


@pytest.mark.parametrize(
    "text", ["start", "START!", "Unstop", "alta", "démarrer", "DÉMARRER", "de\u0301marrer", "começar"]
)
def test_words_that_bring_offers_back(text: str) -> None:
    assert consent.said(text) is False


@pytest.mark.parametrize(
    "text", ["", " ", ".", "stop it", "please stop", "stopp", "non-stop", "start over", "the end", "s t o p"]
)
def test_other_words(text: str) -> None:
    assert consent.said(text) is None


def test_the_words_are_a_setting(settings: Any) -> None:
    settings.RCS_ROUTER = ROUTER | {"OPT_OUT_WORDS": ["СТОП"], "OPT_IN_WORDS": []}
    assert [consent.said(word) for word in ("стоп", "stop", "start")] == [True, None, None]


def test_stop_is_acknowledged_once_and_kept_from_the_apps(app: Any) -> None:
    row = hear("STOP")
    hear("stop")
    assert is_out()
    assert answers() == ["You will get"]
    assert row.handled_by == "consent"
    assert app.seen("handle") == ""


def test_start_of_somebody_who_left_brings_offers_back(app: Any) -> None:
    hear("STOP")
    assert hear("START").handled_by == "consent"
    assert not is_out()
    assert answers() == ["You will get", "Welcome back"]
    assert app.seen("handle") == ""


def test_start_of_somebody_who_never_left_is_the_apps(app: Any) -> None:
    assert hear("start").handled_by == ""
    assert app.seen("handle") == "A"
    assert answers() == []
    assert not ConsentRecord.objects.exists()


def test_stop_and_start_again_and_again() -> None:
    for text in ["stop", "start", "stop", "stop", "start"]:
        hear(text)
    assert [r.opted_out for r in ConsentRecord.objects.order_by("id")] == [True, False, True, True, False]
    assert len(answers()) == 4  # the repeated one is no change


def test_stop_counts_on_every_backend_and_for_nobody_else() -> None:
    hear("STOP", alias="sms")
    message = send("Offer!", [connection(ALICE), connection(BOB)], traffic="promotion")
    assert sorted((t.connection.identity, t.reason) for t in message.transmissions.all()) == [
        (ALICE, "opted_out"),
        (BOB, ""),
    ]


def test_stop_between_send_and_drain_still_counts() -> None:
    t = send("Offer!", connection(), traffic="promotion").transmissions.get()
    hear("STOP")
    drain("rcs")
    t.refresh_from_db()
    assert (t.status, t.reason) == (Status.CANCELLED, "opted_out")
    assert [outbound.traffic for outbound in memory().sent] == ["acknowledgement"]


def test_a_tapped_chip_is_no_word() -> None:
    send(Text("Music?", suggestions=[Reply("Stop", "music_off")]), connection())
    drain("rcs")
    hear("Stop", postback="music_off")
    assert not is_out()


def test_the_ledger_says_who_said_what_when_and_how() -> None:
    at = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    hear("Stop!", said_at=at)
    line = ConsentRecord.objects.get()
    assert (line.subject, line.opted_out, line.source, line.backend) == (ALICE, True, "keyword", "rcs")
    assert (line.words, line.said_at) == ("Stop!", at)


@pytest.mark.parametrize(
    "broken",
    [
        {"RCS_ROUTER": ROUTER | {"OPT_OUT_REPLY": "x" * 4000}},  # no backend carries it
        {"RCS_ROUTER": ROUTER | {"OPT_OUT_REPLY": "  "}},
        {"RCS_BACKENDS": {**BACKENDS, "rcs": BACKENDS["rcs"] | {"FALLBACK": ["gone"]}}},
    ],
)
def test_stop_counts_even_when_it_cannot_be_acknowledged(settings: Any, broken: dict[str, Any]) -> None:
    for name, value in broken.items():
        setattr(settings, name, value)
    row = hear("STOP")
    assert is_out()
    assert row.routed_at is not None
    assert answers() == []


def test_no_acknowledgement_where_none_is_wanted(settings: Any) -> None:
    settings.RCS_ROUTER = ROUTER | {"OPT_OUT_REPLY": "", "OPT_IN_REPLY": ""}
    hear("STOP")
    hear("START")
    assert answers() == []
    assert ConsentRecord.objects.count() == 2


def test_an_unsubscribe_event_counts_even_when_it_cannot_be_acknowledged(settings: Any) -> None:
    settings.RCS_ROUTER = ROUTER | {"OPT_OUT_REPLY": "x" * 4000}
    backend: BaseBackend = memory()
    intake.accept(backend, WebhookRequest("POST", f"unsubscribe {ALICE}".encode()))
    intake.digest()
    assert is_out()
    assert StoredWebhook.objects.get().note == ""


def test_an_old_start_does_not_undo_a_newer_stop() -> None:
    """Providers repeat events for days; what was said first may come last."""
    change_consent(connection(), opted_out=True, source="keyword", at=datetime(2026, 1, 2, 12, tzinfo=UTC))
    changed = change_consent(
        connection(), opted_out=False, source="provider event", at=datetime(2026, 1, 2, 11, tzinfo=UTC)
    )
    assert not changed
    assert is_out()
    assert ConsentRecord.objects.count() == 2  # said is said


def test_an_old_stop_still_counts_in_case_of_doubt() -> None:
    change_consent(connection(), opted_out=True, source="keyword", at=datetime(2026, 1, 2, 10, tzinfo=UTC))
    change_consent(connection(), opted_out=False, source="keyword", at=datetime(2026, 1, 2, 12, tzinfo=UTC))
    assert change_consent(
        connection(), opted_out=True, source="provider event", at=datetime(2026, 1, 2, 11, tzinfo=UTC)
    )
    assert is_out()


def test_the_state_is_the_ledgers_last_word() -> None:
    assert consent.record(ALICE, opted_out=False, source="api") is False
    assert not Consent.objects.get(subject=ALICE).opted_out
    assert consent.record(ALICE, opted_out=True, source="api") is True
    assert Consent.objects.get(subject=ALICE).opted_out


@pytest.mark.parametrize(
    "traffic", ["authentication", "transaction", "service_request", "acknowledgement", "promotion"]
)
def test_only_promotions_need_consent(traffic: str) -> None:
    assert consent.needs_consent(traffic) is (traffic == "promotion")


def test_a_number_is_the_same_however_it_is_written() -> None:
    consent.record("+372 5550 1234", opted_out=True, source="web site")
    assert consent.refused([ALICE]) == {ALICE}
    assert [line["who"] for line in consent.evidence("+372 (5550) 1234")] == [ALICE]
