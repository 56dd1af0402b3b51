"""What a person can do with a handset, what it shows, and what of it cannot be done."""

from typing import Any

import pytest

from rcs_router import send
from rcs_router.content import Card, Carousel, Dial, File, Form, FormField, Location, Media, Reply, Text
from rcs_router.contract import Status
from rcs_router.errors import Ambiguous, IdentityError
from rcs_router.models import Consent, Event, Message
from rcs_router.testing import Handset, ScriptFailed, World
from tests.testing.apps import FITTING

QUESTION = Text("Which?", (Reply("Yes", "yes_1"), Dial("Call", phone="112"), Reply("No")))


def shown(phone: Handset, content: Any, alias: str = "acme", **options: Any) -> Any:
    """The message as the phone shows it."""
    message = send(content, phone.connection(alias), **options)
    return phone.last if phone.messages else message


def test_what_is_said_is_answered(handset: Handset) -> None:
    row = handset.says("echo hello")
    assert (row.text, row.backend_id, row.handled_by) == ("echo hello", "acme", "rcs_router.handlers.Echo")
    assert handset.texts == ["hello"]
    assert handset.last.transmission.status == Status.DELIVERED


@pytest.mark.parametrize(
    ("content", "text", "line"),
    [
        ("a\nb", "a\nb", "a b"),
        (QUESTION, "Which?", "Which? [Yes|Call|No]"),
        (Card("Boots", "129 EUR", Media("https://x.example/a.jpg")), "Boots\n129 EUR", "Boots 129 EUR"),
        (
            Carousel((Card("A", suggestions=(Reply("1"),)), Card("B")), (Reply("C"),)),
            "A\nB",
            "A [1] B [C]",
        ),
        (File("https://x.example/a.pdf"), "https://x.example/a.pdf", "https://x.example/a.pdf"),
        (Location(59.4, 24.7, "Shop"), "Shop", "Shop [View location]"),  # Google has no places
        (FITTING, "Try them on", "Try them on [Choose a day]"),  # nor forms
    ],
)
def test_what_a_phone_shows_by_rcs(handset: Handset, content: Any, text: str, line: str) -> None:
    one = shown(handset, content)
    assert (one.text, one.line, one.by_sms) == (text, line, False)


@pytest.mark.parametrize(
    ("content", "text", "line"),
    [
        (QUESTION, "Which?\nCall: 112", "Which? Call: 112 [Yes|No]"),
        (Card("Boots", "129 EUR", suggestions=(Reply("Buy"),)), "Boots\n129 EUR", "Boots 129 EUR [Buy]"),
    ],
)
def test_what_a_phone_shows_by_sms(handset: Handset, content: Any, text: str, line: str) -> None:
    one = shown(handset, content, "sms")
    assert (one.text, one.line, one.by_sms) == (text, line, True)


def test_options_are_numbered(handset: Handset) -> None:
    assert shown(handset, QUESTION).options == {1: "Yes", 2: "Call", 3: "No"}
    assert shown(handset, QUESTION, "sms").options == {1: "Yes", 2: "No"}
    assert handset.options == {1: "Yes", 2: "No"}


@pytest.mark.parametrize("alias", ["acme", "sms"])
@pytest.mark.parametrize("what", ["Yes", "yes_1"])
def test_a_tap_is_the_same_by_either_road(handset: Handset, alias: str, what: str) -> None:
    transmission = shown(handset, QUESTION, alias).transmission
    row = handset.taps(what)
    assert (row.kind, row.text, row.postback, row.answers) == ("suggestion", "Yes", "yes_1", transmission)
    assert row.fields.get("typed", "") == ("1" if alias == "sms" else "")


def test_an_older_sms_is_answered_by_its_label(handset: Handset) -> None:
    shown(handset, QUESTION, "sms")
    shown(handset, "By the way", "sms")
    assert handset.taps("yes_1").fields["typed"] == "Yes"


