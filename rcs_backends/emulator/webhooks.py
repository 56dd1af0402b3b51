"""Deliver webhooks in background threads, retried as each provider retries.

Each thread has its own queue, a lane. Webhooks about one phone share a lane where the provider keeps their order
(Google); the others are spread over the lanes (Kannel).
"""

import hashlib
import hmac
import itertools
import json
import logging
import queue
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

import requests

from rcs_backends.emulator import reach
from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.state import world

LANES = 4
TIMEOUT = 10  # seconds for an answer; the providers publish none
THREADS = "rcs-emulator-webhooks-"  # how their names begin
LONGEST_PAUSE = 600  # seconds between two tries where the pauses double
SHOWN = ("provider", "url", "status", "tries", "state", "event", "number", "subject")  # in the ledger

Built = tuple[str, bytes | None, Mapping[str, str]]  # address, body (None: a GET), headers
Faults = frozenset[str]  # the kinds of the faults that strike a webhook
Delay = Callable[[int], float | None]  # failures so far → seconds until the next try; None: no more
logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Webhook:
    """One request to a client, tried until `accepted(status)`, or until `delay(failures)` is None (seconds)."""

    provider: str
    number: str
    subject: str  # the message it is about: what "reorder" keeps together
    event: str  # what it says, for the ledger
    url: str  # empty: nobody wants to hear of it
    build: Callable[[Faults], Built]  # called once
    delay: Delay
    accepted: Callable[[int], bool] = lambda status: 200 <= status < 300
    delivered: Callable[[], None] | None = None  # called with the world's lock held
    ordered: bool = True  # leaves after what was posted for the same phone before
    lane: int | None = None
    status: int | None = None
    tries: int = 0
    state: str = "waiting"
    faults: Faults = frozenset()
    epoch: int = 0
    built: Built | None = None

    def as_json(self) -> Json:
        return {name: getattr(self, name) for name in SHOWN}


@dataclass(slots=True)
class _Log:
    """The webhooks since everything was last forgotten."""

    epoch: int = -1
    waiting: int = 0
    webhooks: list[Webhook] = field(default_factory=list)
    held: dict[tuple[str, str], list[Webhook]] = field(default_factory=dict)


class Outbox:
    """Every webhook of this process. All but the requests themselves happens under the world's lock."""

    def __init__(self) -> None:
        self._lanes: list[queue.SimpleQueue[Webhook]] = []
        self._turns = itertools.count()
        self._log = _Log()

    def _current(self) -> _Log:
        if self._log.epoch != world.epoch:
            self._log = _Log(world.epoch)
        return self._log

    @property
    def waiting(self) -> int:
        """Return how many are still to be delivered, with those that a dial holds back."""
        with world.changed:
            return self._current().waiting

    def as_json(self) -> list[Json]:
        with world.changed:
            return [webhook.as_json() for webhook in self._current().webhooks]

    def post(self, webhook: Webhook) -> None:
        """Send a webhook as the fault dials let it. Lock held."""
        if not webhook.url:
            return
        faults = world.faults.for_webhook(webhook.provider, webhook.number)
        webhook.faults = frozenset(faults)
        self._record(webhook)
        if "lost" in faults:
            self._finish(webhook, "lost")
            return
        late = faults["late"].seconds if "late" in faults else 0.0
        if "duplicate" in faults:
            self._leave(self._record(_copy(webhook)), late)
        key = (webhook.provider, webhook.subject)
        if "reorder" in faults and key not in self._current().held:
            self._current().held[key] = [webhook]
            return
        self._leave(webhook, late)
        for held in self._current().held.pop(key, ()):
            held.lane = webhook.lane  # behind the one that overtook it
            self._leave(held, late)

    def _record(self, webhook: Webhook) -> Webhook:
        log = self._current()
        webhook.epoch = log.epoch
        if webhook.lane is None:
            turn = zlib.crc32(webhook.number.encode()) if webhook.ordered else next(self._turns)
            webhook.lane = turn % LANES
        log.webhooks.append(webhook)
        log.waiting += 1
        return webhook

    def _leave(self, webhook: Webhook, seconds: float) -> None:
        if seconds > 0:
            world.after(seconds, self._enqueue, webhook)
        else:
            self._enqueue(webhook)

    def _enqueue(self, webhook: Webhook) -> None:
        if not self._lanes:
            self._lanes = [queue.SimpleQueue() for _ in range(LANES)]
            for number, lane in enumerate(self._lanes):
                threading.Thread(
                    target=self._work, args=(lane,), name=f"{THREADS}{number}", daemon=True
                ).start()
        self._lanes[webhook.lane or 0].put(webhook)

    def _work(self, lane: "queue.SimpleQueue[Webhook]") -> None:
        session = reach.session()
        while True:
            webhook = lane.get()
            if webhook.epoch != world.epoch:
                continue
            try:
                status = _request(session, webhook)
            except Exception:  # the lane must go on, whatever address a client gave
                logger.exception("a webhook of the emulator could not be sent")
                status = None
            with world.change():
                self._settle(webhook, status)

    def _settle(self, webhook: Webhook, status: int | None) -> None:
        if webhook.epoch != world.epoch:
            return
        webhook.tries += 1
        webhook.status = status
        if status is not None and webhook.accepted(status):
            self._finish(webhook, "delivered")
            if webhook.delivered:
                webhook.delivered()
            return
        delay = webhook.delay(webhook.tries)
        if delay is None:
            self._finish(webhook, "given_up")
        else:
            world.after(delay * world.config["retry_scale"], self._enqueue, webhook)

    def _finish(self, webhook: Webhook, state: str) -> None:
        webhook.state = state
        self._current().waiting -= 1


