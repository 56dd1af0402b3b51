"""Send messages through Google's RCS for Business API v1, and parse its webhooks.

`render` builds the message, `limits` lists what Google refuses, `auth` fetches tokens, `webhook` reads requests from
Google. Source: developers.google.com/business-communications/rcs-business-messaging, read in November 2026.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote, urlsplit
from uuid import UUID, uuid4

from rcs_backends import http
from rcs_backends.google_rbm import webhook
from rcs_backends.google_rbm.auth import KeyProblem, Tokens, read_key, signer
from rcs_backends.google_rbm.limits import LIMITS
from rcs_backends.google_rbm.render import EXTRA, agent_message, content_message
from rcs_backends.payload import telling
from rcs_backends.reading import member, text
from rcs_router.content import (
    CalendarEvent,
    Card,
    Carousel,
    Content,
    Dial,
    File,
    OpenUrl,
    Reply,
    RequestLocation,
    ShowLocation,
    Text,
)
from rcs_router.content.fitting import Feature
from rcs_router.contract import (
    BaseBackend,
    Capabilities,
    Options,
    Outbound,
    Parsed,
    SendResult,
    WebhookAnswer,
    WebhookRequest,
    secret,
    several,
)
from rcs_router.errors import Misconfigured, Refused, Throttled, Unreachable, Unreadable

BATCH = 10_000  # maximum of numbers in one users:batchGet
BATCH_MINIMUM = 500  # minimum of numbers in one users:batchGet
BATCH_FIELDS = frozenset({"reachableUsers", "totalRandomSampleUserCount", "reachableRandomSampleUserCount"})
BATCH_BODY = 2 * 1024 * 1024  # bytes of its answer: all numbers, and US numbers twice
MESSAGE_BODY = 1024 * 1024  # bytes of the answer to a message, which repeats it, perhaps with \uXXXX escapes
UPLOAD_TIMEOUT = 120.0  # seconds, at least

# guides/build/messages/send and the error texts in Google's samples. Every 403 has the same status, whatever its
# cause: "the agent is not launched" is about this phone, and only some texts are about our key. A promotional limit
# lasts for weeks, so it must not pause the whole backend as a rate limit does.
ERRORS: http.Errors = {
    "not_launched": Unreachable,
    "misconfigured": Misconfigured,
    "traffic_limit": Refused,
    400: Refused,
    401: Misconfigured,
    404: Unreachable,
    429: Throttled,
}
# Texts of a 403 about key, scope or project; the first is from this API, the others from all Google APIs.
KEY_ERRORS = ("looking up the rbm agent", "authentication scope", "has not been used in project")
KEY_REASONS = frozenset({"ACCESS_TOKEN_SCOPE_INSUFFICIENT", "SERVICE_DISABLED", "CONSUMER_INVALID"})

ACTIONS: frozenset[type] = frozenset({OpenUrl, Dial, ShowLocation, RequestLocation, CalendarEvent})


@dataclass(frozen=True)
class GoogleOptions(Options):
    """`agent_id`: with or without `@rbm.goog`. `service_account`: the path of the key file, or its JSON as a dict."""

    agent_id: str
    service_account: str | dict[str, Any] = secret()  # noqa: RUF009 - it is dataclasses.field
    client_token: str | tuple[str, ...] = secret()  # of the webhook; several values during a rotation
    region: Literal["", "us", "europe", "asia"] = ""  # where the agent is hosted; empty: the global endpoint
    base_url: str = ""  # replaces Google's address in tests

    @property
    def agent(self) -> str:
        """The id without suffix, as requests use it."""
        return self.agent_id.removesuffix(webhook.SUFFIX)

    @property
    def client_tokens(self) -> tuple[str, ...]:
        return several(self.client_token)

    @property
    def base(self) -> str:
        host = f"{self.region}-rcsbusinessmessaging" if self.region else "rcsbusinessmessaging"
        return self.base_url.rstrip("/") or f"https://{host}.googleapis.com"

    def secrets(self) -> Iterable[str]:
        yield from self.client_tokens
        if isinstance(self.service_account, Mapping):
            yield str(self.service_account.get("private_key") or "")


class GoogleRBM(BaseBackend):
    """An agent of Google's RCS for Business."""

    Options = GoogleOptions
    options: GoogleOptions
    provider = "Google RBM"
    extra = EXTRA
    tested = "emulator"
    limits = LIMITS
    capabilities = Capabilities(
        content=frozenset({Text, File, Card, Carousel}),
        suggestions=frozenset({Reply, *ACTIONS}),
        features=frozenset(
            {Feature.WEBVIEW, Feature.MAP_QUERY, Feature.ALT, Feature.THUMBNAIL, Feature.UPLOAD}
        ),
        fallback_urls=ACTIONS,
        idempotent=True,
        revoke=True,
        check=True,
        typing=True,
        mark_read=True,
        upload=True,
    )

    def __init__(self, alias: str, options: GoogleOptions, *, webhook_url: str = "") -> None:
        super().__init__(alias, options, webhook_url=webhook_url)
        self._tokens = Tokens(options.service_account, options.timeout)

    def check(self, content: Content) -> list[str]:
        message = {"messageTrafficType": "ACKNOWLEDGEMENT", "contentMessage": content_message(content)}
        size = len(json.dumps(message, ensure_ascii=False).encode("utf-8", "replace"))
        return [*LIMITS.problems(content), *LIMITS.too_big(size)]

    def problems(self) -> list[str]:
        return list(self._problems())

    def _problems(self) -> Iterator[str]:
        if not self.options.agent:
            yield "agent_id is empty"
        if not self.options.client_tokens or not all(self.options.client_tokens):
            yield "client_token is empty: no webhook can be verified"
        address = urlsplit(self.options.base)
        if address.scheme != "https" and address.hostname not in {"localhost", "127.0.0.1", "::1"}:
            yield "base_url must begin with https://, since every request carries an access token"
        try:
            signer(read_key(self.options.service_account))
        except KeyProblem as problem:
            yield str(problem)

    # Sending.

    def send(self, outbound: Outbound) -> SendResult:
        """Call phones.agentMessages.create. Google ignores an id that it has seen before, so a repeat is safe."""
        message = agent_message(outbound, datetime.now(UTC))
        hidden = telling(message.get("contentMessage"), least=6)
        path = f"{_phone(outbound.to)}/agentMessages"
        name = {"messageId": str(outbound.id)}
        reply = self._call("POST", path, name, json=message, hidden=hidden, max_body=MESSAGE_BODY)
        if not _name(reply, "/agentMessages/"):
            raise Unreadable(http.without(reply, "a message's name"))
        return SendResult(detail=_billed(reply))

    def revoke(self, transmission: UUID, to: str, provider_id: str = "") -> bool:
        """Return True if the message will not be delivered (older docs: probably not), False if too late or unknown."""
        path = f"{_phone(to)}/agentMessages/{transmission}"
        try:
            reply = self._call("DELETE", path, own=_is_explained)
        except Unreachable:
            return False
        if reply.json() != {}:
            raise http.unread(reply, "Google's {}")
        return True

    def typing(self, to: str, active: bool = True) -> None:
        """Show the typing indicator for about 20 seconds. No event ends it sooner."""
        if active:
            self._event(to, {"eventType": "IS_TYPING"})

    def mark_read(self, to: str, incoming_id: str) -> None:
        self._event(to, {"eventType": "READ", "messageId": incoming_id})

    def _event(self, to: str, event: Mapping[str, str]) -> None:
        self._call("POST", f"{_phone(to)}/agentEvents", {"eventId": str(uuid4())}, json=event)

    def check_capabilities(self, identities: list[str]) -> dict[str, frozenset[str] | None]:
        """Return Google's feature names for each phone; None: no RCS, or the agent is not launched on its network.

        With a `region` and at least 500 numbers, one users:batchGet asks for up to 10,000 of them. Its answer has no
        features, so reachable phones get an empty set. All numbers must belong to the agent's region, or Google refuses
        the request.
        """
        numbers = list(dict.fromkeys(identities))
        if self._batches(len(numbers)):
            reachable = self._reachable(numbers)
            return {number: frozenset() if number in reachable else None for number in numbers}
        return {number: self._features(number) for number in numbers}

    def check_requests(self, count: int) -> int:
        return math.ceil(count / BATCH) if self._batches(count) else count

    def _batches(self, count: int) -> bool:
        return bool(self.options.region) and count >= BATCH_MINIMUM

    def _features(self, number: str) -> frozenset[str] | None:
        try:
            name = {"requestId": str(uuid4())}
            reply = self._call("GET", f"{_phone(number)}/capabilities", name, own=_is_explained)
        except Unreachable:
            return None
        return frozenset(_strings(reply, "features"))

    def _reachable(self, numbers: list[str]) -> set[str]:
        """Ask in batches of equal size, so that the last one is not below the minimum."""
        batches = math.ceil(len(numbers) / BATCH)
        found: set[str] = set()
        for start in range(batches):
            body = {"users": numbers[start::batches], "agentId": self.options.agent}
            reply = self._call("POST", "users:batchGet", json=body, max_body=BATCH_BODY)
            if not BATCH_FIELDS & _object(reply).keys():
                raise http.unread(reply, "users or counts")
            found.update(_strings(reply, "reachableUsers"))
        return found

    # Files. Google keeps them for 60 days.

    def upload(self, data: bytes, media_type: str) -> str:
        """Upload a file of at most 100 MiB and return its name for `uploaded=`."""
        timeout = max(self.options.timeout, UPLOAD_TIMEOUT)
        headers = {"Content-Type": media_type}
        reply = self._call("POST", "files", root="/upload/v1/", data=data, headers=headers, timeout=timeout)
        return _file(reply)

    def upload_url(self, url: str, thumbnail_url: str = "") -> str:
        """Let Google fetch a public file and return its name for `uploaded=`."""
        thumbnail = {"thumbnailUrl": thumbnail_url} if thumbnail_url else {}
        body = {"fileUrl": url, "agentId": self.options.agent, **thumbnail}
        return _file(self._call("POST", "files", json=body))

    def _call(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        root: str = "/v1/",
        headers: Mapping[str, str] | None = None,
        hidden: Iterable[str] = (),
        own: http.Own = http.empty_or_json,
        **arguments: Any,
    ) -> http.Reply:
        """Make one request as this agent. A token that Google no longer accepts is renewed once."""
        url, params = self.options.base + root + path, {**(params or {}), "agentId": self.options.agent}
        arguments = {"timeout": self.options.timeout, **arguments}
        for _ in range(2):
            token = self._tokens.get()
            bearer = {"Authorization": f"Bearer {token}", **(headers or {})}
            reply = http.call(
                method, url, params=params, headers=bearer, repeatable=True, raise_errors=False, **arguments
            )
            if reply.status != 401:
                break
            self._tokens.refused(token)
        if error := self._error(reply, hidden, own):
            raise error
        return reply

    def _error(self, reply: http.Reply, hidden: Iterable[str], own: http.Own) -> Exception | None:
        if 200 <= reply.status < 300:
            return None
        secrets, detail = [*self.options.secrets(), *hidden], _message(reply)
        return http.judge(reply, errors=ERRORS, code_of=_code_of, own=own, secrets=secrets, detail=detail)

    # Webhooks.

    def handshake(self, request: WebhookRequest) -> WebhookAnswer | None:
        return webhook.handshake(request, self.options.client_tokens)

    def verify(self, request: WebhookRequest) -> None:
        webhook.verify(request, self.options.client_tokens)

    def dedupe_key(self, request: WebhookRequest) -> str | None:
        return webhook.dedupe_key(request)

    def parse(self, request: WebhookRequest) -> list[Parsed]:
        return webhook.parse(request, self.options.agent)


