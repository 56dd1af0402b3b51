"""docs/emulator.md names every address, dial, fault and action of the emulator, and its examples run."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from rcs_backends.emulator import config, server
from rcs_backends.emulator.actions import ACTIONS
from rcs_backends.emulator.config import KINDS
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wires import Wire, wires
from rcs_router.backends import backends
from rcs_router.checks import check_backends
from rcs_router.content import Text
from rcs_router.contract import Outbound
from tests.conf.pages import quoted, rows, run, section, text

PAGE = "docs/emulator.md"
HERE = "http://127.0.0.1:8020/emulator/"
PHONE = "+37255500001"


@pytest.fixture
def emulator() -> Iterator[str]:
    world.forget(config=True)
    with server.start(application=server.EmulatorOnly()) as running:
        yield f"{running.url}/emulator/"
    world.forget(config=True)


def listed(title: str, columns: int) -> list[list[str]]:
    return rows(section(PAGE, title), columns)


def addresses() -> list[list[str]]:
    return [row for row in listed("Addresses", 3) if len(quoted(row[1])) == 0]


def test_every_address_is_listed() -> None:
    told = [(wire, what, quoted(path)[0]) for wire, what, path in addresses()]
    assert told == [
        (name, what, path) for name, one in wires().items() for what, path in one.addresses.items()
    ]


def test_every_method_is_listed() -> None:
    told = [(row[0], quoted(row[1])[0]) for row in listed("Addresses", 3) if quoted(row[1])]
    assert told == [(name, method) for name, one in wires().items() for method in one.methods]


@pytest.mark.parametrize(("title", "dials"), [("For all providers", config.GLOBAL)])
def test_every_dial_of_all_wires_is_listed(title: str, dials: dict[str, object]) -> None:
    assert {quoted(row[0])[0]: json.loads(row[1].strip("`")) for row in listed(title, 3)} == dials


@pytest.mark.parametrize("wire", wires().values(), ids=wires())
def test_every_dial_of_a_wire_is_listed(wire: Wire) -> None:
    told = {quoted(row[0])[0]: row for row in listed(wire.provider, 3)}
    assert {name: json.loads(row[1].strip("`")) for name, row in told.items()} == wire.dials
    for name, allowed in wire.choices.items():
        same = "The same" in told[name][2]  # as the row above
        missing = [
            one for one in allowed if one and one != wire.dials[name] and one not in quoted(told[name][2])
        ]
        assert same or not missing, f"{name} may also be {missing}"


def test_every_fault_is_listed() -> None:
    told = {"request": [], "webhook": []}  # type: dict[str, list[str]]
    for on, kinds, _ in listed("Faults", 3):
        told[on] += quoted(kinds)
    assert {on: sorted(kinds) for on, kinds in told.items()} == {
        on: sorted(kinds) for on, kinds in KINDS.items()
    }


def test_every_action_is_listed() -> None:
    of_wires = [name for wire in wires().values() for name in wire.actions]
    assert [quoted(row[0])[0] for row in listed("What a person does", 3)] == [*ACTIONS, *of_wires]


def commands() -> list[list[str]]:
    """Every call of curl on the page, as words: the data, if any, and the address."""
    found = [
        shlex.split(line, comments=True)[1:] for line in text(PAGE).splitlines() if line.startswith("curl ")
    ]
    return [[word for word in words if word != "-d"] for words in found]


@pytest.mark.parametrize("command", commands(), ids=lambda words: words[0][:40])
def test_the_calls_of_the_control_api_are_understood(command: list[str], emulator: str) -> None:
    *data, address = command
    with world.change():
        world.handset(PHONE)
    url = address.replace(HERE, emulator)
    answer = requests.post(url, data=data[0], timeout=5) if data else requests.get(url, timeout=5)
    needs_a_message = "actions/" in url  # an empty phone shows no chip and no form
    assert answer.status_code == (400 if needs_a_message else 200), answer.text
    if needs_a_message:
        assert re.match("The phone shows no s", answer.json()["error"])


@pytest.mark.services
def test_the_vendors_clients_send(emulator: str) -> None:
    names = run(PAGE, {"__name__": "page"}, {HERE: emulator})
    assert names["sent"].to == PHONE
    assert names["created"].status == "queued"
    shown = world.handset(PHONE).messages
    assert world.wait_for(lambda: [one.state for one in shown.values()] == ["delivered"] * 2)


def test_every_backend_can_send_with_the_settings_of_the_page(
    emulator: str, settings: Any, tmp_path: Path
) -> None:
    """One request each, and one SMS or RCS message on the phone for each."""
    names: dict[str, Any] = {}
    block = re.search(
        r"^```python\n(.*?)^```$", section(PAGE, "A backend against it"), re.MULTILINE | re.DOTALL
    )
    assert block
    key = tmp_path / "acme.json"
    key.write_bytes(requests.get(f"{emulator}google/service-account.json", timeout=5).content)
    written = block[1].replace(HERE.rstrip("/"), emulator.rstrip("/")).replace('"acme.json"', repr(str(key)))
    exec(written, names)
    world.configure(names["RCS_EMULATOR"])
    settings.RCS_BACKENDS = names["RCS_BACKENDS"]
    assert check_backends() == []
    assert sorted(names["RCS_BACKENDS"]) == sorted(wires())
    for alias in names["RCS_BACKENDS"]:
        backends[alias].send(Outbound(uuid4(), PHONE, Text(f"by {alias}"), f"by {alias}"))
    shown = world.handset(PHONE).messages
    assert world.wait_for(
        lambda: {m.text for m in shown.values() if m.state == "delivered"} == {f"by {a}" for a in wires()}
    )
