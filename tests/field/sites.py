"""Settings of a site with each wire, as the tests of the field use them. No address leads anywhere."""

from typing import Any

from tests.core import ROUTER

SITE = "https://shop.example/rcs/"
OURS = "+15005550006"
ACCOUNT = "AC" + "0" * 32
TOKEN = "the-account-s-token"
SECRET = "s3cret"
PASSWORD = "p4ss"

SMS: dict[str, Any] = {"BACKEND": "rcs_router.testing.MemorySMS"}
RCS: dict[str, Any] = {"BACKEND": "rcs_router.testing.MemoryBackend"}
TWILIO: dict[str, Any] = {
    "BACKEND": "rcs_backends.twilio_sms.TwilioSMS",
    "OPTIONS": {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": OURS},
}
KANNEL: dict[str, Any] = {
    "BACKEND": "rcs_backends.kannel.Kannel",
    "OPTIONS": {
        "url": "http://127.0.0.1:1/cgi-bin/sendsms",
        "username": "u",
        "password": "p",
        "webhook_secret": SECRET,
    },
}
GSMA: dict[str, Any] = {
    "BACKEND": "rcs_backends.gsma_maap.GSMAMaaP",
    "OPTIONS": {
        "api_url": "https://maap.example/rcs",
        "bot_id": "bot@x.example",
        "token": "t",
        "webhook_secret": SECRET,
    },
}
REST: dict[str, Any] = {
    "BACKEND": "rcs_backends.generic_rest.GenericREST",
    "OPTIONS": {"url": "https://rest.example/v1/messages", "token": "t", "webhook_secret": SECRET},
}
MESSENTE: dict[str, Any] = {
    "BACKEND": "rcs_backends.messente.Messente",
    "OPTIONS": {"username": "u", "password": PASSWORD, "sender": "Acme"},
}


def site(settings: Any, backends: dict[str, Any], **router: Any) -> None:
    """Configure these backends, by alias, and these keys of RCS_ROUTER beside the ones that all tests have."""
    settings.ALLOWED_HOSTS = ["*"]
    settings.RCS_BACKENDS = backends
    settings.RCS_ROUTER = {**ROUTER, "PUBLIC_URL": SITE, **router}


def options(backend: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """The same backend with other OPTIONS."""
    return {**backend, "OPTIONS": {**backend["OPTIONS"], **changed}}
