"""One process of a measurement: gets ready, waits for a line, works, prints how many it did and the seconds it took.

`python -m bench.worker raw N` posts N bodies with bare requests.Sessions; `drain` drains the backend acme.
"""

import os
import sys
import threading
import time
from itertools import count

import django
import requests

THREADS = 16
NUMBER = "+37255501234"


def raw(total: int) -> int:
    """The bound: the same request from the same number of threads, and nothing else."""
    url = f"{os.environ['RCS_PROVIDER']}/v1/phones/{NUMBER}/agentMessages"
    body = {"contentMessage": {"text": "Your order has shipped"}, "messageTrafficType": "TRANSACTION"}
    headers = {"Authorization": "Bearer bench"}
    taken = count()

    def work() -> None:
        session = requests.Session()
        session.trust_env = False
        while next(taken) < total:
            session.post(
                url, params={"messageId": "1", "agentId": "acme"}, json=body, headers=headers, timeout=15
            ).json()

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return total


def drain(total: int) -> int:
    """The real thing."""
    from rcs_router.outbox import drain as drain_module

    return drain_module.drain("acme", budget=600)


def main() -> None:
    what, total = sys.argv[1], int(sys.argv[2])
    django.setup()
    from rcs_router.backends import backends

    if what == "drain":  # a token at hand, as the bound has one
        backends["acme"].typing(NUMBER)
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    done = {"raw": raw, "drain": drain}[what](total)
    print(done, time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    main()
