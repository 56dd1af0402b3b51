"""One phone whose number is written in several ways, codes that are nobody's number, and what a paste brings along."""

# ruff: noqa: RUF001  (what people type has such characters)

import itertools
import sys
import unicodedata
from typing import Any
from urllib.parse import quote

import phonenumbers
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from rcs_router import lookup_connections, receive, send
from rcs_router.content import Reply, Text, spelling
from rcs_router.contract import Incoming, IncomingKind, Status
from rcs_router.errors import IdentityError
from rcs_router.inbox import intake
from rcs_router.inbox.incoming import store
from rcs_router.models import (
    Backend,
    Connection,
    Consent,
    ConsentRecord,
    Contact,
    Event,
    Message,
    Tally,
    Transmission,
)
from rcs_router.people import consent, numbering
from rcs_router.people.identities import normalise, normalise_sender
from tests.core import ALICE, drain, memory

from .sites import GSMA, KANNEL, MESSENTE, RCS, REST, SECRET, SMS, TWILIO, site
from .wires import gsma_message, incoming, promotion, rest_message, signed_json, twilio_sms

pytestmark = pytest.mark.django_db

PLANS = [  # as a network or an address book has it, as the plan has it today
    ("+5215512345678", "+525512345678"),
    ("+5218181234567", "+528181234567"),
    ("+541123456789", "+5491123456789"),
    ("+543514123456", "+5493514123456"),
    ("+542944123456", "+5492944123456"),
    ("+553187654321", "+5531987654321"),
    ("+551167654321", "+5511967654321"),
    ("+22501123456", "+2250101123456"),
    ("+22545123456", "+2250545123456"),
    ("+22507123456", "+2250707123456"),
    ("+22997123456", "+2290197123456"),
    ("+23777123456", "+237677123456"),
    ("+23799123456", "+237699123456"),
    ("+841201234567", "+84701234567"),
    ("+841221234567", "+84771234567"),
    ("+841231234567", "+84831234567"),
    ("+841691234567", "+84391234567"),
    ("+841861234567", "+84561234567"),
    ("+841991234567", "+84591234567"),
]
BOTH_WAYS = [*PLANS, *((today, other) for other, today in PLANS)]


@pytest.mark.parametrize(("writes_as", "known_as"), BOTH_WAYS)
def test_a_stop_holds_for_every_form_of_the_number(settings: Any, writes_as: str, known_as: str) -> None:
    site(settings, {"tw": TWILIO})
    twilio_sms("STOP", sender=writes_as)
    assert promotion(known_as).status == Status.CANCELLED
    twilio_sms("START", sender=known_as)
    assert promotion(writes_as).status == Status.QUEUED
    assert Connection.objects.count() == 1


@pytest.mark.parametrize(("other", "today"), PLANS)
def test_what_is_looked_up_and_heard_has_today_s_form(settings: Any, other: str, today: str) -> None:
    site(settings, {"sms": SMS})
    assert [c.identity for c in lookup_connections("sms", [other, today])] == [today, today]
    assert normalise_sender(other) == normalise_sender(other[1:]) == normalise_sender(f"tel:{other}") == today
    assert numbering.forms(today) == numbering.forms(other) == [today, other]
    assert phonenumbers.is_valid_number(phonenumbers.parse(today))


DIALLED = [
    ("+52 1 55 1234 5678", "+525512345678"),
    ("+52 044 55 1234 5678", "+525512345678"),
    ("+52 045 55 1234 5678", "+525512345678"),
    ("+52 01 55 1234 5678", "+525512345678"),
    ("+54 11 15 2345-6789", "+5491123456789"),
    ("+54 9 11 15 2345-6789", "+5491123456789"),
    ("+54 9 351 15 412 3456", "+5493514123456"),
    ("+54 0351 15 412 3456", "+5493514123456"),
    ("+54 (0)11 2345-6789", "+5491123456789"),
    ("+55 (031) 8765-4321", "+5531987654321"),
    ("+44 (0)7911 123456", "+447911123456"),
    ("+61 (0)412 345 678", "+61412345678"),
    ("+39 06 6982", "+39066982"),  # in Italy the zero belongs to it
    ("+7 916 123-45-67", "+79161234567"),
    ("+233 (0)20 212 3456", "+233202123456"),
]


@pytest.mark.parametrize(("written", "number"), DIALLED)
def test_a_number_as_it_is_dialled_and_kept(written: str, number: str) -> None:
    assert normalise(written) == number


