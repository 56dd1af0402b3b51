"""A port and a provider in; the whole shop in this process out: web server, emulator, Celery's worker and beat."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

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
from rcs_router.stations import stations

PATIENCE = {"EXPIRY_GRACE": 1, "FALLBACK_GRACE": 1}  # seconds: nobody watches a demo for half a minute
LOGIN = "admin"  # and the password: of a database that ends with the demo


@contextmanager
def stage(port: int, provider: str = "google") -> Iterator[str]:
    """Yields the address of the web server. Raises OSError when the port is taken (0: any free one)."""
    with ExitStack() as open_:
        open_.enter_context(_temporary_database())
        web = open_.enter_context(server.start(port))
        open_.enter_context(_introduced(web.url, provider))
        open_.enter_context(_celery())
        open_.enter_context(_quiet())  # late: who sets up Django or Celery sets up logging
        yield web.url


@contextmanager
def _temporary_database() -> Iterator[None]:
    """Never the one of the settings: a demo makes an administrator whose password everybody knows."""
    with tempfile.TemporaryDirectory(prefix="rcs-demo-", ignore_cleanup_errors=True) as folder:
        connections["default"].close()
        connections.settings["default"] |= sqlite(Path(folder) / "demo.sqlite3")
        del connections["default"]
        call_command("migrate", verbosity=0)
        get_user_model()._default_manager.create_superuser(LOGIN, "", LOGIN)
        yield
        connections.close_all()


@contextmanager
def _introduced(url: str, provider: str) -> Iterator[None]:
    """Shop and emulator are told of each other, now that the port is known."""
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
    """Worker and beat as threads, on a broker in memory, whatever the settings say."""
    options = {"polling_interval": 0.05}  # seconds; kombu's own is 1
    app.conf.update(broker_url="memory://localhost", broker_transport_options=options)
    app.conf.worker_hijack_root_logger = False
    beat = EmbeddedService(app, thread=True, scheduler_cls=Scheduler)
    beat.start()
    try:
        with start_worker(app, pool="threads", concurrency=4, perform_ping_check=False, loglevel="WARNING"):
            yield
    finally:
        stations.stop()
        beat.service.stop()  # after the worker, which looks whether it shall end when a tick comes


@contextmanager
def _quiet() -> Iterator[None]:
    """A provider's 404, or a phone without RCS, is an answer, not something to print into the story."""
    loggers = [logging.getLogger(name) for name in ("django.request", "rcs_router")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
