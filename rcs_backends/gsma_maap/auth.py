"""Exchange a client id and its secret for bearer tokens of a MaaP platform, or use a fixed token.

Source: the OAuth 2 endpoint that platforms have beside the API (client_credentials and refresh_token, scope
`botmessage`, Basic authentication of the client); RFC 6749, sections 4.4 and 6.
"""

import threading
import time
from collections.abc import Mapping
from typing import Any

from rcs_backends import http
from rcs_backends.gsma_maap.options import GSMAMaaPOptions
from rcs_backends.reading import is_bearer
from rcs_router.errors import Ambiguous, Misconfigured, Refused, Throttled, Unavailable

SCOPE = "botmessage"
MARGIN = 60.0  # seconds before its expiry at which a token is renewed; platforms recommend 5 s to 5 min
LIFETIME = 3600.0  # seconds, where the answer does not say; a 401 corrects it


class Tokens:
    """An access token shared by all threads of the process and renewed shortly before it expires."""

    def __init__(self, options: GSMAMaaPOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._token = ""
        self._refresh = ""
        self._renew_at = 0.0  # by time.monotonic()

    def get(self) -> str:
        """Return a token that should be valid. Raises Misconfigured, Unavailable or Throttled when there is none."""
        if self._options.token:
            return self._options.token
        if time.monotonic() >= self._renew_at:
            with self._lock:  # one thread fetches, the others wait
                if time.monotonic() >= self._renew_at:
                    self._renew()
        return self._token

    def refused(self, token: str) -> bool:
        """Record that the API refused `token`. True: the next `get` fetches another one with the client's secret."""
        if self._options.token:
            return False
        with self._lock:
            if token == self._token:
                self._renew_at, self._refresh = 0.0, ""
        return True

    def _renew(self) -> None:
        asked_at = time.monotonic()
        answer = self._answer()
        token, refresh = answer.get("access_token"), answer.get("refresh_token")
        if not is_bearer(token):
            raise Unavailable("token endpoint: an answer without access_token", code="bad_token")
        lifetime = _seconds(answer.get("expires_in"))
        self._token, self._refresh = str(token), refresh if isinstance(refresh, str) else ""
        self._renew_at = asked_at + max(lifetime - MARGIN, lifetime / 2)

    def _answer(self) -> Mapping[str, Any]:
        """Use the refresh token while there is one; if it is refused, log in with the client's secret."""
        if refresh := self._refresh:
            self._refresh = ""
            try:
                return self._fetch({"grant_type": "refresh_token", "refresh_token": refresh})
            except Misconfigured:
                pass
        return self._fetch({"grant_type": "client_credentials"})

    def _fetch(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        """Request a token. No message is involved, so no error is Ambiguous, and no refusal concerns a message."""
        options = self._options
        if not options.token_address:
            raise Misconfigured("token_url is not known", code="token_refused")
        try:
            answer = http.call(
                "POST",
                options.token_address,
                data={**form, "scope": SCOPE},
                auth=(options.client_id, options.client_secret),
                timeout=options.timeout,
                repeatable=True,
                secrets=[*options.secrets(), *form.values()],
            ).json()
        except Ambiguous as error:
            raise Unavailable(f"token endpoint: {error.detail}") from None
        except (Throttled, Unavailable) as error:
            error.unknown = False  # even if the request was repeated
            raise
        except (Refused, Misconfigured) as error:
            raise Misconfigured(f"token endpoint: {error.detail}", code="token_refused") from None
        return answer if isinstance(answer, Mapping) else {}


def _seconds(value: Any) -> float:
    """Return a lifetime given as a number or a string, or LIFETIME for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value[:9])
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return min(float(value), 1e9) if is_number and 0 < value < float("inf") else LIFETIME
