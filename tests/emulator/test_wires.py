"""The wires together: what each must say of itself, and what dials, faults and addresses make of it."""

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from rcs_backends.emulator import config, wires
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.google.store import GoogleStore
from rcs_backends.emulator.wires import Problem, Verifies, Wire
from tests.emulator.test_actions import Parrot, parrot  # noqa: F401 - a fixture

ALL = wires.wires()


@pytest.mark.parametrize("name", ALL)
def test_every_wire_says_what_it_is(name: str):
    wire = ALL[name]
    assert isinstance(wire, Wire)
    assert wire.provider == name
    assert wires.wire(name) is wire
    assert wire.channel in ("rcs", "sms")
    assert wire.methods
    assert "token" not in wire.methods
    assert set(wire.open_dials) <= {key for key, value in wire.dials.items() if isinstance(value, dict)}
    assert all(wire.dials[dial] in choices for dial, choices in wire.choices.items())


@pytest.mark.parametrize("name", ALL)
def test_every_wires_agents_can_be_asked_and_its_own_dials_pass_its_check(name: str):
    assert all(isinstance(agent, str) for agent in ALL[name].agents())
    ALL[name].check(world.config[name])


def test_a_provider_is_there_once():
    assert len(ALL) == len(wires.WIRES)
    with pytest.raises(KeyError):
        wires.wire("pigeon")


def test_only_some_have_a_button_to_verify():
    assert isinstance(ALL["google"], Verifies)
    assert not isinstance(ALL["kannel"], Verifies)


def patterns(inside: URLResolver) -> list[URLPattern]:
    found: list[URLPattern] = []
    for each in inside.url_patterns:
        found += patterns(each) if isinstance(each, URLResolver) else [each]
    return found


def test_no_address_asks_for_a_csrf_token():
    asking = [
        each.name
        for each in patterns(get_resolver("rcs_backends.emulator.standalone"))
        if not getattr(each.callback, "csrf_exempt", False)
    ]
    assert asking == []


# Dials


def test_every_wire_has_its_section_and_the_other_dials_are_global():
    assert set(world.config) == {*ALL, *config.GLOBAL}


def test_the_defaults_of_a_wire_are_never_changed_in_place():
    world.configure({"google": {"agents": {"acme": {"webhook": "http://127.0.0.1/"}}}})
    assert config.defaults()["google"]["agents"] == ALL["google"].dials["agents"] == {}


def test_a_wires_dials_are_merged_by_its_own_rules(parrot: Parrot):  # noqa: F811
    world.configure({"parrot": {"bots": {"jack": {"age": 3}}}})
    world.configure(
        {"parrot": {"bots": {"jack": {"wings": 2}, "polly": None}, "mood": "grave", "patience": 2.5}}
    )
    dials = world.config["parrot"]
    assert dials == {"bots": {"jack": {"age": 3, "wings": 2}}, "up": True, "mood": "grave", "patience": 2.5}


@pytest.mark.parametrize(
    "changes",
    [{"mood": "odd"}, {"wings": 2}, {"up": 1}, {"patience": -1}, {"patience": "long"}, {"bots": []}, []],
)
def test_a_wires_dials_are_checked(parrot: Parrot, changes):  # noqa: F811
    before = world.config
    with pytest.raises(Problem, match="parrot"):
        world.configure({"parrot": changes})
    assert world.config == before


# Faults


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"provider": "parrot"}, 200),
        ({"provider": "parrot", "method": "squawk"}, 200),
        ({"method": "token"}, 200),
        ({"method": "sendsms"}, 200),
        ({"provider": "pigeon"}, 400),
        ({"method": "coo"}, 400),
    ],
)
def test_a_fault_names_a_wire_and_its_methods(parrot: Parrot, client: Client, body, status):  # noqa: F811
    answer = client.post(
        "/emulator/faults/", {"on": "request", "kind": "500", **body}, content_type="application/json"
    )
    assert answer.status_code == status


# What the page asks


def test_the_page_hears_of_every_wire(client: Client):
    world.configure({"google": {"agents": {"acme": {}}}})
    listed = client.get("/emulator/wires/").json()["wires"]
    assert [each["provider"] for each in listed] == list(ALL)
    assert listed[0] == {
        "provider": "google",
        "channel": "rcs",
        "agents": ["acme"],
        "methods": ["agentMessages", "revoke", "agentEvents", "capabilities", "batchGet", "files"],
    }


# Stores


def test_a_wires_store_is_made_once_and_forgotten():
    store = world.store(GoogleStore)
    store.user_ids.add(("+1", "a"))
    assert world.store(GoogleStore) is store
    world.forget()
    assert world.store(GoogleStore).user_ids == set()
