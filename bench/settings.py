"""Settings of the benchmark's processes. The provider's address and key come from the environment."""

import json
import os

from tests.settings import *  # noqa: F403

DATABASES["default"]["CONN_MAX_AGE"] = None  # noqa: F405
RCS_BACKENDS = {
    "acme": {
        "BACKEND": "rcs_backends.google_rbm.GoogleRBM",
        "OPTIONS": {
            "agent_id": "acme",
            "service_account": json.loads(os.environ.get("RCS_SERVICE_ACCOUNT", "{}")),
            "client_token": "bench-client-token",
            "base_url": os.environ.get("RCS_PROVIDER", "http://127.0.0.1:1"),
        },
    },
}
RCS_ROUTER = {"WAKE": False}
