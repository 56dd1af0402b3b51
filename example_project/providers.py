"""The providers of the example: their entries of settings.RCS_BACKENDS, and the emulator's settings for them.

With `emulator` (its address) all requests go to the emulator, which accepts the secrets below.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

AGENT = "acme"
SHORT_CODE = "12345"
SECRET = os.environ.get("WEBHOOK_SECRET", "emulator-webhook-secret")  # how providers prove who they are
USERNAME = os.environ.get("SMS_USERNAME", "tester")
PASSWORD = os.environ.get("SMS_PASSWORD", "foobar")
CLIENT_SECRET = os.environ.get("RCS_CLIENT_SECRET", "emulator-client-secret")
SENDSMS = os.environ.get("KANNEL_URL", "http://127.0.0.1:13013/cgi-bin/sendsms")
API = os.environ.get("RCS_API_URL", "https://rcs.example.com")  # of a MaaP platform or a REST provider


@dataclass(frozen=True)
class Provider:
    """A provider of RCS. `backend` takes the emulator's address (or an empty string) and a service account's key."""

    title: str
    path: str  # of the backend
    options: Callable[[str, Any], Json]
    dials: Callable[[str], Json]  # settings of the emulator; takes the address of the shop's webhook
    verifies: bool = False  # the provider verifies the webhook when it is set up
    takes_back: bool = True  # False: an expired message stays with the provider, which may show it late

    def backend(self, emulator: str, key: Any = None, **options: Any) -> Json:
        """Return an entry of RCS_BACKENDS."""
        return {"BACKEND": self.path, "OPTIONS": self.options(emulator, key) | options}


def _google(emulator: str, key: Any) -> Json:
    base = {"base_url": f"{emulator}google"} if emulator else {}
    return {"agent_id": AGENT, "service_account": key, "client_token": SECRET, **base}


def _google_dials(webhook: str) -> Json:
    return {"google": {"agents": {AGENT: {"webhook": webhook, "client_token": SECRET}}}}


def _gsma(emulator: str, key: Any) -> Json:
    return {
        "api_url": f"{emulator}gsma/rcs/bot/v1" if emulator else API,
        "bot_id": AGENT,
        "client_id": AGENT,
        "client_secret": CLIENT_SECRET,
        "webhook_secret": SECRET,
    }


def _gsma_dials(webhook: str) -> Json:
    bot = {"client_secret": CLIENT_SECRET, "webhook": webhook, "webhook_secret": SECRET}
    return {"gsma": {"bots": {AGENT: bot}}}


def _messente(emulator: str, key: Any) -> Json:
    base = {"base_url": f"{emulator}messente/v1"} if emulator else {}
    return {"username": USERNAME, "password": PASSWORD, "sender": AGENT, "inbound_secret": SECRET, **base}


def _messente_dials(webhook: str) -> Json:
    account = {"password": PASSWORD, "shared_secret": SECRET, "rcs_sender": AGENT, "mo_url": webhook}
    return {"messente": {"accounts": {USERNAME: account}}}


def _rest(emulator: str, key: Any) -> Json:
    url = f"{emulator}rest/v1/messages" if emulator else API
    return {"url": url, "token": CLIENT_SECRET, "webhook_secret": SECRET}


def _rest_dials(webhook: str) -> Json:
    """Turn the platform's own fallback off: with it the shop would not know which SMS was answered."""
    own = {"webhook": webhook, "webhook_secret": SECRET, "own_fallback": False}
    return {"rest": {"tokens": [CLIENT_SECRET], "sender": AGENT, **own}}


def _kannel(emulator: str, key: Any) -> Json:
    return {
        "url": f"{emulator}kannel/cgi-bin/sendsms" if emulator else SENDSMS,
        "username": USERNAME,
        "password": PASSWORD,
        "webhook_secret": SECRET,
        "sender": SHORT_CODE,
    }


def _kannel_dials(webhook: str) -> Json:
    mo = f"{webhook}?secret={SECRET}&from=%p&to=%P&text=%b&charset=%C&coding=%c&sms_id=%I&at=%T"
    return {"kannel": {"users": {USERNAME: PASSWORD}, "short_code": SHORT_CODE, "mo_url": mo}}


PROVIDERS = {
    "google": Provider("Google", "rcs_backends.google_rbm.GoogleRBM", _google, _google_dials, verifies=True),
    "gsma": Provider(
        "the MaaP platform", "rcs_backends.gsma_maap.GSMAMaaP", _gsma, _gsma_dials, verifies=True
    ),
    "messente": Provider("Messente", "rcs_backends.messente.Messente", _messente, _messente_dials),
    "rest": Provider(
        "the REST platform", "rcs_backends.generic_rest.GenericREST", _rest, _rest_dials, takes_back=False
    ),
}
SMS = Provider("Kannel", "rcs_backends.kannel.Kannel", _kannel, _kannel_dials)


def shop_backends(name: str, key: Any = None, emulator: str = "") -> Json:
    """Return RCS_BACKENDS of the shop: RCS through the provider `name`, with SMS as fallback."""
    rcs = PROVIDERS[name].backend(emulator, key)
    return {"acme": {**rcs, "FALLBACK": ["sms"], "RATE": "100/s"}, "sms": SMS.backend(emulator)}


def emulator_settings(name: str, public_url: str) -> Json:
    """Return the emulator's settings, so that it accepts the shop's requests and finds its webhooks."""
    webhooks = {alias: f"{public_url}webhooks/{alias}/" for alias in ("acme", "sms")}
    return PROVIDERS[name].dials(webhooks["acme"]) | SMS.dials(webhooks["sms"])
