"""What stands around the router with several databases: admin, API, health, workers, test cases, ATOMIC_REQUESTS."""

import contextlib
import io
import unittest
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import call_command
from django.db import DatabaseError, connections, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import classproperty
from rest_framework.authtoken.models import Token

from rcs_router import alarms, database, health, heartbeat, sql, sweep, timelimit, wake
from rcs_router.alarms import counts
from rcs_router.contract import Status, WebhookRequest
from rcs_router.inbox import intake
from rcs_router.models import (
    BackendMinute,
    BackendState,
    Connection,
    Contact,
    Event,
    LastRun,
    Message,
    StoredWebhook,
    Transmission,
)
from rcs_router.outbox import pace
from rcs_router.phases import IncomingMessage, RouterApp
from rcs_router.testing import RCSTestCase, RCSTransactionTestCase
from rcs_router.testing.stub import wait_until
from rcs_router.threads import WorkerThreads
from tests.api.client import API
from tests.core import ALICE, BOB, connection, drain, memory, sent_to

pytestmark = pytest.mark.usefixtures("layout")


@pytest.fixture
def boss(layout: str) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client


@pytest.fixture
def api(layout: str, settings: Any) -> API:
    cache.clear()
    settings.RCS_BACKENDS = {**settings.RCS_BACKENDS, "asked": {"BACKEND": "tests.api.core.Asked"}}
    return API(Token.objects.create(user=User.objects.create_superuser("program")).key)


# Admin

LISTS = [
    *("contact", "connection", "message", "transmission", "storedwebhook", "inboundfile", "consent"),
    *("consentrecord", "backendstate", "alarm"),
]


def test_every_list_of_the_admin_and_every_page(boss: Client) -> None:
    row = sent_to()
    drain("rcs")
    intake.accept(memory(), WebhookRequest("POST", f"text {ALICE} STOP".encode()))
    intake.digest()
    pace.pause("rcs", "throttled", 60, timezone.now())
    for name in LISTS:
        assert boss.get(reverse(f"admin:rcs_router_{name}_changelist")).status_code == 200
    for one in (row, row.message, row.connection, StoredWebhook.objects.get(), BackendState.objects.get()):
        page = reverse(f"admin:rcs_router_{one._meta.model_name}_change", args=[one.pk])
        assert boss.get(page).status_code == 200


def test_a_person_made_a_moment_ago_is_given_a_connection_in_the_admin(boss: Client) -> None:
    assert boss.post(reverse("admin:rcs_router_contact_add"), _contact("Alice")).status_code == 302
    alice = Contact.objects.get()
    row = connection()
    page = reverse("admin:rcs_router_connection_change", args=[row.pk])
    answer = boss.post(page, {"backend": "rcs", "identity": ALICE, "contact": alice.pk})
    assert answer.status_code == 302, answer.context["errors"]
    assert Connection.objects.get().contact == alice
    assert (
        boss.post(reverse("admin:rcs_router_contact_delete", args=[alice.pk]), {"post": "yes"}).status_code
        == 302
    )
    assert Connection.objects.get().contact is None
    assert LogEntry.objects.count() == 3


def _contact(name: str) -> dict[str, Any]:
    forms = {"connections-TOTAL_FORMS": "1", "connections-INITIAL_FORMS": "0"}
    first = {"connections-0-backend": "", "connections-0-identity": "", "connections-0-id": ""}
    return {"name": name, "language": "", **forms, **first}


def test_an_operation_of_the_admin(boss: Client) -> None:
    sent_to()
    pace.pause("rcs", "throttled", 60, timezone.now())
    data = {"action": "resume", "_selected_action": ["rcs"]}
    assert boss.post(reverse("admin:rcs_router_backendstate_changelist"), data).status_code == 302
    assert not BackendState.objects.get().pauses
    assert LogEntry.objects.get().object_id == "rcs"


# API


def test_the_api_sends_reads_and_changes(api: API) -> None:
    status, made = api.send("Hello", key="order-7")
    again = api.send("Hello", key="order-7")
    assert (status, again[1]["id"]) == (201, made["id"])
    drain("rcs")
    assert api.get(f"messages/{made['id']}/")[0] == 200
    assert len(api.get("transmissions/")[1]["results"]) == 1
    status, person = api.post(
        "contacts/", {"name": "Bob", "connections": [{"backend": "rcs", "identity": BOB}]}
    )
    assert status == 201
    assert api.patch(f"contacts/{person['id']}/", {"name": "Robert"})[0] == 200
    assert api.get(f"contacts/{person['id']}/")[1]["name"] == "Robert"
    assert api.delete(f"contacts/{person['id']}/")[0] == 204
    assert api.post(f"consent/{ALICE}/opt-out/", {"words": "by letter"})[0] == 200
    assert api.get(f"consent/{ALICE}/")[0] == 200
    assert api.get("capabilities/", backend="asked", identity=ALICE)[0] == 200


# Health, commands, counts and sweeps


def test_health_and_the_doctor(settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "HEALTH_TOKEN": "t0ken"}
    sweep.tick()
    found = {one.name: one.ok for one in health.findings()}
    assert found["database"]
    assert found["migrations"]
    assert Client().get("/rcs/health/", headers={"Authorization": "Bearer t0ken"}).status_code in {200, 503}
    out = io.StringIO()
    with contextlib.suppress(SystemExit):
        call_command("rcs_doctor", stdout=out)
    assert "all are applied" in out.getvalue()


