"""What only Messente has: its own chain of channels, many messages in one request, times to send, a blacklist."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from example_project.providers import PASSWORD
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.messente import chain
from rcs_backends.emulator.wire.messente.store import MessenteStore, Omnimessage
from rcs_backends.messente import Messente
from rcs_router import lookup_connections, send
from rcs_router.backends import backends
from rcs_router.contract import Status
from rcs_router.models import Connection, Message, Transmission
from rcs_router.outbox import operate
from tests.acceptance.sides import SIDES, merged
from tests.acceptance.stage import Stage, fallback, status
from tests.acceptance.test_every_wire import BY_SMS, CARD, YOURS, shop  # noqa: F401
from tests.core import ALICE, BOB

pytestmark = pytest.mark.parametrize("stage", [("messente",)], indirect=True, ids=["messente"])
ACCEPTED, CANCELLED, DELIVERED, EXPIRED, FAILED, REVIEW = (
    Status.ACCEPTED,
    Status.CANCELLED,
    Status.DELIVERED,
    Status.EXPIRED,
    Status.FAILED,
    Status.REVIEW,
)
TTL = timedelta(minutes=5)
CHAIN = [{"channel": "sms", "sender": "Shop"}]


def backend() -> Messente:
    found = backends["acme"]
    assert isinstance(found, Messente)
    return found


# A chain: Messente falls back by itself.


@pytest.fixture
def chained(stage: Stage, settings: Any) -> Stage:
    settings.RCS_BACKENDS = {"acme": stage.rcs("acme", chain=CHAIN)}
    return stage


@pytest.mark.parametrize("rcs", [True, False], ids=["rcs", "no-rcs"])
def test_a_chain_delivers_by_one_channel(rcs: bool, chained: Stage) -> None:
    chained.phone(rcs=rcs)
    t = chained.send(CARD)
    chained.work()
    assert (status(t), t.detail, fallback(t)) == (DELIVERED, "by rcs" if rcs else "by sms", None)
    assert chained.counts() == (int(rcs), int(not rcs))
    assert chained.totals()["doubles"] == 0


def test_the_number_that_answers_the_chains_sms(chained: Stage) -> None:
    phone = chained.phone(rcs=False)
    t = chained.send(CARD)
    chained.work()
    assert [m["text"] for m in chained.shown()] == [BY_SMS]
    phone.does("text", text="1")
    chained.work()
    tap = Message.objects.get(direction="in")
    assert (tap.postback, tap.answers) == ("keep_7", t)
    assert [m["text"] for m in chained.shown()][1:] == [YOURS]


@pytest.mark.parametrize("kind", ["500", "cut_after"])
def test_a_chain_is_not_doubled_by_a_fault(kind: str, chained: Stage) -> None:
    chained.phone(rcs=False)
    chained.fault(kind, method="omnimessage", times=1)
    t = chained.send(CARD)
    chained.work()
    assert (status(t), chained.counts(), chained.totals()["doubles"]) == (DELIVERED, (0, 1), 0)


def test_a_chain_beside_our_own_fallback_is_refused(stage: Stage, settings: Any) -> None:
    both = {**stage.rcs("acme", chain=CHAIN), "FALLBACK": ["sms"]}
    settings.RCS_BACKENDS = {"acme": both, "sms": stage.sms()}
    with pytest.raises(SystemCheckError, match="E021"):
        call_command("check")


# A campaign.


def test_a_campaign_leaves_in_few_requests(stage: Stage) -> None:
    """One number that Messente does not take is one person's trouble."""
    numbers = [f"+3725550{n:04}" for n in range(119)]
    people = lookup_connections("acme", numbers)
    bad = Connection.objects.create(backend_id="acme", identity="+0123")
    before = stage.totals()["requests"]
    message = send("Sale", [*people[:60], bad, *people[60:]], traffic="promotion")
    stage.work()
    assert stage.totals()["requests"] - before <= 4
    lost = message.transmissions.get(connection=bad)
    assert (status(lost), lost.reason, fallback(lost)) == (REVIEW, "bad_recipient", None)
    others = message.transmissions.exclude(pk=lost.pk)
    assert set(others.values_list("status", flat=True)) == {DELIVERED}
    assert (stage.totals()["shown"], stage.totals()["doubles"]) == (119, 0)


@pytest.mark.parametrize(
    ("kind", "ends"),
    [
        ("500", {DELIVERED}),
        ("429", {Status.QUEUED}),
        ("cut_before", {REVIEW}),
        ("cut_after", {DELIVERED}),
        ("html", {DELIVERED}),
        ("half_json", {DELIVERED}),
    ],
)
def test_a_request_for_many_that_fails(kind: str, ends: set[Status], stage: Stage) -> None:
    """What Messente has taken is never sent again, by either way; its reports name each message."""
    stage.fault(kind, method="omnimessages", times=1)
    numbers = [f"+3725550{n:04}" for n in range(20)]
    message = send("Sale", lookup_connections("acme", numbers), traffic="promotion")
    stage.work()
    assert set(message.transmissions.values_list("status", flat=True)) == ends
    assert message.transmissions.count() == 20, "no fallback"
    assert stage.totals()["doubles"] == 0
    assert stage.totals()["shown"] == (20 if ends == {DELIVERED} else 0)


