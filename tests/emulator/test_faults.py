"""Every fault dial over a real socket: what the client sees, and whether the message was taken all the same."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from django.test import Client

from rcs_backends.emulator.state import world
from tests.emulator.conftest import HELLO, NUMBER

Ask = Callable[[str], requests.Response]


@pytest.fixture
def google(emulator: str, http: requests.Session) -> Ask:
    path = f"{emulator}google/v1/phones/{NUMBER}/agentMessages?agentId=acme&messageId="
    return lambda name: http.post(path + name, json=HELLO, timeout=5)


@pytest.fixture
def kannel(emulator: str, http: requests.Session) -> Ask:
    query = {"username": "tester", "password": "foobar", "from": "123", "to": NUMBER}
    path = f"{emulator}kannel/cgi-bin/sendsms"
    return lambda name: http.get(path, params={**query, "text": name}, timeout=5)


@pytest.fixture(params=["google", "kannel"])
def provider(request) -> str:
    return request.param


@pytest.fixture
def ask(provider: str, google: Ask, kannel: Ask) -> Ask:
    return google if provider == "google" else kannel


@pytest.fixture
def fault(emulator: str, http: requests.Session) -> Callable[..., dict[str, Any]]:
    def call(kind: str, **more: Any) -> dict[str, Any]:
        answer = http.post(f"{emulator}faults/", json={"on": "request", "kind": kind, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return call


def taken() -> int:
    with world.change():
        return len(world.ledger.accepted)


@pytest.mark.parametrize("kind", ["429", "500", "503", "401", "403", "404"])
def test_a_refusal_takes_nothing_and_passes(ask: Ask, provider: str, fault, kind):
    fault(kind, times=1, provider=provider)
    refused = ask("m1")
    assert (refused.status_code, taken()) == (int(kind), 0)
    if provider == "google":
        assert refused.json()["error"]["code"] == int(kind)
    assert "Retry-After" not in refused.headers
    assert ask("m1").ok
    assert taken() == 1


@pytest.mark.parametrize(("seconds", "header"), [(7, "7"), (0, "0"), (1.5, "1.5")])
def test_429_may_say_when_to_come_back(ask: Ask, fault, seconds, header):
    fault("429", times=1, retry_after=seconds)
    assert ask("m1").headers["Retry-After"] == header


@pytest.mark.parametrize(("kind", "kept"), [("cut_before", 0), ("cut_after", 1), ("hang", 0)])
def test_a_cut_connection_gives_no_answer(ask: Ask, fault, kind, kept):
    fault(kind, times=1, seconds=0.05)
    with pytest.raises(requests.ConnectionError):
        ask("m1")
    assert world.wait_for(lambda: len(world.ledger.accepted) == kept)
    assert ask("m1").ok
    assert taken() == 1


def test_a_hanging_request_lets_others_pass(google: Ask, fault, emulator: str):
    fault("hang", times=1, seconds=30)
    with pytest.raises(requests.Timeout), requests.Session() as impatient:
        impatient.post(
            f"{emulator}google/v1/phones/{NUMBER}/agentMessages?agentId=acme&messageId=m1", timeout=0.1
        )
    started = time.monotonic()
    assert google("m2").ok
    assert time.monotonic() - started < 5


def test_latency_delays_a_good_answer(google: Ask, fault):
    fault("latency", times=1, seconds=0.2)
    started = time.monotonic()
    assert google("m1").ok
    assert time.monotonic() - started >= 0.2


def test_html_is_200_and_the_message_is_taken(ask: Ask, fault):
    fault("html", times=1)
    answer = ask("m1")
    assert (answer.status_code, taken()) == (200, 1)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "<html" in answer.text


def test_half_a_json_is_200_and_the_message_is_taken(google: Ask, fault):
    fault("half_json", times=1)
    answer = google("m1")
    assert (answer.status_code, taken()) == (200, 1)
    assert answer.text.startswith("{")
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)


def test_empty_is_200_and_the_message_is_taken(ask: Ask, fault):
    fault("empty", times=1)
    answer = ask("m1")
    assert (answer.status_code, answer.content, taken()) == (200, b"", 1)


def test_keep_alive_survives_every_answer(google: Ask, fault, http: requests.Session):
    for number, kind in enumerate(("429", "html", "half_json", "empty", "500")):
        fault(kind, times=1)
        assert "close" not in google(f"m{number}").headers.get("Connection", "")


def test_faults_strike_in_turn(google: Ask, fault):
    fault("500", times=2)
    fault("429", times=1)
    assert [google("m1").status_code for _ in range(4)] == [500, 500, 429, 200]


def test_latency_and_another_fault_strike_together(google: Ask, fault):
    fault("latency", times=1, seconds=0.1)
    fault("503", times=1)
    started = time.monotonic()
    assert google("m1").status_code == 503
    assert time.monotonic() - started >= 0.1


def test_a_fault_strikes_only_its_provider_number_and_method(
    google: Ask, kannel: Ask, fault, emulator: str, http
):
    fault("500", provider="kannel")
    fault("500", number="+37255509999")
    fault("500", method="capabilities")
    assert (google("m1").status_code, kannel("m1").status_code) == (200, 500)
    assert (
        http.get(f"{emulator}google/v1/phones/{NUMBER}/capabilities?requestId=r&agentId=a").status_code == 500
    )
    path = f"{emulator}google/v1/phones/+37255509999/agentMessages?agentId=acme&messageId=m2"
    assert http.post(path, json=HELLO).status_code == 500


def test_the_log_in_is_struck_only_by_name(emulator: str, http, fault):
    fault("500")
    assert http.post(f"{emulator}google/token").status_code == 400
    fault("503", method="token")
    assert http.post(f"{emulator}google/token").status_code == 503


def test_a_rate_strikes_its_share(google: Ask, fault):
    fault("500", rate=0)
    assert google("m1").ok
    fault("503", rate=0.5)
    statuses = {google(f"r{number}").status_code for number in range(60)}  # all alike: once in 2**59 runs
    assert statuses == {200, 503}


def test_faults_are_listed_and_removed(client: Client, fault):
    first, second = fault("500"), fault("latency", seconds=0.5, times=3)
    assert second == {"id": "2", "on": "request", "kind": "latency", "times": 3, "rate": 1.0, "seconds": 0.5}
    assert client.delete(f"/emulator/faults/{first['id']}/").status_code == 200
    assert client.get("/emulator/faults/").json() == {"faults": [second]}
    assert client.delete(f"/emulator/faults/{first['id']}/").status_code == 404
    assert client.delete("/emulator/faults/").json() == {"faults": []}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"on": "request"},
        {"on": "request", "kind": "lost"},
        {"on": "webhook", "kind": "500"},
        {"on": "elsewhere", "kind": "500"},
        {"on": "request", "kind": "500", "provider": "nobody"},
        {"on": "request", "kind": "500", "times": 0},
        {"on": "request", "kind": "500", "times": "2"},
        {"on": "request", "kind": "500", "rate": -1},
        {"on": "request", "kind": "500", "seconds": True},
        {"on": "request", "kind": "500", "method": "nothing"},
        {"on": "request", "kind": "500", "colour": "red"},
        {"on": ["request"], "kind": "500"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(client: Client, body):
    answer = client.post("/emulator/faults/", body, content_type="application/json")
    assert (answer.status_code, set(answer.json())) == (400, {"error"})


def test_djangos_test_client_cannot_be_cut_off(client: Client, send, fault):
    fault("cut_after")
    with pytest.raises(ConnectionAbortedError):
        send()
    assert taken() == 1
