"""`health/` and `rcs_doctor`: the same findings for a monitor and for a person, also when the database is down."""

import io
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from django.db import connection as database
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.test.utils import CaptureQueriesContext

from rcs_router import alarms, health, sql
from rcs_router.contract import Status
from rcs_router.models import BackendState, LastRun, StoredWebhook, Transmission
from tests.alarms.steps import NOW, before, incoming, transmission
from tests.alarms.test_watch import BIG_TABLES, is_indexed, plan_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]
URL, TOKEN = "/rcs/health/", "monitor-t0ken"


@pytest.fixture(autouse=True)
def token(router: None, settings: Any) -> None:
    settings.RCS_ROUTER = settings.RCS_ROUTER | {
        "HEALTH_TOKEN": TOKEN,
        "PUBLIC_URL": "https://shop.example/rcs/",
    }
    settings.MEDIA_ROOT = "/var/empty"


def swept() -> None:
    LastRun.objects.update_or_create(job="sweep", defaults={"at": sql.now(Transmission)})


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def doctor(*options: str) -> tuple[int, str]:
    out, code = io.StringIO(), 0
    try:
        call_command("rcs_doctor", *options, stdout=out)
    except SystemExit as end:
        code = int(end.code or 0)
    return code, out.getvalue()


def found(name: str) -> health.Finding:
    return next(one for one in health.findings(NOW) if one.name == name)


def paused() -> None:
    transmission(status=Status.QUEUED, ago=5)
    BackendState.objects.create(
        backend_id="rcs",
        pauses=2,
        paused_since=before(600),
        paused_until=NOW + timedelta(seconds=40),
        reason="unavailable",
        detail="down for +37255501234 until noon",
    )


def review() -> None:
    for _ in range(20):
        transmission(status=Status.REVIEW, reason="ambiguous", ago=60)


WRONG: list[tuple[Callable[[], object], str, str, str]] = [
    (
        paused,
        "backend rcs",
        "(unavailable: “down for …34 until noon”), tried again in 40 s; 1 due",
        "out",
    ),
    (lambda: transmission(ago=200), "backend rcs", "1 due, the oldest that is not a promotion", "Codes come"),
    (lambda: incoming(ago=200), "inbox", "the oldest incoming message waits for 3 min", "Codes come late"),
    (
        lambda: StoredWebhook.objects.create(backend="rcs", due_at=before(200)),
        *("inbox", "the oldest stored webhook waits for 3 min", "Codes come late"),
    ),
    (review, "review", "20 on rcs (ambiguous)", "Review grows"),
    (lambda: LastRun.objects.all().delete(), "sweep", "has never run", "A worker died"),
    (lambda: LastRun.objects.update(at=before(61)), "sweep", "ran 61 s ago", "A worker died"),
    (lambda: LastRun.objects.create(job="beat", at=before(90)), "beat", "ran 90 s ago", "A worker died"),
    (
        lambda: alarms.begin(alarms.SLOW, "rcs", "15 of 20", now=NOW),
        *("alarms", "slow_provider rcs since", "A provider is slow"),
    ),
]


@pytest.mark.parametrize(("trouble", "name", "words", "section"), WRONG)
def test_what_is_wrong_is_found_with_what_to_do(
    trouble: Callable[[], object], name: str, words: str, section: str
) -> None:
    LastRun.objects.create(job="sweep", at=NOW)
    assert [one for one in health.findings(NOW) if not one.ok] == []
    trouble()
    finding = found(name)
    assert not finding.ok
    assert words in finding.detail
    assert section in finding.todo


def test_what_is_fine_is_shown_too() -> None:
    LastRun.objects.create(job="sweep", at=NOW)
    StoredWebhook.objects.create(backend="sms", digested_at=NOW, received_at=NOW)
    transmission(priority=50, ago=9999)
    transmission("sms", status=Status.REVIEW, ago=9999, reason="refused")
    names = [one.name for one in health.findings(NOW)]
    assert names[:5] == ["database", "migrations", "backend rcs", "backend sms", "backend alone"]
    assert names[5:] == ["inbox", "review", "sweep", "beat", "alarms", "last webhook"]
    assert found("backend rcs").detail == "works; 1 due"
    assert found("review").detail == "1 on sms (refused)"
    assert found("beat").detail == "has never run"
    assert found("last webhook").detail == "rcs not lately, sms 0 s ago, alone not lately"
    assert not [one for one in health.findings(NOW) if one.todo]


def test_a_missing_migration_is_named() -> None:
    LastRun.objects.create(job="sweep", at=NOW)
    MigrationRecorder(database).record_unapplied("rcs_router", "0005_under_failure")
    try:
        assert found("migrations").detail == "missing: 0005_under_failure"
        assert len(health.findings(NOW)) == 2  # nothing else can be asked
    finally:
        MigrationRecorder(database).record_applied("rcs_router", "0005_under_failure")


