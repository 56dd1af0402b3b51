"""A worker, or one of its processes, is killed (kill -9) during a campaign: how soon do the others continue?"""

import math
import os
import signal
import time
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from faults.figures import Table
from faults.stage import accepted, add_losses, in_review, shown, stage, unfinished, warm_up
from tests.services.processes import Process, free_port, wait_until
from tests.services.system import System

if TYPE_CHECKING:
    from rcs_router.models import Message

BACKENDS = {"google": "acme", "messente": "other"}
LATENCY = 0.1  # seconds that a provider needs to answer
SETTLED = 0.4  # seconds after the kill: messages sent before it have arrived by then
GOAL = 10.0  # seconds
BEGINNINGS = {("google", "worker"): "+37251", ("google", "child"): "+37252"} | {
    ("messente", "worker"): "+37253",
    ("messente", "child"): "+37254",
}  # first digits of the numbers of each campaign


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--messages", type=int, default=2000, help="in each campaign")
    parser.add_argument("--providers", nargs="+", choices=list(BACKENDS), default=list(BACKENDS))
    parser.add_argument("--what", nargs="+", choices=["worker", "child"], default=["worker", "child"])
    parser.add_argument(
        "--traffic", default="transaction", help="promotions leave in bulk where that is possible"
    )
    parser.add_argument("--patience", type=float, default=180, help="seconds to wait for what is late")


@dataclass
class Killed:
    """What workers had claimed when one was killed."""

    at: float  # UNIX seconds
    held: list[tuple[UUID, UUID, str]]  # transmission, claim and number
    freed: float = math.inf


def run(options: Namespace) -> int:
    table = Table(f"kill: {options.messages} messages each, {LATENCY:g} s a request")
    with stage(free_port()) as system:
        worker = system.worker()
        warm_up(system, *(BACKENDS[provider] for provider in options.providers))
        system.post("faults/", on="request", kind="latency", seconds=LATENCY)
        for provider in options.providers:
            for what in options.what:
                worker = once(system, worker, table, provider, what, options)
    return table.show()


def once(
    system: System, worker: Process, table: Table, provider: str, what: str, options: Namespace
) -> Process:
    """Run one campaign with one kill. Return the worker that is alive."""
    people = [f"{BEGINNINGS[provider, what]}{n:06}" for n in range(options.messages)]
    message = campaign(BACKENDS[provider], people, options.traffic)
    quarter = options.messages / 4
    wait_until(lambda: settled(message) > quarter, "a quarter to be accepted", 120, 0.02)
    if what == "worker":
        worker.kill()
    else:
        os.kill(busiest_child(worker), signal.SIGKILL)
    killed = Killed(time.time(), held())
    if what == "worker":
        worker = system.worker()
    try:
        wait_until(
            lambda: not still_held(killed), "the claims of the dead worker to be free", options.patience
        )
        killed.freed = time.time()
        wait_until(lambda: not unfinished(), "everything to be delivered", options.patience, 0.5)
    except AssertionError as error:
        print(error)
    report(system, table, f"{provider}, {what}", killed, people)
    return worker


def campaign(alias: str, people: list[str], traffic: str) -> "Message":
    from rcs_router import lookup_connections, send

    return send("Your order has shipped", lookup_connections(alias, people), traffic=traffic)


def settled(message: "Message") -> int:
    from rcs_router.contract import Status

    return message.transmissions.filter(status__gte=Status.ACCEPTED).count()


def busiest_child(worker: Process) -> int:
    """Return the process of the pool with the most threads, which is one that sends."""
    pid = worker.popen.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return max(map(int, children), key=lambda child: len(os.listdir(f"/proc/{child}/task")))


def held() -> list[tuple[UUID, UUID, str]]:
    """Return everything that workers have claimed, with the claims."""
    from rcs_router.contract import Status
    from rcs_router.models import Transmission

    rows = Transmission.objects.filter(status=Status.SENDING)
    return list(rows.values_list("pk", "claim", "connection__identity"))


def still_held(killed: Killed) -> bool:
    claims = {(pk, claim) for pk, claim, _ in killed.held}
    return any((pk, claim) in claims for pk, claim, _ in held())


def report(system: System, table: Table, name: str, killed: Killed, people: list[str]) -> None:
    taken, review = accepted(system), in_review() & set(people)
    later = [taken[who] for who in people if who in taken and taken[who] > killed.at + SETTLED]
    had = {
        who for who, at in taken.items() if at <= killed.at + SETTLED
    }  # accepted by the provider, after everything sent had arrived
    in_flight = {who for *_, who in killed.held} & had
    table.add(f"{name}: claimed, and in flight, when it was killed", f"{len(killed.held)}, {len(in_flight)}")
    table.goal(f"{name}: next accept after", min(later, default=math.inf) - killed.at, GOAL, "s")
    table.goal(f"{name}: claims of the dead worker are free after", killed.freed - killed.at, GOAL, "s")
    table.goal(f"{name}: in review (at most those in flight)", len(review), len(in_flight))
    table.goal(f"{name}: in review, and never left", len(review - set(taken)), 0)
    add_losses(table, f"{name}: ", people, shown(system))
