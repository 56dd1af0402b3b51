"""Stored webhook requests: read without secrets, digested again where that is right."""

import base64
import json
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.utils import timezone

from rcs_router import receive, sql
from rcs_router.contract import WebhookRequest, secret
from rcs_router.inbox import intake
from rcs_router.models import Message, StoredWebhook
from rcs_router.testing import MemoryBackend, MemoryOptions
from tests.admin.pages import act, listed, page, words
from tests.core import ALICE, BOB, connection, memory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]

SECRET = "Zk3-hush-hush"


@dataclass(frozen=True)
class HushedOptions(MemoryOptions):
    key: str = secret(default="")
    old_keys: tuple[str, ...] = secret(default=())


class Hushed(MemoryBackend):
    Options = HushedOptions


def stored(body: bytes = b"", **facts: object) -> StoredWebhook:
    return StoredWebhook.objects.create(backend="rcs", method="POST", body=body, **facts)


def packed(payload: object) -> bytes:
    data = base64.b64encode(json.dumps(payload).encode()).decode()
    return json.dumps({"message": {"data": data, "messageId": "17"}}).encode()


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b'{"a": {"b": [1, "\\u00e4"]}}', {}, ['"b": [', '"ä"']),
        (
            packed({"agentId": "acme", "text": "Hi"}),
            {},
            ["Payload", '"agentId": "acme"', '"messageId": "17"'],
        ),
        (
            b"From=%2B372&Body=Hi+you",
            {"content-type": "application/x-www-form-urlencoded"},
            ['"Body": "Hi you"'],
        ),
        (b"text +372 Hello", {}, ["Body text +372 Hello"]),
        (b"\xff\xfe{", {}, ["\\xff\\xfe{"]),
        (b"{broken", {}, ["{broken"]),
        (b"[" * 5000, {}, ["[[[["]),
        (b'{"message": {"data": "not base64!"}}', {}, ['"data": "not base64!"']),
        (b'{"message": {"data": "bm90IGpzb24="}}', {}, ['"data": "bm90IGpzb24="']),
        (b'{"message": null}', {}, ['"message": null']),
        (b"", {}, ["Body: empty"]),
        (b"<script>alert(1)</script>", {}, ["<script>alert(1)</script>"]),
    ],
)
def test_the_body_is_shown_readably_and_never_as_markup(boss, body, headers, expected):
    response = boss.get(page(stored(body, headers=headers)))
    assert "<script>alert" not in response.content.decode()
    plain = words(response)
    for part in expected:
        assert part in plain


@pytest.mark.parametrize(
    "facts",
    [
        {"query": {"secret": SECRET}},
        {"query": {"client_token": SECRET}},
        {"query": {"PASSWORD": SECRET}},
        {"query": {"apikey": SECRET}},
        {"headers": {"authorization": f"Bearer {SECRET}"}},
        {"headers": {"x-goog-signature": SECRET}},
        {"body": json.dumps({"deep": [{"clientToken": SECRET}]}).encode()},
        {"body": packed({"secret": SECRET})},
        {
            "body": f"password={SECRET}&a=1".encode(),
            "headers": {"content-type": "application/x-www-form-urlencoded"},
        },
    ],
)
def test_what_is_named_like_a_secret_is_masked(boss, facts):
    content = boss.get(page(stored(**facts))).content.decode()
    assert "••••••" in content
    assert SECRET not in content
    assert base64.b64encode(SECRET.encode()).decode() not in content


@pytest.mark.parametrize(
    "facts",
    [
        {"query": {"k": SECRET}},
        {"headers": {"x-key": f"v1,{SECRET}"}},
        {"body": f"text +372 {SECRET}".encode()},
        {"body": json.dumps({"any": f"?k={SECRET}"}).encode()},
        {"traceback": f"ValueError: {SECRET}", "note": "failed: ValueError", "digested_at": timezone.now()},
    ],
)
def test_the_backends_own_secrets_are_masked_wherever_they_stand(boss, settings, facts):
    hushed = {"BACKEND": "tests.admin.test_intake.Hushed", "OPTIONS": {"key": SECRET, "old_keys": [SECRET]}}
    settings.RCS_BACKENDS = {**settings.RCS_BACKENDS, "rcs": hushed}
    content = boss.get(page(stored(**facts))).content.decode()
    assert "••••••" in content
    assert SECRET not in content


