"""A process of a measurement: waits for a line on stdin, works, and prints the number of messages and the seconds.

`python -m bench.worker raw N` posts N bodies with plain requests.Sessions; `drain` drains the backend acme.
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
    """The bound: the same requests from the same number of threads, and nothing else."""
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
    """The router: drain the backend."""
    from rcs_router.outbox import drain as drain_module

    return drain_module.drain("acme", budget=600)


def main() -> None:
    what, total = sys.argv[1], int(sys.argv[2])
    django.setup()
    from rcs_router.backends import backends

    if what == "drain":  # get a token first: the bound has one, too
        backends["acme"].typing(NUMBER)
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    done = {"raw": raw, "drain": drain}[what](total)
    print(done, time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    main()
