"""A campaign is queued while people write, say STOP and ask for codes: how long do these people wait?"""

import math
import time
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, field

from faults.figures import Table, busiest, longest_gap, percentile
from faults.stage import Watch, accepted, evenly, side_by_side, stage, warm_up
from tests.services.processes import free_port
from tests.services.system import System

OFFERS, TEXTS, STOPS, CODES, OTHERS = (
    "+37251",
    "+37252",
    "+37253",
    "+37254",
    "+37255",
)  # first digits of the numbers
SWEEP = "SELECT extract(epoch FROM at)::float8 FROM rcs_router_lastrun WHERE job = 'sweep'"
GOALS = {"gap": 3.0, "answer": 1.0, "stop": 1.0, "code": 0.3}  # seconds


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=60, help="how long people write")
    parser.add_argument("--promotions", type=int, default=20_000)
    parser.add_argument("--rate", type=int, default=50, help="messages a second that the backend may send")
    parser.add_argument("--texts", type=float, default=5, help="a second, each answered by an app")
    parser.add_argument("--stops", type=float, default=1, help="a second")
    parser.add_argument("--codes", type=float, default=2, help="a second")
    parser.add_argument(
        "--hanging", action="store_true", help="the provider of a second backend does not answer"
    )
    parser.add_argument("--timeout", type=float, default=15, help="seconds that a request may take")
    parser.add_argument("--patience", type=float, default=30, help="seconds to wait for what is late")


@dataclass
class Posted:
    """When each number did something or was sent a code, in UNIX seconds."""

    texts: dict[str, float] = field(default_factory=dict)
    stops: dict[str, float] = field(default_factory=dict)
    codes: dict[str, float] = field(default_factory=dict)


def run(options: Namespace) -> int:
    env = {"RCS_RATE": f"{options.rate}/s", "RCS_TIMEOUT": str(options.timeout)}
    with stage(free_port(), **env) as system:
        system.worker()
        warm_up(system, "acme")
        for number in numbers(TEXTS, options.texts, options) + numbers(STOPS, options.stops, options):
            system.post("handsets/", number=number)
        queue(system, options)
        posted, began = Posted(), time.time()
        with Watch(system, SWEEP) as sweeps:
            streams(system, posted, options)
        ended = time.time()
        answered = wait_until_accepted(system, posted, options.patience)
        swept = {at for _, at in sweeps.seen if at}
        return report(options, posted, answered, longest_gap(swept, began, ended), len(swept))


def numbers(beginning: str, a_second: float, options: Namespace) -> list[str]:
    return [f"{beginning}{n:06}" for n in range(round(a_second * options.seconds))]


def queue(system: System, options: Namespace) -> None:
    """Queue the campaign and, if asked for, another one on a backend whose provider hangs."""
    from rcs_router import lookup_connections, send

    if options.hanging:
        system.post("faults/", on="request", kind="hang", provider="messente", seconds=options.timeout * 2)
        others = [f"{OTHERS}{n:06}" for n in range(options.promotions // 10)]
        send("Sale elsewhere", lookup_connections("other", others), traffic="promotion")
    people = [f"{OFFERS}{n:06}" for n in range(options.promotions)]
    send("Sale: half price today", lookup_connections("acme", people), traffic="promotion")


def streams(system: System, posted: Posted, options: Namespace) -> None:
    """Do what people do meanwhile, at even intervals and in parallel."""

    def says(number: str, text: str, times: dict[str, float]) -> None:
        times[number] = time.time()
        system.post(f"handsets/{number}/actions/", action="text", text=text, via="google", to="acme")

    texts, stops = numbers(TEXTS, options.texts, options), numbers(STOPS, options.stops, options)
    codes, seconds = numbers(CODES, options.codes, options), options.seconds
    side_by_side(
        lambda: evenly(len(texts), seconds, lambda n: says(texts[n], f"echo {n}", posted.texts)),
        lambda: evenly(len(stops), seconds, lambda n: says(stops[n], "STOP", posted.stops)),
        lambda: evenly(len(codes), seconds, lambda n: code(codes[n], posted)),
    )


def code(number: str, posted: Posted) -> None:
    from rcs_router import lookup_connections, send

    people = lookup_connections("acme", [number])
    send("Your code is 123456", people, traffic="authentication")
    posted.codes[number] = time.time()


def wait_until_accepted(system: System, posted: Posted, seconds: float) -> dict[str, float]:
    """Wait up to `seconds`. Return when the emulator accepted the first message to each number."""
    wanted = set(posted.texts) | set(posted.codes)
    deadline = time.monotonic() + seconds
    while not wanted <= set(found := accepted(system)) and time.monotonic() < deadline:
        time.sleep(1)
    return found


def stopped() -> dict[str, float]:
    """Return when each STOP was recorded."""
    from rcs_router.models import ConsentRecord

    rows = ConsentRecord.objects.filter(opted_out=True).values_list("subject", "created_at")
    return {subject: at.timestamp() for subject, at in rows}


def report(options: Namespace, posted: Posted, answered: dict[str, float], gap: float, swept: int) -> int:
    table = Table(f"campaign: {options.promotions} queued, {options.rate}/s, for {options.seconds:g} s")
    recorded = stopped()
    table.add("sweeps", swept)
    table.goal("longest time without a sweep", gap, GOALS["gap"], "s")
    for name, times, ends, most in (
        ("texts until the answer is accepted", posted.texts, answered, GOALS["answer"]),
        ("STOPs until they are recorded", posted.stops, recorded, GOALS["stop"]),
        ("codes until they are accepted", posted.codes, answered, GOALS["code"]),
    ):
        waits = [ends.get(number, math.inf) - at for number, at in times.items()]
        table.spread(name, waits)
        table.goal(f"{name}, p99", percentile(waits, 0.99), most, "s")
    offers = [at for number, at in answered.items() if number.startswith(OFFERS)]
    spent = max(offers, default=0.0) - min(offers, default=0.0)
    table.add(
        "promotions accepted, and how many a second", f"{len(offers)}, {len(offers) / max(spent, 1):.1f}"
    )
    table.goal("promotions in the busiest second", busiest(offers), options.rate)
    return table.show()
