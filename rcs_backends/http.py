"""Make one HTTP request to a provider and return its answer, or raise the SendError that says what to do next.

Every backend sends through this module. Four questions decide: was a connection established, had the request left,
which status has the answer, and did the provider itself write it? A page from a proxy or login says nothing about a
message.
"""

import base64
import json as jsonlib
import re
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

import requests
import urllib3

from rcs_backends.connection import Exchange, adapter
from rcs_router.contract import MALFORMED_REPLY, time_left
from rcs_router.errors import (
    Ambiguous,
    Forbidden,
    Misconfigured,
    Refused,
    SendError,
    Throttled,
    Unavailable,
)

MAX_BODY = 64 * 1024  # bytes of an answer that are read
# Seconds: what a date can hold. PAUSE_LIMIT limits how much of it is obeyed.
MAX_RETRY_AFTER = 10 * 365 * 86400.0
MAX_DETAIL = 300  # characters
MAX_SEEN = 4000  # characters that are searched for secrets
MAX_NAME = 80  # characters before "password" or "token" in the name of a parameter
NO_TIME = "no_time"  # code of an error for which no request was made
SHORTEST_KEY = 4  # characters; masking shorter credentials would hide half of every sentence
NOT_THE_PROVIDER = "not_the_provider"  # code of an error answer that the provider did not write

Errors = Mapping[int | str, type[SendError]]  # the provider's error code or an HTTP status → our error
CodeOf = Callable[["Reply"], str]  # returns the provider's error code in an answer, or an empty string

_BY_STATUS: Errors = {
    401: Misconfigured,
    403: Forbidden,
    407: Misconfigured,
    408: Unavailable,
    429: Throttled,
}
_GENERAL_STATUSES = frozenset({401, 407, 408, 429})  # these mean the same from a proxy as from the provider
_BLANK = b" \t\r\n\0\xef\xbb\xbf\xff\xfe"  # byte order marks count as blank
_HARMLESS = frozenset({"accept", "accept-encoding", "content-type", "user-agent"})  # headers without keys
_PAGES = frozenset({"text/html", "application/xhtml+xml"})


@dataclass(frozen=True, slots=True)
class Reply:
    """A provider's answer. `truncated`: its body was cut off, took too long or exceeded the size limit.

    `repeated`: it answers the second request, so an error does not tell what happened to the first. `credentials`: the
    secrets of the request's headers, in every form in which the answer may repeat them.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)  # case-insensitive names
    body: bytes = b""
    truncated: bool = False
    repeated: bool = False
    credentials: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the body as JSON, or None when it cannot be parsed."""
        try:
            return jsonlib.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def is_empty(self) -> bool:
        return not self.body.strip(_BLANK)

    @property
    def is_markup(self) -> bool:
        """Return whether the body begins as HTML and XML do."""
        return self.body.lstrip(_BLANK).startswith(b"<")

    @property
    def is_page(self) -> bool:
        """Return whether the answer is a web page, as proxies, logins and empty hosts send, but APIs never."""
        media_type = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return self.is_markup or (media_type in _PAGES and not self.is_empty and self.json() is None)


Own = Callable[[Reply], bool]  # returns whether the provider itself wrote an error answer


def no_page(reply: Reply) -> bool:
    return not reply.is_page


def empty_or_json(reply: Reply) -> bool:
    """Return whether a provider that writes only JSON may have sent this: JSON, or nothing at all."""
    return reply.is_empty or reply.body.lstrip(_BLANK).startswith((b"{", b"[", b'"'))


def call(
    method: str,
    url: str,
    *,
    json: Any = None,
    data: bytes | Mapping[str, str] | None = None,
    params: Mapping[str, str | bytes] | None = None,
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    connect_timeout: float = 3.0,
    timeout: float = 15.0,
    max_body: int = MAX_BODY,
    repeatable: bool = False,
    secrets: Iterable[str] = (),
    errors: Errors | None = None,
    code_of: CodeOf | None = None,
    own: Own = no_page,
    raise_errors: bool = True,
) -> Reply:
    """Make one request and return its answer. `timeout` (seconds) limits the whole exchange.

    `repeatable`: the provider drops repeats, so a request lost on a stale connection is sent once more. `secrets` never
    appear in an error's text. Raises Unavailable (no connection), Ambiguous (the request left, no answer came),
    Misconfigured (address, certificate) and, unless `raise_errors` is False, the error that `judge` returns.
    """
    request = _request(method, url, json, data, params, headers, auth)
    if (left := time_left()) is not None:
        if not left:
            raise Unavailable("no time was left for the request", code=NO_TIME)
        timeout = min(timeout, left)
    reply = _exchange(request, Exchange(timeout, connect_timeout), max_body, repeatable)
    if isinstance(reply, SendError):
        raise reply
    reply = replace(reply, credentials=_credentials(headers or {}, auth))
    if raise_errors and (error := judge(reply, errors=errors, code_of=code_of, own=own, secrets=secrets)):
        raise error
    return reply


