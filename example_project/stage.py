"""Run the whole shop in this process: web server, emulator, and Celery's worker and beat."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from celery.beat import EmbeddedService, Scheduler
from celery.contrib.testing.worker import start_worker
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connections
from django.test.utils import override_settings

from example_project.celery import app
from example_project.databases import sqlite
from example_project.phones import Emulator
from example_project.providers import emulator_settings, shop_backends
from rcs_backends.emulator import server
from rcs_router.threads import worker_threads

PATIENCE = {"EXPIRY_GRACE": 1, "FALLBACK_GRACE": 1}  # seconds: short for a demo
AT_END = 30.0  # seconds to finish running work; it takes a moment on a busy machine
# A provider's 404, or a phone without RCS, is expected: do not log it between the lines of the story.
QUIET_LOGGERS = ("django.request", "rcs_router")
LOGIN = "admin"  # also the password, in a database that exists only during the demo


class CannotListen(Exception):
    """The web server cannot use this port."""


@contextmanager
def stage(port: int, provider: str = "google") -> Iterator[str]:
    """Start everything, and yield the address of the web server. Raises CannotListen. Port 0: any free one."""
    with ExitStack() as open_:
        open_.enter_context(_log_levels_restored())
        open_.enter_context(_temporary_database())
        web = open_.enter_context(_served(port))
        open_.enter_context(_configured(web.url, provider))
        open_.enter_context(_celery())
        for name in QUIET_LOGGERS:  # last, because the start of Django and Celery sets up logging
            logging.getLogger(name).setLevel(logging.ERROR)
        yield web.url


@contextmanager
def _served(port: int) -> Iterator[server.Server]:
    try:
        web = server.start(port)
    except OSError as error:
        raise CannotListen(f"Cannot listen on port {port}: {error.strerror}") from error
    try:
        yield web
    finally:
        web.close()
        web.wait_for_requests(AT_END)  # they use the database, which is removed next


@contextmanager
def _temporary_database() -> Iterator[None]:
    """Use a new database, not that of the settings: the demo creates an administrator with a known password."""
    with tempfile.TemporaryDirectory(prefix="rcs-demo-", ignore_cleanup_errors=True) as folder:
        connections["default"].close()
        connections.settings["default"] |= sqlite(Path(folder) / "demo.sqlite3")
        del connections["default"]
        call_command("migrate", verbosity=0)
        get_user_model()._default_manager.create_superuser(LOGIN, "", LOGIN)
        yield
        connections.close_all()


@contextmanager
def _configured(url: str, provider: str) -> Iterator[None]:
    """Configure shop and emulator for each other, now that the port is known."""
    emulator = Emulator(f"{url}/emulator/")
    key = emulator.get("google/service-account.json")
    public_url = f"{url}/rcs/"
    with override_settings(
        SHOP_URL=url,
        RCS_BACKENDS=shop_backends(provider, key, emulator.url),
        RCS_ROUTER={**settings.RCS_ROUTER, **PATIENCE, "PUBLIC_URL": public_url},
    ):
        emulator.post("config/", emulator_settings(provider, public_url))
        yield


@contextmanager
def _celery() -> Iterator[None]:
    """Run worker and beat as threads, with a broker in memory, whatever the settings say."""
    app.conf.update(
        broker_url="memory://localhost",
        broker_transport_options={"polling_interval": 0.05},  # seconds; kombu's own is 1
        worker_hijack_root_logger=False,
    )
    beat = EmbeddedService(app, thread=True, scheduler_cls=Scheduler)
    beat.start()
    options: dict[str, Any] = {"pool": "threads", "concurrency": 4, "shutdown_timeout": AT_END}
    worker: Any = None
    try:
        with start_worker(app, perform_ping_check=False, loglevel="WARNING", **options) as worker:
            yield
    finally:
        if worker:
            worker.pool.executor.shutdown()  # wait for a running tick, which the worker itself does not do
        worker_threads.stop()
        beat.service.stop()  # after the worker, which looks for its stop signal only when a tick comes


@contextmanager
def _log_levels_restored() -> Iterator[None]:
    """Restore the levels of the loggers at the end, after everything else has stopped."""
    levels = {name: logging.getLogger(name).level for name in QUIET_LOGGERS}
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
