"""A service account's key → bearer tokens for the messaging API; used by every request of the backend.

Source: developers.google.com/identity/protocols/oauth2/service-account. The token endpoint is the key file's own.
"""

import json
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from rcs_backends import http
from rcs_router.errors import Ambiguous, Misconfigured, Refused, SendError, Unavailable

SCOPE = "https://www.googleapis.com/auth/rcsbusinessmessaging"
MARGIN = 300.0  # seconds before its end at which a token is renewed
REQUIRED = ("client_email", "private_key", "token_uri")


class KeyProblem(ValueError):
    """The service account's key cannot be used; the message is one sentence without any of its content."""


def read_key(service_account: str | Mapping[str, Any]) -> dict[str, Any]:
    """The key's fields, from a file's path or as given. Raises KeyProblem."""
    key: Any = service_account
    if isinstance(service_account, str):
        try:
            with open(service_account, encoding="utf-8") as file:
                key = json.load(file)
        except OSError as error:
            raise KeyProblem(
                f"service_account: {service_account} cannot be read ({error.strerror})"
            ) from None
        except (ValueError, RecursionError):
            raise KeyProblem(f"service_account: {service_account} is not JSON") from None
    if not isinstance(key, Mapping) or key.get("type") != "service_account":
        raise KeyProblem('service_account: not a service account\'s key (its "type" is another)')
    if missing := [name for name in REQUIRED if not isinstance(key.get(name), str) or not key[name]]:
        raise KeyProblem(f"service_account: the key lacks {missing[0]!r}")
    return dict(key)


def credentials(service_account: str | Mapping[str, Any]) -> Any:
    """google-auth's credentials for the key. Raises KeyProblem, also when google-auth is not installed."""
    key = read_key(service_account)
    try:
        from google.oauth2 import service_account as google
    except ImportError:
        raise KeyProblem("google-auth is not installed: pip install 'django-rcs-router[google]'") from None
    try:
        return google.Credentials.from_service_account_info(key, scopes=[SCOPE])
    except Exception:  # google-auth and its crypto library raise many kinds; their texts may quote the key
        raise KeyProblem("service_account: its private_key is no RSA key in PEM form") from None


class Tokens:
    """One access token shared by all threads of the backend, renewed shortly before it ends."""

    def __init__(self, service_account: str | Mapping[str, Any], timeout: float) -> None:
        self._service_account = service_account
        self._timeout = timeout
        self._lock = threading.Lock()
        self._credentials: Any = None
        self._token = ""
        self._renew_at = 0.0  # by time.monotonic()

    def get(self) -> str:
        """A valid token. Raises Misconfigured (the key or what Google says of it), Unavailable, Throttled."""
        if time.monotonic() >= self._renew_at:
            with self._lock:  # the others wait for the one that fetches
                if time.monotonic() >= self._renew_at:
                    self._renew()
        return self._token

    def refused(self, token: str) -> None:
        """The API did not accept `token`: the next `get` fetches another, unless that happened already."""
        with self._lock:
            if token == self._token:
                self._renew_at = 0.0

    def _renew(self) -> None:
        try:
            self._credentials = self._credentials or credentials(self._service_account)
        except KeyProblem as problem:
            raise Misconfigured(str(problem), code="bad_key") from None
        try:
            self._credentials.refresh(self._fetch)
        except SendError:
            raise
        except Exception as error:  # an answer that google-auth cannot use ends in errors of any kind
            raise Unavailable(f"token endpoint: unusable answer ({type(error).__name__})") from None
        self._token = self._credentials.token
        expiry = self._credentials.expiry  # naive, in UTC; None when the answer does not say
        lifetime = (expiry.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds() if expiry else 2 * MARGIN
        self._renew_at = time.monotonic() + max(lifetime - MARGIN, lifetime / 2)

    def _fetch(self, url: str, method: str, body: bytes, headers: Mapping[str, str], **ignored: Any) -> Any:
        """google-auth's transport over our HTTP. Raises for an error at once, so that google-auth retries nothing.

        No message was on this request, so nothing here is ambiguous, and no refusal concerns a message.
        """
        try:
            reply = http.call(method, url, data=body, headers=headers, timeout=self._timeout, repeatable=True)
        except Ambiguous as error:
            raise Unavailable(f"token endpoint: {error.detail}") from None
        except (Refused, Misconfigured) as error:
            raise Misconfigured(f"token endpoint: {error.detail}", code="token_refused") from None
        return SimpleNamespace(status=reply.status, headers=reply.headers, data=reply.body)
