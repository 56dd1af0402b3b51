"""A shop with every provider at once: people known on several, a road over three, a STOP that holds on all."""

from collections.abc import Iterator
from typing import Any

import pytest

from rcs_router import lookup_connections, send
from rcs_router.contract import Status
from rcs_router.models import Connection, Contact, Message, Transmission
from tests.acceptance import sides
from tests.acceptance.sides import SIDES, TEXTS
from tests.acceptance.stage import SHORT_CODE, Stage, fallback, status
from tests.acceptance.test_every_wire import CARD, YOURS
from tests.core import ALICE, BOB

pytestmark = pytest.mark.services  # each provider and each fault takes long: make services-test

CANCELLED, DELIVERED, FAILED, REVIEW = Status.CANCELLED, Status.DELIVERED, Status.FAILED, Status.REVIEW
ROAD = ["google", "sms"]


@pytest.fixture(autouse=True)
def shop(stage: Stage, settings: Any) -> Iterator[None]:
    """An alias for each provider, of its name; gsma falls back to google and that to Kannel, the others to Twilio."""
    rcs = {name: backend(stage, name) for name in SIDES}
    rcs["gsma"]["FALLBACK"] = ROAD
    rcs["google"]["FALLBACK"] = ["sms"]
    for name in ("messente", "rest"):
        rcs[name]["FALLBACK"] = ["twilio"]
    settings.RCS_BACKENDS = {**rcs, "sms": stage.kannel(), "twilio": sides.twilio(stage.emulator.url)}
    apps = ["tests.acceptance.apps.Keep", "rcs_router.handlers.DefaultResponse"]
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"APPS": apps, "DEFAULT_RESPONSE": "What?"}
    dials = [side.dials(stage.webhook(name), name) for name, side in SIDES.items()]
    stage.dial(**sides.merged(*dials, stage.kannel_dials(), sides.twilio_dials(stage.webhook("twilio"))))
    yield
    assert stage.totals()["doubles"] == 0


def backend(stage: Stage, name: str) -> dict[str, Any]:
    return SIDES[name].backend(stage.emulator.url, stage.account, name)


def road(t: Transmission) -> list[tuple[str, Status]]:
    """Every transmission from `t` on: its alias and how it stands."""
    found = [(t.backend_id, status(t))]
    child = fallback(t)
    return found + road(child) if child else found


def test_everybody_is_heard_and_answered_where_they_speak(stage: Stage) -> None:
    rows = [stage.send(CARD, alias) for alias in SIDES]
    texts = [stage.send("Hello", alias) for alias in ("sms", "twilio")]
    stage.work()
    assert {status(t) for t in (*rows, *texts)} == {DELIVERED}
    phone = stage.phone()
    for message in stage.shown(channel="rcs"):
        phone.does("read")
        phone.does("tap", suggestion="Keep", message=message["id"])
        stage.work()
    for via, to in (("kannel", SHORT_CODE), ("twilio", sides.TWILIO_NUMBER)):
        phone.does("text", text="Hi", via=via, to=to)
        stage.work()
    assert {status(t) for t in rows} == {Status.READ}
    taps = Message.objects.filter(kind="suggestion").order_by("created_at")
    assert [tap.backend_id for tap in taps] == list(SIDES)
    answers = [(m["provider"], m["text"]) for m in stage.shown()[len(SIDES) + len(TEXTS) :]]
    assert answers == [*[(name, YOURS) for name in SIDES], *[(name, "What?") for name in TEXTS]]
    assert stage.statuses() == {200}


def test_a_tap_belongs_to_the_message_of_its_own_wire(stage: Stage) -> None:
    """The same card by four providers: each tap answers its own, though all have the same postback."""
    rows = {alias: stage.send(CARD, alias) for alias in SIDES}
    stage.work()
    for message in stage.shown(channel="rcs"):
        stage.phone().does("tap", suggestion="Keep", message=message["id"])
        stage.work()
    taps = Message.objects.filter(kind="suggestion")
    assert {tap.backend_id: tap.answers for tap in taps} == rows


