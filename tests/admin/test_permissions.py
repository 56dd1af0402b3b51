"""Who may see and do what: history is for reading, whoever you are."""

import pytest
from django.test import Client
from django.urls import NoReverseMatch, reverse

from rcs_router import sql
from rcs_router.contract import Status, WebhookRequest
from rcs_router.inbox import intake
from rcs_router.models import (
    Alarm,
    BackendState,
    Consent,
    ConsentRecord,
    InboundFile,
    Message,
    StoredWebhook,
    Transmission,
)
from rcs_router.outbox import pace
from rcs_router.people import consent
from tests.admin.pages import MODELS, READ_ONLY, act, listed, page
from tests.core import ALICE, connection, memory, sent_to

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("router")]


@pytest.fixture
def rows() -> dict:
    """One row of every read-only kind, each of which an action could move."""
    t = sent_to()
    Transmission.objects.filter(pk=t.pk).update(status=Status.REVIEW)
    intake.accept(memory(), WebhookRequest("POST", b"hello"))
    consent.record(ALICE, opted_out=True, source="keyword")
    pace.pause("rcs", "throttled", 60, sql.now(BackendState))
    return {
        "message": t.message,
        "transmission": t,
        "storedwebhook": StoredWebhook.objects.get(),
        "inboundfile": InboundFile.objects.create(
            message=t.message, url="https://f.example/", state="failed"
        ),
        "consent": Consent.objects.get(),
        "consentrecord": ConsentRecord.objects.get(),
        "backendstate": BackendState.objects.get(pk="rcs"),
        "alarm": Alarm.objects.get_or_create(kind="slow_provider", raised_at=t.created_at)[0],
    }


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("verbs", "status"), [((), 403), (("view",), 200), (("view", "change"), 200)])
def test_lists_need_the_permission_to_view(login, model, verbs, status):
    assert login(*verbs).get(listed(model)).status_code == status


@pytest.mark.parametrize("model", READ_ONLY)
def test_nobody_adds_edits_or_deletes_history(boss, rows, model):
    row = rows[model]
    before = type(row).objects.values().get(pk=row.pk)
    assert boss.get(page(row)).status_code == 200
    assert boss.post(page(row), dict.fromkeys(before, "")).status_code == 403
    assert boss.get(reverse(f"admin:rcs_router_{model}_add")).status_code == 403
    assert (
        boss.post(reverse(f"admin:rcs_router_{model}_delete", args=[row.pk]), {"post": "yes"}).status_code
        == 403
    )
    act(boss, model, "delete_selected", [row])
    assert type(row).objects.values().get(pk=row.pk) == before
    assert b'<input type="submit"' not in boss.get(page(row)).content


def test_events_have_no_screen_of_their_own():
    with pytest.raises(NoReverseMatch):
        reverse("admin:rcs_router_event_changelist")


ACTIONS = [
    *(("transmission", what) for what in ("retry", "fall_back", "revoke", "cancel", "close", "resend")),
    ("storedwebhook", "digest_again"),
    ("inboundfile", "fetch_again"),
    ("consent", "opt_in"),
    ("backendstate", "resume"),
]


@pytest.mark.parametrize(("model", "action"), ACTIONS)
def test_actions_need_the_permission_to_change(login, rows, model, action):
    row = rows[model]
    before = type(row).objects.values().get(pk=row.pk)
    viewer = login("view")
    act(viewer, model, action, [row])
    assert f'value="{action}"' not in viewer.get(listed(model)).content.decode()
    assert type(row).objects.values().get(pk=row.pk) == before
    assert Message.objects.count() == 1
    assert f'value="{action}"' in login("view", "change").get(listed(model)).content.decode()


@pytest.mark.parametrize("verbs", [(), ("view",)])
def test_buttons_need_the_permission_to_change(login, rows, verbs):
    row = rows["transmission"]
    url = reverse("admin:rcs_router_transmission_operate", args=[row.pk])
    client = login(*verbs)
    assert client.post(url, {"what": "close"}).status_code == 403
    if verbs:
        assert b'value="close"' not in client.get(page(row)).content
        assert b'value="close"' not in client.get(page(row.message)).content
    row.refresh_from_db()
    assert row.status == Status.REVIEW


def test_a_stranger_is_asked_to_log_in(rows):
    url = reverse("admin:rcs_router_transmission_operate", args=[rows["transmission"].pk])
    assert "/login/" in Client().post(url, {"what": "close"}).headers["Location"]


def test_a_button_needs_a_token_and_a_post(boss, rows):
    url = reverse("admin:rcs_router_transmission_operate", args=[rows["transmission"].pk])
    assert boss.get(url).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = boss.cookies
    assert strict.post(url, {"what": "close"}).status_code == 403


def test_connections_may_be_added(boss, rows):
    assert boss.get(reverse("admin:rcs_router_connection_add")).status_code == 200
    assert boss.get(page(connection())).status_code == 200