@pytest.mark.parametrize(
    "number",
    [
        *("+525512345678", "+558001234567", "+5540041234567"[:12], "+551123456789", "+22521234567"),
        *("+2250707123456", "+2290197123456", "+84241234567", "+37255501234", "+15125550123", ""),
    ],
)
def test_other_numbers_stay_what_they_are(number: str) -> None:
    assert numbering.today(number) == number


@given(st.from_regex(r"\+(52|54|55|225|229|237|84)[0-9]{7,12}", fullmatch=True))
def test_today_s_form_is_stable(number: str) -> None:
    today = numbering.today(number)
    assert numbering.today(today) == today
    assert today in numbering.forms(number)
    assert all(numbering.is_same(form, number) for form in numbering.forms(number))


@pytest.mark.parametrize(
    ("region", "written", "number"),
    [
        ("DE", "0041 76 123 45 67", "+41761234567"),
        (None, "0041 76 123 45 67", "+41761234567"),
        ("CH", "076 123 45 67", "+41761234567"),
        ("US", "011 41 76 123 45 67", "+41761234567"),
        ("US", "(415) 555-2671", "+14155552671"),
        ("MX", "044 55 1234 5678", "+525512345678"),
        ("MX", "1 55 1234 5678", "+525512345678"),
        ("AR", "11 15 2345-6789", "+5491123456789"),
        ("BR", "(31) 8765-4321", "+5531987654321"),
        ("BJ", "97 12 34 56", "+2290197123456"),
        ("EE", "5550 1234", ALICE),
    ],
)
def test_a_number_without_its_country(settings: Any, region: str | None, written: str, number: str) -> None:
    site(settings, {"sms": SMS}, DEFAULT_REGION=region)
    assert lookup_connections("sms", [written])[0].identity == number


# Rows of before

OLD, TODAY = "+5215512345678", "+525512345678"


def row(identity: str, alias: str = "sms") -> Connection:
    """A connection as an older release stored it."""
    backend, _ = Backend.objects.get_or_create(name=alias)
    return Connection.objects.create(backend=backend, identity=identity)


def test_a_row_of_before_is_renamed_with_all_that_was_said_on_it(settings: Any) -> None:
    site(settings, {"sms": SMS})
    old = row(OLD)
    old.contact = Contact.objects.create(name="Ana")
    old.save()
    Consent.objects.create(subject=OLD, opted_out=True)
    [found] = lookup_connections("sms", [OLD])
    assert (found.pk, found.identity, found.contact) == (old.pk, TODAY, old.contact)
    assert Event.objects.get(connection=old).kind == "renumbered"
    assert Consent.objects.get().subject == TODAY
    assert lookup_connections("sms", [TODAY]) == [found]


def test_both_forms_may_be_there_already(settings: Any) -> None:
    site(settings, {"sms": SMS})
    old, new = row(OLD), row(TODAY)
    assert lookup_connections("sms", [OLD, TODAY]) == [new, new]
    assert [t.connection for t in send("Hello", [old, new]).transmissions.all()] == [old]


@pytest.mark.parametrize(("said_as", "sent_to"), [(OLD, TODAY), (TODAY, OLD), (OLD, OLD)])
def test_a_refusal_of_before_holds_for_rows_of_either_form(settings: Any, said_as: str, sent_to: str) -> None:
    site(settings, {"sms": SMS})
    Consent.objects.create(subject=said_as, opted_out=True)
    ConsentRecord.objects.create(subject=said_as, opted_out=True, source="keyword")
    connection = row(sent_to)
    offer = send("Boots", connection, traffic="promotion").transmissions.get()
    assert offer.status == Status.CANCELLED
    assert consent.has_spoken(TODAY)
    assert len(consent.evidence(TODAY)) == len(consent.evidence(OLD)) == 1
    assert consent.record(TODAY, opted_out=False, source="keyword")
    assert not consent.refused([OLD, TODAY])


def test_a_stop_reaches_what_a_row_of_before_has_in_the_queue(settings: Any) -> None:
    site(settings, {"sms": SMS, "other": SMS})
    waiting = send("Boots", row(OLD), traffic="promotion").transmissions.get()
    receive("STOP", lookup_connections("other", [TODAY])[0])
    intake.digest()
    assert Consent.objects.get(subject=OLD).opted_out  # the statement that lets it leave asks for this one
    drain("sms")
    waiting.refresh_from_db()
    assert (waiting.status, waiting.reason) == (Status.CANCELLED, "opted_out")
    receive("START", lookup_connections("other", [TODAY])[0])
    intake.digest()
    assert not Consent.objects.filter(opted_out=True).exists()


