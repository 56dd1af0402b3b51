"""The control API, the check that keeps the emulator out of production, and the server it runs on."""

import threading
import urllib.request
from io import StringIO
from typing import Any
from unittest import mock

import pytest
import requests
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import reverse

from rcs_backends.emulator import server
from rcs_backends.emulator.gate import check_not_in_production
from rcs_backends.emulator.phones import FEATURES
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wires import Problem
from tests.emulator.conftest import HELLO, NUMBER, Phone

HANDSETS = "/emulator/handsets/"


def post(client: Client, path: str, body: Any) -> tuple[int, dict[str, Any]]:
    answer = client.post(f"/emulator/{path}", body, content_type="application/json")
    return answer.status_code, answer.json()


def test_a_phone_is_created_and_changed_key_by_key(client: Client):
    _, created = post(client, "handsets/", {"number": "+372 5550-1234", "name": "Mari"})
    assert created == {
        "number": NUMBER,
        "name": "Mari",
        "rcs": True,
        "online": True,
        "anonymous": False,
        "features": list(FEATURES),
        "unsubscribed": False,
        "agent_typing": False,
        "unread": 0,
    }
    _, changed = post(client, "handsets/", {"number": "0037255501234", "rcs": False, "features": []})
    assert changed == {**created, "rcs": False, "features": []}
    assert client.get(HANDSETS).json() == {"handsets": [changed]}
    for spelled in (NUMBER, NUMBER.replace("+", "%2B"), NUMBER[1:]):
        assert client.get(f"{HANDSETS}{spelled}/").json() == changed


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"number": "abc"},
        {"number": ""},
        {"number": 372},
        {"number": "+1234567890123456"},
        {"number": NUMBER, "rcs": "no"},
        {"number": NUMBER, "features": ["TELEPATHY"]},
        {"number": NUMBER, "unread": 0},
        [],
        "{",
        "[" * 100_000,
    ],
)
def test_a_phone_that_makes_no_sense_is_refused(client: Client, body):
    status, answer = post(client, "handsets/", body)
    assert (status, set(answer)) == (400, {"error"})
    assert not world.handsets


def test_a_phone_that_is_not_there_is_404(client: Client):
    for path in (f"{HANDSETS}{NUMBER}/", f"{HANDSETS}{NUMBER}/messages/"):
        assert client.get(path).status_code == 404
    assert post(client, f"handsets/{NUMBER}/actions/", {"action": "read"})[0] == 404


@pytest.mark.parametrize(
    ("action", "details"),
    [
        ("dance", {}),
        ("text", {}),
        ("text", {"text": ""}),
        ("text", {"text": 1}),
        ("text", {"text": "hi"}),
        ("text", {"text": "hi", "via": "pigeon"}),
        ("tap", {"suggestion": "Keep"}),
        ("tap", {}),
        ("read", {"message": "none"}),
        ("read", {"message": ["none"]}),
        ("type", {}),
        ("file", {"url": "x", "to": "acme"}),
        ("location", {"latitude": "north", "longitude": 1, "to": "acme"}),
        ("location", {"latitude": 91, "longitude": 1, "to": "acme"}),
        ("location", {"latitude": "nan", "longitude": 1, "to": "acme"}),
        ("subscribe", {}),
    ],
)
def test_an_action_that_makes_no_sense_is_refused(phone: Phone, action, details):
    assert phone.refused(action, **details).endswith(".")
    assert phone.messages() == []


def test_a_phone_that_is_off_does_nothing(phone: Phone):
    phone.set(online=False)
    assert "offline" in phone.refused("text", text="hi", to="acme")


def test_without_rcs_a_chip_cannot_be_tapped(send, phone: Phone):
    suggestion = {"reply": {"text": "Keep", "postbackData": "keep"}}
    send(body={**HELLO, "contentMessage": {"text": "x", "suggestions": [suggestion]}})
    phone.wait("delivered")
    phone.set(rcs=False)
    assert "RCS" in phone.refused("tap", suggestion="Keep")


def test_a_tap_finds_the_newest_message_that_holds_it(send, phone: Phone):
    for name, label in (("m1", "Keep"), ("m2", "Keep"), ("m3", "Other")):
        suggestion = {"reply": {"text": label, "postbackData": f"{name}-{label}"}}
        send(name, {**HELLO, "contentMessage": {"text": "x", "suggestions": [suggestion]}})
        phone.wait("delivered")
    phone.do("tap", suggestion="Keep")
    phone.do("tap", suggestion="m1-Keep")
    phone.do("tap", suggestion=0, message="m3")
    tapped = {message["id"]: message["suggestions"][0]["tapped"] for message in phone.messages()[:3]}
    assert tapped == {"m1": True, "m2": True, "m3": True}
    phone.refused("tap", suggestion="Keep", message="m3")
    phone.refused("tap", suggestion=1, message="m3")
    phone.refused("tap", suggestion=True)


