"""Handlers as they are installed: in the order of APPS, for taps and for numbers answered by SMS alike."""

from typing import Any

import pytest

from rcs_router import receive, send
from rcs_router.content import Reply, Text
from rcs_router.handlers import KeywordHandler, PostbackHandler
from rcs_router.inbox import intake
from rcs_router.models import Message
from tests.core import BACKENDS, ROUTER, connection, drain

pytestmark = pytest.mark.django_db(transaction=True)


class First(KeywordHandler):
    keyword = "order"

    def handle(self, text: str) -> None:
        self.respond(f"first {text}")


class Second(KeywordHandler):
    keyword = "order"

    def handle(self, text: str) -> None:
        self.respond(f"second {text}")


class Product(PostbackHandler):
    prefix = "product_"

    def handle(self, key: str) -> None:
        self.respond(f"product {key}")


@pytest.fixture(autouse=True)
def installed(settings: Any) -> None:
    settings.RCS_BACKENDS = BACKENDS
    names = [f"{__name__}.{name}" for name in ("First", "Second", "Product")]
    apps = [*names, "rcs_router.handlers.Echo", "rcs_router.handlers.DefaultResponse"]
    settings.RCS_ROUTER = ROUTER | {"APPS": apps, "DEFAULT_RESPONSE": "Pardon?"}


def hear(text: str, alias: str = "rcs", **options: Any) -> tuple[str, list[str]]:
    row = receive(text, connection(alias=alias), **options)
    intake.digest()
    row.refresh_from_db()
    answers = Message.objects.filter(in_response_to=row).order_by("created_at")
    return row.handled_by.rpartition(".")[2], list(answers.values_list("text", flat=True))


@pytest.mark.parametrize(
    ("text", "who", "answers"),
    [
        ("order 7", "First", ["first 7"]),
        ("echo hi", "Echo", ["hi"]),
        ("what?", "DefaultResponse", ["Pardon?"]),
        ("", "DefaultResponse", ["Pardon?"]),
    ],
)
def test_who_answers(text: str, who: str, answers: list[str]) -> None:
    assert hear(text) == (who, answers)


def test_a_handler_that_raises_is_recorded_and_the_next_is_asked() -> None:
    row = receive("order", connection())  # First has no help()
    intake.digest()
    row.refresh_from_db()
    assert [e["app"].rpartition(".")[2] for e in row.errors] == ["First", "Second"]
    assert row.handled_by.endswith("DefaultResponse")


def test_a_tap_comes_to_its_handler() -> None:
    assert hear("Buy", postback="product_123") == ("Product", ["product 123"])


@pytest.mark.parametrize("answer", ["1", "1)", " 1. ", "buy it", "BUY  IT"])
def test_a_number_or_label_answered_by_sms_comes_to_the_same_handler(answer: str) -> None:
    send(Text("Boots", suggestions=[Reply("Buy it", "product_7"), Reply("No")]), connection(alias="sms"))
    drain("sms")
    assert hear(answer, "sms") == ("Product", ["product 7"])


@pytest.mark.parametrize("answer", ["3", "buy", "1 2", "11", "1x"])
def test_what_is_no_option_is_text(answer: str) -> None:
    send(Text("Boots", suggestions=[Reply("Buy it", "product_7"), Reply("No")]), connection(alias="sms"))
    drain("sms")
    assert hear(answer, "sms") == ("DefaultResponse", ["Pardon?"])
