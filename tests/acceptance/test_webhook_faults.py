"""What the providers' webhooks go through on their way: one conversation under every fault, told once each time."""

from typing import Any

import pytest
from django.db import DatabaseError

from rcs_backends.emulator.state import world
from rcs_backends.emulator.webhooks import outbox as webhooks
from rcs_router.content import Card, Reply
from rcs_router.contract import Status
from rcs_router.inbox import intake
from rcs_router.models import Consent, ConsentRecord, Message, StoredWebhook, Transmission
from tests.acceptance.stage import DEADLINE, Stage, fallback, status, stored
from tests.core import ALICE

pytestmark = pytest.mark.services  # each provider and each fault takes long: make services-test

OFFER = Card("Boots", suggestions=(Reply("Keep", "keep_7"), Reply("Return", "return_7")))
HONEST = ["duplicate", "late", "reorder"]
FORGED = ["unsigned", "bad_signature", "tampered"]


@pytest.fixture(autouse=True)
def shop(stage: Stage, settings: Any) -> None:
    apps = ["tests.acceptance.apps.Keep", "rcs_router.handlers.DefaultResponse"]
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"APPS": apps, "DEFAULT_RESPONSE": "What?"}


def said() -> list[tuple[str, str]]:
    """What was understood of the person's words, and who answered."""
    rows = Message.objects.filter(direction="in").order_by("postback")
    return [(row.postback or row.text, row.handled_by.rpartition(".")[2]) for row in rows]


def answers() -> list[str]:
    return sorted(
        Message.objects.filter(direction="out", in_response_to__isnull=False).values_list("text", flat=True)
    )


@pytest.mark.parametrize("kind", HONEST)
def test_google_tells_everything_in_its_own_way(kind: str, stage: Stage) -> None:
    """Delivered, read, tapped, said: four events, each of them late, twice, or behind the next one."""
    stage.fault(kind, "webhook", seconds=0.05, times=4)
    t, phone = stage.send(OFFER), stage.phone()
    stage.drain()
    phone.does("read")
    phone.does("tap", suggestion="Keep")
    phone.does("text", text="Thanks")
    stage.work()
    assert status(t) == Status.READ
    assert t.delivered_at
    assert said() == [("Thanks", "DefaultResponse"), ("keep_7", "Keep")]
    assert answers() == ["Order 7 is yours", "What?"]
    assert stored() == 4 + 2, "what was said of the two answers included"
    assert (stage.counts(), stage.totals()["doubles"]) == ((3, 0), 0)


@pytest.mark.parametrize("kind", FORGED)
def test_what_google_did_not_sign_is_not_believed(kind: str, stage: Stage) -> None:
    stage.fault(kind, "webhook")
    t, phone = stage.send(OFFER), stage.phone()
    stage.drain()
    phone.does("read")
    phone.does("tap", suggestion="Keep")
    phone.does("unsubscribe")
    stage.work()
    assert (status(t), stored(), said(), stage.statuses()) == (Status.ACCEPTED, 0, [], {401})
    assert not Consent.objects.exists()


def test_what_was_lost_is_made_good_by_what_was_not(stage: Stage) -> None:
    stage.fault("lost", "webhook", times=1)
    t, phone = stage.send(OFFER), stage.phone()
    stage.work()
    assert (status(t), stored()) == (Status.ACCEPTED, 0)
    phone.does("read")
    stage.work()
    assert status(t) == Status.READ
    assert t.delivered_at == t.read_at