def test_a_row_of_before_is_sent_to_today_s_form(settings: Any) -> None:
    site(settings, {"sms": SMS})
    send("Hello", row(OLD))
    drain("sms")
    assert [outbound.to for outbound in memory("sms").sent] == [TODAY]


def test_caps_count_both_forms_together(settings: Any) -> None:
    site(settings, {"sms": SMS}, CAPS=["1/d"])
    for connection in (row(OLD), row(TODAY)):
        send("Boots", connection, traffic="promotion")
    drain("sms")
    assert len(memory("sms").sent) == 1
    assert list(Tally.objects.values_list("subject", flat=True)) == [TODAY]


@pytest.mark.parametrize(("asked_as", "answers_as"), BOTH_WAYS[:3] + BOTH_WAYS[-3:])
def test_an_answer_finds_its_option_whichever_form_it_comes_from(
    settings: Any, asked_as: str, answers_as: str
) -> None:
    site(settings, {"tw": TWILIO})
    question = send(Text("Boots?", (Reply("Keep", "keep"), Reply("Return", "return"))), row(asked_as, "tw"))
    Transmission.objects.filter(message=question).update(status=Status.ACCEPTED)
    twilio_sms("2", sender=answers_as)
    answer = Message.objects.get(direction="in")
    assert (answer.postback, answer.answers.message) == ("return", question)  # type: ignore[union-attr]


def test_capabilities_are_asked_of_today_s_form(settings: Any) -> None:
    from rcs_router.api.recipients import normalise_all

    assert normalise_all([OLD, TODAY], "identities", tokens=False) == [TODAY, TODAY]


# Short codes


CODES = ["436729", "18100", "72456", "60777", "1234", "911", "56161", "787878", "37255"]
REGIONS = [None, "FI", "SE", "GB", "US", "EE", "IN", "AT"]


@pytest.mark.parametrize(("region", "code"), list(itertools.product(REGIONS, CODES)))
def test_a_short_code_stays_a_code(settings: Any, region: str | None, code: str) -> None:
    site(settings, {"tw": TWILIO}, DEFAULT_REGION=region)
    twilio_sms("Your parcel is there", sender=code)
    assert list(Connection.objects.values_list("identity", flat=True)) == [code]


@pytest.mark.parametrize(
    ("region", "code"), [(None, "436729"), ("FI", "18100"), ("SE", "72456"), ("GB", "60777"), ("US", "72456")]
)
def test_a_short_code_is_no_number_to_write_to(settings: Any, region: str | None, code: str) -> None:
    site(settings, {"sms": SMS}, DEFAULT_REGION=region)
    with pytest.raises(IdentityError):
        lookup_connections("sms", [code])


@pytest.mark.parametrize("code", ["51969123", "12345678"])
@pytest.mark.parametrize("alias", ["kannel", "me"])
def test_a_code_of_eight_digits_gets_no_plus(settings: Any, alias: str, code: str) -> None:
    site(settings, {"kannel": KANNEL, "me": MESSENTE})
    hear[alias]("hello", code)
    assert incoming() == [(code, "hello")]


# What cannot be seen

