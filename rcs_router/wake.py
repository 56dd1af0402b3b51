"""Work was committed: ring the workers. Never blocks the caller; a bell that is not heard is made good by `tick`."""

import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from celery import current_app
from django.db import transaction

from rcs_router.conf import router_settings

logger = logging.getLogger(__name__)
INTERVAL = 0.1  # seconds: the most often that one process rings

Bell = tuple[str, ...]  # a Celery task's name and its arguments
DRAIN, DIGEST, REVOKE = "rcs_router.drain", "rcs_router.digest", "rcs_router.revoke"
FETCH = "rcs_router.fetch"
_silent = False


def drain(alias: str) -> None:
    """After the commit, have the outbox of this backend drained."""
    _after_commit((DRAIN, alias))


def digest() -> None:
    """After the commit, have stored webhooks and incoming messages digested."""
    _after_commit((DIGEST,))


def revoke(alias: str) -> None:
    """After the commit, have what is to be taken back from this provider taken back."""
    _after_commit((REVOKE, alias))


def fetch() -> None:
    """After the commit, have the files that people sent fetched."""
    _after_commit((FETCH,))


def _after_commit(bell: Bell) -> None:
    if router_settings().WAKE and not _silent:
        transaction.on_commit(lambda: ring(bell), robust=True)


def ring(bell: Bell) -> None:
    """Now, from a thread of this process, together with everything else that is rung in a tenth of a second."""
    _ringer.ring(bell)


def publish(bells: Iterable[Bell], patience: float = 5.0) -> None:
    """Here and now, for a process that ends soon. Raises the broker's error after `patience` seconds."""
    with current_app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, timeout=patience)
        for task, *args in bells:
            current_app.send_task(
                task, args, connection=connection, ignore_result=True, expires=60, retry=False
            )


@contextmanager
def silenced() -> Iterator[None]:
    """Nobody in this process rings for Celery: for a process that does the work itself."""
    global _silent
    before, _silent = _silent, True
    try:
        yield
    finally:
        _silent = before


class _Ringer:
    """A set of bells, and one daemon thread per process that rings them: `.delay()` can block for minutes."""

    def __init__(self) -> None:
        self._wanted: set[Bell] = set()
        self._changed = threading.Condition()
        self._pid = 0

    def ring(self, bell: Bell) -> None:
        with self._changed:
            self._wanted.add(bell)
            if self._pid != os.getpid():  # first use, or a forked child: threads do not survive a fork
                self._pid = os.getpid()
                threading.Thread(target=self._ring_for_ever, name="rcs-wake", daemon=True).start()
            self._changed.notify()

    def _ring_for_ever(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted)
                wanted, self._wanted = self._wanted, set()
            for task, *args in wanted:
                _ring_one(task, args)
            time.sleep(INTERVAL)


def _ring_one(task: str, args: list[str]) -> None:
    try:
        current_app.send_task(task, args=args, ignore_result=True, expires=60, retry=False)
    except Exception as error:  # the broker's many kinds of trouble
        logger.warning(
            "Celery's broker did not take %s (%s); the next tick will do it", task, type(error).__name__
        )


_ringer = _Ringer()
os.register_at_fork(after_in_child=lambda: _ringer.__init__())  # type: ignore[misc]
