"""The web page of a form: who may see it, what it takes, and what arrives at the router apps."""

import re
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.test import Client
from django.utils import timezone

from rcs_router import send
from rcs_router.content import Form, FormField, OpenUrl, Text
from rcs_router.content.links import SAMPLE, form_link
from rcs_router.contract import Outbound
from rcs_router.errors import ContentError, Unavailable, Unreachable
from rcs_router.handlers import PostbackHandler
from rcs_router.inbox import intake
from rcs_router.models import Message, Transmission
from rcs_router.testing import MemoryBackend
from tests.core import ALICE, BOB, connection, drain, memory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("public")]

FORM = Form(
    "Where to?",
    (
        FormField("street", "Street and <number>", required=True),
        FormField("when", "Day", "date"),
        FormField("size", "Size", "select", options=("S", "M")),
        FormField("floor", "Floor", "number"),
        FormField("mail", "E-mail", "email"),
        FormField("phone", "Phone", "phone"),
        FormField("lift", "There is a lift", "checkbox"),
    ),
    "Tell us & we come",
    name="address",
    postback="address_7",
    submit="Order",
)
GOOD = {
    "street": "Pikk 1",
    "when": "2026-12-01",
    "size": "M",
    "floor": "-1.5",
    "mail": "a@example.com",
    "phone": "+372 5550 1234",
    "lift": "on",
}


class Webby(MemoryBackend):
    """Has links, and no forms."""

    capabilities = MemoryBackend.capabilities.__class__(
        **{
            **vars(MemoryBackend.capabilities),
            "content": MemoryBackend.capabilities.content - {Form},
        }
    )


@pytest.fixture
def public(settings: Any, router: None) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "PUBLIC_URL": "http://testserver/rcs/"}
    settings.RCS_BACKENDS = {
        **settings.RCS_BACKENDS,
        "webby": {"BACKEND": "tests.forms.test_page.Webby", "FALLBACK": ["sms"]},
    }


def sent(alias: str = "webby", form: Form = FORM, number: str = ALICE) -> Outbound:
    send(form, connection(number, alias))
    drain(alias)
    return memory(alias).sent[-1]


def address(outbound: Outbound) -> str:
    assert isinstance(outbound.content, Text)
    [chip] = [one for one in outbound.content.suggestions if isinstance(one, OpenUrl)]
    return chip.url


def answers() -> list[Message]:
    return list(Message.objects.filter(direction="in").order_by("created_at"))


def test_a_wire_without_forms_gets_words_and_a_chip_that_opens_the_page():
    outbound = sent()
    assert isinstance(outbound.content, Text)
    assert outbound.content.text == "Where to?\n\nTell us & we come"
    [chip] = outbound.content.suggestions
    assert (chip.label, chip.application) == ("Open the form", "webview")
    assert chip.url == form_link(outbound.id) or chip.url.startswith("http://testserver/rcs/forms/")
    assert Transmission.objects.get().lost == ["form became a web page"]


def test_an_sms_has_the_link():
    outbound = sent("sms")
    assert re.fullmatch(
        r"Where to\?\nTell us & we come\nOpen the form: http://testserver/rcs/forms/\S+/", outbound.text
    )


def test_a_wire_with_forms_gets_the_form():
    assert sent("alone").content == FORM


def test_everybody_has_an_address_of_their_own():
    assert address(sent(number=ALICE)) != address(sent(number=BOB))
    assert len(address(memory("webby").sent[0])) == len(form_link(SAMPLE))


def test_the_page_asks_every_question():
    page = Client().get(address(sent()))
    assert page.status_code == 200
    html = page.content.decode()
    assert "Tell us &amp; we come" in html
    assert "Street and &lt;number&gt;" in html
    for name, kind in (("street", "text"), ("when", "date"), ("floor", "number"), ("mail", "email")):
        assert re.search(rf'<input type="{kind}" name="{name}"', html)
    assert re.search(r'<input type="tel" name="phone"|<input [^>]*name="phone"[^>]*type="tel"', html)
    assert '<select name="size"' in html
    assert html.count("(required)") == 1
    assert ">Order</button>" in html
    assert "no-store" in page.headers["Cache-Control"]


def test_answers_arrive_as_an_interaction():
    outbound = sent()
    page = Client().post(address(outbound), GOOD)
    assert (page.status_code, b"Thank you" in page.content) == (200, True)
    [told] = answers()
    assert (told.kind, told.postback, told.text) == ("form", "address_7", "Where to?")
    assert (told.answers_id, told.connection.identity) == (outbound.id, ALICE)
    assert told.fields["form"] == {**GOOD, "lift": True}
    assert told.in_response_to.content["type"] == "form"


def test_what_was_not_answered_is_empty():
    Client().post(address(sent()), {"street": "Pikk 1"})
    assert answers()[0].fields["form"] == {
        "street": "Pikk 1",
        "when": None,
        "size": "",
        "floor": None,
        "mail": "",
        "phone": "",
        "lift": False,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"street": ""},
        {"street": "   "},
        {"street": "x" * 2001},
        {"street": "a\0b"},
        {"when": "tomorrow"},
        {"when": "2026-02-30"},
        {"size": "XXL"},
        {"floor": "high"},
        {"floor": "NaN"},
        {"floor": "1e999"},
        {"mail": "a@"},
        {"phone": "call me"},
    ],
    ids=str,
)
def test_wrong_answers_are_shown_and_nothing_is_stored(wrong):
    page = Client().post(address(sent()), GOOD | wrong)
    assert page.status_code == 400
    assert b'class="errorlist"' in page.content
    assert (b'value="a@example.com"' in page.content) is ("mail" not in wrong), "the others are kept"
    assert answers() == []