def test_a_first_text_goes_to_the_only_agent(phone: Phone):
    world.configure({"google": {"agents": {"acme": {}}}})
    said = phone.do("text", text="hi")
    assert said is not None
    assert (said["channel"], said["agent"]) == ("rcs", "acme")


def test_the_ledger_counts_and_forgets(send, client: Client, phone: Phone):
    send("m1")
    send("m1")
    phone.wait("delivered")
    ledger = client.get("/emulator/ledger/").json()
    assert ledger["totals"] == {"requests": 2, "accepted": 1, "shown": 1, "doubles": 0, "webhooks_waiting": 0}
    accepted = ledger["accepted"][0]
    assert accepted.pop("at").endswith("Z")
    assert accepted == {"provider": "google", "id": "m1", "to": NUMBER, "copies": 2}
    assert ledger["shown"] == [{"provider": "google", "id": "m1", "number": NUMBER, "count": 1}]
    post(client, "faults/", {"on": "request", "kind": "500"})
    emptied = client.delete("/emulator/ledger/").json()
    assert emptied["totals"] == {
        "requests": 0,
        "accepted": 0,
        "shown": 0,
        "doubles": 0,
        "webhooks_waiting": 0,
    }
    assert client.get(HANDSETS).json() == {"handsets": []}
    assert client.get("/emulator/faults/").json() == {"faults": []}


def test_forgetting_stops_what_was_on_its_way(send, client: Client, phone: Phone):
    world.configure({"delivery_delay": 0.05})
    send("m1")
    client.delete("/emulator/ledger/")
    send("m2")
    assert world.wait_for(lambda: world.ledger.shown)
    assert [entry.message.id for entry in world.ledger.shown.values()] == ["m2"]


def test_dials_are_merged_and_an_agent_is_removed_by_null(client: Client):
    post(client, "config/", {"google": {"agents": {"a": {"webhook": "http://127.0.0.1/"}, "b": {}}}})
    _, dials = post(
        client, "config/", {"google": {"agents": {"a": {"launched": False}, "b": None}}, "auto_read": True}
    )
    assert dials["google"]["agents"] == {"a": {"webhook": "http://127.0.0.1/", "launched": False}}
    assert dials["auto_read"] is True
    assert dials["kannel"]["users"] == {"tester": "foobar"}
    assert client.get("/emulator/config/").json() == dials


@pytest.mark.parametrize(
    "changes",
    [
        [],
        {"colour": "red"},
        {"google": []},
        {"google": {"colour": "red"}},
        {"google": {"strict_uuids": "yes"}},
        {"google": {"strict_uuids": 1}},
        {"google": {"expiry": "never"}},
        {"google": {"agents": {"a": "b"}}},
        {"google": {"agents": {"a": {"colour": "red"}}}},
        {"google": {"agents": {"a": {"use_case": "fun"}}}},
        {"delivery_delay": "0"},
        {"delivery_delay": True},
        {"delivery_delay": -1},
        {"kannel": {"users": "all"}},
        {"kannel": {"max_messages": None}},
    ],
)
def test_a_dial_that_does_not_exist_is_refused_and_nothing_changes(client: Client, changes):
    before = client.get("/emulator/config/").json()
    assert post(client, "config/", changes)[0] == 400
    assert client.get("/emulator/config/").json() == before


def test_settings_give_the_first_values(client: Client):
    world.forget(config=True)
    with override_settings(RCS_EMULATOR={"delivery_delay": 7, "google": {"agents": {"acme": {}}}}):
        assert world.config["delivery_delay"] == 7
    assert list(world.config["google"]["agents"]) == ["acme"]
    world.forget(config=True)
    with override_settings(RCS_EMULATOR={"colour": "red"}), pytest.raises(Problem):
        _ = world.config


@pytest.mark.parametrize(
    ("path", "verb"),
    [("handsets/", "delete"), ("ledger/", "post"), ("config/", "delete"), ("faults/", "put")],
)
def test_another_verb_is_405(client: Client, path, verb):
    answer = getattr(client, verb)(f"/emulator/{path}")
    assert (answer.status_code, set(answer.json())) == (405, {"error"})


