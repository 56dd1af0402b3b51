"""Work was committed: ring the workers. Never blocks the caller; a bell that is not heard is made good by `tick`."""

import logging
import os
import threading
import time

from celery import current_app
from django.db import transaction

from rcs_router.conf import router_settings

logger = logging.getLogger(__name__)
INTERVAL = 0.1  # seconds: the most often that one process rings


def drain(alias: str) -> None:
    """After the commit, have the outbox of this backend drained."""
    _after_commit("rcs_router.drain", alias)


def digest() -> None:
    """After the commit, have stored webhooks and incoming messages digested."""
    _after_commit("rcs_router.digest")


def revoke(alias: str) -> None:
    """After the commit, have what is to be taken back from this provider taken back."""
    _after_commit("rcs_router.revoke", alias)


def _after_commit(task: str, *args: str) -> None:
    if router_settings().WAKE:
        transaction.on_commit(lambda: _bell.ring((task, *args)), robust=True)


class _Bell:
    """A set of wishes, and one daemon thread per process that publishes them: `.delay()` can block for minutes."""

    def __init__(self) -> None:
        self._wishes: set[tuple[str, ...]] = set()
        self._rung = threading.Condition()
        self._pid = 0

    def ring(self, wish: tuple[str, ...]) -> None:
        with self._rung:
            self._wishes.add(wish)
            if self._pid != os.getpid():  # first use, or a forked child: threads do not survive a fork
                self._pid = os.getpid()
                threading.Thread(target=self._publish_for_ever, name="rcs-wake", daemon=True).start()
            self._rung.notify()

    def _publish_for_ever(self) -> None:
        while True:
            with self._rung:
                self._rung.wait_for(lambda: self._wishes)
                wishes, self._wishes = self._wishes, set()
            for task, *args in wishes:
                _publish(task, args)
            time.sleep(INTERVAL)


def _publish(task: str, args: list[str]) -> None:
    try:
        current_app.send_task(task, args=args, ignore_result=True, expires=60, retry=False)
    except Exception as error:  # the broker's many kinds of trouble
        logger.warning(
            "Celery's broker did not take %s (%s); the next tick will do it", task, type(error).__name__
        )


_bell = _Bell()
os.register_at_fork(after_in_child=lambda: _bell.__init__())  # type: ignore[misc]