def _copy(webhook: Webhook) -> Webhook:
    """Return the same request once more: it has the same bytes, but is tried by itself."""
    first = webhook.build

    def build(faults: Faults) -> Built:
        webhook.built = webhook.built or first(faults)
        return webhook.built

    return replace(webhook, build=build, delivered=None)


def _request(session: requests.Session, webhook: Webhook) -> int | None:
    """Return the status of the answer, or None without one."""
    if webhook.built is None:
        webhook.built = webhook.build(webhook.faults)
    url, body, headers = webhook.built
    try:
        method = "GET" if body is None else "POST"
        answer = session.request(
            method, url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False
        )
    except requests.RequestException:
        return None
    return answer.status_code


# What providers have in common


def doubling(life: float) -> Delay:
    """Pause 1, 2, 4 … 600 seconds, until `life` seconds of pauses have passed."""

    def delay(failures: int) -> float | None:
        doublings = min(failures, 10)  # 2**9 = 512 is the last below the limit
        waited = 2**doublings - 1 + (failures - doublings) * LONGEST_PAUSE
        return None if waited > life else float(min(2 ** (failures - 1), LONGEST_PAUSE))

    return delay


def hex_sha256(secret: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of a body in lower-case hex."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def pauses(*seconds: float) -> Delay:
    """Pause as long as each of `seconds` says, then give up."""
    return lambda failures: seconds[failures - 1] if failures <= len(seconds) else None


@dataclass(frozen=True, slots=True)
class SignedJson:
    """JSON with its signature in the header `header`. `style`: how it is dumped."""

    header: str
    sign: Callable[[str, bytes], str]  # secret, body → signature
    style: Json = field(default_factory=dict)

    def body(self, secret: str, payload: Json, faults: Faults) -> tuple[bytes, dict[str, str]]:
        """Return the body and the headers, with a signature that is missing or wrong where the faults say so."""
        body = json.dumps(payload, **self.style).encode()
        headers = {"Content-Type": "application/json"}
        if "unsigned" not in faults:
            headers[self.header] = self.sign(secret + "x" if "bad_signature" in faults else secret, body)
        if "tampered" in faults:
            body = json.dumps({**payload, "tampered": True}, **self.style).encode()
        return body, headers

    def request(self, url: str, secret: str, payload: Json, faults: Faults) -> Built:
        return url, *self.body(secret, payload, faults)


def address_of(provider: str, dial: str, name: str, secret: str) -> tuple[str, str]:
    """Return the webhook of an agent or bot and its secret, else those for all of them."""
    shared = world.config[provider]
    own = shared[dial].get(name, {})
    return own.get("webhook") or shared["webhook"], own.get(secret) or shared[secret]


def try_out(agent: str, method: str, url: str, *, expected: str | None = None, **options: Any) -> Json:
    """Call an agent's webhook once and say what it answered, which must be 200 and the text `expected`, if any.

    Do not hold the lock.
    """
    found: Json = {"agent": agent, "url": url, "verified": False, "status": None, "answer": ""}
    with reach.session() as session:
        try:
            answer = session.request(method, url, timeout=TIMEOUT, allow_redirects=False, **options)
        except (requests.RequestException, ValueError):
            return found
    verified = answer.status_code == HTTPStatus.OK and expected in (None, answer.text)
    return found | {"verified": verified, "status": answer.status_code, "answer": answer.text[:200]}


def _is_not_ours(record: logging.LogRecord) -> bool:
    """urllib3 logs addresses at DEBUG, and Kannel's hold the client's secret and what people wrote."""
    return not (record.threadName or "").startswith(THREADS)


logging.getLogger("urllib3.connectionpool").addFilter(_is_not_ours)
outbox = Outbox()
