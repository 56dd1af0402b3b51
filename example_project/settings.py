"""Settings of the example shop. Without environment variables it uses SQLite and sends no real messages.

DATABASE_URL            sqlite:///<path> or postgresql://user:password@host:port/name
CELERY_BROKER_URL       redis://… or amqp://…; memory://localhost (the default) is for `manage.py demo`
RCS_PROVIDER            google, gsma, messente or rest: where messages go, with Kannel as SMS fallback
                        (providers.py names the variables of their credentials)
GOOGLE_SERVICE_ACCOUNT  path of the key file, for google
EMULATOR_URL            …/emulator/: use the emulator there instead of the provider and Kannel
SHOP_URL                public address of this project; providers' webhooks and pictures are below it
"""

import os
from pathlib import Path
from typing import Any

from example_project.databases import database
from example_project.providers import shop_backends

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = os.environ.get("DEBUG", "1") == "1"
SECRET_KEY = os.environ.get("SECRET_KEY", "only-for-development" if DEBUG else "")
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "").split(",") if os.environ.get("ALLOWED_HOSTS") else []

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
    "example_project",
]
if DEBUG:
    INSTALLED_APPS += ["rcs_backends.emulator"]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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
ROOT_URLCONF = "example_project.urls"
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
MEDIA_URL = "media/"
MEDIA_ROOT = BASE_DIR / "var" / "media"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "Europe/Tallinn"

DATABASES = {
    "default": database(os.environ.get("DATABASE_URL", f"sqlite:///{BASE_DIR / 'var' / 'demo.sqlite3'}"))
}

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "memory://localhost")
CELERY_TASK_IGNORE_RESULT = True
if CELERY_BROKER_URL.startswith("memory:"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {"polling_interval": 0.05}  # seconds; kombu's own is 1

SHOP_URL = os.environ.get("SHOP_URL", "http://127.0.0.1:8000")
service_account = os.environ.get("GOOGLE_SERVICE_ACCOUNT", "")
if provider := os.environ.get("RCS_PROVIDER", "google" if service_account else ""):
    RCS_BACKENDS = shop_backends(provider, service_account, os.environ.get("EMULATOR_URL", ""))
else:
    RCS_BACKENDS = {
        "acme": {"BACKEND": "rcs_router.testing.MemoryBackend", "FALLBACK": ["sms"]},
        "sms": {"BACKEND": "rcs_router.testing.MemorySMS"},
    }
RCS_ROUTER: dict[str, Any] = {
    "APPS": [
        "example_project.shop.Track",
        "example_project.shop.Keep",
        "example_project.shop.Return",
        "example_project.shop.Fetch",
        "example_project.shop.PickUp",
        "example_project.shop.Done",
        "example_project.shop.Menu",
        "example_project.shop.Fitting",
        "example_project.shop.Help",
        "rcs_router.handlers.DefaultResponse",
    ],
    "DEFAULT_BACKEND": "acme",
    "DEFAULT_REGION": "EE",
    "DEFAULT_RESPONSE": "Sorry, we did not get that. Write MENU or HELP.",
    "PUBLIC_URL": f"{SHOP_URL}/rcs/",
}
