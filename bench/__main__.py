"""Measure the router against a bound, in turns, on a PostgreSQL of its own, and print medians of the ratios.

`python -m bench --scale 0.01` does a hundredth of the work, to check that it runs; its figures mean nothing.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import django

from tests.services.processes import PostgreSQL, Process, free_port, listens, wait_until

PROCESSES = 2
PAIRS = 3


def key_file(port: int) -> str:
    """Return a service account's key whose token endpoint is the benchmark's provider."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "bench",
            "private_key_id": "1",
            "private_key": pem.decode(),
            "client_email": "bench@example.com",
            "token_uri": f"http://127.0.0.1:{port}/token",
        }
    )


def combined_rate(what: str, total: int) -> float:
    """Return the messages per second of all processes together, from the moment that all are ready."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.worker", what, str(total // PROCESSES)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(PROCESSES)
    ]  # fmt: skip
    for worker in workers:
        assert worker.stdout
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:  # start all of them before waiting for one
        assert worker.stdin
        worker.stdin.write("go\n")
        worker.stdin.flush()
    outputs = [worker.communicate()[0].split() for worker in workers]
    done = sum(int(number) for number, _ in outputs)
    assert done >= total, f"{what}: {done} of {total}"
    return done / max(float(seconds) for _, seconds in outputs)


def drain_row(total: int, delay: float) -> tuple[float, float]:
    """Return (bound, ours) in messages per second, for a provider that answers after `delay` seconds."""
    from rcs_router import lookup_connections, send
    from rcs_router.models import Transmission

    port = free_port()
    with Process(sys.executable, "-m", "bench.provider", str(port), str(delay)):
        wait_until(lambda: listens(port), "the provider")
        os.environ |= {"RCS_PROVIDER": f"http://127.0.0.1:{port}", "RCS_SERVICE_ACCOUNT": key_file(port)}
        bound = combined_rate("raw", total)
        people = lookup_connections("acme", [f"+3725{n:07}" for n in range(total)])
        send("Your order has shipped", people)
        ours = combined_rate("drain", total)
        left = Transmission.objects.exclude(status=20).count()
        assert left == 0, f"{left} transmissions were not accepted"
        _clear()
    return bound, ours


def enqueue_row(total: int) -> tuple[float, float]:
    """Return (bound, ours): `bulk_create` of the same rows, and `send()` to a QuerySet of all connections."""
    from django.db import transaction
    from django.db.models.functions import Now

    from rcs_router import lookup_connections, send
    from rcs_router.models import Connection, Message, Transmission

    lookup_connections("acme", [f"+3725{n:07}" for n in range(total)])
    message = Message.objects.create(
        direction="out", traffic="transaction", content={"type": "text", "text": "x"}
    )

    def bare() -> None:
        with transaction.atomic():
            rows = Connection.objects.iterator(chunk_size=1000)
            while chunk := [row for _, row in zip(range(1000), rows, strict=False)]:
                Transmission.objects.bulk_create(
                    [
                        Transmission(message=message, connection=c, backend_id="acme", due_at=Now())
                        for c in chunk
                    ]
                )

    bound = total / _seconds(bare)
    Transmission.objects.all().delete()
    ours = total / _seconds(lambda: send("Your order has shipped", Connection.objects.all()))
    _clear()
    return bound, ours


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _clear() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE rcs_router_event, rcs_router_transmission, rcs_router_message CASCADE")
        cursor.execute("VACUUM ANALYZE")


def report(name: str, budget: float, row: Callable[[], tuple[float, float]], times: int = PAIRS) -> None:
    pairs = [row() for _ in range(times)]
    ratios = [ours / bound for bound, ours in pairs]
    bound, ours = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(
        f"{name:<58} {bound:>9,.0f}/s {ours:>9,.0f}/s   {statistics.median(ratios):.2f} "
        f"({min(ratios):.2f}-{max(ratios):.2f}), budget {budget}",
        flush=True,
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the messages and connections")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="how often each row is measured")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    messages, connections = (max(int(count * given.scale), PROCESSES) for count in (6000, 100_000))
    postgresql = PostgreSQL()
    try:
        os.environ |= {"RCS_TEST_DATABASE": postgresql.url, "DJANGO_SETTINGS_MODULE": "bench.settings"}
        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        print(f"{'':<58} {'bound':>11} {'ours':>11}   ratio, median of {given.pairs} (range)")
        threads = f"{PROCESSES}x16 threads, PostgreSQL"
        report(f"drain, provider 50 ms away, {threads}", 0.95, lambda: drain_row(messages, 0.05), given.pairs)
        report(f"drain, provider 0 ms away, {threads}", 0.75, lambda: drain_row(messages, 0.0), given.pairs)
        what = f"enqueue {connections:,} connections / bulk_create"
        report(what, 0.9, lambda: enqueue_row(connections), given.pairs)
    finally:
        postgresql.close()


if __name__ == "__main__":
    main()
