"""The kit's fixtures in a project with RCS, SMS behind it, and a shop's apps."""

from typing import Any

import pytest

from rcs_router.testing.plugin import handset, rcs
from tests.testing import apps

__all__ = ["handset", "rcs"]

BACKENDS: dict[str, Any] = {
    "acme": {
        "BACKEND": "rcs_backends.google_rbm.GoogleRBM",
        "OPTIONS": {"agent_id": "acme", "service_account": "/nowhere.json", "client_token": "t"},
        "FALLBACK": ["sms"],
        "RATE": "1/s",
    },
    "sms": {
        "BACKEND": "rcs_backends.kannel.Kannel",
        "OPTIONS": {
            "url": "http://nowhere.invalid/",
            "username": "u",
            "password": "p",
            "webhook_secret": "s",
        },
    },
}
ROUTER: dict[str, Any] = {
    "APPS": [app if isinstance(app, str) else f"{app.__module__}.{app.__qualname__}" for app in apps.APPS],
    "PUBLIC_URL": "https://testserver/rcs/",
}


@pytest.fixture(autouse=True)
def project(settings: Any) -> None:
    settings.RCS_BACKENDS = BACKENDS
    settings.RCS_ROUTER = ROUTER
