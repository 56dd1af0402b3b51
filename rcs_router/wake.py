"""Wake the workers after a commit. Never blocks the caller; the next sweep makes up for a lost wake-up.

`threads` listens in processes that do the work themselves; other processes publish a Celery task from a thread.
"""

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from celery import current_app

from rcs_router import database
from rcs_router.conf import router_settings

logger = logging.getLogger(__name__)
INTERVAL = 0.1  # seconds between two publications of one process
LAST_CALL = 2.0  # seconds that an ending process waits for the broker

WakeUp = tuple[str, ...]  # a Celery task's name and its arguments
DRAIN, DIGEST, REVOKE = "rcs_router.drain", "rcs_router.digest", "rcs_router.revoke"
FETCH, CHECK, TICK = "rcs_router.fetch", "rcs_router.check", "rcs_router.tick"
_silent = False
_here: Callable[[WakeUp], None] | None = None


def drain(alias: str) -> None:
    """Have the drain of this backend run after the commit."""
    _after_commit((DRAIN, alias))


def digest() -> None:
    """Have stored webhooks and incoming messages digested after the commit."""
    _after_commit((DIGEST,))


def revoke(alias: str) -> None:
    """Have due messages of this provider revoked after the commit."""
    _after_commit((REVOKE, alias))


def fetch() -> None:
    """Have the files that people sent fetched after the commit."""
    _after_commit((FETCH,))


def check() -> None:
    """Have waiting capability checks done after the commit."""
    _after_commit((CHECK,))


def _after_commit(wake_up: WakeUp) -> None:
    if _here or _publishes():
        database.on_commit(lambda: _now(wake_up))


def _now(wake_up: WakeUp) -> None:
    if _here:
        _here(wake_up)
    if _publishes():
        publish_soon(wake_up)


def _publishes() -> bool:
    return router_settings().WAKE and not _silent


def publish_soon(wake_up: WakeUp) -> None:
    """Publish a wake-up from a thread of this process, together with all others within a tenth of a second."""
    _publisher.add(wake_up)


def publish(wake_ups: Iterable[WakeUp], patience: float = 5.0) -> None:
    """Publish at once, for a process that ends soon. Raises the broker's error after `patience` seconds."""
    with current_app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, timeout=patience)
        for task, *args in wake_ups:
            current_app.send_task(
                task, args, connection=connection, ignore_result=True, expires=60, retry=False
            )


@contextmanager
def silenced() -> Iterator[None]:
    """Publish nothing for Celery in this process, which does the work itself."""
    global _silent
    before, _silent = _silent, True
    try:
        yield
    finally:
        _silent = before


def listen(here: Callable[[WakeUp], None] | None) -> None:
    """Pass every wake-up of this process to `here` too, which can do the work at once. None: stop."""
    global _here
    _here = here


class _Publisher:
    """The wake-ups to publish, and one daemon thread per process that publishes them: `.delay()` may block for
    minutes.
    """

    def __init__(self) -> None:
        self._wanted: set[WakeUp] = set()
        self._changed = threading.Condition()
        self._busy = False
        self._pid = 0

    def add(self, wake_up: WakeUp) -> None:
        with self._changed:
            self._wanted.add(wake_up)
            if self._pid != os.getpid():  # first use, or a forked child: threads do not survive a fork
                self._pid = os.getpid()
                threading.Thread(target=self._publish_for_ever, name="rcs-wake", daemon=True).start()
            self._changed.notify_all()

    def _publish_for_ever(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted)
                wanted, self._wanted, self._busy = self._wanted, set(), True
            for task, *args in wanted:
                _publish_one(task, args)
            with self._changed:
                self._busy = False
                self._changed.notify_all()
            time.sleep(INTERVAL)

    def last_call(self) -> None:
        """Wait until everything is published before the process ends: a script's messages need not wait for beat."""
        with self._changed:
            if self._pid == os.getpid():
                self._changed.wait_for(lambda: not (self._wanted or self._busy), timeout=LAST_CALL)


def _publish_one(task: str, args: list[str]) -> None:
    try:
        current_app.send_task(task, args=args, ignore_result=True, expires=60, retry=False)
    except Exception as error:  # the broker raises many types of errors
        logger.warning(
            "Celery's broker did not take %s (%s); the next sweep does the work", task, type(error).__name__
        )


_publisher = _Publisher()
atexit.register(lambda: _publisher.last_call())
os.register_at_fork(after_in_child=lambda: _publisher.__init__())  # type: ignore[misc]
