"""A client id and its secret → bearer tokens for the API of a MaaP platform; a fixed token as it is.

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
MARGIN = 60.0  # seconds before its end at which a token is renewed; platforms name from 5 s to 5 min
LIFETIME = 3600.0  # seconds, where the answer does not tell; a 401 corrects it


class Tokens:
    """One access token for all threads of the process, renewed shortly before it ends."""

    def __init__(self, options: GSMAMaaPOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._token = ""
        self._refresh = ""
        self._renew_at = 0.0  # by time.monotonic()

    def get(self) -> str:
        """A token that should be good. Raises Misconfigured, Unavailable or Throttled when none can be had."""
        if self._options.token:
            return self._options.token
        if time.monotonic() >= self._renew_at:
            with self._lock:  # the others wait for the one that fetches
                if time.monotonic() >= self._renew_at:
                    self._renew()
        return self._token

    def refused(self, token: str) -> bool:
        """The API did not take `token`. True: the next `get` brings another, fetched with the client's secret."""
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
        """By the refresh token while there is one; a refresh that is refused starts anew."""
        if refresh := self._refresh:
            self._refresh = ""
            try:
                return self._fetch({"grant_type": "refresh_token", "refresh_token": refresh})
            except Misconfigured:
                pass
        return self._fetch({"grant_type": "client_credentials"})

    def _fetch(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        """No message was on this request: nothing here is ambiguous, and no refusal concerns a message."""
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
            error.unknown = False  # also where it ended a repeat
            raise
        except (Refused, Misconfigured) as error:
            raise Misconfigured(f"token endpoint: {error.detail}", code="token_refused") from None
        return answer if isinstance(answer, Mapping) else {}


def _seconds(value: Any) -> float:
    """A number, also as a string."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value[:9])
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return min(float(value), 1e9) if is_number and 0 < value < float("inf") else LIFETIME
