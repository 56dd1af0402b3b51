"""Toy on the whole road: send() → drain → its wire, and its webhooks → router app → its wire. No line elsewhere."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from rcs_router import lookup_connections, send
from rcs_router.content import Audio, Card, Reply, Text
from rcs_router.contract import Status
from rcs_router.inbox import intake
from rcs_router.models import Transmission
from rcs_router.outbox import drain
from rcs_router.phases import RouterApp
from rcs_router.testing.conformance import PHONE
from rcs_router.testing.stub import Stub, answer
from tests.toy.test_toy import KEY, signed

pytestmark = pytest.mark.django_db(transaction=True)


class Orders(RouterApp):
    """Answers a tapped chip."""

    def handle(self, message: Any) -> bool:
        message.respond(Text(f"You said {message.postback}"))
        return True


@pytest.fixture
def toy(settings: Any) -> Iterator[Stub]:
    stub = Stub()
    stub.default = answer(201, {"ticket": "t-1"})
    options = {"url": stub.url, "api_key": "toy-api-key", "webhook_key": KEY}
    settings.RCS_BACKENDS = {"toy": {"BACKEND": "tests.toy.provider.Toy", "OPTIONS": options}}
    settings.RCS_ROUTER = {"WAKE": False, "APPS": ["tests.toy.test_road.Orders"]}
    yield stub
    stub.close()


def post(payload: dict[str, Any]) -> int:
    request = signed(payload)
    headers = {"x-toy-signature": request.headers["x-toy-signature"]}
    client = Client(headers=headers)
    return client.post("/rcs/webhooks/toy/", request.body, "application/json").status_code


def test_there_and_back_again(toy: Stub) -> None:
    send(Card("Boots", suggestions=(Reply("Keep", "keep_7"),)), lookup_connections("toy", [PHONE]))
    drain.drain("toy", budget=5)
    sent = Transmission.objects.get()
    assert (sent.status, sent.provider_id) == (Status.ACCEPTED, "t-1")
    assert (toy.last().path, toy.last().json["title"]) == ("/messages", "Boots")
    assert toy.last().json["buttons"] == [{"label": "Keep", "data": "keep_7", "link": None}]

    assert post({"event": "delivered", "id": "e1", "message": str(sent.pk)}) == 200
    assert post({"from": PHONE, "id": "m1", "text": "Keep", "postback": "keep_7"}) == 200
    intake.digest()
    sent.refresh_from_db()
    assert sent.status == Status.DELIVERED

    drain.drain("toy", budget=5)
    assert toy.last().json["text"] == "You said keep_7"


def test_what_toy_does_not_carry_is_fitted(toy: Stub) -> None:
    send(Audio("https://cdn.example/hello.mp3"), lookup_connections("toy", [PHONE]))
    drain.drain("toy", budget=5)
    assert toy.last().json["text"] == "https://cdn.example/hello.mp3"


def test_forged_webhook_is_refused(toy: Stub) -> None:
    body = json.dumps({"from": PHONE, "id": "m1", "text": "STOP"})
    assert Client().post("/rcs/webhooks/toy/", body, "application/json").status_code == 401


def test_its_errors_are_the_routers(toy: Stub) -> None:
    toy.default = answer(404, {"error": "no_rcs"})
    send("Hello", lookup_connections("toy", [PHONE]))
    drain.drain("toy", budget=5)
    assert Transmission.objects.get().reason == "no_rcs"
