"""SMS through a real Kannel: reports find their transmission, and a typed number is the tap that it stands for."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from rcs_router import lookup_connections, send
from rcs_router.content import Card, OpenUrl, Reply
from rcs_router.contract import Status
from rcs_router.models import Consent, Message, Transmission
from tests.services.conftest import System
from tests.services.kannel import Kannel
from tests.services.processes import wait_until

pytestmark = pytest.mark.services

ALICE = "+37255501234"


@pytest.fixture
def kannel(system: System, settings: pytest.FixtureRequest) -> Iterator[Kannel]:
    running = Kannel(f"http://127.0.0.1:{system.port}/rcs/webhooks/sms/")
    system.kannel = running.url
    settings.RCS_BACKENDS["sms"]["OPTIONS"]["url"] = running.url
    try:
        yield running
    finally:
        running.close()


def status(transmission: Transmission) -> Status:
    transmission.refresh_from_db()
    return Status(transmission.status)


def test_a_phone_without_rcs_gets_the_sms_and_its_number_is_a_tap(system: System, kannel: Kannel) -> None:
    network = kannel.connect()
    system.beat()
    system.worker()
    system.post("handsets/", number=ALICE, rcs=False)
    card = Card(
        "Boots",
        "Warm and dry",
        suggestions=[
            Reply("Keep", "keep_7"),
            Reply("Return", "return_7"),
            OpenUrl("Track", url="https://t.example/7"),
        ],
    )
    rcs = send(card, lookup_connections("acme", [ALICE])).transmissions.get()
    wait_until(lambda: status(rcs) == Status.FAILED, "Google to say that there is no RCS")
    sms = Transmission.objects.get(fallback_of=rcs)
    wait_until(lambda: status(sms) == Status.DELIVERED, "Kannel's delivery report")
    printed = wait_until(lambda: network.output().partition("Boots")[2], "the SMS to be printed")
    assert all(words in printed for words in ("1) Keep", "2) Return", "https://t.example/7"))

    network.stop()
    kannel.connect(f"{ALICE[1:]} 123 text 1")
    answer = wait_until(
        lambda: Message.objects.filter(direction="in", routed_at__isnull=False).first(), "the answer"
    )
    assert (answer.postback, answer.answers_id) == ("keep_7", sms.pk)
    wait_until(lambda: Message.objects.filter(text="Order 7 is yours").exists(), "the router app's answer")


def test_every_alphabet_arrives_whole(system: System, kannel: Kannel) -> None:
    network = kannel.connect()
    system.worker()
    texts = {"gsm": "Price: 5 € [ok]", "long": "a" * 300, "ucs2": "Привет 👋"}
    sent = {
        name: send(text, lookup_connections("sms", [ALICE])).transmissions.get()
        for name, text in texts.items()
    }
    for transmission in sent.values():
        wait_until(lambda t=transmission: status(t) == Status.DELIVERED, "a delivery report")
    printed = network.output()
    assert "ucs-2 %04%1F%04%40" in printed.replace("%1f", "%1F"), printed
    parts = re.findall("a{100,}", printed)
    assert (len(parts), sum(map(len, parts))) == (2, 300), "cut in two, and nothing lost"
    assert "Price: 5 " in printed


def test_stop_by_sms_is_consent(system: System, kannel: Kannel) -> None:
    system.worker()
    kannel.connect(f"{ALICE[1:]} 123 text STOP")
    wait_until(
        lambda: Consent.objects.filter(subject=ALICE, opted_out=True).exists(), "consent to be recorded"
    )
    offer = send("Sale", lookup_connections("acme", [ALICE]), traffic="promotion").transmissions.get()
    assert status(offer) == Status.CANCELLED


def test_a_gateway_that_is_down_is_tried_again(system: System, kannel: Kannel) -> None:
    kannel.close()
    system.worker()
    transmission = send(
        "Hello", lookup_connections("sms", [ALICE]), ttl=timedelta(hours=1)
    ).transmissions.get()
    wait_until(lambda: transmission.events.filter(code="unavailable").exists(), "the first attempt to fail")
    assert status(transmission) == Status.QUEUED
