"""People known by a number, by a provider's token, or by both: whom words belong to, and which roads lead to them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.utils import timezone

from rcs_router import lookup_connections, outbox, send, signals
from rcs_router.backends import backends
from rcs_router.content import Form, FormField, Reply, Text
from rcs_router.contract import FileReport, Incoming, IncomingKind, Linked, Parsed, Status, WebhookRequest
from rcs_router.errors import IdentityError, Unreachable
from rcs_router.inbox import intake
from rcs_router.models import Connection, Consent, Contact, Event, Message, Transmission
from rcs_router.people import consent
from rcs_router.testing import MemoryBackend
from tests.core import ALICE, BOB, drain, memory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("maap")]
TOKEN = "tk-7Q2mZ9"


class Anonymous(MemoryBackend):
    """People may hide their number behind a token. `parse` says what it was told to."""

    capabilities = MemoryBackend.capabilities.__class__(
        **{**vars(MemoryBackend.capabilities), "tokens": True}
    )
    said: ClassVar[Sequence[Parsed]] = ()

    def parse(self, request: WebhookRequest) -> list[Parsed]:
        return list(Anonymous.said)


@pytest.fixture
def maap(settings: Any, router: None) -> None:
    path = "tests.inbox.test_identities.Anonymous"
    settings.RCS_BACKENDS = {**settings.RCS_BACKENDS, "maap": {"BACKEND": path, "FALLBACK": ["sms"]}}


def hears(*said: Parsed) -> None:
    Anonymous.said = said
    intake.accept(backends["maap"], WebhookRequest("POST"))
    intake.digest()


def on(alias: str, identity: str) -> Connection:
    return Connection.objects.get(backend=alias, identity=identity)


@pytest.mark.parametrize(
    ("written", "identity"),
    [
        (TOKEN, TOKEN),
        ("37255501234", "37255501234"),
        ("+372 5550 1234", ALICE),
        (f" {TOKEN} ", TOKEN),
        ("0", "0"),
    ],
)
def test_what_has_no_plus_is_a_token_there(written, identity):
    hears(Incoming(IncomingKind.TEXT, written, text="Hello"))
    assert Message.objects.get().connection == on("maap", identity)


@pytest.mark.parametrize("identity", [TOKEN, "user_123"])
def test_a_token_is_written_to_as_it_is(identity):
    [connection] = lookup_connections("maap", [identity])
    send("Hello", connection)
    drain("maap")
    assert [o.to for o in memory("maap").sent] == [identity]
    with pytest.raises(IdentityError):
        lookup_connections("sms", [identity])


def test_a_token_falls_back_nowhere_and_waits_for_a_person():
    row = send("Hello", lookup_connections("maap", [TOKEN])).transmissions.get()
    memory("maap").outcomes.append(Unreachable())
    drain("maap", "sms")
    row.refresh_from_db()
    assert (row.status, row.reason) == (Status.REVIEW, "unreachable")
    assert not Connection.objects.filter(backend="sms").exists()


@pytest.mark.parametrize("where", ["maap", "sms", "alone"])
def test_a_token_falls_back_to_the_contacts_number_wherever_that_is_known(where):
    contact = Contact.objects.create(name="Alice")
    contact.connections.add(*lookup_connections("maap", [TOKEN]), *lookup_connections(where, [ALICE]))
    row = send("Hello", on("maap", TOKEN)).transmissions.get()
    memory("maap").outcomes.append(Unreachable())
    drain("maap", "sms")
    row.refresh_from_db()
    assert row.status == Status.FAILED
    assert [o.to for o in memory("sms").sent] == [ALICE]
    assert on("sms", ALICE).contact == contact


def test_linked_identities_are_one_contact():
    hears(Incoming(IncomingKind.TEXT, TOKEN, text="Hello"))
    hears(Linked(ALICE, (TOKEN,), id="mo-5"))
    assert on("maap", ALICE).contact == on("maap", TOKEN).contact
    assert on("maap", ALICE).contact is not None
    assert Event.objects.filter(kind="linked").count() == 2


def test_a_link_that_comes_twice_changes_nothing():
    for _ in range(2):
        hears(Linked(ALICE, (TOKEN,)))
    assert Contact.objects.count() == 1


@pytest.mark.parametrize("named", ["number", "token", "both"])
def test_the_numbers_contact_wins(named):
    people = {}
    for which, identity in (("token", TOKEN), ("number", ALICE)):
        if named in (which, "both"):
            people[which] = Contact.objects.create(name=which)
            people[which].connections.add(*lookup_connections("maap", [identity]))
    hears(Linked(ALICE, (TOKEN,)))
    wanted = people.get("number") or people["token"]
    assert on("maap", ALICE).contact == on("maap", TOKEN).contact == wanted


def test_a_contact_with_both_is_written_to_by_number():
    hears(Incoming(IncomingKind.TEXT, TOKEN, text="Hello"), Linked(ALICE, (TOKEN,)))
    send("Hello", on("maap", TOKEN).contact)
    drain("maap")
    assert [o.to for o in memory("maap").sent] == [ALICE]


def test_what_was_refused_under_the_token_is_refused_under_the_number():
    hears(Incoming(IncomingKind.UNSUBSCRIBE, TOKEN))
    hears(Linked(ALICE, (TOKEN,)))
    assert Consent.objects.get(subject=ALICE).opted_out
    offer = send("Sale", lookup_connections("maap", [ALICE]), traffic="promotion").transmissions.get()
    assert (offer.status, offer.reason) == (Status.CANCELLED, "opted_out")


@pytest.mark.parametrize("kind", [IncomingKind.UNSUBSCRIBE, IncomingKind.TEXT])
def test_what_is_refused_under_the_token_later_is_refused_under_the_number_too(kind):
    hears(Linked(ALICE, (TOKEN,)))
    offer = send("Sale", on("maap", TOKEN), traffic="promotion", ttl=timedelta(seconds=1))
    drain("maap")
    hears(Incoming(kind, TOKEN, text="STOP"))
    fallen = offer.transmissions.get()
    assert outbox.open_fallback(fallen, "no_route", timezone.now()).connection.identity == ALICE
    drain("sms")
    assert not [sent for sent in memory("sms").sent if sent.text == "Sale"]
    assert [line["source"] for line in consent.evidence(ALICE)] == ["linked identity"]


def test_a_form_answers_the_message_that_asked(settings):
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "PUBLIC_URL": "https://shop.example/rcs/"}

    form = Form("Where to?", (FormField("street", "Street"),), name="address")
    row = send(form, lookup_connections("maap", [BOB])).transmissions.get()
    drain("maap")
    hears(Incoming(IncomingKind.FORM, BOB, postback="address", fields={"form": {"street": "Pikk 1"}}))
    told = Message.objects.get(direction="in")
    assert (told.kind, told.answers, told.fields) == ("form", row, {"form": {"street": "Pikk 1"}})


@pytest.mark.parametrize(("active", "code"), [(True, ""), (False, "stopped")])
def test_typing_begins_and_stops(active, code):
    hears(Incoming(IncomingKind.TYPING, ALICE, fields={"active": active}))
    assert Event.objects.get(kind="typing").code == code
    assert not Message.objects.exists()


def test_a_file_report_is_a_signal():
    heard = []

    def listen(sender: Any, backend: str, file: FileReport, **kwargs: Any) -> None:
        heard.append((backend, file))

    signals.file_reported.connect(listen)
    try:
        report = FileReport("f-9", "ready", "https://files.example/f-9")
        hears(report)
    finally:
        signals.file_reported.disconnect(listen)
    assert heard == [("maap", report)]
    assert not Transmission.objects.exists()


class Chained(Anonymous):
    """Falls back to SMS by itself, and says by which channel an answer came."""

    capabilities = MemoryBackend.capabilities.__class__(
        **{**vars(MemoryBackend.capabilities), "own_fallback": True}
    )


@pytest.mark.parametrize(
    ("fields", "kind"), [({"channel": "sms"}, "suggestion"), ({"channel": "rcs"}, "text"), ({}, "suggestion")]
)
def test_a_number_answers_the_sms_that_the_provider_sent_by_itself(settings, fields, kind):
    path = "tests.inbox.test_identities.Chained"
    settings.RCS_BACKENDS = {**settings.RCS_BACKENDS, "maap": {"BACKEND": path}}
    row = send(
        Text("Shoes?", (Reply("Keep", "k"), Reply("Return", "r"))), lookup_connections("maap", [ALICE])
    )
    drain("maap")
    hears(Incoming(IncomingKind.TEXT, ALICE, text="2", fields=fields))
    told = Message.objects.get(direction="in")
    assert (told.kind, told.postback) == (kind, "r" if kind == "suggestion" else "")
    assert memory("maap").sent[0].content == row.body, "chips for a phone that has them"


@pytest.mark.parametrize("which", [0, 1])
def test_where_the_wire_says_which_message_was_tapped_that_one_was(which):
    question = Text("Shoes?", (Reply("Keep", "k"),))
    rows = [send(question, lookup_connections("maap", [ALICE])).transmissions.get() for _ in range(2)]
    drain("maap")
    hears(Incoming(IncomingKind.SUGGESTION, ALICE, postback="k", answers=rows[which].pk))
    assert Message.objects.get(direction="in").answers == rows[which]


def test_a_tap_on_somebody_elses_message_is_not_believed():
    question = Text("Shoes?", (Reply("Keep", "k"),))
    mine, theirs = (
        send(question, lookup_connections("maap", [number])).transmissions.get() for number in (ALICE, BOB)
    )
    drain("maap")
    hears(Incoming(IncomingKind.SUGGESTION, ALICE, postback="k", answers=theirs.pk))
    assert Message.objects.get(direction="in").answers == mine
