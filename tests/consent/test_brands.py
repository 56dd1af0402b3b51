"""Brands: a refusal holds on all backends of one brand and on no other, and nothing is lost when brands are named."""

import json
import re
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection as database
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse

from rcs_router import conf, receive, send
from rcs_router.backends import BackendConfig
from rcs_router.contract import Linked, Status
from rcs_router.inbox import intake
from rcs_router.models import Connection, Consent, ConsentRecord, Message
from rcs_router.people import consent
from rcs_router.people.linking import link
from rcs_router.testing import MemoryBackend
from tests.admin.conftest import boss, login  # noqa: F401
from tests.admin.pages import act, listed, page, words
from tests.core import ALICE, BACKENDS, BOB, ROUTER, connection, drain, memory, sent_to

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]

BRANDS: dict[str, Any] = {
    "rcs": BACKENDS["rcs"] | {"BRAND": "shop"},
    "sms": BACKENDS["sms"] | {"BRAND": "shop"},
    "alone": BACKENDS["alone"] | {"BRAND": "bank"},
}


@pytest.fixture
def branded(router: None, settings: Any) -> None:
    settings.RCS_BACKENDS = BRANDS


def hear(text: str, alias: str, number: str = ALICE) -> Message:
    row = receive(text, connection(number, alias))
    intake.digest()
    row.refresh_from_db()
    return row


def offered() -> dict[str, str]:
    """Why an offer to Alice is not sent, by backend."""
    message = send("Offer", [connection(ALICE, alias) for alias in BRANDS], traffic="promotion")
    return dict(message.transmissions.values_list("backend_id", "reason"))


def refusing() -> set[str]:
    return {alias for alias, reason in offered().items() if reason == "opted_out"}


@pytest.mark.usefixtures("branded")
class TestNamed:
    @pytest.mark.parametrize(
        ("said_to", "refused"), [("rcs", {"rcs", "sms"}), ("sms", {"rcs", "sms"}), ("alone", {"alone"})]
    )
    def test_a_stop_holds_for_its_brand_alone(self, said_to: str, refused: set[str]) -> None:
        hear("STOP", said_to)
        assert refusing() == refused

    def test_it_holds_between_send_and_drain_too(self) -> None:
        rows = [sent_to(alias, traffic="promotion") for alias in ("rcs", "alone")]
        hear("STOP", "sms")
        drain()
        for row in rows:
            row.refresh_from_db()
        assert [row.status for row in rows] == [Status.CANCELLED, Status.ACCEPTED]

    def test_each_brand_is_come_back_to_by_itself(self) -> None:
        hear("STOP", "rcs")
        hear("STOP", "alone")
        hear("START", "alone")
        assert refusing() == {"rcs", "sms"}

    def test_a_start_to_a_brand_that_was_never_left_is_the_apps(self) -> None:
        hear("STOP", "rcs")
        assert hear("START", "alone").handled_by == ""
        assert refusing() == {"rcs", "sms"}

    def test_each_brand_acknowledges(self) -> None:
        hear("STOP", "rcs")
        hear("STOP", "sms")  # no change
        hear("STOP", "alone")
        drain()
        assert [len(memory(alias).sent) for alias in ("rcs", "sms", "alone")] == [1, 0, 1]

    def test_the_ledger_names_the_brand(self) -> None:
        hear("STOP", "sms")
        line = ConsentRecord.objects.get()
        assert (line.brand, line.backend, line.subject) == ("shop", "sms", ALICE)

    def test_a_backend_that_left_the_settings_has_no_brand_any_more(self, settings: Any) -> None:
        to = connection(ALICE, "alone")
        settings.RCS_BACKENDS = {alias: BRANDS[alias] for alias in ("rcs", "sms")}
        consent.record(to.identity, opted_out=True, source="api", backend=to.backend_id)
        assert Consent.objects.get().brand == ""

    def test_what_a_token_refused_its_number_has_refused(self) -> None:
        token = Connection.objects.create(backend_id=connection(BOB, "rcs").backend_id, identity="tk-1")
        consent.record("tk-1", opted_out=True, source="keyword", backend="rcs")
        link(Linked(ALICE, ("tk-1",)), {ALICE: connection(), "tk-1": token})
        assert refusing() == {"rcs", "sms"}