def _request(
    method: str, url: str, json: Any, data: Any, params: Any, headers: Mapping[str, str] | None, auth: Any
) -> requests.Request:
    """Build the request. It is prepared later, where an invalid URL is turned into one of our errors, too."""
    headers = {"User-Agent": "django-rcs-router", "Accept-Encoding": "identity", **(headers or {})}
    if json is not None:
        data = jsonlib.dumps(json, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        headers.setdefault("Content-Type", "application/json")
    return requests.Request(method, url, headers, data=data, params=params, auth=auth)


def basic(user: str, password: str) -> str:
    """Return the credentials of basic authentication: base64 of `user:password` in UTF-8 (RFC 7617)."""
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def _credentials(headers: Mapping[str, str], auth: tuple[str, str] | None) -> frozenset[str]:
    """Return the secrets in the headers, whatever the headers' names. A value with a blank is a scheme and a key."""
    values = [value for name, value in headers.items() if name.lower() not in _HARMLESS]
    keys = [value.partition(" ")[2] or value for value in values]
    pair = [auth[1], ":".join(auth), basic(*auth), basic(*auth).rstrip("=")] if auth else []
    return frozenset(one for one in [*values, *keys, *pair] if len(one) >= SHORTEST_KEY)


def judge(
    reply: Reply,
    *,
    errors: Errors | None = None,
    code_of: CodeOf | None = None,
    own: Own = no_page,
    secrets: Iterable[str] = (),
    detail: str = "",
) -> SendError | None:
    """Return the error that an answer means, or None for a 2xx. `detail` is shown to people instead of the whole body.

    The provider's table `errors` comes first: by its error code (`code_of`), then by HTTP status. A 4xx that the
    provider did not write (`own`) is Unavailable: it tells only that the message was not accepted.
    """
    if 200 <= reply.status < 300:
        return None
    table = errors or {}
    code = code_of(reply) if code_of else ""
    known = (
        table.get(code)
        or table.get(reply.status)
        or _BY_STATUS.get(reply.status)
        or _by_status_class(reply.status)
    )
    code = code if code in table else ""
    if 400 <= reply.status < 500 and reply.status not in _GENERAL_STATUSES and not own(reply):
        known, code, detail = (
            Unavailable,
            NOT_THE_PROVIDER,
            f"not written by the provider: {_readable(reply)}",
        )
    error = known(
        redact(
            f"HTTP {reply.status} {detail or _readable(reply)}".rstrip(" :"), [*secrets, *reply.credentials]
        ),
        code=code,
        retry_after=_retry_after(reply.headers.get("Retry-After", "")),
    )
    error.unknown = error.unknown or reply.repeated
    return error


def without(reply: Reply, what: str) -> str:
    """Return the error text for a success that lacks `what`; it quotes nothing of the body."""
    if reply.is_page:
        return f"HTTP {reply.status} without {what}: a web page came"
    return f"HTTP {reply.status} without {what}: {'nothing' if reply.is_empty else 'something else'} came"


def unread(reply: Reply, what: str) -> Unavailable:
    """Return the error for a success that lacks `what`, for calls that send no message and so can be repeated."""
    return Unavailable(without(reply, what), code=MALFORMED_REPLY)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Mask secrets, bearer tokens, passwords in URLs and phone numbers in `text`; return at most 300 characters.

    Only the first characters are examined, so a long text takes no longer than a short one.
    """
    forms = [
        form for secret in sorted(filter(None, secrets), key=len, reverse=True) for form in _forms(secret)
    ]
    text, is_cut = text[:MAX_SEEN], len(text) > MAX_SEEN
    for form in forms:
        text = text.replace(form, "***")
    for pattern, mask in _SECRET_PATTERNS:
        text = pattern.sub(mask, text)
    if is_cut:  # the cut may have left a part of a secret, which no pattern matches
        text = text[: max(len(text) - max(map(len, forms), default=0) - MAX_NAME, 0)]
    return text if len(text) <= MAX_DETAIL else text[: MAX_DETAIL - 1] + "…"


def _forms(secret: str) -> set[str]:
    """Return the forms in which a provider may repeat a secret; `_readable` has joined lines by then."""
    line = " ".join(secret.split())
    encoded = {quote(secret, safe=""), quote_plus(secret), jsonlib.dumps(secret)[1:-1]}
    return {secret, *encoded, *([line] if line else [])}


def _mask_pair(found: re.Match[str]) -> str:
    """Mask base64 of `name:password`: basic credentials, even without the word Basic in front of them."""
    packed = found[0].rstrip("=")
    try:
        plain = base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_").decode("ascii")
    except ValueError:
        return found[0]
    return "***" if re.fullmatch(r"[!-9;-~]+:[ -~]+", plain) else found[0]


_NAMES = rf"[\w-]{{0,{MAX_NAME}}}(?:pass|password|secret|token|key|assertion)"
_SECRET_PATTERNS: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), r"\1 ***"),
    # JSON web tokens; Google's access tokens
    (re.compile(r"\b(?:eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?|ya29\.[\w.-]+)"), "***"),
    (re.compile(r"(?<![\w+/=-])[\w+/-]{8,}={0,2}(?![\w+/=-])"), _mask_pair),
    (re.compile(rf"(?i)\b({_NAMES}=)[^\s&\"']+"), r"\1***"),
    (re.compile(rf'(?i)("{_NAMES}"\s*:\s*)"[^"]*"?'), r'\1"***"'),
    (re.compile(r"(?i)((?:\+|%2b|\b)\d{2})\d{3,13}(\d{2})\b"), r"\1…\2"),
]


def _by_status_class(status: int) -> type[SendError]:
    if 300 <= status < 400:
        return Misconfigured  # APIs do not redirect, and following would send our token to another host
    return Unavailable if status >= 500 else Refused if status >= 400 else Ambiguous


def _readable(reply: Reply) -> str:
    if 300 <= reply.status < 400:
        return "is a redirect, which is not followed: is the address right?"
    return " ".join(re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", reply.text[:4000]).split())


def _retry_after(value: str) -> float | None:
    """Return the seconds of a Retry-After header: a number or an HTTP date (RFC 9110, section 10.2.3).

    0 for a past date, None for a value that is neither.
    """
    if re.fullmatch(r"\s*[0-9]{1,300}(\.[0-9]{0,300})?\s*", value):
        return min(float(value), MAX_RETRY_AFTER)
    try:
        at = parsedate_to_datetime(value)
        seconds = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _exchange(
    request: requests.Request, state: Exchange, max_body: int, repeatable: bool
) -> Reply | SendError:
    """Return the answer or the error. The error is not raised here, because its cause would show the URL."""
    try:
        with state, adapter().send_within(state, request.prepare()) as response:
            return Reply(response.status_code, response.headers, *_read(response.raw, max_body))
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        if not (repeatable and state.reused and not state.answered and _is_reset(error)):
            return _failure(error, state.request_left, request.url)
    state.request_left = state.reused = False
    outcome = _exchange(request, state, max_body, repeatable=False)
    if isinstance(outcome, Reply):
        return replace(outcome, repeated=True)
    outcome.unknown = True  # whatever stopped the second request, the first may have arrived
    return outcome


def _read(raw: Any, limit: int) -> tuple[bytes, bool]:
    """Return the body up to `limit` bytes, and whether a part of it is missing."""
    body = bytearray()
    read = getattr(raw, "read1", raw.read)  # urllib3's `read` discards a body that is cut off
    try:
        while len(body) <= limit and (chunk := read(16 * 1024, decode_content=True)):
            body += chunk
    except (urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError):
        return bytes(body[:limit]), True
    return bytes(body[:limit]), len(body) > limit


def _failure(error: Exception, left: bool, url: str) -> SendError:
    """Return the error that an exception means. Its own text is not used: it holds the URL with all parameters."""
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return Misconfigured(f"{_host(url)}: its TLS certificate cannot be verified", code="certificate")
    why = getattr(causes[-1], "strerror", "") or type(causes[-1]).__name__
    if left:
        return Ambiguous(f"{_host(url)}: the request left, no answer came ({why})")
    if isinstance(error, ValueError):
        return Misconfigured(f"{_host(url)}: the address or a header is not valid ({why})")
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return Misconfigured("the certificates that REQUESTS_CA_BUNDLE names cannot be read")
    return Unavailable(f"{_host(url)}: no connection ({why})")


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "no host"
    except ValueError:
        return "no host"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_reset(error: BaseException) -> bool:
    """Return whether the other side had closed the connection. RemoteDisconnected is a ConnectionResetError."""
    return any(isinstance(cause, ConnectionResetError | BrokenPipeError) for cause in _causes(error))
