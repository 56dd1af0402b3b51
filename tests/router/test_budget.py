"""How many statements a message may cost; everything that Django logs counts, BEGIN and COMMIT included."""

from typing import Any

import pytest

from rcs_router import lookup_connections, receive, send
from rcs_router.content import Reply, Text
from rcs_router.inbox import intake
from rcs_router.models import Connection, Message, Transmission
from tests.core import connection
from tests.statements import statements

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


def many(count: int) -> list[Connection]:
    return lookup_connections("rcs", [f"+3725{1000000 + n}" for n in range(count)])


def test_send_to_one() -> None:
    to = connection()
    with statements(6, "send() to one"):
        send("Hello", to)


@pytest.mark.parametrize("traffic", ["transaction", "promotion"])
def test_send_to_a_thousand(traffic: str) -> None:
    to = many(1000)
    with statements(12, "send() to 1,000"):
        send(Text("Hello", suggestions=[Reply("Yes")]), to, traffic=traffic)
    assert Transmission.objects.count() == 1000


def test_send_to_a_queryset_of_a_thousand() -> None:
    many(1000)
    with statements(12, "send() to a QuerySet of 1,000"):
        send("Hello", Connection.objects.all(), traffic="promotion")
    assert Transmission.objects.count() == 1000


def test_an_echo_and_its_response(settings: Any) -> None:
    settings.RCS_ROUTER = {**settings.RCS_ROUTER, "APPS": ["rcs_router.handlers.Echo"]}
    to = connection()
    with statements(14, "an echo and its response"):
        receive("echo hello", to)
        intake.digest()
    assert Message.objects.get(direction="out").text == "hello"