# Reports, times, the blacklist.


def test_a_report_finds_its_row_though_the_answer_was_cut(stage: Stage) -> None:
    stage.fault("cut_after", method="omnimessage", times=1)
    t = stage.send()
    stage.work()
    assert (status(t), t.unknown) == (DELIVERED, True)
    assert t.provider_id in world.store(MessenteStore).omnimessages
    stage.phone().does("read")
    stage.work()
    assert status(t) == Status.READ


@pytest.fixture
def scheduled(stage: Stage) -> Iterator[Transmission]:
    """Messente keeps it until a time of ours."""
    later = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    extra = {"acme": {"time_to_send": later}}
    t = stage.send(fields={"extra": extra}, ttl=TTL)
    stage.work()
    assert (status(t), stage.counts()) == (ACCEPTED, (0, 0))
    yield t
    assert not world.handsets[ALICE].waiting


def omnimessage(t: Transmission) -> Omnimessage:
    return world.store(MessenteStore).omnimessages[t.provider_id]


def test_what_is_scheduled_can_be_taken_back(scheduled: Transmission, stage: Stage) -> None:
    assert operate.revoke(scheduled)
    stage.work()
    assert (status(scheduled), fallback(scheduled), stage.counts()) == (CANCELLED, None, (0, 0))
    assert omnimessage(scheduled).state == "cancelled"


def test_what_is_scheduled_beyond_its_time_goes_by_sms(scheduled: Transmission, stage: Stage) -> None:
    stage.too_late(scheduled)
    stage.work()
    child = fallback(scheduled)
    assert child is not None
    assert (status(scheduled), status(child), stage.counts()) == (EXPIRED, DELIVERED, (0, 1))


def test_what_has_left_cannot_be_taken_back(scheduled: Transmission, stage: Stage) -> None:
    with world.change():
        chain._begin(omnimessage(scheduled))
    assert operate.revoke(scheduled)
    stage.work()
    assert (status(scheduled), fallback(scheduled), stage.counts()) == (DELIVERED, None, (1, 0))


def test_a_number_on_the_blacklist_gets_nothing_of_messente(stage: Stage) -> None:
    assert backend().block(BOB)
    t, other = stage.send(number=BOB), stage.send()
    stage.work()
    assert (status(t), t.reason, status(other)) == (FAILED, "blacklisted", DELIVERED)
    assert stage.counts(BOB)[0] == 0
    assert backend().unblock(BOB)
    again = stage.send(number=BOB)
    stage.work()
    assert status(again) == DELIVERED


@pytest.mark.parametrize("late", [True, False], ids=["late", "in-time"])
def test_a_channel_that_shows_its_message_after_its_time(late: bool, stage: Stage) -> None:
    """Messente gave it up, so the SMS went out; what the phone shows all the same is kept as a second truth."""
    stage.dial(messente={"late": late})
    stage.phone(online=False)
    t = stage.send(ttl=TTL)
    stage.drain()
    stage.provider_expires(t)
    stage.work()
    stage.phone(online=True)
    stage.work()
    child = fallback(t)
    assert child is not None
    assert (status(t), status(child)) == (DELIVERED if late else EXPIRED, DELIVERED)
    assert (t.late_rcs, stage.counts()) == (late, (int(late), 1))


# SMS by Messente, as the fallback of another provider.


@pytest.fixture
def texting(stage: Stage, settings: Any) -> Stage:
    """acme is Google's, sms Messente's."""
    google = SIDES["google"]
    rcs = google.backend(stage.emulator.url, stage.account, "acme")
    sms = stage.rcs("solo", channel="sms", sender="Shop", inbound_secret="")
    settings.RCS_BACKENDS = {"acme": {**rcs, "FALLBACK": ["sms"]}, "sms": sms}
    account = {"mo_url": stage.webhook("sms"), "shared_secret": PASSWORD, "senders": ["Shop"]}
    stage.dial(
        **merged(google.dials(stage.webhook("acme"), "acme"), {"messente": {"accounts": {"solo": account}}})
    )
    return stage


def test_messente_as_the_wire_for_sms(texting: Stage) -> None:
    phone = texting.phone(rcs=False)
    t = texting.send(CARD)
    texting.work()
    child = fallback(t)
    assert child is not None
    assert (status(t), status(child), texting.counts()) == (FAILED, DELIVERED, (0, 1))
    phone.does("text", text="1")
    texting.work()
    tap = Message.objects.get(direction="in")
    assert (tap.postback, tap.answers) == ("keep_7", child)
    assert [m["text"] for m in texting.shown()] == [BY_SMS, YOURS]
    phone.does("text", text="STOP")
    texting.work()
    offer = texting.send("Sale!", traffic="promotion")
    texting.work()
    assert (status(offer), offer.reason) == (CANCELLED, "opted_out")