class TestNamedLater:
    """What was said before brands were told apart was said to all of them."""

    @pytest.fixture(autouse=True)
    def before(self, router: None, settings: Any) -> None:
        consent.record(ALICE, opted_out=True, source="keyword", backend="sms", said_at=_at(12))
        settings.RCS_BACKENDS = BRANDS

    def test_a_refusal_from_before_holds_for_all(self) -> None:
        assert refusing() == {"rcs", "sms", "alone"}

    def test_it_is_asked_at_the_start_too(self) -> None:
        from tests.consent.workers import Worker

        Consent.objects.all().delete()
        t = sent_to("alone", traffic="promotion")
        one = Worker("alone", lambda flight: None)
        one.claim()
        consent.record(ALICE, brand="", opted_out=True, source="test")
        assert one.start() == []
        one.finish()
        t.refresh_from_db()
        assert t.reason == "opted_out"

    def test_until_they_come_back_to_that_brand(self) -> None:
        assert hear("START", "rcs").handled_by == "consent"
        assert refusing() == {"alone"}

    def test_another_stop_is_no_change(self) -> None:
        assert not consent.record(ALICE, opted_out=True, source="keyword", backend="rcs")

    def test_a_start_that_was_said_before_it_changes_nothing(self) -> None:
        changed = consent.record(ALICE, opted_out=False, source="keyword", backend="rcs", said_at=_at(11))
        assert not changed
        assert refusing() == {"rcs", "sms", "alone"}

    def test_a_backend_without_a_brand_keeps_them_for_itself(self, settings: Any) -> None:
        settings.RCS_BACKENDS = {**BRANDS, "alone": BACKENDS["alone"]}
        assert refusing() == {"alone"}

    def test_the_admin_shows_where_each_connection_stands(self, boss: Any) -> None:  # noqa: F811
        hear("START", "rcs")
        connection(ALICE, "alone")
        rows = {row.backend_id: row.opted_out for row in consent.with_standing(Connection.objects.all())}
        assert rows == {"rcs": False, "alone": True}
        assert words(boss.get(listed("connection"))).count("opted out") == 1


def _at(hour: int) -> datetime:
    return datetime(2026, 1, 2, hour, tzinfo=UTC)


@pytest.mark.usefixtures("branded")
def test_the_admin_opts_out_of_the_brand_of_the_connection(boss: Any) -> None:  # noqa: F811
    rows = [connection(ALICE, alias) for alias in ("rcs", "sms")]
    assert act(boss, "connection", "opt_out", rows)[1] == ["1 opted out of promotions."]
    assert refusing() == {"rcs", "sms"}


class Listing(MemoryBackend):
    """Keeps a list of who wants no messages."""

    told: list[Any] = []
    capabilities = MemoryBackend.capabilities.__class__(
        content=MemoryBackend.capabilities.content, opt_out_list=True
    )

    def opted_out(self) -> list[str]:
        return [BOB]

    def opt_out(self, to: str) -> None:
        Listing.told.append(to)

    def opt_in(self, to: str) -> None:
        Listing.told.append(f"-{to}")


def test_a_providers_list_agrees_with_its_brand_alone(settings: Any) -> None:
    path = "tests.consent.test_brands.Listing"
    settings.RCS_BACKENDS = {**BRANDS, "listed": {"BACKEND": path, "BRAND": "bank"}}
    consent.record(ALICE, opted_out=True, source="keyword", backend="rcs")
    call_command("rcs_sync_consent", stdout=StringIO())
    assert Listing.told == []
    assert consent.refused([ALICE, BOB], "bank") == {BOB}
    assert consent.refused([ALICE, BOB], "shop") == {ALICE}


# The evidence


