"""Settings of the test suite: SQLite by default, PostgreSQL when RCS_TEST_DATABASE says so."""

import os
import tempfile
from pathlib import Path
from typing import Any

SECRET_KEY = "tests"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
TIME_ZONE = "UTC"
DEBUG = False
ROOT_URLCONF = "tests.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
MEDIA_URL = "/media/"
MEDIA_ROOT = str(Path(tempfile.gettempdir()) / f"rcs-tests-{os.getpid()}-media")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "rcs_router",
    "rcs_backends.emulator",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES: dict[str, dict[str, Any]]
if name := os.environ.get("RCS_TEST_DATABASE"):  # e.g. postgresql://postgres@127.0.0.1:5432/postgres
    from urllib.parse import urlsplit

    url = urlsplit(name)
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": url.path.strip("/"),
            "USER": url.username or "",
            "PASSWORD": url.password or "",
            "HOST": url.hostname or "",
            "PORT": url.port or "",
        }
    }
else:
    # a file, because threads would share the one lock of an in-memory database, which no installation has
    FILE = Path(tempfile.gettempdir()) / f"rcs-tests-{os.getpid()}.sqlite3"
    # and with what an installation is told to set: a transaction that will write waits at its start
    OPTIONS = {"transaction_mode": "IMMEDIATE", "timeout": 20}
    OPTIONS |= {"init_command": "PRAGMA synchronous=OFF"}  # no test outlives a crash of the machine
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FILE,
            "OPTIONS": OPTIONS,
            "TEST": {"NAME": FILE},
        },
    }

RCS_EMULATOR_ALLOWED = True
RCS_EMULATOR_CALLBACK_HOSTS = ["127.0.0.1", "localhost"]
RCS_BACKENDS: dict[str, Any] = {}
RCS_ROUTER: dict[str, Any] = {}