# The address


def test_all_is_well() -> None:
    swept()
    response = Client().get(URL, headers=bearer())
    assert response.status_code == 200
    assert response.json()["ok"] is True
    assert "no-store" in response.headers["Cache-Control"]


def test_something_needs_a_person(caplog: Any, settings: Any) -> None:
    settings.ADMINS = [("Kati", "kati@shop.example")]
    swept()
    paused()
    response = Client().get(URL, headers=bearer())
    assert (response.status_code, response.json()["ok"]) == (503, False)
    [wrong] = [one for one in response.json()["findings"] if not one["ok"]]
    assert wrong["name"] == "backend rcs"
    assert (caplog.records, mail.outbox) == (
        [],
        [],
    )  # a monitor asks often, and nobody wants to hear of each time
    assert "37255501234" not in response.content.decode()


STRANGERS = [{}, bearer("wrong"), bearer(""), bearer(TOKEN + "x"), {"Authorization": f"Basic {TOKEN}"}]
STRANGERS += [{"Authorization": TOKEN}, {"Authorization": "Bearer \u00e4"}]


@pytest.mark.parametrize("headers", STRANGERS)
def test_strangers_are_told_nothing(headers: dict[str, str]) -> None:
    response = Client().get(URL, headers=headers)
    assert response.status_code == 403
    assert "findings" not in response.json()


def test_an_empty_token_lets_nobody_in(settings: Any) -> None:
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"HEALTH_TOKEN": ""}
    assert Client().get(URL, headers={"Authorization": "Bearer "}).status_code == 403


@pytest.mark.parametrize(
    ("staff", "active", "status"), [(True, True, 200), (False, True, 403), (True, False, 403)]
)
def test_staff_may_look(staff: bool, active: bool, status: int) -> None:
    swept()
    client = Client()
    client.force_login(User.objects.create_user("kati", is_staff=staff, is_active=active))
    assert client.get(URL).status_code == status


def test_a_project_where_everybody_must_log_in(settings: Any) -> None:
    swept()
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    assert Client().get(URL, headers=bearer()).status_code == 200
    assert Client().get(URL).status_code == 403


def test_a_project_without_logins(settings: Any) -> None:
    swept()
    settings.MIDDLEWARE = []
    assert Client().get(URL, headers=bearer()).status_code == 200
    assert Client().get(URL).status_code == 403


def test_only_reading() -> None:
    assert Client().post(URL, headers=bearer()).status_code == 405


@pytest.mark.usefixtures("down")
def test_a_database_that_is_down_is_said() -> None:
    response = Client().get(URL, headers=bearer())
    assert response.status_code == 503
    [finding] = response.json()["findings"]
    assert (finding["name"], finding["detail"]) == ("database", "does not answer (OperationalError)")
    client = Client()
    client.cookies["sessionid"] = "a" * 32  # whose it is cannot be asked
    assert client.get(URL).status_code == 503
    assert Client().get(URL).status_code == 403


# The command


def test_the_doctor_says_what_to_do(settings: Any) -> None:
    settings.DEBUG = True  # the tests' database is connected to anew each time, which is worth a warning
    swept()
    assert doctor()[0] == 0
    paused()
    code, said = doctor()
    assert code == 1
    assert "WRONG  backend rcs: paused since" in said
    assert "→ See docs/operating.md, “Nothing goes out”." in said
    code, said = doctor("--json")
    assert (code, json.loads(said)["ok"]) == (1, False)


def test_the_doctor_reads_the_settings(settings: Any) -> None:
    swept()
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"PUBLIC_URL": ""}
    code, said = doctor()
    assert code == 1
    assert "WRONG  settings rcs_router.W101" in said
    settings.RCS_BACKENDS = {"rcs": {"BACKEND": "no.such.Backend"}}
    assert "WRONG  settings rcs_router.E006" in doctor()[1]
    settings.RCS_BACKENDS = ["rcs"]
    with suppress(SystemExit):
        assert "E001" in doctor()[1]


@pytest.mark.usefixtures("down")
def test_the_doctor_works_when_the_database_is_down() -> None:
    code, said = doctor()
    assert code == 1
    assert "WRONG  database: does not answer (OperationalError)" in said


def test_health_reads_no_large_table_from_end_to_end() -> None:
    paused()
    review()
    with CaptureQueriesContext(database) as captured:
        health.findings(NOW)
    assert len(captured) < 40
    queries = [q["sql"] for q in captured if any(f'"{table}"' in q["sql"] for table in BIG_TABLES)]
    assert [plan for plan in map(plan_of, queries) if not is_indexed(plan)] == []