UNSEEN = [
    *("\u00ad", "\u034f", "\u061c", "\u115f", "\u180e", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f"),
    *("\u202a", "\u202c", "\u202e", "\u2060", "\u2063", "\u2066", "\u2069", "\u3164", "\ufe0d", "\ufe0f"),
    *("\ufeff", "\ufff9", "\U000e0020", "\U000e0101", "\0", "\x1b"),
]


@pytest.mark.parametrize("unseen", UNSEEN, ids=ascii)
def test_what_cannot_be_seen_in_a_number_does_not_count(unseen: str) -> None:
    assert normalise(f"{unseen}+372{unseen}5550{unseen}1234{unseen}") == ALICE
    assert normalise_sender(f"{unseen}+372{unseen}5550{unseen}1234{unseen}") == ALICE


@pytest.mark.parametrize(
    "pasted",
    [
        "+372\u20115550\u20111234",  # hyphens that do not break
        "+372\u00a05550\u202f1234",  # blanks that do not break
        "\u2066+372 5550 1234\u2069",
        "“+372 5550 1234”",
        "«+37255501234»",
        "'+37255501234",  # as a spreadsheet keeps it from being reckoned with
        "<+37255501234>",
        "+٣٧٢٥٥٥٠١٢٣٤",
        "+३७२५५५०१२३४",
        "＋３７２５５５０１２３４",
    ],
)
def test_numbers_as_they_are_pasted(pasted: str) -> None:
    assert normalise(pasted) == normalise_sender(pasted) == ALICE


def test_every_format_character_of_unicode_is_among_the_invisible() -> None:
    every = map(chr, range(sys.maxunicode + 1))
    seen = [hex(ord(c)) for c in every if unicodedata.category(c) == "Cf" and spelling.visible(c)]
    assert seen == []


# Addresses that are numbers, on every wire

ADDRESSES = [
    *("tel:+37255501234", "TEL:+372-5550-1234", "tel:+37255501234;ext=5", "tel:5550-1234;phone-context=+372"),
    *("tel:+37255501234;phone-context=ims.example", "Tel: +372 5550 1234", "<tel:+37255501234>"),
    *(
        "sip:+37255501234@ims.example",
        "sip:+37255501234@ims.example;user=phone",
        "SIP:+37255501234@[::1]:5060",
    ),
    *("sips:+37255501234@ims.example:5061;transport=tls", "sip:+37255501234;phone-context=x@ims.example"),
    *("sip:+37255501234:secret@ims.example", "sms:+37255501234?body=hello", "sip:37255501234@h;user=phone"),
]
ENCODED = [quote("tel:+37255501234", safe=""), quote("sip:+37255501234@h;user=phone", safe="")]
ENCODED += ["%2B37255501234", quote(quote("tel:+37255501234", safe=""), safe=""), "tel%3a%2b37255501234"]


def kannel(text: str, sender: str) -> None:
    Client().get("/rcs/webhooks/kannel/", {"secret": SECRET, "from": sender, "to": "1", "text": text})


def messente(text: str, sender: str) -> None:
    told = {
        "msg_id": f"m-{text}",
        "text": text,
        "sender": sender,
        "recipient": "1",
        "time": "2026-11-28T07:00:00Z",
    }
    signed_json("webhooks/me/", told, "x-messente-signature", MESSENTE["OPTIONS"]["password"])


def rest(text: str, sender: str) -> None:
    told = rest_message(text, conversationId=sender, messageId=f"m-{text}")
    signed_json("webhooks/rest/", told, "x-signature")


def gsma(text: str, sender: str) -> None:
    told = {**gsma_message(text), "messageContact": {"userContact": sender}}
    Client().post(f"/rcs/webhooks/gsma/?secret={SECRET}", told, content_type="application/json")


def twilio(text: str, sender: str) -> None:
    twilio_sms(text, sender=sender)


def digested(post: Any) -> Any:
    def hear(text: str, sender: str) -> None:
        post(text, sender)
        intake.digest()

    return hear


hear = {
    "tw": digested(twilio),
    "kannel": digested(kannel),
    "me": digested(messente),
    "gsma": digested(gsma),
    "rest": digested(rest),
}
EVERY_WIRE = {"tw": TWILIO, "kannel": KANNEL, "me": MESSENTE, "gsma": GSMA, "rest": REST, "rcs": RCS}


@pytest.mark.parametrize("address", ADDRESSES + ENCODED)
@pytest.mark.parametrize("alias", hear)
def test_a_stop_from_an_address_is_the_number_s(settings: Any, alias: str, address: str) -> None:
    site(settings, EVERY_WIRE)
    hear[alias]("STOP", address)
    assert Consent.objects.get().subject == ALICE
    assert promotion(ALICE, alias).status == promotion(ALICE, "rcs").status == Status.CANCELLED


@pytest.mark.parametrize("address", ADDRESSES + ENCODED)
def test_an_address_is_a_number_where_there_are_tokens_too(settings: Any, address: str) -> None:
    site(settings, {"rest": REST})
    assert normalise_sender(address, tokens=True) == normalise_sender(address) == ALICE
    consent.record(address, opted_out=True, source="web site")
    assert consent.refused([ALICE])
    store(
        {address: lookup_connections("rest", [ALICE])[0]}, [Incoming(IncomingKind.TEXT, address, text="STOP")]
    )
    assert Message.objects.get(direction="in").urgent


@pytest.mark.parametrize("address", ["tel:+37255501234", "sip:+37255501234@ims.example;user=phone"])
def test_an_address_can_be_written_to(address: str) -> None:
    assert normalise(address) == normalise(address, tokens=True) == ALICE


@pytest.mark.parametrize(
    "address",
    ["sip:alice@example.com", "sip:conference-7@example.com", "sip:37255501234@pbx.example", "tk%2B7"],
)
def test_other_names_stay_tokens(address: str) -> None:
    assert normalise_sender(address, tokens=True) == address


@pytest.mark.parametrize("code", ["tel:18100", "sip:18100@ims.example;user=phone", "tel:436729"])
def test_a_code_in_an_address_is_a_code(code: str) -> None:
    assert normalise_sender(code) in {"18100", "436729"}
