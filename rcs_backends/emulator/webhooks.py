"""Webhooks on their way: wires post them, lanes of background threads deliver them, retried as each provider retries.

What is posted for one phone leaves in order (Google); what may overtake each other (Kannel) is spread over the lanes.
"""

import itertools
import logging
import queue
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import requests

from rcs_backends.emulator import reach
from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.state import world

LANES = 4
TIMEOUT = 10  # seconds for an answer; the providers publish none
THREADS = "rcs-emulator-webhooks-"  # how their names begin

Built = tuple[str, bytes | None, Mapping[str, str]]  # address, body (None: a GET), headers
logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Webhook:
    """One request to a client, tried until `accepted(status)`, or until `delay(failures)` is None (seconds)."""

    provider: str
    number: str
    subject: str  # the message it is about: what "reorder" keeps together
    event: str  # what it says, for the ledger
    build: Callable[[frozenset[str]], Built]  # called once, with the kinds of the faults that strike it
    accepted: Callable[[int], bool]
    delay: Callable[[int], float | None]
    delivered: Callable[[], None] | None = None  # called with the world's lock held
    lane: int | None = None  # None: any
    url: str = ""
    status: int | None = None
    tries: int = 0
    state: str = "waiting"
    faults: frozenset[str] = frozenset()
    epoch: int = 0
    built: Built | None = None

    def as_json(self) -> Json:
        return {
            "provider": self.provider,
            "url": self.url,
            "status": self.status,
            "tries": self.tries,
            "state": self.state,
            "event": self.event,
            "number": self.number,
            "subject": self.subject,
        }


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
        """How many are still to be delivered, those that a dial holds back included."""
        with world.changed:
            return self._current().waiting

    def as_json(self) -> list[Json]:
        with world.changed:
            return [webhook.as_json() for webhook in self._current().webhooks]

    def post(self, webhook: Webhook) -> None:
        """Send a webhook as the fault dials let it. Lock held."""
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
            webhook.lane = next(self._turns) % LANES
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


def lane_of(name: str) -> int:
    """The lane of everything that must not overtake each other under this name."""
    return zlib.crc32(name.encode()) % LANES


def _copy(webhook: Webhook) -> Webhook:
    """The same request once more: it shares the bytes, not the fate."""
    first = webhook.build

    def build(faults: frozenset[str]) -> Built:
        webhook.built = webhook.built or first(faults)
        return webhook.built

    return Webhook(
        provider=webhook.provider,
        number=webhook.number,
        subject=webhook.subject,
        event=webhook.event,
        build=build,
        accepted=webhook.accepted,
        delay=webhook.delay,
        lane=webhook.lane,
        url=webhook.url,
        faults=webhook.faults,
    )


def _request(session: requests.Session, webhook: Webhook) -> int | None:
    """The status of the answer, or None without one."""
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


def _is_not_ours(record: logging.LogRecord) -> bool:
    """urllib3 logs addresses at DEBUG, and Kannel's hold the client's secret and what people wrote."""
    return not (record.threadName or "").startswith(THREADS)


logging.getLogger("urllib3.connectionpool").addFilter(_is_not_ours)
outbox = Outbox()
