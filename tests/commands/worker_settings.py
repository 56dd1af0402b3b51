"""Settings of the processes that tests of the worker start: a database file, and a provider behind a gate."""

import os

from tests.settings import *  # noqa: F403

FOLDER = os.environ["RCS_TEST_FOLDER"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": f"{FOLDER}/db.sqlite3",
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
    }
}
RCS_BACKENDS = {"gate": {"BACKEND": "tests.commands.gate.GateBackend", "OPTIONS": {"folder": FOLDER}}}
RCS_ROUTER = {"THREADS": 2, "CLAIM": 2}