def test_an_answer_that_is_taken_for_another_is_told(handset: Handset) -> None:
    shown(handset, Text("A?", (Reply("Buy", "buy_a"),)), "sms")
    shown(handset, Text("B?", (Reply("Buy", "buy_b"),)), "sms")
    with pytest.raises(ScriptFailed, match="should mean 'buy_a', but was taken for 'buy_b'"):
        handset.taps("buy_a")


def test_what_cannot_be_tapped(handset: Handset) -> None:
    with pytest.raises(ScriptFailed, match="has no chip 'Yes'; its chips: none"):
        handset.taps("Yes")
    shown(handset, QUESTION, "sms")
    with pytest.raises(ScriptFailed, match=r"has no chip 'Call'; its chips: \['Yes', 'No'\]"):
        handset.taps("Call")
    cards = Carousel(
        (Card("A", suggestions=(Reply("Buy", "a"),)), Card("B", suggestions=(Reply("Buy", "b"),)))
    )
    shown(handset, cards)
    with pytest.raises(ScriptFailed, match=r"several chips: tap a postback, one of \['a', 'b'\]"):
        handset.taps("Buy")
    assert handset.taps("b").postback == "b"


def test_a_phone_that_was_shown_nothing_has_no_last_message(handset: Handset) -> None:
    with pytest.raises(ScriptFailed, match="was shown nothing"):
        _ = handset.last


def test_reading_typing_and_the_menu(handset: Handset) -> None:
    one = shown(handset, "Hello")
    handset.reads()
    assert one.transmission.status == Status.READ
    handset.reads()
    assert one.transmission.events.filter(kind="receipt").count() == 2, "delivered and read, once each"
    handset.types()
    assert Event.objects.filter(kind="typing").count() == 1
    handset.unsubscribes()
    assert Consent.objects.get().opted_out
    assert "no more offers" in handset.last.text
    handset.subscribes()
    assert not Consent.objects.get().opted_out


def test_a_number_is_the_same_however_it_is_written(rcs: World) -> None:
    phone = rcs.handset("+372 5550 1234", rcs=False)
    assert rcs.handset("+37255501234") is phone
    assert (phone.number, rcs.handset("+37255501234").rcs) == ("+37255501234", False)
    with pytest.raises(IdentityError, match="write it with"):
        rcs.handset("5550")


def test_what_the_app_shows_beside_its_answers(settings: Any, handset: Handset, rcs: World) -> None:
    settings.RCS_ROUTER = {"APPS": ["tests.testing.apps.Polite"]}
    row = handset.says("hello")
    assert rcs["acme"].told == [("read", row.external_id), ("typing", handset.number)]


def test_files_and_places(handset: Handset) -> None:
    handset.sends_file("https://files.example/1", "image/png", name="boots.png")
    handset.shares(59.4, 24.7)
    assert handset.texts == ["A image/png", "We come to 59.4."]


