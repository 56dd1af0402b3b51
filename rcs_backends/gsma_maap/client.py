"""Make one request of a bot to its platform with a valid token, and return its answer or raise the error it means."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from rcs_backends import http
from rcs_backends.gsma_maap.answers import ERRORS, TOKEN_CODES, code_of, error_of
from rcs_backends.gsma_maap.auth import Tokens
from rcs_backends.gsma_maap.options import GSMAMaaPOptions


class Client:
    """A bot's HTTP client, used by all threads of the process at once."""

    def __init__(self, options: GSMAMaaPOptions) -> None:
        self._options = options
        self.tokens = Tokens(options)

    def call(
        self,
        method: str,
        *path: str,
        errors: http.Errors = ERRORS,
        own: http.Own = http.empty_or_json,
        hidden: Iterable[str] = (),
        **arguments: Any,
    ) -> http.Reply:
        """Make one request. `path`: segments below the bot, encoded here. A refused token is replaced once.

        Raises what `http.call` does, and the error that the answer means; `hidden` stays out of the error's text.
        """
        url = "/".join([self._options.base, *(quote(segment, safe="") for segment in path)])
        reply, token = self._exchange(method, url, arguments)
        if _is_about_the_token(reply) and self.tokens.refused(token):
            reply, token = self._exchange(method, url, arguments)
        if error := error_of(reply, errors, [*self._options.secrets(), token, *hidden], own):
            raise error
        return reply

    def _exchange(self, method: str, url: str, arguments: dict[str, Any]) -> tuple[http.Reply, str]:
        token = self.tokens.get()
        given = {"timeout": self._options.timeout, **arguments}
        headers = {"Authorization": f"Bearer {token}", **given.pop("headers", {})}
        return http.call(method, url, headers=headers, raise_errors=False, **given), token


def _is_about_the_token(reply: http.Reply) -> bool:
    return reply.status == 401 or (reply.status >= 400 and code_of(reply) in TOKEN_CODES)


def answer_of(reply: http.Reply) -> dict[str, Any]:
    """Return the whole answer as an object. Raises Unavailable for any other answer."""
    answer = reply.json()
    if reply.truncated or not isinstance(answer, dict):
        raise http.unread(reply, "an object")
    return answer


def is_done(reply: http.Reply) -> bool:
    """Return whether a PUT or DELETE succeeded on the platform itself: a 204, or a JSON object."""
    return reply.status == 204 or isinstance(reply.json(), dict)
