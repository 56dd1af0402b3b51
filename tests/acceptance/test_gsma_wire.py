"""What only a MaaP platform has: people without a number, revokes that are answered later, devices, and files."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from rcs_backends.emulator import delivery as network
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.gsma import messages as maap
from rcs_backends.emulator.wire.gsma import people
from rcs_backends.gsma_maap import GSMAMaaP
from rcs_router import send, signals
from rcs_router.backends import backends
from rcs_router.content import RequestDeviceSpecifics, Text
from rcs_router.contract import FileReport, Status
from rcs_router.inbox import intake
from rcs_router.models import Connection, Consent, Contact, Event, Message, StoredWebhook, Transmission
from rcs_router.outbox import expiry
from tests.acceptance.stage import DEADLINE, Stage, causes, fallback, status
from tests.acceptance.test_every_wire import CARD, YOURS, shop  # noqa: F401
from tests.acceptance.test_forms import ANSWER, GIVEN, TABLE, Browser, chip_url
from tests.core import ALICE

pytestmark = pytest.mark.parametrize("stage", [("gsma",)], indirect=True, ids=["gsma"])
DELIVERED, EXPIRED, FAILED, REVIEW = Status.DELIVERED, Status.EXPIRED, Status.FAILED, Status.REVIEW
TTL = timedelta(minutes=5)


def said() -> list[Message]:
    return list(Message.objects.filter(direction="in").order_by("created_at"))


def to(connection: Connection | Contact, content: Any, **options: Any) -> Transmission:
    return send(content, connection, **options).transmissions.get()


# Somebody anonymous.


@pytest.fixture
def token(stage: Stage) -> Connection:
    """A person who wrote under a token, and was answered."""
    stage.phone(anonymous=True).does("text", text="Hello", via="gsma", to="acme")
    stage.work()
    return Connection.objects.get()


def test_who_writes_under_a_token_is_answered_under_it(token: Connection, stage: Stage) -> None:
    assert not token.identity.startswith("+")
    assert token.contact is None
    assert [m["text"] for m in stage.shown()] == ["What?"]
    card = to(token, CARD)
    stage.work()
    stage.phone().does("read")
    stage.phone().does("tap", suggestion="Keep")
    stage.work()
    assert status(card) == Status.READ
    tap = said()[-1]
    assert (tap.connection, tap.postback, tap.answers) == (token, "keep_7", card)
    assert [m["text"] for m in stage.shown()] == ["What?", "", YOURS]
    assert ALICE not in set(Connection.objects.values_list("identity", flat=True))


def test_the_start_button_is_a_tap(stage: Stage) -> None:
    stage.phone().does("start", to="acme", anonymous=True)
    stage.work()
    (row,) = said()
    assert (row.kind, row.postback, row.answers) == ("suggestion", "new_bot_user_initiation", None)
    assert [m["text"] for m in stage.shown()] == ["What?"]


def test_who_gives_their_number_is_one_contact(token: Connection, stage: Stage) -> None:
    """From then on the contact is written to by number, and a card of before is still theirs to tap."""
    card = to(token, CARD)
    stage.work()
    stage.phone().does("alias")
    stage.work()
    number = Connection.objects.get(identity=ALICE)
    token.refresh_from_db()
    assert number.contact == token.contact is not None
    order = to(number.contact, "Your order")
    assert order.connection == number
    stage.work()
    assert (status(order), stage.shown()[-1]["text"]) == (DELIVERED, "Your order")
    stage.phone().does("tap", suggestion="Keep")
    stage.work()
    assert (said()[-1].connection, said()[-1].answers) == (number, card)
    assert stage.shown()[-1]["text"] == YOURS
    assert Contact.objects.count() == 1


def test_who_refused_offers_under_a_token_refuses_them_under_the_number(
    token: Connection, stage: Stage
) -> None:
    stage.phone().does("text", text="STOP")
    stage.work()
    assert Consent.objects.get().subject == token.identity
    stage.phone().does("alias")
    stage.work()
    offer = stage.send("Sale!", traffic="promotion")
    stage.work()
    assert (status(offer), offer.reason) == (Status.CANCELLED, "opted_out")
    assert not [m for m in stage.shown() if m["text"] == "Sale!"]


def test_a_token_that_was_reset_reaches_nobody(token: Connection, stage: Stage) -> None:
    """There is no number for an SMS, so a person sees that it did not arrive."""
    stage.phone().does("reset")
    t = to(token, "Are you there?")
    stage.work()
    assert (status(t), t.reason, fallback(t)) == (REVIEW, "41110", None)
    assert (len(stage.shown()), stage.counts()[1]) == (1, 0)


def test_what_waits_for_a_token_that_is_reset_fails(token: Connection, stage: Stage) -> None:
    stage.phone(online=False)
    t = to(token, "Are you there?")
    stage.work()
    with world.change():
        people.reset(world.handset(ALICE), {"to": "acme"})
    stage.work()
    assert (status(t), t.reason, fallback(t)) == (FAILED, "41110", None)


def test_behind_a_dead_token_the_contacts_number_gets_the_sms(token: Connection, stage: Stage) -> None:
    token.contact = Contact.objects.create(name="Alice")
    token.save()
    Connection.objects.create(backend_id="acme", identity=ALICE, contact=token.contact)
    stage.phone().does("reset")
    t = to(token, "Are you there?")
    stage.work()
    child = fallback(t)
    assert child is not None
    assert (status(t), status(child), child.connection.identity) == (FAILED, DELIVERED, ALICE)
    assert stage.shown()[-1]["channel"] == "sms"


def test_what_waited_here_when_the_token_died_is_not_lost(token: Connection, stage: Stage) -> None:
    """It was to go to the token; the person has given their number meanwhile, and gets it there."""
    t = to(token, "Your order")
    stage.phone().does("alias")
    stage.quiet()
    intake.digest()
    stage.work()
    child = fallback(t)
    assert child is not None
    assert (status(t), t.reason, child.connection.identity) == (FAILED, "41110", ALICE)
    assert (status(child), stage.shown()[-1]["text"]) == (DELIVERED, "Your order")


def test_a_form_for_somebody_anonymous(token: Connection, stage: Stage, settings: Any) -> None:
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"APPS": ["tests.acceptance.apps.Booked"]}
    t = to(token, TABLE)
    stage.work()
    assert Browser(chip_url(stage)).send(GIVEN).status_code == 200
    stage.work()
    row = Message.objects.get(kind="form")
    assert (row.connection, row.answers, stage.shown()[-1]["text"]) == (token, t, ANSWER)


@pytest.mark.parametrize("number", [ALICE, ""], ids=["number", "token"])
def test_events_before_the_answer_was_written(
    number: str, token: Connection, stage: Stage, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform's id is not known yet, so its receipts wait; they are found when the answer is there."""
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"WEBHOOK_RETRY_DELAYS": [3600]}
    ask = GSMAMaaP.send

    def slowly(self: GSMAMaaP, outbound: Any) -> Any:
        answer = ask(self, outbound)
        stage.quiet()
        try:
            intake.digest()
        finally:
            connections.close_all()
        return answer

    monkeypatch.setattr(GSMAMaaP, "send", slowly)
    t = stage.send(number=number) if number else to(token, "Hello")
    stage.drain()
    assert status(t) == Status.ACCEPTED
    assert StoredWebhook.objects.filter(note="waits for its transmission").count() == 2
    StoredWebhook.objects.filter(digested_at=None).update(due_at=timezone.now())
    stage.work()
    assert (status(t), StoredWebhook.objects.exclude(note="").count()) == (DELIVERED, 0)