def test_a_file_is_fetched_from_the_handset(handset: Handset, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    row = handset.sends_file("https://files.example/1", "application/pdf", content=b"%PDF-1.7")
    file = row.files.get()
    assert (file.state, file.media_type, file.file.read()) == ("fetched", "application/pdf", b"%PDF-1.7")
    assert handset.sends_file("https://files.example/2").files.get().state == "gone"


@pytest.mark.parametrize("act", ["types", "unsubscribes", "sends_file", "shares"])
def test_an_sms_carries_text_only(handset: Handset, act: str) -> None:
    handset.loses_rcs()
    arguments: dict[str, Any] = {"sends_file": ["https://x.example/"], "shares": [1.0, 2.0]}
    with pytest.raises(ScriptFailed, match="text only"):
        getattr(handset, act)(*arguments.get(act, []))


REST = {
    "rest": {
        "BACKEND": "rcs_backends.generic_rest.GenericREST",
        "OPTIONS": {"url": "https://x.example/", "token": "t", "webhook_secret": "s"},
    }
}


@pytest.mark.parametrize("road", ["native", "page", "sms"])
def test_a_form_is_filled_in_on_every_road(road: str, settings: Any, handset: Handset) -> None:
    if road == "native":
        settings.RCS_BACKENDS = REST
    if road == "sms":
        handset.loses_rcs()
    handset.says("fitting")
    row = handset.fills_in("fitting", name="Kati", both=True)
    assert (row.kind, row.postback, row.fields["form"]) == ("form", "fitting", {"name": "Kati", "both": True})
    assert handset.last.text == "See you, Kati, both: True"


@pytest.mark.parametrize("road", ["native", "page"])
def test_nothing_is_an_answer_and_so_is_a_zero(road: str, settings: Any, handset: Handset) -> None:
    if road == "native":
        settings.RCS_BACKENDS = REST
    send(Form("How many?", (FormField("n", "Pairs", "number"), FormField("m", "More"))), handset.connection())
    assert handset.fills_in(n=0, m=None).fields["form"]["n"] == "0"


@pytest.mark.parametrize("road", ["native", "page"])
def test_a_form_refuses_what_it_would_refuse(road: str, settings: Any, handset: Handset) -> None:
    if road == "native":
        settings.RCS_BACKENDS = REST
    handset.says("fitting")
    with pytest.raises(ScriptFailed, match="required"):
        handset.fills_in(both=False)
    with pytest.raises(ScriptFailed, match="no form survey"):
        handset.fills_in("survey")


# RCS, power


def test_without_rcs_it_is_reached_and_writes_by_sms(handset: Handset) -> None:
    handset.loses_rcs()
    assert shown(handset, "Hello").alias == "sms"
    assert handset.says("echo hi").backend_id == "sms"
    handset.has_rcs()
    assert handset.says("echo hi").backend_id == "acme"


def test_who_got_an_sms_answers_by_sms(handset: Handset) -> None:
    shown(handset, "Hello", "sms")
    assert handset.says("echo hi").backend_id == "sms"
    assert handset.says("echo hi", via="acme").backend_id == "acme"
    assert handset.last.alias == "acme"


def test_without_sms_there_is_no_way(settings: Any, handset: Handset) -> None:
    settings.RCS_BACKENDS = REST
    handset.loses_rcs()
    with pytest.raises(ScriptFailed, match="no backend of RCS_BACKENDS carries SMS"):
        handset.says("hi")


def test_a_provider_that_falls_back_by_itself(settings: Any, handset: Handset) -> None:
    options = {
        "username": "u",
        "password": "p",
        "sender": "Acme",
        "inbound_secret": "s",
        "chain": [{"channel": "sms"}],
    }
    settings.RCS_BACKENDS = {"m": {"BACKEND": "rcs_backends.messente.Messente", "OPTIONS": options}}
    handset.loses_rcs()
    one = shown(handset, QUESTION, "m")
    assert (one.by_sms, one.alias, one.options) == (True, "m", {1: "Yes", 2: "No"})


def test_a_phone_that_is_off_gets_its_messages_later(handset: Handset, rcs: World) -> None:
    handset.switches_off()
    message = send("Hello", handset.connection())
    assert handset.messages == []
    assert message.transmissions.get().status == Status.ACCEPTED
    handset.switches_on()
    assert handset.texts == ["Hello"]
    assert message.transmissions.get().status == Status.DELIVERED


def test_what_is_dropped_as_a_repeat_and_what_is_not(handset: Handset, rcs: World) -> None:
    for alias, times in (("acme", 2), ("sms", 1)):  # repeated under its id, or not at all
        rcs.next_send(Ambiguous())
        before = len(rcs[alias].sent)
        with rcs.no_waiting():
            send("Hello", handset.connection(alias))
        assert len(rcs[alias].sent) - before == times
    assert Message.objects.filter(direction="out").count() == 2
    assert handset.texts == ["Hello"]
