"""Exchange a service account's key for bearer tokens, which every request of the backend uses.

Source: developers.google.com/identity/protocols/oauth2/service-account. The key file names the token endpoint.
"""

import json
import threading
import time
from collections.abc import Mapping
from typing import Any

from rcs_backends import http
from rcs_backends.reading import is_bearer
from rcs_router.errors import Ambiguous, Misconfigured, Refused, Throttled, Unavailable

SCOPE = "https://www.googleapis.com/auth/rcsbusinessmessaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
MARGIN = 300.0  # seconds before its expiry at which a token is renewed
REQUIRED = ("client_email", "private_key", "token_uri")


class KeyProblem(ValueError):
    """The service account's key cannot be used. The message is one sentence that quotes nothing of the key."""


def read_key(service_account: str | Mapping[str, Any]) -> dict[str, Any]:
    """Return the key's fields, read from a file or given as a mapping. Raises KeyProblem."""
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
        raise KeyProblem('service_account: not the key of a service account (its "type" differs)')
    if missing := [name for name in REQUIRED if not isinstance(key.get(name), str) or not key[name]]:
        raise KeyProblem(f"service_account: the key lacks {missing[0]!r}")
    return dict(key)


def signer(key: Mapping[str, Any]) -> Any:
    """Return a signer for the key's private key. Raises KeyProblem, also when google-auth is not installed."""
    try:
        from google.auth import crypt
    except ImportError:
        raise KeyProblem("google-auth is not installed: pip install 'django-rcs-router[google]'") from None
    try:
        return crypt.RSASigner.from_service_account_info(key)
    except Exception:  # google-auth and cryptography raise many kinds, whose texts may quote the key
        raise KeyProblem("service_account: its private_key is not an RSA key in PEM format") from None


def assertion(key: Mapping[str, Any]) -> str:
    """Return a signed JWT that claims to be this service account, valid for an hour. Raises KeyProblem.

    google-auth's own credentials are not used: they always name Google's endpoint as the audience, and they block while
    they retry.
    """
    signing = signer(key)
    from google.auth import jwt

    now = int(time.time())
    claims = {
        "iss": key["client_email"],
        "aud": key["token_uri"],
        "scope": SCOPE,
        "iat": now,
        "exp": now + 3600,
    }
    return str(jwt.encode(signing, claims).decode())


class Tokens:
    """An access token shared by all threads of the backend and renewed shortly before it expires."""

    def __init__(self, service_account: str | Mapping[str, Any], timeout: float) -> None:
        self._service_account = service_account
        self._timeout = timeout
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0  # by time.monotonic()

    def get(self) -> str:
        """Return a valid token. Raises Misconfigured (the key is invalid or refused), Unavailable or Throttled."""
        if time.monotonic() >= self._renew_at:
            with self._lock:  # one thread fetches, the others wait
                if time.monotonic() >= self._renew_at:
                    self._renew()
        return self._token

    def refused(self, token: str) -> None:
        """Record that the API did not accept `token`; the next `get` fetches another one, unless that has happened."""
        with self._lock:
            if token == self._token:
                self._renew_at = 0.0

    def _renew(self) -> None:
        asked_at = time.monotonic()
        match self._fetch().json():
            case {"access_token": str() as token, "expires_in": int() as lifetime} if is_bearer(token):
                self._token = token
                self._renew_at = asked_at + max(lifetime - MARGIN, lifetime / 2)
            case _:
                raise Unavailable(
                    "token endpoint: the answer lacks access_token or expires_in", code="bad_token"
                )

    def _fetch(self) -> http.Reply:
        """Request a token. No message is involved, so no error is Ambiguous, and no refusal concerns a message."""
        try:
            key = read_key(self._service_account)
            form = {"grant_type": GRANT, "assertion": assertion(key)}
            return http.call("POST", key["token_uri"], data=form, timeout=self._timeout, repeatable=True)
        except KeyProblem as problem:
            raise Misconfigured(str(problem), code="bad_key") from None
        except Ambiguous as error:
            raise Unavailable(f"token endpoint: {error.detail}") from None
        except (Throttled, Unavailable) as error:
            error.unknown = False  # even if the request was repeated
            raise
        except (Refused, Misconfigured) as error:
            raise Misconfigured(f"token endpoint: {error.detail}", code="token_refused") from None
