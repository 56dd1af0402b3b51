"""Where Google and Kannel are, in; settings.RCS_BACKENDS out. With `emulator`, both wires are the emulator's."""

import os
from typing import Any

AGENT = "acme"
SHORT_CODE = "12345"
CLIENT_TOKEN = os.environ.get("GOOGLE_CLIENT_TOKEN", "emulator-client-token")
WEBHOOK_SECRET = os.environ.get("KANNEL_WEBHOOK_SECRET", "emulator-webhook-secret")
USERNAME = os.environ.get("KANNEL_USERNAME", "tester")
PASSWORD = os.environ.get("KANNEL_PASSWORD", "foobar")
SENDSMS = os.environ.get("KANNEL_URL", "http://127.0.0.1:13013/cgi-bin/sendsms")


def google_and_kannel(service_account: str | dict[str, Any], emulator: str = "") -> dict[str, Any]:
    """`service_account`: the key file's path or its content. `emulator`: address of the emulator, or empty."""
    return {
        "acme": {
            "BACKEND": "rcs_backends.google_rbm.GoogleRBM",
            "OPTIONS": {
                "agent_id": AGENT,
                "service_account": service_account,
                "client_token": CLIENT_TOKEN,
                "base_url": f"{emulator}google" if emulator else "",
            },
            "FALLBACK": ["sms"],
            "RATE": "100/s",
        },
        "sms": {
            "BACKEND": "rcs_backends.kannel.Kannel",
            "OPTIONS": {
                "url": f"{emulator}kannel/cgi-bin/sendsms" if emulator else SENDSMS,
                "username": USERNAME,
                "password": PASSWORD,
                "webhook_secret": WEBHOOK_SECRET,
                "sender": SHORT_CODE,
            },
        },
    }


def emulator_settings(public_url: str) -> dict[str, Any]:
    """The other side: what the emulator must know of the shop to believe it and to find its webhooks."""
    mo = f"{public_url}webhooks/sms/?secret={WEBHOOK_SECRET}"
    return {
        "google": {
            "agents": {AGENT: {"webhook": f"{public_url}webhooks/acme/", "client_token": CLIENT_TOKEN}},
        },
        "kannel": {
            "users": {USERNAME: PASSWORD},
            "short_code": SHORT_CODE,
            "mo_url": f"{mo}&from=%p&to=%P&text=%b&charset=%C&coding=%c&sms_id=%I&at=%T",
        },
    }