@pytest.mark.parametrize("kind", [*HONEST, *FORGED])
def test_kannel_tells_everything_in_its_own_way(kind: str, stage: Stage) -> None:
    """Two reports, an answer and a text. It signs nothing but the address: forging is tried by hand elsewhere."""
    phone = stage.phone(rcs=False)
    stage.fault(kind, "webhook", seconds=0.05, times=4)
    t = stage.send(OFFER)
    stage.drain("acme", "sms")
    child = fallback(t)
    assert child is not None
    phone.does("text", text="1")
    phone.does("text", text="Thanks")
    stage.work()
    assert status(child) == Status.DELIVERED
    assert said() == [("Thanks", "DefaultResponse"), ("keep_7", "Keep")]
    assert answers() == ["Order 7 is yours", "What?"]
    assert stage.counts() == (0, 3)
    assert stored() == 4 + 2 * 2


def test_kannels_lost_reports_leave_it_accepted(stage: Stage) -> None:
    stage.fault("lost", "webhook", provider="kannel")
    t = stage.send(alias="sms")
    stage.work()
    assert (status(t), stored(), stage.counts()) == (Status.ACCEPTED, 0, (0, 1))


@pytest.mark.parametrize("alias", ["acme", "sms"])
def test_what_could_not_be_stored_comes_again(
    alias: str, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept, failures = intake.accept, iter([DatabaseError, DatabaseError])

    def away_at_first(*request: Any) -> None:
        if failure := next(failures, None):
            raise failure
        accept(*request)

    monkeypatch.setattr(intake, "accept", away_at_first)
    t = stage.send(alias=alias)
    stage.drain(alias)
    assert world.wait_for(lambda: not webhooks.waiting, DEADLINE)
    stage.work()
    assert status(t) == Status.DELIVERED
    assert stage.statuses() == {200, 503}


# Consent: the phone's menu sends a word and an event.


@pytest.mark.parametrize("fault", [None, "duplicate", "late"])
@pytest.mark.parametrize("order", ["message_first", "event_first"])
def test_leaving_twice_is_acknowledged_once(
    order: str, fault: str | None, stage: Stage, settings: Any
) -> None:
    stage.dial(google={"unsubscribe_order": order})
    if fault:
        stage.fault(fault, "webhook", seconds=0.05, times=4)
    phone = stage.phone()
    for _ in range(2):
        phone.does("unsubscribe", via="rcs", to="acme")
        stage.work()
    assert Consent.objects.get().opted_out
    assert ConsentRecord.objects.count() == 4
    assert [(m["text"], m["traffic"]) for m in stage.shown()] == [(stop_reply(), "acknowledgement")]
    phone.does("subscribe")
    phone.does("subscribe")
    stage.work()
    assert not Consent.objects.get().opted_out
    assert [m["text"] for m in stage.shown()][1:] == [start_reply()]


def stop_reply() -> str:
    from rcs_router.conf import router_settings

    return router_settings().OPT_OUT_REPLY


def start_reply() -> str:
    from rcs_router.conf import router_settings

    return router_settings().OPT_IN_REPLY


def test_stop_by_sms_and_by_menu_are_one(stage: Stage) -> None:
    phone = stage.phone()
    phone.does("text", text=" Stop! ", via="sms")
    phone.does("unsubscribe", via="rcs", to="acme")
    stage.work()
    assert [m["text"] for m in stage.shown()] == [stop_reply()]
    rcs, sms = (stage.send("Sale", alias, traffic="promotion") for alias in ("acme", "sms"))
    order = stage.send("Your order", "acme")
    stage.work()
    assert (status(rcs), status(sms), status(order)) == (Status.CANCELLED, Status.CANCELLED, Status.DELIVERED)


# The shapes in which a tap on an action may come.


@pytest.mark.parametrize("style", ["full", "event", "bare"])
def test_an_action_that_was_tapped(style: str, stage: Stage) -> None:
    from rcs_router.content import Dial, OpenUrl

    stage.dial(google={"action_tap_style": style})
    buttons = (Dial("Call", "call_7", phone="100"), OpenUrl("Open", "keep_7", url="https://shop.example/"))
    t = stage.send(Card("Boots", suggestions=buttons))
    stage.drain()
    stage.fault("duplicate", "webhook", times=1)
    stage.phone().does("tap", suggestion="Open")
    stage.work()
    row = Message.objects.get(direction="in")
    assert (row.kind, row.postback, row.answers_id) == ("suggestion", "keep_7", t.pk)
    assert row.text == ("Open" if style == "full" else "")
    assert answers() == ["Order 7 is yours"]


def test_a_position_that_was_asked_for(stage: Stage) -> None:
    from rcs_router.content import Location, RequestLocation, Text

    stage.send(Text("Where?", (RequestLocation("Here", "keep_here"),)))
    stage.drain()
    stage.phone().does("tap", suggestion="Here", latitude=59.4, longitude=0)
    stage.work()
    place = Message.objects.get(direction="in", kind="location")
    assert place.body == Location(59.4, 0)
    assert Message.objects.get(direction="in", kind="suggestion").postback == "keep_here"


def test_a_file_from_the_phone(stage: Stage) -> None:
    stage.phone().does("file", url="https://files.example/u/1.jpg", to="acme", via="rcs")
    stage.work()
    row = Message.objects.get(direction="in")
    assert (row.kind, row.fields["url"], row.fields["media_type"]) == (
        "file",
        "https://files.example/u/1.jpg",
        "image/jpeg",
    )


def test_typing_is_no_message(stage: Stage) -> None:
    stage.phone().does("type", to="acme", via="rcs")
    stage.work()
    assert (stored(), said(), answers()) == (1, [], [])


@pytest.mark.parametrize(
    "text", ["Täna õhtul 👟", "@£$¥ [€]", "  two  spaces ", "a\nb", "100% & more = ?", "да"]
)
@pytest.mark.parametrize("via", ["rcs", "sms"])
def test_every_letter_arrives(text: str, via: str, stage: Stage) -> None:
    stage.phone().does("text", text=text, via=via, to="acme" if via == "rcs" else "12345")
    stage.work()
    assert Message.objects.get(direction="in").text == text


@pytest.mark.parametrize("text", ["да", "Täna õhtul"])
def test_a_kannel_that_does_not_recode(text: str, stage: Stage) -> None:
    """Raw UTF-16 in an address is read as what it is."""
    stage.dial(kannel={"mo_recode": False})
    stage.phone().does("text", text=text, via="sms")
    stage.work()
    row = Message.objects.get(direction="in")
    assert (row.kind, row.text, answers()) == ("text", text, ["What?"])


@pytest.mark.parametrize(
    "text", ["Täna õhtul 👟 “ja” nii", "@£$¥ [€] {~}^|\\", "plain", "x" * 400, "ы" * 200]
)
def test_every_letter_leaves(text: str, stage: Stage) -> None:
    t = stage.send(text, "sms")
    stage.work()
    assert (status(t), [m["text"] for m in stage.shown()]) == (Status.DELIVERED, [text])


def test_the_console_verifies_the_webhook(stage: Stage) -> None:
    answer = stage.emulator.post("config/", {"verify": "acme"})["verification"]
    assert (answer["verified"], answer["status"]) == (True, 200)
    stage.dial(google={"agents": {"acme": {"client_token": "another"}}})
    assert stage.emulator.post("config/", {"verify": "acme"})["verification"]["status"] == 403
    assert stored() == 0


def test_a_campaign_is_told_of_every_message(stage: Stage) -> None:
    """Receipts come while others still leave; none is lost and none counts twice."""
    from rcs_router import lookup_connections, send

    stage.fault("duplicate", "webhook", rate=0.3)
    numbers = [f"+3725550{n:04}" for n in range(40)]
    message = send("Sale", lookup_connections("acme", numbers), traffic="promotion")
    stage.work()
    assert set(message.transmissions.values_list("status", flat=True)) == {Status.DELIVERED}
    assert StoredWebhook.objects.count() == len(numbers) == Transmission.objects.count()
    assert stage.totals()["doubles"] == 0
    assert stage.counts(ALICE) == (0, 0)
