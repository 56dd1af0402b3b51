"""The world: what stands in for a backend, what a commit is, what an app that raises does, and that nothing stays."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import transaction

from rcs_router import send, signals, wake
from rcs_router.backends import backends
from rcs_router.content import Card, Reply, Text
from rcs_router.contract import Status
from rcs_router.errors import ConfigError, ContentError, Refused, Unavailable
from rcs_router.handlers import KeywordHandler
from rcs_router.models import Message
from rcs_router.testing import AppFailed, Handset, World
from rcs_router.testing.standin import StandIn
from tests.testing.conftest import BACKENDS

MANY = {
    "google": BACKENDS["acme"] | {"FALLBACK": []},
    "kannel": BACKENDS["sms"],
    "gsma": {
        "BACKEND": "rcs_backends.gsma_maap.GSMAMaaP",
        "OPTIONS": {"api_url": "https://x.example", "bot_id": "b", "token": "t", "webhook_secret": "s"},
    },
    "messente": {
        "BACKEND": "rcs_backends.messente.Messente",
        "OPTIONS": {"username": "u", "password": "p", "sender": "s", "inbound_secret": "s", "channel": "sms"},
    },
    "rest": {
        "BACKEND": "rcs_backends.generic_rest.GenericREST",
        "OPTIONS": {"url": "https://x.example/", "token": "t", "webhook_secret": "s", "own_fallback": True},
    },
    "twilio": {
        "BACKEND": "rcs_backends.twilio_sms.TwilioSMS",
        "OPTIONS": {"account_sid": "AC" + "0" * 32, "auth_token": "t", "sender": "+15005550006"},
    },
    "memory": {"BACKEND": "rcs_router.testing.MemoryBackend"},
}


@pytest.mark.parametrize("alias", MANY)
def test_a_stand_in_carries_what_the_real_one_does(rcs: World, settings: Any, alias: str) -> None:
    settings.RCS_BACKENDS = MANY
    with_world = backends[alias]
    assert isinstance(with_world, StandIn)
    real = with_world.real
    assert f"{type(real).__module__}.{type(real).__name__}".startswith(
        MANY[alias]["BACKEND"].rpartition(".")[0]
    )
    for name in (
        "content",
        "suggestions",
        "features",
        "fallback_urls",
        "idempotent",
        "tokens",
        "own_fallback",
        "bulk",
    ):
        assert getattr(with_world.capabilities, name) == getattr(real.capabilities, name), name
    phone = rcs.handset()
    phone.says("menu", via=alias)
    (question,) = phone.hears("What would you like? [Boots|Tent]")
    assert question.by_sms is (alias in {"kannel", "messente", "twilio"})
    assert phone.taps("Boots").postback == "product_boots"


def test_limits_are_those_of_the_real_one(rcs: World, handset: Handset) -> None:
    with pytest.raises(ContentError, match="Google RBM allows 25"):
        send(Card("Boots", suggestions=(Reply("x" * 26),)), handset.connection())


def test_what_leads_nowhere_in_the_settings_is_told(rcs: World, settings: Any) -> None:
    settings.RCS_BACKENDS = {
        "acme": {"BACKEND": "rcs_backends.google_rbm.GoogleRBM", "OPTIONS": {"agent": "x"}}
    }
    with pytest.raises(ConfigError, match="unknown option 'agent'"):
        rcs.handset().says("hi")


def test_outcomes_of_one_backend_or_of_any(rcs: World, handset: Handset) -> None:
    rcs.next_send(Refused(), alias="acme")
    rcs.next_send(Refused())
    message = send("Hello", handset.connection())  # refused by acme, and by sms
    assert [out.to for out in rcs.sent] == [handset.number] * 2
    assert message.status == Status.REVIEW
    assert (rcs["acme"].outcomes, rcs.outcomes) == (rcs["sms"].outcomes, rcs["acme"].world.outcomes)


def test_settings_changed_in_the_middle_lose_nothing(rcs: World, handset: Handset, settings: Any) -> None:
    handset.says("echo a")
    rcs.next_send(Refused(), alias="acme")
    settings.RCS_ROUTER = django_settings.RCS_ROUTER | {"DEFAULT_RESPONSE": "Pardon?"}
    handset.says("echo b")
    assert [shown.alias for shown in handset.messages] == ["acme", "sms"]
    assert len(rcs["acme"].sent) == 2


def test_a_real_webhook_is_read_by_the_real_backend(rcs: World, client: Any) -> None:
    answer = client.get("/rcs/webhooks/sms/", {"secret": "s", "from": "+37255501234", "text": "echo hi"})
    assert answer.status_code < 300
    assert rcs.handset("+37255501234").texts == ["hi"]
    assert client.get("/rcs/webhooks/sms/", {"secret": "wrong", "from": "1", "text": "x"}).status_code == 403


def test_people_with_connections_everywhere(rcs: World) -> None:
    kati = rcs.contact("Kati", "+37255501234", language="et")
    assert sorted(kati.connections.values_list("backend_id", flat=True)) == ["acme", "sms"]
    message = send("Tere", kati)
    assert rcs.handset("+37255501234").texts == ["Tere"]
    assert (kati.language, message.transmissions.get().backend_id) == ("et", "acme")
    assert rcs.contact().connections.first().identity != rcs.contact().connections.first().identity


def test_what_was_said_both_ways(rcs: World, handset: Handset) -> None:
    handset.says("echo a")
    assert [row.text for row in rcs.inbound] == ["echo a"]
    assert [row.text for row in rcs.outbound] == ["a"]
    assert rcs.transcript == [f"{handset.number} > echo a"]


# Commits


def test_what_waits_for_a_commit_happens_once(
    rcs: World, handset: Handset, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        transaction.on_commit(lambda: send("captured", handset.connection()))
    handset.hears("captured")
    transaction.on_commit(lambda: send("not captured", handset.connection()))
    handset.hears("not captured")
    handset.says("twice")
    handset.hears("once", "twice")


def test_signals_are_heard(rcs: World, handset: Handset) -> None:
    """They are sent after a commit, also those of a sweep after which there is nothing to do."""
    failed: list[str] = []

    def hear(sender: Any, reason: str, **kwargs: Any) -> None:
        failed.append(reason)

    signals.transmission_failed.connect(hear)
    rcs.next_send(Unavailable(), alias="sms")
    send("Hello", handset.connection("sms"), ttl=timedelta(seconds=3))
    rcs.passes(seconds=4)
    assert failed == ["expired before it was sent"]


def test_what_is_rolled_back_never_happens(rcs: World, handset: Handset) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        send("never", handset.connection())
        transaction.on_commit(lambda: send("nor this", handset.connection()))
        _ = 1 / 0
    assert handset.messages == []


def test_before_the_commit_nobody_works(rcs: World, handset: Handset) -> None:
    with transaction.atomic():
        send("Hello", handset.connection())
        with pytest.raises(RuntimeError, match="a transaction is open"):
            _ = handset.messages
    assert handset.texts == ["Hello"]


@pytest.mark.django_db(transaction=True)
def test_real_commits_do_the_same(rcs: World, handset: Handset) -> None:
    handset.says("twice")
    handset.hears("once", "twice")
    with transaction.atomic():
        transaction.on_commit(lambda: send("later", handset.connection()))
        with pytest.raises(RuntimeError, match="a transaction is open"):
            rcs.work()
    handset.hears("later")


# Apps that raise


def test_an_app_that_raises_fails_the_test(rcs: World, handset: Handset) -> None:
    with pytest.raises(
        AppFailed, match=r"'broken': tests.testing.apps.Broken in handle: LookupError: on purpose"
    ):
        handset.says("broken")
    handset.says("echo on")
    assert handset.texts == ["on"], "it is told once"


def test_what_cannot_be_answered_fails_the_test(settings: Any, rcs: World, handset: Handset) -> None:
    settings.RCS_ROUTER = django_settings.RCS_ROUTER | {"APPS": [f"{__name__}.TooLong"]}
    with pytest.raises(AppFailed, match="in respond: ContentError"):
        handset.says("long")


def test_or_is_recorded_as_in_production(rcs: World, handset: Handset) -> None:
    rcs.fail_fast = False
    assert handset.says("broken").errors[0]["error"] == "LookupError: on purpose"


class TooLong(KeywordHandler):
    keyword = "long"

    def help(self) -> None:
        self.respond(Text("Hello", (Reply("x" * 99),)))


# Around it


def test_nothing_stays_behind(db: None) -> None:
    before = (backends.config, backends.create_connection, wake._silent)
    with World(apps=[TooLong], backends={"sms": BACKENDS["sms"]}) as world:
        assert list(backends) == ["sms"]
        assert django_settings.RCS_ROUTER["APPS"] == [f"{__name__}.TooLong"]
        assert django_settings.RCS_ROUTER["PUBLIC_URL"]
        assert isinstance(world["sms"], StandIn)
    assert list(backends) == ["acme", "sms"]
    assert not isinstance(backends["sms"], StandIn)
    assert (backends.config, backends.create_connection, wake._silent) == before
    assert len(django_settings.RCS_ROUTER["APPS"]) > 1


def test_no_broker_is_rung(rcs: World, handset: Handset, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[Any] = []
    monkeypatch.setattr(wake, "publish_soon", rung.append)
    handset.says("twice")
    assert (rung, len(handset.messages)) == ([], 2)
    assert "rcs-wake" not in {thread.name for thread in threading.enumerate()}


def test_a_rate_and_quiet_hours_do_not_hold_up_a_test(settings: Any, db: None) -> None:
    settings.RCS_ROUTER = django_settings.RCS_ROUTER | {"QUIET_HOURS": ["00:00", "23:59"]}
    with World() as world:
        phone = world.handset()
        for _ in range(30):
            send("Hello", phone.connection(), traffic="promotion")
        assert len(phone.messages) == 30
    assert Message.objects.filter(direction="out").count() == 30