def test_a_contact_is_written_to_once_and_on_one_backend(stage: Stage, settings: Any) -> None:
    contact = Contact.objects.create(name="Alice")
    for alias in (*SIDES, "sms"):
        lookup_connections(alias, [ALICE])
    Connection.objects.update(contact=contact)
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"DEFAULT_BACKEND": "messente"}
    message = send("Hello", contact)
    stage.work()
    assert [(t.backend_id, status(t)) for t in message.transmissions.all()] == [("messente", DELIVERED)]
    assert [m["provider"] for m in stage.shown()] == ["messente"]


@pytest.mark.parametrize(
    ("broken", "rcs", "expected"),
    [
        ([], True, [("gsma", DELIVERED)]),
        (["gsma"], True, [("gsma", FAILED), ("google", DELIVERED)]),
        (["gsma", "google"], True, [("gsma", FAILED), ("google", FAILED), ("sms", DELIVERED)]),
        ([], False, [("gsma", FAILED), ("google", FAILED), ("sms", DELIVERED)]),
        (["gsma", "google", "kannel"], True, [("gsma", FAILED), ("google", FAILED), ("sms", REVIEW)]),
    ],
    ids=["rcs", "second", "third", "no-rcs", "none"],
)
@pytest.mark.parametrize("kind", ["500", "404"])
def test_one_road_over_three_providers(
    kind: str, broken: list[str], rcs: bool, expected: Any, stage: Stage
) -> None:
    stage.phone(rcs=rcs)
    methods = {"gsma": "messages", "google": "agentMessages", "kannel": "sendsms"}
    for name in broken:
        stage.fault(kind, provider=name, method=methods[name])
    t = stage.send(CARD, "gsma")
    stage.work()
    assert road(t) == expected
    assert len(stage.shown()) == (expected[-1][1] == DELIVERED)
    assert t.message.status == expected[-1][1]


def test_what_may_have_arrived_goes_no_further(stage: Stage) -> None:
    """The first provider of the road was silent: nobody knows, so neither of the others is asked."""
    stage.fault("cut_before", provider="gsma", method="messages")
    t = stage.send(CARD, "gsma")
    stage.work()
    assert (road(t), stage.shown()) == ([("gsma", REVIEW)], [])


def test_the_number_answers_the_sms_at_the_end_of_the_road(stage: Stage) -> None:
    phone = stage.phone(BOB, rcs=False)
    rows = {alias: stage.send(CARD, alias, BOB) for alias in ("gsma", "rest")}
    stage.work()
    assert [m["provider"] for m in stage.shown(BOB)].count("twilio") == 1
    phone.does("text", text="1", via="twilio", to=sides.TWILIO_NUMBER)
    phone.does("text", text="2", via="kannel", to=SHORT_CODE)
    stage.work()
    said = Message.objects.filter(direction="in")
    assert {tap.backend_id: (tap.postback, tap.in_response_to) for tap in said} == {
        "twilio": ("keep_7", rows["rest"].message),
        "sms": ("return_7", rows["gsma"].message),
    }


@pytest.mark.parametrize("via", [*SIDES, "kannel"])
def test_a_stop_on_one_wire_holds_on_all(via: str, stage: Stage) -> None:
    to = SHORT_CODE if via == "kannel" else via
    stage.phone().does("text", text="STOP", via=via, to=to)
    stage.work()
    before = len(stage.shown())
    for alias in (*SIDES, "sms", "twilio"):
        offer = stage.send("Sale!", alias, traffic="promotion")
        stage.work()
        assert (status(offer), offer.reason) == (CANCELLED, "opted_out"), alias
    assert len(stage.shown()) == before
    orders = [stage.send(f"Order by {alias}", alias) for alias in (*SIDES, "sms", "twilio")]
    stage.work()
    assert {status(order) for order in orders} == {DELIVERED}


def test_a_webhook_of_one_provider_says_nothing_to_another(stage: Stage) -> None:
    """Each alias takes only what its own provider signs in its own way."""
    stage.dial(
        gsma={"bots": {"gsma": {"webhook": stage.webhook("messente")}}},
        rest={"webhook": stage.webhook("google")},
    )
    rows = [stage.send("Hello", alias) for alias in ("gsma", "rest")]
    stage.work()
    assert {status(t) for t in rows} == {Status.ACCEPTED}
    assert stage.statuses() == {401}
