"""The providers of the pages' examples: acme on GSMA MaaP, with SMS by Kannel behind it."""

from typing import Any

import pytest


@pytest.fixture
def providers(settings: Any) -> None:
    maap = {
        "api_url": "https://maap.example/rcs/bot/v1",
        "bot_id": "acme",
        "token": "t",
        "webhook_secret": "s",
    }
    kannel = {"url": "http://127.0.0.1/", "username": "u", "password": "p", "webhook_secret": "s"}
    settings.RCS_BACKENDS = {
        "acme": {"BACKEND": "rcs_backends.gsma_maap.GSMAMaaP", "OPTIONS": maap, "FALLBACK": ["sms"]},
        "sms": {"BACKEND": "rcs_backends.kannel.Kannel", "OPTIONS": kannel},
    }
    settings.RCS_ROUTER = {"WAKE": False, "PUBLIC_URL": "https://shop.example/rcs/"}
