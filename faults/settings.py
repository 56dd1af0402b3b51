"""Settings of each script and of the processes that it starts. What differs comes from the environment."""

import json
import os

from example_project.providers import PROVIDERS, SMS, emulator_settings
from tests.settings import *  # noqa: F403

DATABASES["default"]["CONN_MAX_AGE"] = 60  # noqa: F405  # as the example project has it: a webhook need not connect anew
PORT = os.environ.get("RCS_WEB_PORT", "0")
EMULATOR = f"http://127.0.0.1:{PORT}/emulator/"
KEY = json.loads(os.environ.get("RCS_SERVICE_ACCOUNT", "{}"))
TIMEOUT = {"timeout": float(os.environ.get("RCS_TIMEOUT", "5"))}
GATE = {"base_url": os.environ.get("RCS_GOOGLE", f"{EMULATOR}google")}
KANNEL = {"url": os.environ["RCS_KANNEL"]} if "RCS_KANNEL" in os.environ else {}
RATE = {"RATE": os.environ["RCS_RATE"]} if os.environ.get("RCS_RATE") else {}

RCS_BACKENDS = {
    "acme": {**PROVIDERS["google"].backend(EMULATOR, KEY, **GATE, **TIMEOUT), "FALLBACK": ["sms"], **RATE},
    "other": {**PROVIDERS["messente"].backend(EMULATOR, **TIMEOUT)},
    "sms": SMS.backend(EMULATOR, **KANNEL, **TIMEOUT),
}
PUBLIC_URL = f"http://127.0.0.1:{PORT}/rcs/"
RCS_ROUTER = {"APPS": ["rcs_router.handlers.Echo"], "PUBLIC_URL": PUBLIC_URL}
RCS_EMULATOR = {
    **emulator_settings("google", PUBLIC_URL),
    **PROVIDERS["messente"].dials(f"{PUBLIC_URL}webhooks/other/"),
    "delivery_delay": 0.0,
}