def test_control_and_wires_need_no_csrf_token(send):
    strict = Client(enforce_csrf_checks=True)
    assert post(strict, "handsets/", {"number": NUMBER})[0] == 200
    path = f"/emulator/google/v1/phones/{NUMBER}/agentMessages?messageId=m1&agentId=acme"
    assert strict.post(path, HELLO, content_type="application/json").status_code == 200
    assert strict.post("/emulator/google/token").status_code == 400


def test_the_page_knows_its_prefix(client: Client):
    with mock.patch("rcs_backends.emulator.handsets.render") as render:
        render.side_effect = lambda request, template, context: HttpResponse(f"{template} {context['base']}")
        answer = client.get(reverse("rcs_emulator:page"))
    assert answer.content == b"rcs_emulator/handsets.html /emulator/"


@pytest.mark.parametrize(
    ("debug", "allowed", "errors"),
    [(True, None, 0), (False, True, 0), (False, None, 1), (False, False, 1), (False, "yes", 1)],
)
def test_production_needs_an_explicit_word(debug, allowed, errors):
    with override_settings(DEBUG=debug, RCS_EMULATOR_ALLOWED=allowed):
        found = check_not_in_production()
    assert [(error.id, bool(error.hint)) for error in found] == [("rcs_emulator.E001", True)] * errors


@pytest.mark.parametrize(
    "path", ["google/v1/nothing", "kannel/nothing", "handsets/1/", f"google/v1/phones/{NUMBER}/agentMessages"]
)
def test_a_refusal_is_not_logged(client: Client, caplog: pytest.LogCaptureFixture, path):
    assert client.get(f"/emulator/{path}").status_code >= 400
    assert caplog.text == ""


# The server


def test_the_emulator_alone_serves_nothing_else(emulator: str, http: requests.Session):
    root = emulator.removesuffix("emulator/")
    assert http.get(f"{root}admin/login/").status_code == 404
    assert http.get(f"{emulator}handsets/").status_code == 200


def test_the_whole_project_is_served_by_default(http: requests.Session):
    with server.start() as running:
        assert http.get(f"{running.url}/emulator/handsets/").status_code == 200
        assert f":{running.port}" in running.url


def test_a_closed_server_lets_go_of_port_and_connections(http: requests.Session):
    running = server.start(application=server.EmulatorOnly())
    assert http.get(f"{running.url}/emulator/handsets/").ok
    running.close()
    with pytest.raises(requests.ConnectionError):
        http.get(f"{running.url}/emulator/handsets/")
    with server.start(running.port, application=server.EmulatorOnly()) as again:
        assert http.get(f"{again.url}/emulator/handsets/").ok


def test_requests_are_answered_side_by_side_on_kept_connections(emulator: str):
    world.configure({"delivery_delay": 0})
    failures: list[str] = []

    def talk(talker: int) -> None:
        with requests.Session() as session:
            session.trust_env = False
            for number in range(20):
                path = f"google/v1/phones/+3725550{talker:04}/agentMessages?agentId=a&messageId={talker}-{number}"
                if not session.post(emulator + path, json=HELLO, timeout=10).ok:
                    failures.append(path)

    talkers = [threading.Thread(target=talk, args=(number,)) for number in range(8)]
    for talker in talkers:
        talker.start()
    for talker in talkers:
        talker.join()
    assert failures == []
    assert world.wait_for(lambda: len(world.ledger.shown) == 160)
    assert (world.ledger.requests, world.ledger.doubles) == (160, 0)


def test_runservers_socket_can_be_cut_too(http: requests.Session):
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    development = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    development.daemon_threads = True
    development.set_app(server.EmulatorOnly())
    thread = threading.Thread(target=development.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    base = f"http://127.0.0.1:{development.server_port}/emulator/"
    http.post(f"{base}faults/", json={"on": "request", "kind": "cut_before", "times": 1})
    with pytest.raises(requests.ConnectionError):
        http.post(f"{base}google/v1/users:batchGet", json={})
    development.shutdown()
    development.server_close()


def test_the_command_prints_its_addresses_and_serves_until_interrupted():
    out = StringIO()
    seen: list[int] = []

    def interrupt(self: Any) -> None:
        url = next(word for word in out.getvalue().split() if word.endswith("/emulator/"))
        seen.append(urllib.request.urlopen(f"{url}handsets/").status)

    with mock.patch("rcs_backends.emulator.management.commands.emulator.Command._wait", interrupt):
        call_command("emulator", port=0, stdout=out)
    assert seen == [200]
    assert "google/service-account.json" in out.getvalue()


def test_a_taken_port_is_one_sentence(emulator: str):
    port = int(emulator.split(":")[2].split("/")[0])
    with pytest.raises(CommandError, match=str(port)):
        call_command("emulator", port=port)