@pytest.mark.parametrize(("secret", "expected"), [(None, (True, 200)), ("another", (False, 401))])
def test_the_portal_verifies_the_webhook(
    secret: str | None, expected: tuple[bool, int], stage: Stage
) -> None:
    if secret:
        stage.dial(gsma={"bots": {"acme": {"webhook_secret": secret}}})
    answer = stage.emulator.post("config/", {"verify": "acme"})["verification"]
    assert (answer["verified"], answer["status"]) == expected
    assert not StoredWebhook.objects.exists()


# Taking back: the platform says 204, and later what came of it.


@pytest.fixture
def waiting(stage: Stage) -> Transmission:
    stage.phone(online=False)
    t = stage.send(ttl=TTL)
    stage.drain()
    stage.too_late(t)
    return t


def test_a_revoke_that_is_answered_later(
    waiting: Transmission, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []
    take_back = maap._revoke
    monkeypatch.setattr(maap, "_revoke", lambda *message: asked.append(message))
    expiry.sweep(timezone.now())
    expiry.revoke_due("acme")
    assert (status(waiting), fallback(waiting)) == (Status.ACCEPTED, None)
    assert asked == [("acme", waiting.provider_id)]
    assert causes(waiting)[-1] == "asked"
    with world.change():
        take_back(*asked[0])
    stage.work()
    child = fallback(waiting)
    assert child is not None
    assert status(waiting) == EXPIRED
    stage.phone(online=True)
    stage.work()
    assert (status(child), stage.counts()) == (DELIVERED, (0, 1))


def test_a_revoke_that_comes_too_late(
    waiting: Transmission, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is shown between our question and our request; its events are lost, and the SMS stays away."""
    take_back = maap._revoke
    stage.fault("lost", "webhook")

    def overtaken(*message: str) -> None:
        handset = world.handset(ALICE)
        handset.online = True
        network.deliver(handset.messages[message[1]])
        take_back(*message)

    monkeypatch.setattr(maap, "_revoke", overtaken)
    stage.work()
    assert (status(waiting), fallback(waiting), stage.counts()) == (Status.ACCEPTED, None, (1, 0))
    assert causes(waiting)[-1] == "too late"


# Typing, read marks, devices, files.


def test_typing_and_read_marks_both_ways(stage: Stage, settings: Any) -> None:
    apps = ["tests.inbox.apps.Typing", "tests.inbox.apps.Read"]
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"APPS": apps}
    phone, handset = stage.phone(), world.handsets[ALICE]
    for active in (True, False):
        phone.does("type", active=active, via="gsma", to="acme")
    stage.work()
    events = Event.objects.filter(kind="typing").order_by("id")
    assert list(events.values_list("code", flat=True)) == ["", "stopped"]
    phone.does("text", text="Hi", via="gsma", to="acme")
    stage.quiet()
    intake.digest()
    assert world.wait_for(lambda: handset.as_json()["agent_typing"], DEADLINE)
    assert world.wait_for(lambda: [m.state for m in handset.messages.values()] == ["read"], DEADLINE)
    maap_backend().typing(ALICE, active=False)
    assert not handset.as_json()["agent_typing"]


def maap_backend() -> GSMAMaaP:
    backend = backends["acme"]
    assert isinstance(backend, GSMAMaaP)
    return backend


def test_a_phone_tells_what_it_is(stage: Stage) -> None:
    asking = Text("May we know your phone?", (RequestDeviceSpecifics("Yes", "device_1"),))
    t = stage.send(asking)
    stage.work()
    stage.phone().does("tap", suggestion="Yes")
    stage.work()
    tap, told = sorted(said(), key=lambda row: row.kind, reverse=True)
    assert (tap.kind, tap.postback, tap.answers) == ("suggestion", "device_1", t)
    assert (told.kind, told.fields["device"]["deviceModel"]) == ("device", "Emulated 1")


def test_a_file_that_is_ready_is_signalled(stage: Stage) -> None:
    heard: list[tuple[str, FileReport]] = []

    def receiver(backend: str, file: FileReport, **_: Any) -> None:
        heard.append((backend, file))

    signals.file_reported.connect(receiver)
    try:
        stored = maap_backend().upload(b"GIF89a" + bytes(100), "image/gif", "boots.gif")
        stage.work()
    finally:
        signals.file_reported.disconnect(receiver)
    ((alias, report),) = heard
    assert (alias, report.file_id, report.status) == ("acme", stored.file_id, "ready")
    assert report.url
