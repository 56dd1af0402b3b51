"""Settings of the processes that the service tests start: what differs between tests comes from the environment."""

import json
import os

from tests.settings import *  # noqa: F403

PORT = os.environ.get("RCS_WEB_PORT", "0")
EMULATOR = f"http://127.0.0.1:{PORT}/emulator"

RCS_BACKENDS = {
    "acme": {
        "BACKEND": "rcs_backends.google_rbm.GoogleRBM",
        "OPTIONS": {
            "agent_id": "acme",
            "service_account": json.loads(os.environ.get("RCS_SERVICE_ACCOUNT", "{}")),
            "client_token": "acme-client-token",
            "base_url": f"{EMULATOR}/google",
            "timeout": 2.0,
        },
        "FALLBACK": ["sms"],
    },
    "sms": {
        "BACKEND": "rcs_backends.kannel.Kannel",
        "OPTIONS": {
            "url": os.environ.get("RCS_KANNEL", f"{EMULATOR}/kannel/cgi-bin/sendsms"),
            "username": "tester",
            "password": "foobar",
            "sender": "123",
            "webhook_secret": "kannel-secret",
            "timeout": 2.0,
        },
    },
}
RCS_ROUTER = {
    "APPS": ["tests.services.apps.Orders", "tests.services.apps.Dawdle", "rcs_router.handlers.Echo"],
    "PUBLIC_URL": f"http://127.0.0.1:{PORT}/rcs/",
    "LEASE": 5.0,
    "MAX_LOST_LEASES": 20,  # tests kill workers at random moments, and may meet the same message more than twice
    "THREADS": 8,
}
RCS_EMULATOR = {
    "google": {
        "agents": {
            "acme": {
                "webhook": f"http://127.0.0.1:{PORT}/rcs/webhooks/acme/",
                "client_token": "acme-client-token",
            }
        }
    },
    "kannel": {"users": {"tester": "foobar"}},
    "delivery_delay": 0.0,
}
