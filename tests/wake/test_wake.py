"""Wake-ups: after the commit, never in the caller's way, and also from a script that ends at once."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from rcs_router import wake
from rcs_router.threads import WorkerThreads
from tests.core import ROUTER, sent_to

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import django
from django.conf import settings
settings.configure(
    USE_TZ=True, INSTALLED_APPS=["django.contrib.contenttypes", "rcs_router"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    RCS_BACKENDS={"sms": {"BACKEND": "rcs_router.testing.MemorySMS"}},
)
django.setup()
from celery import Celery
from django.core.management import call_command
app = Celery("script", broker="filesystem://", set_as_current=True)
app.conf.broker_transport_options = {
    "data_folder_in": FOLDER, "data_folder_out": FOLDER, "control_folder": FOLDER + "/control",
}
call_command("migrate", verbosity=0)
from rcs_router import lookup_connections, send
send("Hello", lookup_connections("sms", ["+37255501234"]))
"""


def test_a_script_that_sends_and_ends_wakes_the_workers_first(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("FOLDER", repr(str(tmp_path)))],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    [message] = [json.loads(path.read_text()) for path in tmp_path.iterdir() if path.is_file()]
    assert message["headers"]["task"] == wake.DRAIN


@pytest.mark.services  # takes long
def test_a_script_whose_broker_is_away_ends_soon(tmp_path: Path) -> None:
    away = SCRIPT.replace('broker="filesystem://"', 'broker="redis://127.0.0.1:1/0"')
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", away.replace("FOLDER", repr(str(tmp_path)))],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0
    assert time.monotonic() - began < 30


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("router")
@pytest.mark.parametrize(("wake_on", "here"), [(True, False), (False, True), (True, True), (False, False)])
def test_who_is_woken(settings: Any, monkeypatch: pytest.MonkeyPatch, wake_on: bool, here: bool) -> None:
    settings.RCS_ROUTER = {**ROUTER, "WAKE": wake_on}
    published: list[Any] = []
    local: list[Any] = []
    monkeypatch.setattr(wake._publisher, "add", published.append)
    monkeypatch.setattr(wake, "_here", local.append if here else None)
    with transaction.atomic():
        sent_to()
        assert (published, local) == ([], [])
    assert published == ([(wake.DRAIN, "rcs")] if wake_on else [])
    assert local == ([(wake.DRAIN, "rcs")] if here else [])


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("router")
def test_stations_that_have_stopped_listen_no_longer() -> None:
    made = WorkerThreads()
    made.wake((wake.DRAIN, "rcs"))
    assert wake._here == made.wake
    made.stop()
    assert wake._here is None