def a_life() -> None:
    consent.record(ALICE, opted_out=True, source="keyword", backend="sms", words="Стоп!", said_at=_at(3))
    consent.record(ALICE, opted_out=False, source="api", brand="bank")
    consent.record(BOB, opted_out=True, source="admin", words="by eve")


@pytest.mark.usefixtures("branded")
def test_the_evidence_has_every_line_as_plain_values() -> None:
    a_life()
    first, second = consent.evidence(ALICE)
    assert datetime.fromisoformat(first.pop("when")).tzinfo
    assert first == {
        "who": ALICE,
        "brand": "shop",
        "what": "opted out",
        "said_at": "2026-01-02T03:00:00+00:00",
        "words": "Стоп!",
        "source": "keyword",
        "backend": "sms",
    }
    assert (second["what"], second["said_at"], second["brand"]) == ("opted in", None, "bank")
    assert [line["source"] for line in consent.evidence(ALICE, "bank")] == ["api"]
    assert consent.evidence("+37255509999") == []


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("rcs_consent", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.usefixtures("branded")
def test_the_command_shows_it() -> None:
    a_life()
    told = command("+372 5550 1234").splitlines()
    assert len(told) == 2
    assert told[0].endswith(
        "opted out  keyword via sms, brand shop: “Стоп!”, said at 2026-01-02T03:00:00+00:00"
    )
    assert json.loads(command(ALICE, "--json")) == consent.evidence(ALICE)
    assert json.loads(command(ALICE, "--json", "--brand", "shop")) == consent.evidence(ALICE, "shop")
    assert command("tk-7Q9x") == "The ledger has no entry about tk-7Q9x.\n"
    assert command("12345") == "The ledger has no entry about 12345.\n"
    assert command("tk-7Q9x", "--json") == "[]\n"


@pytest.mark.usefixtures("branded")
def test_the_admin_gives_it_as_a_file(boss: Any) -> None:  # noqa: F811
    a_life()
    row = Consent.objects.get(subject=ALICE, brand="shop")
    address = reverse("admin:rcs_router_consent_evidence", args=[row.pk])
    assert address in boss.get(page(row)).content.decode()
    response = boss.get(address)
    assert response["Content-Disposition"] == 'attachment; filename="consent.json"'
    assert "Стоп!" in response.content.decode()
    assert response.json() == consent.evidence(ALICE, "shop")
    data = {"action": "evidence", "_selected_action": [r.pk for r in Consent.objects.all()]}
    assert boss.post(listed("consent"), data).json() == [
        *consent.evidence(ALICE, "bank"),
        *consent.evidence(ALICE, "shop"),
        *consent.evidence(BOB),
    ]
    assert boss.get(reverse("admin:rcs_router_consent_evidence", args=[99999])).status_code == 404


@pytest.mark.usefixtures("branded")
def test_who_may_not_view_consent_gets_no_evidence(login: Any) -> None:  # noqa: F811
    a_life()
    address = reverse("admin:rcs_router_consent_evidence", args=[Consent.objects.filter(subject=ALICE)[0].pk])
    assert [login(*verbs).get(address).status_code for verbs in ([], ["view"])] == [403, 200]


def test_the_page_says_what_the_code_does(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.RCS_BACKENDS = {"acme": BACKENDS["alone"]}
    text = (Path(__file__).parents[2] / "docs/consent.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", text, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    for code, printed in blocks:
        exec(code, names)
        assert capsys.readouterr().out == printed
        if given := names.pop("RCS_ROUTER", None):
            assert conf.read(given)
        for alias, entry in names.pop("RCS_BACKENDS", {}).items():
            assert BackendConfig.read(alias, entry).replies == {"OPT_OUT_REPLY": "", "OPT_IN_REPLY": ""}
    assert len(blocks) == 4


# HELP

HELP = "The Shop, +372 600 0000. At most 3 offers a week. Answer STOP to end them."


@pytest.mark.parametrize("text", ["help", "HELP!", " Info ", "ayuda", "Aide.", "ПОМОЩЬ", "“hilfe”"])
def test_help_is_answered_also_to_who_left(settings: Any, text: str) -> None:
    settings.RCS_ROUTER = ROUTER | {"HELP_REPLY": HELP}
    consent.record(ALICE, opted_out=True, source="keyword")
    assert hear(text, "rcs").handled_by == "consent"
    drain()
    assert [(o.text, o.traffic) for o in memory().sent] == [(HELP, "acknowledgement")]


@pytest.mark.parametrize("text", ["help me", "please help", "information", "helpful", ""])
def test_other_words_are_for_the_apps(settings: Any, text: str) -> None:
    settings.RCS_ROUTER = ROUTER | {"HELP_REPLY": HELP}
    assert hear(text, "rcs").handled_by == ""
    assert not Message.objects.filter(direction="out").exists()


def test_without_an_answer_help_is_for_the_apps() -> None:
    assert hear("help", "rcs").handled_by == ""
    assert not Message.objects.filter(direction="out").exists()


def test_a_tapped_help_is_for_the_apps(settings: Any) -> None:
    settings.RCS_ROUTER = ROUTER | {"HELP_REPLY": HELP}
    row = receive("Help", connection(), postback="help")
    intake.digest()
    row.refresh_from_db()
    assert row.handled_by == ""


def test_two_machines_that_ask_for_help_come_to_an_end(settings: Any) -> None:
    settings.RCS_ROUTER = ROUTER | {"HELP_REPLY": HELP, "ANSWERS_A_MINUTE": 2}
    assert [hear("info", "rcs").handled_by for _ in range(4)] == ["consent"] * 4
    assert Message.objects.filter(direction="out").count() == 2


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("STOP 🛑", "stop"),
        ("🛑\ufe0f stop \u200d", "stop"),
        ("*stop*", "stop"),
        ("_stop_", "stop"),
        ("Stop   all", "stop all"),
        ("ARRÊT", "arrêt"),
        ("arre\u0302t", "arrêt"),
        ("İPTAL", "iptal"),
        ("रुको।", "रुको"),
        ("रुक", "रुक"),
        ("STOPP", "stopp"),
        ("Straße", "strasse"),
        ("¿?", ""),
    ],
)
def test_what_remains_of_a_word(written: str, word: str) -> None:
    assert consent.word(written) == word


# The upgrade

OLD, NEW = [("rcs_router", "0003_inbound_media")], [("rcs_router", "0004_consent_brand")]


def test_an_upgrade_loses_no_refusal_and_a_downgrade_none_either() -> None:
    executor = MigrationExecutor(database)
    latest = [key for key in executor.loader.graph.leaf_nodes() if key[0] == "rcs_router"]
    try:
        executor.migrate(OLD)
        old = executor.loader.project_state(OLD).apps
        for number, opted_out in ((ALICE, True), (BOB, False)):
            old.get_model("rcs_router", "Consent").objects.create(
                subject=number, opted_out=opted_out, changed_at=_at(5)
            )
            old.get_model("rcs_router", "ConsentRecord").objects.create(
                subject=number, opted_out=opted_out, source="keyword"
            )
        executor = MigrationExecutor(database)
        executor.migrate(NEW)
        new = executor.loader.project_state(NEW).apps.get_model("rcs_router", "Consent")
        rows = new.objects.order_by("subject").values_list("brand", "subject", "opted_out", "changed_at")
        assert list(rows) == [("", ALICE, True, _at(5)), ("", BOB, False, _at(5))]
        assert ConsentRecord.objects.filter(brand="").count() == 2
        new.objects.create(brand="shop", subject=BOB, opted_out=True, changed_at=_at(6))
        executor = MigrationExecutor(database)
        executor.migrate(OLD)
        back = executor.loader.project_state(OLD).apps.get_model("rcs_router", "Consent")
        assert dict(back.objects.values_list("subject", "opted_out")) == {ALICE: True, BOB: True}
    finally:
        executor = MigrationExecutor(database)
        executor.migrate(latest)