def test_who_presses_twice_or_comes_back_answers_once():
    where = address(sent())
    for _ in range(3):
        assert b"Thank you" in Client().post(where, GOOD).content
    assert b"Thank you" in Client().get(where).content
    assert len(answers()) == 1


def test_two_submissions_at_once_are_one_answer():
    where = address(sent())
    with mock.patch("rcs_router.inbox.forms._is_answered", return_value=False):
        for _ in range(2):
            assert Client().post(where, GOOD).status_code == 200
    assert len(answers()) == 1


def test_a_post_from_another_site_is_refused():
    page = Client(enforce_csrf_checks=True).post(address(sent()), GOOD)
    assert page.status_code == 403
    assert answers() == []


def test_with_the_pages_own_token_it_is_taken():
    browser, where = Client(enforce_csrf_checks=True), address(sent())
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get(where).content.decode())
    assert browser.post(where, GOOD | {"csrfmiddlewaretoken": token[1]}).status_code == 200
    assert len(answers()) == 1


@pytest.mark.parametrize(
    "spoil", [lambda url: url[:-2] + "x/", lambda url: url.replace("/forms/", "/forms/A")]
)
def test_a_changed_address_is_unknown(spoil):
    where = spoil(address(sent()))
    assert Client().get(where).status_code == 404
    assert Client().post(where, GOOD).status_code == 404


@pytest.mark.parametrize("token", ["x", "a.b.c", "....", "é", "AAAA.1.zzz"])
def test_an_invented_address_is_unknown(token):
    assert Client().get(f"/rcs/forms/{token}/").status_code == 404


def test_the_signed_address_of_another_message_is_unknown():
    send("Hello", connection())
    row = Transmission.objects.get()
    assert Client().get(form_link(row.pk)).status_code == 404
    assert Client().get(form_link(SAMPLE)).status_code == 404


def test_the_page_expires(settings):
    where = address(sent())
    Transmission.objects.update(accepted_at=timezone.now() - timedelta(days=8))
    for page in (Client().get(where), Client().post(where, GOOD)):
        assert page.status_code == 410
    assert answers() == []


def test_who_has_answered_in_time_is_thanked_for_ever(settings):
    where = address(sent())
    Client().post(where, GOOD)
    Transmission.objects.update(accepted_at=timezone.now() - timedelta(days=8))
    assert b"Thank you" in Client().get(where).content


def test_what_came_on_two_roads_is_answered_once():
    """By RCS and as an SMS, each with an address of its own; what Bob was asked is his to answer."""
    send(FORM, [connection(ALICE, "webby"), connection(BOB, "webby")])
    memory("webby").outcomes += [Unreachable(), Unreachable()]
    drain("webby", "sms")
    for row in Transmission.objects.all():
        assert b"Thank you" in Client().post(form_link(row.pk), GOOD).content
    assert sorted(row.connection.identity for row in answers()) == sorted([ALICE, BOB])


def test_every_attempt_carries_the_same_address():
    """Else a wire that drops repeats would take the second attempt for another message under the same id."""
    send(FORM, connection(ALICE, "webby"))
    memory("webby").outcomes += [Unavailable(), Unavailable()]
    for _ in range(3):
        drain("webby")
    assert len({outbound.text for outbound in memory("webby").sent}) == 1
    assert len(memory("webby").sent) == 3


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods(method):
    assert getattr(Client(), method)(address(sent())).status_code == 405


def test_without_a_public_address_a_form_cannot_be_sent(settings):
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "PUBLIC_URL": ""}
    with pytest.raises(ContentError, match="PUBLIC_URL"):
        send(FORM, connection(ALICE, "webby"))
    send(FORM, connection(ALICE, "alone"))


def test_a_fallback_text_gets_the_link():
    send(FORM, connection(ALICE, "sms"), fallback_text="Where shall we come?")
    drain("sms")
    assert re.fullmatch(
        r"Where shall we come\?\nhttp://testserver/rcs/forms/\S+/", memory("sms").sent[0].text
    )


def test_the_apps_get_it_like_a_tap(settings):
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "APPS": ["tests.forms.test_page.Address"]}
    Client().post(address(sent()), GOOD)
    intake.digest()
    drain("webby", "sms")
    assert memory("webby").sent[-1].text == "We come to Pikk 1 (7)"


class Address(PostbackHandler):
    prefix = "address_"

    def handle(self, key: str) -> None:
        self.respond(f"We come to {self.msg.fields['form']['street']} ({key})")


def test_no_question_has_the_name_of_the_pages_own_field() -> None:
    """A browser would send both, and Django would take the answer for a forged token."""
    with pytest.raises(ContentError, match="csrfmiddlewaretoken"):
        FormField("csrfmiddlewaretoken", "Code")