def test_rcs_send_and_rcs_tick() -> None:
    call_command("rcs_send", "--backend", "rcs", ALICE, "Hello", stdout=io.StringIO())
    call_command("rcs_tick", stdout=io.StringIO())
    assert Transmission.objects.get().status in {Status.QUEUED, Status.ACCEPTED}
    assert LastRun.objects.filter(job="sweep").exists()


def test_counts_and_alarms() -> None:
    sent_to()
    drain("rcs")
    counts.flush(force=True)
    assert BackendMinute.objects.get(backend="rcs").attempts >= 1
    assert alarms.begin(alarms.PAUSED, "rcs", "on purpose", now=timezone.now()) is not False
    alarms.look(timezone.now())


# Threads


def test_threads_of_a_worker_do_everything_and_leave_no_connection_open(settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "APPS": ["rcs_router.handlers.Echo"]}
    worker_threads = WorkerThreads()
    try:
        row = sent_to()
        intake.accept(memory(), WebhookRequest("POST", f"text {ALICE} echo hello".encode()))
        worker_threads.wake((wake.DRAIN, "rcs"))
        worker_threads.wake((wake.DIGEST,))
        wait_until(lambda: Transmission.objects.filter(status=Status.ACCEPTED).count() == 2)
    finally:
        worker_threads.stop()
        wake.listen(None)
    row.refresh_from_db()
    assert row.status == Status.ACCEPTED


def test_leases_are_renewed_in_the_router_s_database(settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "HEARTBEAT": 0.05}
    told: list[Any] = []
    with heartbeat.holding(lambda now, end: told.append(LastRun.objects.count())):
        wait_until(lambda: bool(told))


# Transactions


class Interrupted(RouterApp):
    """Uses both databases, and then never ends."""

    def handle(self, message: IncomingMessage) -> None:
        Contact.objects.create(name="left behind")
        with transaction.atomic(using="default"):
            User.objects.create_user("left-behind")
            raise timelimit.OutOfTime


def test_an_app_whose_time_was_up_leaves_nothing_open(settings: Any) -> None:
    path = "tests.field.test_databases_around.Interrupted"
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "APPS": [path, "rcs_router.handlers.Echo"]}
    intake.accept(memory(), WebhookRequest("POST", f"text {ALICE} echo hello".encode()))
    intake.digest()
    assert not Contact.objects.exists()
    assert not User.objects.exists()
    assert Message.objects.get(direction="in").handled_by.endswith("Echo")
    assert not any(one.in_atomic_block for one in connections.all())


def test_connections_to_other_databases_are_closed_as_between_requests(layout: str) -> None:
    connections["default"].ensure_connection()
    database.connection().ensure_connection()
    for one in connections.all(initialized_only=True):
        one.close_at = 0.0  # it is older than CONN_MAX_AGE
    database.close_old_others()
    assert database.connection().connection is not None
    assert (connections["default"].connection is None) is (database.alias() != "default")


def test_a_view_stands_outside_of_atomic_requests_of_any_database() -> None:
    @database.non_atomic_requests
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    assert view._non_atomic_requests >= set(connections.settings) - {"replica"}  # type: ignore[attr-defined]


def test_all_is_undone_in_the_router_s_database() -> None:
    with pytest.raises(DatabaseError), database.atomic():
        Event.objects.create(connection=connection(), kind="typing")
        raise DatabaseError
    assert not Event.objects.exists()


def test_the_clock_is_that_of_the_router_s_database() -> None:
    assert abs((sql.now(Transmission) - timezone.now()).total_seconds()) < 5


# Test cases of users


class Conversations(RCSTestCase):
    apps = ("rcs_router.handlers.Echo",)

    def test_echo(self) -> None:
        phone = self.handset(ALICE)
        phone.says("echo hello")
        assert phone.last.text == "hello"
        User.objects.create_user("somebody")


class Commits(RCSTransactionTestCase):
    apps = ("rcs_router.handlers.Echo",)
    test_echo = Conversations.test_echo


class OfTheirOwn(RCSTestCase):
    """With `databases` set by hand, as Django's documentation says."""

    databases = classproperty(lambda cls: set(connections.settings) - {"replica"})
    apps = ("rcs_router.handlers.Echo",)
    test_echo = Conversations.test_echo


for case in (Conversations, Commits, OfTheirOwn):
    case.__test__ = False  # type: ignore[attr-defined]  # run below, with databases of several layouts


@pytest.mark.parametrize("case", [Conversations, Commits, OfTheirOwn])
def test_test_cases_with_several_databases(case: type[unittest.TestCase]) -> None:
    found = unittest.TestResult()
    fresh = type(case.__name__, (case,), {})  # Django writes `databases` into the class
    unittest.TestSuite([fresh("test_echo")]).run(found)
    for _, text in (*found.errors, *found.failures):
        raise AssertionError(text)
    assert found.testsRun == 1
    if case is not Commits:
        assert not Message.objects.exists()
        assert not User.objects.exists()