def _phone(number: str) -> str:
    """Return the resource path of a phone; its plus sign is not encoded."""
    return f"phones/{quote(number, safe='+')}"


def _problem(reply: http.Reply) -> Mapping[str, Any]:
    """Return the `error` object of an error answer, or an empty one."""
    match reply.json():
        case {"error": Mapping() as error}:
            return error
    return {}


def _is_explained(reply: http.Reply) -> bool:
    """Return whether Google itself wrote the error: a bare 404 says nothing about a message or a phone."""
    return bool(_problem(reply))


def _message(reply: http.Reply) -> str:
    problem = _problem(reply)
    return f"{problem.get('status', '')} {problem.get('message', '')}".strip()


def _code_of(reply: http.Reply) -> str:
    """Return our error code for answers whose HTTP status alone would mislead."""
    message = str(_problem(reply).get("message", "")).lower()
    if reply.status == 403 and ("tester" in message or "launched" in message):
        return "not_launched"
    if reply.status == 403 and (any(part in message for part in KEY_ERRORS) or KEY_REASONS & _reasons(reply)):
        return "misconfigured"
    if reply.status == 429 and "traffic limit" in message:
        return "traffic_limit"
    return ""


def _reasons(reply: http.Reply) -> set[str]:
    """Return the machine-readable reasons of an error (google.rpc.ErrorInfo)."""
    details = _problem(reply).get("details")
    given = [one for one in details if isinstance(one, Mapping)] if isinstance(details, list) else []
    return {str(one.get("reason")) for one in given}


