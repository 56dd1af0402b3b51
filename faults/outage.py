"""The RCS provider fails for a minute while codes and orders are sent: how soon does the SMS leave instead?"""

import re
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from inspect import signature
from pathlib import Path
from typing import Any

from faults.figures import Table, percentile
from faults.gate import Gate
from faults.stage import Watch, add_losses, evenly, in_review, shown, side_by_side, stage, unfinished, warm_up
from tests.services.kannel import Kannel
from tests.services.processes import Process, free_port, wait_until
from tests.services.system import System

CODES, ORDERS = "+37251", "+37252"  # first digits of their numbers; each message has its own number
DEADLINE = 20.0  # seconds, for an order
LATE = 2.0  # seconds allowed after the deadline, and for a code
FAKESMSC = Path("/usr/lib/kannel/test/fakesmsc")  # installed last of what Kannel needs for a test
PAUSED = "SELECT 1 FROM rcs_router_backendstate WHERE backend_id = 'acme' AND paused_until > now()"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=60, help="how long the provider fails")
    parser.add_argument("--codes", type=int, default=200)
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--how", choices=["503", "hang", "refuse"], default="503")
    parser.add_argument("--timeout", type=float, default=5, help="seconds that a request may take")
    parser.add_argument("--kannel", choices=["auto", "real", "emulator"], default="auto")
    parser.add_argument("--patience", type=float, default=120, help="seconds to wait for what is late")


@dataclass
class Gateway:
    """A real Kannel, and its test network, which prints what phones get."""

    kannel: Kannel
    network: Process

    def shown(self) -> Counter[str]:
        printed = re.findall(r"Got message \d+: <\S+ (\+\d+) ", self.network.output())
        return Counter(printed)


@dataclass
class Outage:
    """When each message was committed, by number, and when the router noticed the outage, in UNIX seconds."""

    committed: dict[str, float] = field(default_factory=dict)
    noticed: float = float("inf")


def run(options: Namespace) -> int:
    port = free_port()
    gate = Gate(port)
    env = {"RCS_TIMEOUT": str(options.timeout)}
    if options.how == "refuse":
        env["RCS_GOOGLE"] = f"http://127.0.0.1:{gate.port}/emulator/google"
    with gateway(options.kannel) as real:
        if real:
            env["RCS_KANNEL"] = real.kannel.url
        with stage(port, **env) as system:
            system.worker()
            warm_up(system, "acme", "sms")
            outage = fail(system, gate, options)
            wait_until_delivered(system, real, outage, options.patience)
            return report(system, real, outage, options)


@contextmanager
def gateway(wanted: str) -> Iterator[Gateway | None]:
    """Start a real Kannel if it is installed, unless the emulator's is wanted."""
    if wanted == "emulator" or (wanted == "auto" and not FAKESMSC.exists()):
        yield None
        return
    kannel = Kannel("http://127.0.0.1:1/")  # nobody writes by SMS
    try:
        yield Gateway(kannel, kannel.connect())
    finally:
        kannel.close()


def fail(system: System, gate: Gate, options: Namespace) -> Outage:
    """Cause the outage, and send everything during it."""
    outage = Outage()
    fault = {"on": "request", "provider": "google", "kind": options.how}
    with Watch(system, PAUSED) as pauses:
        if options.how == "refuse":
            gate.shut()
        else:
            system.post("faults/", **fault, **({"seconds": 60.0} if options.how == "hang" else {}))
        side_by_side(
            lambda: evenly(options.codes, options.seconds, lambda n: send_code(outage, n)),
            lambda: evenly(options.orders, options.seconds, lambda n: send_order(outage, n)),
        )
        system.delete("faults/")
        if options.how == "refuse":
            gate.open()
    outage.noticed = next((at for at, paused in pauses.seen if paused), float("inf"))
    return outage


def send_code(outage: Outage, n: int) -> None:
    _send(outage, f"{CODES}{n:06}", f"Your code is {n:06}", traffic="authentication")


def send_order(outage: Outage, n: int) -> None:
    from rcs_router import send

    known = "fall_back_after" in signature(send).parameters
    deadline = {"fall_back_after": timedelta(seconds=DEADLINE)} if known else {}
    _send(outage, f"{ORDERS}{n:06}", f"Order {n} has shipped", traffic="transaction", **deadline)


def _send(outage: Outage, number: str, text: str, **how: Any) -> None:
    from rcs_router import lookup_connections, send

    people = lookup_connections("acme", [number])
    send(text, people, **how)
    outage.committed[number] = time.time()


def wait_until_delivered(system: System, real: Gateway | None, outage: Outage, seconds: float) -> None:
    """Wait until everybody has got a message and no row is open, or until the time is over."""
    try:
        wait_until(lambda: not unfinished(), "everything to be delivered", seconds, 0.5)
        wait_until(lambda: set(outage.committed) <= set(phones(system, real)), "phones to show it", 5, 0.5)
    except AssertionError as error:
        print(error)


def phones(system: System, real: Gateway | None) -> Counter[str]:
    """Return how often each number was shown something, by RCS and by SMS together."""
    return Counter(shown(system)) + (real.shown() if real else Counter())


def departures() -> dict[str, tuple[float, str]]:
    """Return when the first accepted request left, by number, and on which backend.

    Events are written some milliseconds after a request has ended, so the measured times are never too short.
    """
    from rcs_router.contract import Status
    from rcs_router.models import Event

    rows = Event.objects.filter(kind="attempt", status=Status.ACCEPTED).order_by("-id").values_list(
        "transmission__connection__identity", "created_at", "took_ms", "transmission__backend"
    )  # fmt: skip
    return {who: (at.timestamp() - (took or 0) / 1000, alias) for who, at, took, alias in rows}


def report(system: System, real: Gateway | None, outage: Outage, options: Namespace) -> int:
    table = Table(
        f"outage: {options.how} for {options.seconds:g} s, SMS by {'Kannel' if real else 'the emulator'}"
    )
    times, counts = departures(), phones(system, real)
    routes = Counter(alias for who, (_, alias) in times.items() if who in outage.committed)
    table.add("left by RCS, by SMS", f"{routes['acme']}, {routes['sms']}")
    add_waits(table, outage, times)
    add_losses(table, "", outage.committed, counts)
    table.add("in review", len(in_review() & set(outage.committed)))
    return table.show()


def add_waits(table: Table, outage: Outage, times: dict[str, tuple[float, str]]) -> None:
    """Add the times from the commit until the accepted request leaves. Without one, the time is infinite."""
    never = (float("inf"), "")
    wait = {who: times.get(who, never)[0] - at for who, at in outage.committed.items()}
    codes = {who: seconds for who, seconds in wait.items() if who.startswith(CODES)}
    after = [seconds for who, seconds in codes.items() if outage.committed[who] >= outage.noticed]
    before = [seconds for who, seconds in codes.items() if outage.committed[who] < outage.noticed]
    orders = [seconds for who, seconds in wait.items() if who.startswith(ORDERS)]
    table.spread("codes sent before the pause", before)
    table.spread("codes sent after the pause began", after)
    table.goal("codes sent after the pause began, p99", percentile(after, 0.99), LATE, "s")
    table.spread("orders", orders)
    table.goal(f"orders, the latest (deadline {DEADLINE:g} s)", max(orders), DEADLINE + LATE, "s")