@pytest.mark.parametrize("broken", [{}, {"rcs": {"BACKEND": "nowhere.Backend"}}, {"rcs": {}}])
def test_history_is_readable_when_the_settings_are_not(boss, settings, broken):
    row = stored(b'{"a": 1}', query={"token": SECRET})
    settings.RCS_BACKENDS = broken
    content = boss.get(page(row)).content.decode()
    assert SECRET not in content
    assert boss.get(listed("storedwebhook")).status_code == 200


def accepted(body: str) -> StoredWebhook:
    intake.accept(memory(), WebhookRequest("POST", body.encode()))
    intake.digest()
    return StoredWebhook.objects.latest("pk")


class TestDigestAgain:
    def test_takes_up_what_failed(self, boss, monkeypatch):
        row = accepted("gibberish from +372")
        assert "Traceback (most recent call last)" in words(boss.get(page(row)))
        with monkeypatch.context() as mended:
            mended.setattr(type(memory()), "parse", lambda self, request: [])
            assert act(boss, "storedwebhook", "digest_again", [row])[1] == ["1 will be digested again."]
            intake.digest()
        row.refresh_from_db()
        assert row.digested_at
        assert (row.note, row.traceback, row.tries) == ("", "", 1)

    def test_takes_up_parked_rows_and_orphans_at_once(self, boss):
        parked = accepted("delivered 00000000-0000-4000-8000-000000000001")
        orphan = stored(note="orphan: there is no such transmission", tries=7, digested_at=timezone.now())
        assert parked.due_at > sql.now(StoredWebhook)
        assert act(boss, "storedwebhook", "digest_again", [parked, orphan])[1] == [
            "2 will be digested again."
        ]
        for row in (parked, orphan):
            row.refresh_from_db()
            assert (row.digested_at, row.tries, row.note) == (None, 0, "")
            assert row.due_at <= sql.now(StoredWebhook)

    def test_leaves_alone_what_would_be_answered_twice(self, boss):
        row = accepted(f"text {ALICE} hello")
        told = act(boss, "storedwebhook", "digest_again", [row])[1]
        assert told == ["1 not changed: digested without errors, or being digested now."]
        intake.digest()
        assert Message.objects.count() == 1

    def test_leaves_alone_what_a_worker_holds(self, boss):
        until = timezone.now() + timedelta(seconds=60)
        row = stored(b"x", lease_until=until, tries=1)
        assert act(boss, "storedwebhook", "digest_again", [row])[1] == [
            "1 not changed: digested without errors, or being digested now."
        ]
        row.refresh_from_db()
        assert row.lease_until == until


class TestSetAside:
    """What was given up is counted, found by a filter, and taken up again."""

    def given_up(self) -> Message:
        receive("hello", connection())
        Message.objects.update(lost_leases=3)
        intake.digest()
        return Message.objects.get()

    def test_messages_are_counted_filtered_and_routed_again(self, boss):
        row, other = self.given_up(), receive("other", connection(BOB))
        assert "1 incoming message set aside" in words(boss.get(listed("message")))
        shown = words(boss.get(listed("message") + "?aside=yes"))
        assert "hello" in shown
        assert "other" not in shown
        assert "3 workers died while router apps had it" in words(boss.get(page(row)))
        assert act(boss, "message", "route_again", [row, other])[1] == [
            "1 will be routed again.",
            "1 not changed: not set aside.",
        ]
        intake.digest()
        row.refresh_from_db()
        assert (row.set_aside_at, row.routed_at is None, row.errors) == (None, False, [])
        assert "set aside" not in words(boss.get(page(row)))

    def test_webhooks_are_found_and_digested_again(self, boss):
        row = stored(b"text +37255501234 hello", lost_leases=3)
        intake.digest()
        assert "set aside: 3 workers died" in words(boss.get(listed("storedwebhook") + "?state=set+aside"))
        assert act(boss, "storedwebhook", "digest_again", [row])[1] == ["1 will be digested again."]
        intake.digest()
        assert Message.objects.get().text == "hello"