def _object(reply: http.Reply) -> Mapping[str, Any]:
    """Return the whole answer as an object. Raises Unavailable, since a partial answer must not read as "no phones"."""
    answer = reply.json()
    if reply.truncated or not isinstance(answer, Mapping):
        raise http.unread(reply, "an object")
    return answer


def _strings(reply: http.Reply, name: str) -> list[str]:
    """Return the strings of a list in an answer; proto-JSON omits an empty list."""
    found = _object(reply).get(name, [])
    if not isinstance(found, list):
        raise http.unread(reply, f"a list of {name}")
    return [item for item in found if isinstance(item, str)]


def _name(reply: http.Reply, kind: str) -> str:
    """Return the resource name in an answer if it contains `kind`, else an empty string."""
    answer = reply.json()
    name = answer.get("name") if isinstance(answer, Mapping) else ""
    return name if isinstance(name, str) and kind in name else ""


def _billed(reply: http.Reply) -> str:
    """Return how Google bills a message to a US number, such as `RICH_MESSAGE, 2 segments`; empty elsewhere."""
    billed = member(reply.json(), "richMessageClassification")
    kind, count = (
        text(member(billed, "classificationType"))[:60],
        webhook.number(member(billed, "segmentCount")),
    )
    return f"{kind}, {count} segments" if kind and count else kind


def _file(reply: http.Reply) -> str:
    if not (name := _name(reply, "files/")):
        raise http.unread(reply, "a file's name")
    return name
